// Try it: one file is looked up, two are compared. The answer has a page of its own.

import { refusal, sizeOf } from "./inspect.js";

const form = document.getElementById("try");
const button = document.getElementById("ask");
const library = document.getElementById("reference_id");
const asking = document.getElementById("asking");
const limits = { maxBytes: Number(form.dataset.maxBytes), formats: form.dataset.formats.split(",") };
let request = null;

class Slot {
  constructor(name) {
    this.element = form.querySelector(`[data-slot=${name}]`);
    this.label = this.element.querySelector(".drop");
    this.input = this.element.querySelector("input");
    this.line = this.element.querySelector(".chosen");
    this.file = null;
    this.input.addEventListener("change", () => this.take(this.input.files[0]));
    this.line.querySelector("button").addEventListener("click", () => {
      this.take(null);
      this.input.focus();
    });
  }

  async take(file) {
    const why = file && (await refusal(file, limits));
    if (why) {
      say(`${file.name} is not taken. ${why}`, true);
      file = null;
    } else {
      say("");
    }
    this.file = file || null;
    this.input.value = "";
    this.line.hidden = !file;
    this.label.classList.toggle("is-filled", Boolean(file));
    this.line.querySelector(".chosen-name").textContent = file ? file.name : "";
    this.line.querySelector(".sub").textContent = file ? sizeOf(file.size) : "";
    this.line.querySelector("button").setAttribute("aria-label", file ? `Take ${file.name} out` : "Take it out");
    refresh();
  }
}

const video = new Slot("video");
const reference = new Slot("reference");

function isComparison() {
  return Boolean(reference.file || library.value.trim());
}

function refresh() {
  library.disabled = Boolean(reference.file);
  button.textContent = isComparison() ? "Compare the two" : "Look it up";
  button.disabled = !video.file || request !== null;
}

function say(text, isBad = false) {
  const said = document.getElementById("said");
  said.textContent = text;
  said.classList.toggle("is-bad", isBad);
}

function parts() {
  const body = new FormData();
  const id = library.value.trim();
  // Fields come before the files, so that a wrong one is known early.
  if (id && !reference.file) body.append("reference_id", id);
  body.append("video", video.file, video.file.name);
  if (reference.file) body.append("reference", reference.file, reference.file.name);
  return body;
}

function ask() {
  const names = [video.file.name, reference.file?.name ?? (library.value.trim() && "a video of the library")];
  request = new XMLHttpRequest();
  request.open("POST", isComparison() ? "/api/compare" : "/api/search");
  request.responseType = "json";
  request.setRequestHeader("X-CSRF-Token", document.querySelector("meta[name=csrf-token]").content);
  request.upload.addEventListener("progress", (event) => {
    document.getElementById("sent").value = event.loaded / event.total;
    say(event.loaded < event.total ? `Sending, ${Math.floor((100 * event.loaded) / event.total)} %` : "Sent");
  });
  request.addEventListener("load", () => ended(request.status, request.response, names));
  request.addEventListener("error", () => stopped("The connection broke. Try again."));
  request.addEventListener("abort", () => stopped("Cancelled; nothing is kept."));
  asking.hidden = false;
  say("Sending");
  refresh();
  request.send(parts());
}

function ended(status, answer, names) {
  if (status !== 202 || !answer) {
    stopped(answer?.error ?? `The server answered ${status}. Try again.`);
    return;
  }
  // Files have no names on the server; the next page tells them to whoever asked.
  sessionStorage.setItem(`tried.${answer.search_id}`, JSON.stringify(names.filter(Boolean)));
  location.assign(`/try/${answer.search_id}`);
}

function stopped(text) {
  request = null;
  asking.hidden = true;
  say(text, true);
  refresh();
}

function dropped(files, slot) {
  if (request) return;
  const free = [video, reference].filter((each) => !each.file);
  const order = slot ? [slot, ...free.filter((each) => each !== slot)] : free.length ? free : [video];
  [...files].slice(0, order.length).forEach((file, at) => order[at].take(file));
}

form.hidden = false;
library.addEventListener("input", refresh);
document.getElementById("cancel").addEventListener("click", () => request?.abort());
form.addEventListener("submit", (event) => {
  event.preventDefault();
  if (!button.disabled) ask();
});
addEventListener("dragover", (event) => {
  event.preventDefault();
  for (const slot of [video, reference]) slot.label.classList.toggle("is-over", slot.element.contains(event.target));
});
addEventListener("drop", (event) => {
  event.preventDefault();
  for (const slot of [video, reference]) slot.label.classList.remove("is-over");
  dropped(event.dataTransfer.files, [video, reference].find((slot) => slot.element.contains(event.target)));
});
// A page that comes back from the browser's memory has no request under way.
addEventListener("pageshow", (event) => {
  if (event.persisted) stopped("");
});
refresh();
