// Thumbnails that move: while the pointer is on one, or the keyboard on the link of its video, the pictures of its
// preview are shown one after the other. Nothing of it is loaded before that, and nothing at all where less motion is
// wanted.
//
//   <a class="thumb" data-preview="/api/videos/ID"><img ...></a>, in the same <li> as the link that takes the focus

const SVG = "http://www.w3.org/2000/svg";
const WAIT_MS = 120;
const EACH_MS = 550;
// Of the requests that the token may make in a minute so many are left for what one clicks.
const LEAST_LEFT = 30;

const lessMotion = matchMedia("(prefers-reduced-motion: reduce)");
const sheets = new Map();
let silentUntil = 0;
let current = null;

// {url, pictures, width, height}; null: there is none. Asked for once; again when it did not come.
function sheetOf(address) {
  if (!sheets.has(address)) {
    const asked = ask(address);
    sheets.set(address, asked);
    asked.catch(() => sheets.delete(address));
  }
  return sheets.get(address);
}

async function ask(address) {
  if (Date.now() < silentUntil) throw new Error("too many requests");
  const answer = await fetch(address, { headers: { Accept: "application/json" } });
  noteWhatIsLeft(answer.headers.get("RateLimit"));
  if (!answer.ok) throw new Error(answer.statusText);
  const { preview } = await answer.json();
  if (!preview || preview.pictures < 2) return null;
  const image = new Image();
  image.src = preview.url;
  await image.decode();
  return { ...preview, image };
}

function noteWhatIsLeft(told) {
  const [, left, seconds] = /"requests";r=(\d+);t=(\d+)/.exec(told ?? "") ?? [];
  if (Number(left) < LEAST_LEFT) silentUntil = Date.now() + 1000 * Number(seconds);
}

// The sheet as a drawing through whose window one picture is seen: no style is set. As the thumbnail does, each picture
// covers the whole place.
function drawingOf({ url, pictures, width, height }) {
  const drawing = document.createElementNS(SVG, "svg");
  const image = document.createElementNS(SVG, "image");
  const attributes = { href: url, width: pictures * width, height, preserveAspectRatio: "none" };
  for (const [name, value] of Object.entries(attributes)) image.setAttribute(name, value);
  drawing.setAttribute("class", "moving");
  drawing.setAttribute("preserveAspectRatio", "xMidYMid slice");
  drawing.append(image);
  return drawing;
}

class Showing {
  constructor(thumb) {
    this.thumb = thumb;
    this.timer = setTimeout(() => this.begin(), WAIT_MS);
  }

  async begin() {
    const sheet = await sheetOf(this.thumb.dataset.preview).catch(() => null);
    if (!sheet || current !== this) return;
    this.drawing = drawingOf(sheet);
    this.step(0, sheet);
    this.thumb.append(this.drawing);
  }

  step(at, sheet) {
    this.drawing.setAttribute("viewBox", `${at * sheet.width} 0 ${sheet.width} ${sheet.height}`);
    this.timer = setTimeout(() => this.step((at + 1) % sheet.pictures, sheet), EACH_MS);
  }

  end() {
    clearTimeout(this.timer);
    this.drawing?.remove();
  }
}

function show(thumb) {
  if (thumb === (current?.thumb ?? null)) return;
  current?.end();
  current = thumb && !lessMotion.matches ? new Showing(thumb) : null;
}

document.addEventListener("pointerover", (event) => {
  if (event.pointerType !== "touch") show(event.target.closest("[data-preview]"));
});
document.documentElement.addEventListener("pointerleave", () => show(null));
document.addEventListener("focusin", (event) => {
  const link = event.target.closest("a");
  show(link?.matches(":focus-visible") ? (link.closest("li")?.querySelector("[data-preview]") ?? null) : null);
});
document.addEventListener("focusout", () => show(null));
lessMotion.addEventListener("change", () => show(null));
