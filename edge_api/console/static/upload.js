// The upload page: each file is looked at, sent, and watched to its verdict.

import { watch } from "./events.js";
import { refusal, sizeOf } from "./inspect.js";
import { giveUp, keyOf, remembered, send } from "./tus.js";

const AT_ONCE = 2;
const page = document.getElementById("upload");
const drop = document.getElementById("drop");
const chooser = document.getElementById("files");
const list = document.getElementById("uploads");
const limits = { maxBytes: Number(page.dataset.maxBytes), formats: page.dataset.formats.split(",") };
const words = JSON.parse(page.dataset.words);
const cut = document.getElementById("cut");
const queue = [];
const active = new Set();
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
    const key = keyOf(this.file);
    if (active.has(key)) {
      this.say("Not sent. The same file is being sent already.", { bad: true });
      return;
    }
    active.add(key);
    this.say("Waiting to be sent", { share: 0, actions: ["cancel"] });
    queue.push(this);
    showCut();
    pump();
  }

  async transfer() {
    this.share = 0;
    try {
      const { videoId } = await send(this.file, {
        signal: this.controller.signal,
        onProgress: (sent, total) => {
          this.share = sent / total;
          this.say(sentText(this.share, this.file.size), { share: this.share, actions: ["cancel"] });
        },
        onPause: (error) => this.say(pauseText(error), { share: this.share, actions: ["cancel"] }),
      });
      this.watch(videoId);
    } catch (error) {
      if (error.code === "CANCELLED") this.cancelled(error.message);
      else this.say(`Not uploaded. ${error.message}`, { bad: true, actions: error.canRetry === false ? [] : ["retry"] });
    } finally {
      active.delete(keyOf(this.file));
      showCut();
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
      active.delete(keyOf(this.file));
      this.cancelled();
    } else {
      this.say("Cancelling", { share: this.share });
      this.controller.abort();
    }
  }

  cancelled(said = "Cancelled; nothing is kept.") {
    this.say(said, { actions: ["retry"] });
    this.action("retry").focus();
  }
}

function sentText(share, size) {
  return share < 1 ? `Sending, ${Math.floor(share * 100)} % of ${sizeOf(size)}` : "Sent; the server is storing it";
}

function pauseText(error) {
  return `${error.status === 0 ? "The connection is cut." : error.message} It goes on by itself.`;
}

// What was begun here and not finished: a page that was closed or loaded again has no access to the files any more.
function showCut() {
  const begun = remembered().filter(({ key }) => !active.has(key));
  cut.hidden = !begun.length;
  document.getElementById("cut-list").replaceChildren(...begun.map(cutRow));
}

function cutRow({ key, name, size }) {
  const row = document.getElementById("cut-row").content.firstElementChild.cloneNode(true);
  row.querySelector(".upload-name").textContent = name;
  row.querySelector(".upload-size").textContent = sizeOf(size);
  const button = row.querySelector("button");
  button.setAttribute("aria-label", `Give up ${name}`);
  button.addEventListener("click", async () => {
    button.disabled = true;
    await giveUp(key);
    announce(`${name} is given up.`);
    showCut();
  });
  return row;
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
showCut();
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
