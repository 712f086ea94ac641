// How a file gets to the server. The one interface: send(file, {onProgress, signal}) -> Promise of the video's id.
// onProgress(share): 0..1 of the bytes. Rejects with an AbortError when the signal says so, else with a SendError.

export class SendError extends Error {
  // canRetry: the same file may succeed at another time.
  constructor(message, canRetry) {
    super(message);
    this.canRetry = canRetry;
  }
}

export function csrfToken() {
  return document.querySelector("meta[name=csrf-token]").content;
}

function refusal(request) {
  const body = request.response;
  const message = body && body.error ? body.error : `The server answered ${request.status}.`;
  const canRetry = request.status >= 500 || [401, 403, 408, 429].includes(request.status) || body?.code === "UPLOAD_INCOMPLETE";
  return new SendError(message, canRetry);
}

export function send(file, { onProgress = () => {}, signal } = {}) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    const abort = () => request.abort();
    const form = new FormData();
    form.append("video", file, file.name);
    request.open("POST", "/api/upload");
    request.responseType = "json";
    request.setRequestHeader("X-CSRF-Token", csrfToken());
    request.upload.addEventListener("progress", (event) => {
      if (event.lengthComputable) onProgress(event.loaded / event.total);
    });
    request.addEventListener("load", () => {
      if (request.status === 200 && request.response) resolve(request.response.video_id);
      else reject(refusal(request));
    });
    request.addEventListener("error", () => reject(new SendError("The connection broke. Try again.", true)));
    request.addEventListener("abort", () => reject(new DOMException("cancelled", "AbortError")));
    request.addEventListener("loadend", () => signal?.removeEventListener("abort", abort));
    if (signal?.aborted) {
      reject(new DOMException("cancelled", "AbortError"));
      return;
    }
    signal?.addEventListener("abort", abort);
    request.send(form);
  });
}
