// The review queue: players in step, single keys, the claim on the open video, the bar that offers to undo.

import { Compare, paintDifference } from "./compare.js";

const RENEW_SECONDS = 30;
const LEAVE_SECONDS = 5;
const KEYS_OFF = "review-keys-off";

const $ = (id) => document.getElementById(id);
const page = $("review");
let isSent = false;

function press(button, isOn) {
  button.setAttribute("aria-pressed", String(isOn));
}

function isPressed(button) {
  return button?.getAttribute("aria-pressed") === "true";
}

// --- the claim

function claim(seconds, options = {}) {
  const headers = { "X-CSRF-Token": document.querySelector("meta[name=csrf-token]").content };
  return fetch(`/api/videos/${page.dataset.video}/claim?for=${seconds}`, { method: "POST", headers, ...options });
}

async function renew() {
  if (isSent || document.hidden) return;
  try {
    const answer = await claim(4 * RENEW_SECONDS);
    const isLost = answer.status === 409;
    if (isSent) return;
    $("lost").hidden = !isLost;
    for (const button of $("decide").querySelectorAll("button")) button.disabled = isLost;
  } catch {
    // The next try may get through; until then the claim lasts.
  }
}

function keepOpen() {
  renew();
  setInterval(renew, RENEW_SECONDS * 1000);
  document.addEventListener("visibilitychange", renew);
  // Whoever loads the page again has it back in time.
  addEventListener("pagehide", () => {
    if (!isSent) claim(LEAVE_SECONDS, { keepalive: true }).catch(() => {});
  });
  addEventListener("pageshow", (event) => {
    if (event.persisted) location.reload();
  });
}

// --- the players

function players() {
  const left = $("left");
  const right = $("right");
  if (!left || !right) {
    for (const id of ["play", "mirror", "show-difference"]) $(id).hidden = true;
    return;
  }
  const canvas = document.querySelector("#difference canvas");
  const compare = new Compare(left, right, {
    onPlaying: (isPlaying) => press($("play"), isPlaying),
    onFrame: () => {
      if (!$("difference").hidden) paintDifference(canvas, left, right, isPressed($("mirror")));
    },
  });
  const mirror = (isOn) => {
    press($("mirror"), isOn);
    left.classList.toggle("is-mirrored", isOn);
  };
  const repaint = () => paintDifference(canvas, left, right, isPressed($("mirror")));
  $("play").addEventListener("click", () => compare.toggle());
  $("mirror").addEventListener("click", () => {
    mirror(!isPressed($("mirror")));
    repaint();
  });
  $("show-difference").addEventListener("click", () => {
    $("difference").hidden = isPressed($("show-difference"));
    press($("show-difference"), !$("difference").hidden);
    repaint();
  });
  mirror(document.querySelector(".compare").dataset.mirrored === "yes");
  for (const button of ranges()) button.addEventListener("click", () => choose(compare, button));
  const [first] = ranges();
  if (first) choose(compare, first);
  // For tests, and for the curious.
  page.compare = compare;
}

function ranges() {
  return [...document.querySelectorAll(".ranges button")];
}

function choose(compare, button) {
  for (const each of ranges()) press(each, each === button);
  const { start, end, refStart, refEnd, speed } = button.dataset;
  compare.choose({ start: +start, end: +end, refStart: +refStart, refEnd: +refEnd, speed: +speed });
}

function stepRange(by) {
  const all = ranges();
  const at = all.findIndex(isPressed);
  all[Math.min(all.length - 1, Math.max(0, at + by))]?.click();
}

// --- the keys

function submit(id, value) {
  const form = $(id);
  const button = value ? form?.querySelector(`button[value=${value}]`) : form?.querySelector("button");
  if (form && button && !button.disabled && !isSent) form.requestSubmit(button);
}

const KEYS = {
  a: () => submit("decide", "approve"),
  r: () => submit("decide", "reject"),
  d: () => submit("decide", "duplicate"),
  n: () => submit("never"),
  s: () => submit("skip"),
  u: () => submit("undo-form"),
  w: () => $("note")?.focus(),
  m: () => $("mirror")?.click(),
  x: () => $("show-difference")?.click(),
  " ": () => $("play")?.click(),
  ArrowLeft: () => stepRange(-1),
  ArrowRight: () => stepRange(1),
  "?": () => $("keys")?.showModal(),
};
const OF_CONTROLS = [" ", "ArrowLeft", "ArrowRight"];

function onKey(event) {
  if (event.key === "Escape" && event.target === $("note")) $("note").blur();
  const action = KEYS[event.key];
  if (!action || event.repeat || event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.target.closest("input, textarea, select, dialog") || document.querySelector("dialog[open]")) return;
  // On a button or a player these keys have a meaning of their own.
  if (OF_CONTROLS.includes(event.key) && event.target.closest("button, a, video, summary, [tabindex='0']")) return;
  if (event.key !== "?" && localStorage.getItem(KEYS_OFF)) return;
  event.preventDefault();
  action();
}

function keys() {
  document.addEventListener("keydown", onKey);
  const box = $("use-keys");
  if (!box) return;
  $("show-keys").addEventListener("click", () => $("keys").showModal());
  box.checked = !localStorage.getItem(KEYS_OFF);
  box.addEventListener("change", () => {
    if (box.checked) localStorage.removeItem(KEYS_OFF);
    else localStorage.setItem(KEYS_OFF, "yes");
  });
}

// --- the bar

function undoBar() {
  const bar = $("undo");
  if (bar) {
    setTimeout(() => {
      bar.hidden = true;
    }, bar.dataset.seconds * 1000);
  }
}

// One decision for each page: a second press waits for the next one.
document.addEventListener("submit", (event) => {
  if (event.target.method === "dialog") return;
  if (isSent) event.preventDefault();
  isSent = true;
});
keys();
undoBar();
if (page) {
  players();
  keepOpen();
}
