// The upload page: each file is looked at, sent, and watched to its verdict.

import { watch } from "./events.js";
import { refusal, sizeOf } from "./inspect.js";
import { send } from "./transport.js";

const AT_ONCE = 2;
const page = document.getElementById("upload");
const drop = document.getElementById("drop");
const chooser = document.getElementById("files");
const list = document.getElementById("uploads");
const limits = { maxBytes: Number(page.dataset.maxBytes), formats: page.dataset.formats.split(",") };
const words = JSON.parse(page.dataset.words);
const queue = [];
let sending = 0;

class Upload {
  constructor(file) {
    this.file = file;
    this.row = document.getElementById("row").content.firstElementChild.cloneNode(true);
    this.bar = this.row.querySelector("progress");
    this.find(".upload-name").textContent = file.name;
    this.find(".upload-name").title = file.name;
    this.find(".upload-size").textContent = sizeOf(file.size);
    this.bar.setAttribute("aria-label", `Progress of ${file.name}`);
    this.action("cancel").addEventListener("click", () => this.cancel());
    this.action("retry").addEventListener("click", () => this.begin());
    for (const name of ["show", "cancel", "retry"]) {
      this.action(name).setAttribute("aria-label", `${this.action(name).textContent} ${file.name}`);
    }
    list.append(this.row);
  }

  find(selector) {
    return this.row.querySelector(selector);
  }

  action(name) {
    return this.find(`[data-do=${name}]`);
  }

  say(state, { share = null, actions = [], bad = false } = {}) {
    this.find(".upload-state").textContent = state;
    this.row.classList.toggle("is-bad", bad);
    this.bar.hidden = share === null;
    if (share !== null) this.bar.value = share;
    for (const name of ["show", "cancel", "retry"]) this.action(name).hidden = !actions.includes(name);
  }

  async begin() {
    this.controller = new AbortController();
    this.say("Looking at the file", { share: 0 });
    const why = await refusal(this.file, limits);
    if (why) {
      this.say(`Not sent. ${why}`, { bad: true });
      announce(`${this.file.name} is not sent. ${why}`);
      return;
    }
    this.say("Waiting to be sent", { share: 0, actions: ["cancel"] });
    queue.push(this);
    pump();
  }

  async transfer() {
    try {
      const videoId = await send(this.file, {
        signal: this.controller.signal,
        onProgress: (share) => this.say(sentText(share, this.file.size), { share, actions: ["cancel"] }),
      });
      this.watch(videoId);
    } catch (error) {
      if (error.name === "AbortError") this.cancelled();
      else this.say(`Not uploaded. ${error.message}`, { bad: true, actions: error.canRetry === false ? [] : ["retry"] });
    }
  }

  watch(videoId) {
    this.action("show").href = `/videos/${videoId}`;
    this.say(words.stages[""], { share: 0, actions: ["show"] });
    watch(videoId, {
      onProgress: ({ stage, progress }) => {
        const said = words.stages[stage || ""] ?? "Working on it";
        const percent = progress ? `, ${Math.floor(progress * 100)} %` : "";
        this.say(said + percent, { share: progress || 0, actions: ["show"] });
      },
      onEnd: (name, video) => this.ended(name, video),
    });
  }

  ended(name, video) {
    if (name === "deleted") {
      this.say("The video has been deleted.");
      return;
    }
    const state = name === "failed" ? "failed" : video.status;
    const why = name === "failed" ? video.last_error : video.message;
    this.say(why ? `: ${why}` : "", { actions: ["show"] });
    const badge = document.createElement("span");
    badge.className = `badge badge-${state}`;
    badge.textContent = words.labels[state];
    this.find(".upload-state").replaceChildren(badge, why ? ` ${why}` : "");
    announce(`${this.file.name}: ${words.labels[state]}. ${why || ""}`);
  }

  cancel() {
    const at = queue.indexOf(this);
    if (at >= 0) {
      queue.splice(at, 1);
      this.cancelled();
    } else {
      this.controller.abort();
    }
  }

  cancelled() {
    this.say("Cancelled; nothing is kept.", { actions: ["retry"] });
    this.action("retry").focus();
  }
}

function sentText(share, size) {
  return share < 1 ? `Sending, ${Math.floor(share * 100)} % of ${sizeOf(size)}` : "Sent; the server is storing it";
}

async function pump() {
  while (sending < AT_ONCE && queue.length) {
    sending += 1;
    queue.shift().transfer().finally(() => {
      sending -= 1;
      pump();
    });
  }
}

function announce(text) {
  document.getElementById("said").textContent = text;
}

function take(files) {
  if (!files.length) return;
  document.getElementById("hint").hidden = true;
  for (const file of files) new Upload(file).begin();
}

drop.hidden = false;
chooser.addEventListener("change", () => {
  take([...chooser.files]);
  chooser.value = "";
});
// Files dropped beside the field are meant for it too; a browser would otherwise leave the page for them.
addEventListener("dragover", (event) => {
  event.preventDefault();
  drop.classList.add("is-over");
});
addEventListener("dragleave", (event) => {
  if (!event.relatedTarget) drop.classList.remove("is-over");
});
addEventListener("drop", (event) => {
  event.preventDefault();
  drop.classList.remove("is-over");
  take([...event.dataTransfer.files]);
});
addEventListener("beforeunload", (event) => {
  if (sending || queue.length) event.preventDefault();
});
