// Resumable uploads by tus 1.0 (https://tus.io/protocols/resumable-upload), for the pages of the console.
//
//   send(file, {onProgress, onPause, signal, priority}) -> Promise<{videoId}>
//
// onProgress(sent, total): bytes. onPause(error): something stopped it that may pass; it goes on by itself.
// signal: an AbortSignal; aborting gives the upload up and deletes what was sent of it. priority: high, normal or low.
// The promise is rejected with an UploadError: code as docs/api.md lists them, or CANCELLED, or NETWORK after
// LONGEST_OUTAGE_MS without an answer. A file whose upload was cut, by a reload too, goes on where it was: its address is
// remembered by name, size and time of change.

const ENDPOINT = "/api/tus";
const VERSION = "1.0.0";
const CHUNK_BYTES = 64 * 1024 * 1024;
const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 20_000;
const LONGEST_OUTAGE_MS = 15 * 60_000;
const REMEMBERED = "twinreel.upload.";
// What is worth another try: the lock of a request that was cut, another offset than thought, limits, outages.
const PASSING = new Set([0, 408, 409, 423, 429, 460, 500, 502, 503, 504]);
const GONE = new Set([404, 410]);
const REFUSED = new Set([400, 404, 410, 413]);

export class UploadError extends Error {
  constructor(code, message, status = 0) {
    super(message);
    this.name = "UploadError";
    this.code = code;
    this.status = status;
  }

  // Whether the same file may succeed at another time.
  get canRetry() {
    return !REFUSED.has(this.status);
  }
}

const nothing = () => {};

export async function send(file, { onProgress = nothing, onPause = nothing, signal = null, priority = "normal" } = {}) {
  const upload = new Upload(keyOf(file), { file, onProgress, onPause, signal, priority });
  try {
    return { videoId: await upload.run() };
  } catch (error) {
    if (signal?.aborted) {
      const isGone = await upload.giveUp();
      const kept = isGone ? "nothing is kept" : "what was sent is removed when it expires";
      throw new UploadError("CANCELLED", `Cancelled; ${kept}.`);
    }
    throw error;
  }
}

// Uploads that were begun from this browser and not finished: {key, name, size}. send() goes on with them when it is given
// a file of the same key.
export function remembered() {
  return keys().map((key) => {
    const [, name, size] = /^(.*)\.(\d+)\.\d+$/s.exec(key.slice(REMEMBERED.length)) ?? [null, key, "0"];
    return { key, name, size: Number(size) };
  });
}

// Deletes what was sent of one of these; gives whether nothing is kept. Never rejected.
export function giveUp(key) {
  return new Upload(key, {}).giveUp();
}

export function keyOf(file) {
  return `${REMEMBERED}${file.name}.${file.size}.${file.lastModified}`;
}

class Upload {
  constructor(key, { file = null, onProgress = nothing, onPause = nothing, signal = null, priority = "normal" }) {
    this.file = file;
    this.onProgress = onProgress;
    this.onPause = onPause;
    this.signal = signal;
    this.priority = priority;
    this.key = key;
    this.url = recall(this.key);
    this.offset = 0;
    this.isKnown = false; // whether the offset is the server's
    this.videoId = null;
  }

  // The id of the video. Every step is tried again while what stops it may pass.
  async run() {
    let pause = FIRST_PAUSE_MS;
    let since = Date.now();
    while (this.videoId === null) {
      const before = this.offset;
      try {
        await this.step();
        pause = FIRST_PAUSE_MS;
        since = Date.now();
      } catch (error) {
        this.signal?.throwIfAborted();
        if (!(error instanceof UploadError) || !PASSING.has(error.status)) throw this.refused(error);
        if (this.offset > before) since = Date.now();
        if (Date.now() - since > LONGEST_OUTAGE_MS) throw error;
        this.isKnown = false;
        this.onPause(error);
        await sleep(error.retryAfterMs ?? pause * (0.5 + Math.random()), this.signal);
        pause = Math.min(2 * pause, LONGEST_PAUSE_MS);
      }
    }
    forget(this.key);
    return this.videoId;
  }

  async step() {
    if (this.url === null) return this.create();
    if (!this.isKnown) return this.ask();
    return this.patch();
  }

  async create() {
    const metadata = [`filename ${base64(shortened(this.file.name))}`, `priority ${base64(this.priority)}`];
    if (/^[\w.+-]+\/[\w.+-]+$/.test(this.file.type)) metadata.push(`filetype ${base64(this.file.type)}`);
    const headers = { "Upload-Length": String(this.file.size), "Upload-Metadata": metadata.join(",") };
    const answer = await this.request("POST", ENDPOINT, headers);
    this.url = answer.header("Location");
    this.offset = 0;
    this.isKnown = true;
    remember(this.key, this.url);
  }

  async ask() {
    try {
      this.take(await this.request("HEAD", this.url));
    } catch (error) {
      if (!GONE.has(error.status)) throw error;
      // Expired, given up or refused: from the beginning.
      forget(this.key);
      this.url = null;
      this.offset = 0;
    }
  }

  async patch() {
    const chunk = this.file.slice(this.offset, this.offset + CHUNK_BYTES);
    const headers = { "Upload-Offset": String(this.offset), "Content-Type": "application/offset+octet-stream" };
    const begun = this.offset;
    this.take(await this.request("PATCH", this.url, headers, chunk, (sent) => this.tell(begun + sent)));
  }

  take(answer) {
    this.offset = Number(answer.header("Upload-Offset"));
    this.videoId = answer.header("X-Video-Id");
    this.isKnown = true;
    this.tell(this.offset);
  }

  tell(sent) {
    this.onProgress(Math.min(sent, this.file.size), this.file.size);
  }

  // Whoever has to sign in again goes on afterwards; what was refused for good does not.
  refused(error) {
    if (REFUSED.has(error.status)) forget(this.key);
    return error;
  }

  // Whether nothing is kept. Never rejected: what cannot be deleted now expires.
  async giveUp() {
    forget(this.key);
    if (this.url === null) return true;
    this.signal = null;
    for (let tries = 0; tries < 5; tries += 1) {
      try {
        await this.remove();
        return true;
      } catch (error) {
        if (GONE.has(error.status)) return true;
        if (error.status !== 423 && error.status !== 0) return false;
        await sleep(FIRST_PAUSE_MS * 2 ** tries, null);
      }
    }
    return false;
  }

  // What had all arrived meanwhile has become a video.
  async remove() {
    try {
      await this.request("DELETE", this.url);
    } catch (error) {
      if (error.code !== "UPLOAD_FINISHED") throw error;
      const finished = await this.request("HEAD", this.url);
      await this.request("DELETE", `/api/videos/${finished.header("X-Video-Id")}`);
    }
  }

  // XMLHttpRequest, since fetch tells nothing of the bytes that have been sent. Resolves with an answer of 2xx.
  request(method, url, headers = {}, body = null, onSent = null) {
    return new Promise((resolve, reject) => {
      const request = new XMLHttpRequest();
      const abort = () => request.abort();
      const end = (settle, value) => {
        this.signal?.removeEventListener("abort", abort);
        settle(value);
      };
      request.open(method, url);
      request.setRequestHeader("Tus-Resumable", VERSION);
      const csrf = document.querySelector('meta[name="csrf-token"]')?.content;
      if (csrf) request.setRequestHeader("X-CSRF-Token", csrf);
      for (const [name, value] of Object.entries(headers)) request.setRequestHeader(name, value);
      if (onSent) request.upload.onprogress = (event) => onSent(event.loaded);
      request.onload = () => {
        if (request.status >= 200 && request.status < 300) {
          end(resolve, { header: (name) => request.getResponseHeader(name) });
        } else {
          end(reject, refusal(request));
        }
      };
      request.onerror = () => end(reject, new UploadError("NETWORK", "The server cannot be reached."));
      request.onabort = () => end(reject, new UploadError("CANCELLED", "The upload was cancelled."));
      this.signal?.addEventListener("abort", abort);
      if (this.signal?.aborted) {
        end(reject, new UploadError("CANCELLED", "The upload was cancelled."));
        return;
      }
      request.send(body);
    });
  }
}

function refusal(request) {
  let told = {};
  try {
    told = JSON.parse(request.responseText);
  } catch {
    // The answer to a HEAD, or a proxy's.
  }
  const message = told.error ?? `The server answered ${request.status}.`;
  const error = new UploadError(told.code ?? `HTTP_${request.status}`, message, request.status);
  const seconds = Number(request.getResponseHeader("Retry-After"));
  if (seconds > 0) error.retryAfterMs = 1000 * seconds;
  return error;
}

// Shorter when the network comes back meanwhile.
function sleep(milliseconds, signal) {
  return new Promise((resolve, reject) => {
    const end = (settle, value) => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", stop);
      removeEventListener("online", wake);
      settle(value);
    };
    const stop = () => end(reject, signal.reason);
    const wake = () => end(resolve);
    const timer = setTimeout(wake, milliseconds);
    signal?.addEventListener("abort", stop);
    addEventListener("online", wake);
  });
}

function base64(text) {
  return btoa(String.fromCharCode(...new TextEncoder().encode(text)));
}

// As the server takes names: 255 characters at most, none of them a control character.
function shortened(name) {
  return [...name.replace(/\p{Cc}/gu, "_")].slice(-255).join("");
}

// Storage may be switched off or full: then a reload does not resume, and everything else works.
function recall(key) {
  try {
    return localStorage.getItem(key);
  } catch {
    return null;
  }
}

function keys() {
  try {
    return Object.keys(localStorage).filter((key) => key.startsWith(REMEMBERED)).sort();
  } catch {
    return [];
  }
}

function remember(key, url) {
  try {
    localStorage.setItem(key, url);
  } catch {
    // As above.
  }
}

function forget(key) {
  try {
    localStorage.removeItem(key);
  } catch {
    // As above.
  }
}
