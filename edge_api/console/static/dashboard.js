// The dashboard keeps itself fresh while somebody looks at it.

import { localTimes } from "./main.js";

const EVERY_MS = 10_000;
const live = document.getElementById("live");
const state = document.getElementById("live-state");

// What the reader has under the eyes or the fingers stays: a text being marked, a question being asked.
function isBusy() {
  const selection = getSelection();
  const marks = !selection.isCollapsed && live.contains(selection.anchorNode);
  return document.hidden || marks || document.querySelector("dialog[open]") !== null;
}

function put(fresh) {
  const open = [...live.querySelectorAll("details[open]")].map((element) => element.id);
  const focused = live.contains(document.activeElement) ? document.activeElement.id : "";
  const scrolled = [...live.querySelectorAll(".table-wrap")].map((element) => [element.ariaLabel, element.scrollLeft]);
  live.replaceChildren(...fresh);
  for (const id of open) document.getElementById(id)?.setAttribute("open", "");
  for (const [name, left] of scrolled) {
    const found = [...live.querySelectorAll(".table-wrap")].find((element) => element.ariaLabel === name);
    if (found) found.scrollLeft = left;
  }
  if (focused) document.getElementById(focused)?.focus({ preventScroll: true });
  localTimes(live);
}

async function refresh() {
  if (isBusy()) return;
  try {
    const answer = await fetch(live.dataset.from, { headers: { Accept: "text/html" }, redirect: "error" });
    if (!answer.ok) throw new Error(String(answer.status));
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    if (isBusy()) return;
    put(page.body.childNodes);
    state.textContent = "";
  } catch {
    state.textContent = "These numbers could not be refreshed; the next try follows in 10 seconds.";
  }
}

document.addEventListener("visibilitychange", refresh);
setInterval(refresh, EVERY_MS);
