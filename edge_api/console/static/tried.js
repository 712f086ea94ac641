// The page of an answer: waits for it, and names the files to whoever sent them.

const WAIT_SECONDS = 2;
const AGAIN_MILLISECONDS = 3000;
const names = document.getElementById("names");
const bar = document.getElementById("progress");

function told() {
  try {
    return JSON.parse(sessionStorage.getItem(`tried.${names.dataset.search}`)) ?? [];
  } catch {
    return [];
  }
}

async function look() {
  const answer = await fetch(`/api/searches/${bar.dataset.search}?wait=${WAIT_SECONDS}`);
  if (answer.status >= 500 || answer.status === 429) throw new Error("busy");
  const search = await answer.json();
  if (!answer.ok || search.status !== "processing") {
    location.reload();
    return;
  }
  bar.value = search.progress;
  look().catch(later);
}

function later() {
  setTimeout(() => look().catch(later), AGAIN_MILLISECONDS);
}

const files = told();
names.hidden = !files.length;
names.textContent = files.join(" and ");
if (bar) look().catch(later);
