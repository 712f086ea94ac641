// Two players in step: the right one follows the left one through the matched range, at the range's speed.

const FAR_SECONDS = 0.12;
const EXACT_SECONDS = 0.02;

function clamp(value, low, high) {
  return Math.min(high, Math.max(low, value));
}

export class Compare {
  // A whole of itself, until a range is chosen.
  #range = { start: 0, end: Infinity, refStart: 0, refEnd: Infinity, speed: 1 };
  #loop = 0;
  #onFrame;

  constructor(left, right, { onFrame = () => {}, onPlaying = () => {} } = {}) {
    this.left = left;
    this.right = right;
    this.#onFrame = onFrame;
    for (const name of ["play", "pause", "ended"]) {
      left.addEventListener(name, () => {
        onPlaying(!left.paused);
        this.#follow();
      });
    }
    for (const name of ["seeked", "ratechange", "loadeddata"]) {
      left.addEventListener(name, () => this.#follow());
    }
    for (const name of ["seeked", "loadeddata"]) right.addEventListener(name, () => this.#onFrame());
  }

  toggle() {
    if (this.left.paused) this.left.play().catch(() => {});
    else this.left.pause();
  }

  choose(range) {
    this.#range = range;
    this.left.currentTime = range.start;
    this.#follow();
  }

  // Where the right one has to be now, in seconds.
  wanted() {
    const { start, refStart, refEnd, speed } = this.#range;
    const passed = (this.left.currentTime - start) * Math.abs(speed);
    const at = speed < 0 ? refEnd - passed : refStart + passed;
    return clamp(at, 0, this.right.duration || 0);
  }

  // How far the right one is ahead, in seconds.
  drift() {
    return this.right.currentTime - this.wanted();
  }

  #follow() {
    cancelAnimationFrame(this.#loop);
    this.#step();
  }

  #step() {
    const { left, right } = this;
    const isPlaying = !left.paused && !left.ended;
    const drift = this.drift();
    const rate = left.playbackRate * this.#range.speed;
    if (!isPlaying || rate <= 0) {
      if (!right.paused) right.pause();
      if (Math.abs(drift) > EXACT_SECONDS && !right.seeking) right.currentTime = this.wanted();
    } else {
      if (Math.abs(drift) > FAR_SECONDS && !right.seeking) right.currentTime = this.wanted();
      // A little slower when ahead, a little faster when behind.
      right.playbackRate = clamp(rate * (1 - clamp(drift * 2, -0.2, 0.2)), 0.1, 8);
      if (right.paused && !right.ended) right.play().catch(() => {});
    }
    this.#onFrame();
    if (isPlaying) this.#loop = requestAnimationFrame(() => this.#step());
  }
}

// Black where both pictures are the same. Only painted, never read: the pictures may come from another origin.
export function paintDifference(canvas, left, right, isMirrored) {
  const context = canvas.getContext("2d");
  const { width, height } = canvas;
  context.globalCompositeOperation = "source-over";
  context.fillStyle = "#000";
  context.fillRect(0, 0, width, height);
  if (left.readyState < 2 || right.readyState < 2) return;
  context.drawImage(right, 0, 0, width, height);
  context.globalCompositeOperation = "difference";
  context.save();
  if (isMirrored) {
    context.translate(width, 0);
    context.scale(-1, 1);
  }
  context.drawImage(left, 0, 0, width, height);
  context.restore();
}
