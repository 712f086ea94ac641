// On every page: the theme, times as the reader's clock tells them, questions before what cannot be undone.

const root = document.documentElement;

function isDark() {
  const chosen = root.dataset.theme;
  return chosen ? chosen === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
}

function themeButton() {
  const button = document.getElementById("theme");
  button.hidden = false;
  button.addEventListener("click", () => {
    const theme = isDark() ? "light" : "dark";
    root.dataset.theme = theme;
    // The server puts it into the next page, so that none flashes in the other theme.
    const secure = location.protocol === "https:" ? "; Secure" : "";
    document.cookie = `theme=${theme}; Path=/; Max-Age=31536000; SameSite=Lax${secure}`;
  });
}

const CLOCK = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });
const AGO = new Intl.RelativeTimeFormat("en", { numeric: "auto" });

function asAge(moment) {
  const seconds = (moment - Date.now()) / 1000;
  for (const [unit, size] of [["hour", 3600], ["minute", 60]]) {
    if (Math.abs(seconds) >= size) return AGO.format(Math.round(seconds / size), unit);
  }
  return "just now";
}

export function localTimes(within = document) {
  for (const element of within.querySelectorAll("time[datetime]")) {
    const moment = new Date(element.dateTime);
    const isRecent = Math.abs(Date.now() - moment) < 20 * 3600 * 1000;
    element.title = CLOCK.format(moment);
    element.textContent = isRecent ? asAge(moment) : CLOCK.format(moment);
  }
}

function confirmForms() {
  const dialog = document.getElementById("confirm");
  let waiting = null;
  document.addEventListener("submit", (event) => {
    const form = event.target.closest("form[data-confirm]");
    if (!form || form.elements.confirmed) return;
    event.preventDefault();
    waiting = form;
    document.getElementById("confirm-question").textContent = form.dataset.confirm;
    dialog.returnValue = "no";
    dialog.showModal();
  });
  dialog.addEventListener("close", () => {
    if (dialog.returnValue !== "yes" || !waiting) return;
    const sure = document.createElement("input");
    Object.assign(sure, { type: "hidden", name: "confirmed", value: "yes" });
    waiting.append(sure);
    waiting.submit();
  });
}

themeButton();
localTimes();
confirmForms();
