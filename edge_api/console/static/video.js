// One video: its progress as it is made, and the page anew with the verdict; the ranges that match, and the players.

import { watch } from "./events.js";
import { InStep } from "./step.js";

const STATE_EVERY_MS = 400;
const bar = document.getElementById("progress");
const players = { own: document.getElementById("own"), other: document.getElementById("other") };
const together = document.getElementById("together");
const picture = document.getElementById("matrix");
const NEAR_SECONDS = 0.75;
const NEAR_SHARE = 0.02;
const rows = [...document.querySelectorAll("[data-row]")];
const ranges = rows.map(rangeOf);
let pair = null;

function rangeOf(row) {
  const { row: number, kind, ...numbers } = row.dataset;
  const { start, end, refStart, refEnd, speed } = Object.fromEntries(
    Object.entries(numbers).map(([name, value]) => [name, Number(value)]),
  );
  return { number, kind, start, end, refStart, refEnd, speed };
}

async function go(number) {
  const range = ranges.find((each) => each.number === number);
  mark(range);
  if (pair) {
    await pair.go(range);
    return;
  }
  if (players.own) players.own.currentTime = range.start;
  if (players.other) players.other.currentTime = range.speed < 0 ? range.refEnd : range.refStart;
  (players.own ?? players.other)?.play().catch(() => {});
}

function mark(range) {
  for (const element of document.querySelectorAll("[data-row], [data-range]")) {
    const isChosen = (element.dataset.row ?? element.dataset.range) === range.number;
    element.classList.toggle("is-chosen", isChosen);
  }
}

function listenToRanges() {
  for (const button of document.querySelectorAll("[data-go]")) {
    button.disabled = false;
    button.addEventListener("click", () => go(button.dataset.go));
  }
  for (const drawing of document.querySelectorAll(".ribbon")) {
    const bands = [...drawing.querySelectorAll("[data-range][role=button]")];
    drawing.addEventListener("click", (event) => {
      const band = event.target.closest("[data-range]");
      if (band && bands.includes(band)) choose(bands, band);
    });
    drawing.addEventListener("keydown", (event) => {
      const at = bands.indexOf(event.target.closest("[data-range]"));
      if (at < 0) return;
      const steps = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 };
      if (event.key === "Enter" || event.key === " ") choose(bands, bands[at]);
      else if (event.key in steps) focus(bands, bands[(at + steps[event.key] + bands.length) % bands.length]);
      else return;
      event.preventDefault();
    });
  }
}

function choose(bands, band) {
  focus(bands, band);
  go(band.dataset.range);
}

// One stop for the tab key, the others by the arrows.
function focus(bands, band) {
  for (const each of bands) each.setAttribute("tabindex", each === band ? "0" : "-1");
  band.focus();
}

// A place in the picture of likeness: both players to its moments. What lies on a line of it goes by the line's range.
function listenToPicture() {
  picture.addEventListener("click", ({ clientX, clientY }) => {
    const box = picture.getBoundingClientRect();
    const [seconds, refSeconds] = [Number(picture.dataset.seconds), Number(picture.dataset.refSeconds)];
    goTo(((clientX - box.left) / box.width) * seconds, ((clientY - box.top) / box.height) * refSeconds, refSeconds);
  });
}

async function goTo(own, other, refSeconds) {
  const near = Math.max(NEAR_SECONDS, NEAR_SHARE * refSeconds);
  const line = ranges.find(
    (range) => range.kind === "picture" && range.start <= own && own < range.end && Math.abs(there(range, own) - other) < near,
  );
  // Beside every line one is laid on the other as it was chosen.
  const laid = { number: "", kind: "picture", start: 0, end: Infinity, refStart: other - own, refEnd: Infinity, speed: 1 };
  const range = line ?? laid;
  mark(range);
  if (pair) {
    await pair.go(range, { plays: false, from: own });
    return;
  }
  if (players.own) players.own.currentTime = own;
  if (players.other) players.other.currentTime = there(range, own);
}

function there({ start, refStart, refEnd, speed }, own) {
  return (speed < 0 ? refEnd : refStart) + speed * (own - start);
}

function showPlaces() {
  for (const [name, player] of Object.entries(players)) {
    if (!player) continue;
    const heads = [...document.querySelectorAll(`[data-playhead=${name}]`)];
    player.addEventListener("timeupdate", () => {
      for (const head of heads) {
        const share = Math.min(1, player.currentTime / Number(head.ownerSVGElement.dataset.scale));
        for (const end of ["x1", "x2"]) head.setAttribute(end, `${(100 * share).toFixed(2)}%`);
        head.setAttribute("visibility", "visible");
      }
    });
  }
}

function sayWhatCannotBePlayed() {
  for (const [name, player] of Object.entries(players)) {
    const told = document.querySelector(`[data-unplayable=${name}]`);
    player?.addEventListener("error", () => {
      told.hidden = false;
    });
    if (player?.error) told.hidden = false;
  }
}

function playTogether() {
  const state = document.getElementById("together-state");
  const play = document.getElementById("together-play");
  const hear = document.getElementById("together-hear");
  let saidAt = 0;
  let saidOf = null;
  pair = new InStep(players.own, players.other, ({ isLinked, drift, range }) => {
    mark(range);
    const now = performance.now();
    if (now - saidAt < STATE_EVERY_MS && saidOf === range) return;
    [saidAt, saidOf] = [now, range];
    state.textContent = stateText(isLinked, drift, range);
  });
  pair.ranges = ranges;
  together.hidden = false;
  const listen = () => {
    players.own.muted = hear.checked;
    players.other.muted = !hear.checked;
  };
  hear.addEventListener("change", listen);
  document.getElementById("together-follow").addEventListener("change", (event) => pair.follow(event.target.checked));
  play.addEventListener("click", () => {
    if (players.own.paused) players.own.play().catch(() => {});
    else players.own.pause();
  });
  for (const name of ["play", "pause"]) {
    players.own.addEventListener(name, () => {
      play.textContent = players.own.paused ? "Play both" : "Pause";
    });
  }
  listen();
  if (ranges.length) pair.link(ranges[0]);
}

function stateText(isLinked, drift, range) {
  if (range && range.speed < 0) return "Backwards: not played in step.";
  if (!isLinked) return "";
  if (drift === null) return "The other video has nothing to show here.";
  return `In step, ${Math.round(Math.abs(drift) * 1000)} ms apart`;
}

if (bar) {
  watch(bar.dataset.video, {
    onProgress: ({ progress }) => {
      bar.value = progress || 0;
    },
    onEnd: () => location.reload(),
  });
}
sayWhatCannotBePlayed();
showPlaces();
if (together) playTogether();
if (players.own || players.other) listenToRanges();
if (picture && (players.own || players.other)) listenToPicture();
