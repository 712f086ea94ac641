// From upload to verdict, by server-sent events. Browsers open six connections to a server; uploads need theirs.

const MOST_STREAMS = 3;
const AGAIN_MILLISECONDS = 5000;
const waiting = [];
let open = 0;

function next() {
  while (open < MOST_STREAMS && waiting.length) {
    open += 1;
    waiting.shift()();
  }
}

// onProgress({stage, progress}), then one of onEnd("verdict" | "failed" | "deleted", data). Gives a function that stops it.
export function watch(videoId, { onProgress, onEnd }) {
  let source = null;
  let isOver = false;
  let holds = false;

  function stop() {
    if (isOver) return;
    isOver = true;
    source?.close();
    if (holds) open -= 1;
    next();
  }

  function connect() {
    holds = true;
    if (isOver) {
      open -= 1;
      return;
    }
    source = new EventSource(`/api/videos/${videoId}/events`);
    source.addEventListener("queued", () => onProgress({ stage: "", progress: 0 }));
    source.addEventListener("progress", (event) => onProgress(JSON.parse(event.data)));
    for (const name of ["verdict", "failed", "deleted"]) {
      source.addEventListener(name, (event) => {
        stop();
        onEnd(name, JSON.parse(event.data));
      });
    }
    source.addEventListener("error", () => {
      // A stream that merely broke comes back by itself; one that was refused does not.
      if (source.readyState === EventSource.CLOSED && !isOver) setTimeout(() => isOver || reconnect(), AGAIN_MILLISECONDS);
    });
  }

  function reconnect() {
    source.close();
    connect();
  }

  waiting.push(connect);
  next();
  return stop;
}
