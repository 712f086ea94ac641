// Two players in step: the second shows what the evidence says the first one shows.
//
//   const pair = new InStep(first, second); pair.link(range); await pair.go(range)
//
// A range: {start, end, refStart, refEnd, speed, kind}, seconds; speed: seconds of the second in one of the first.
// A small drift is made good by the rate of the second player, a large one by a seek. What runs backwards is not played
// in step: no browser plays backwards.

const FAR_SECONDS = 0.4;
const CATCH_UP_SECONDS = 0.25;
const MOST_CORRECTION = 0.5;
const SAME_RATE = 0.01;
const SLOWEST = 0.0625;
const FASTEST = 16;
const LONGEST_SEEK_MS = 5000;
const EDGE_SECONDS = 0.05;

export class InStep {
  // onState({isLinked, drift, range}): as it plays; drift: seconds by which the second is ahead, null when not in step.
  constructor(first, second, onState = () => {}) {
    this.first = first;
    this.second = second;
    this.onState = onState;
    this.range = null;
    this.ranges = [];
    this.isFollowing = true;
    this.isGoing = false;
    this.seekSeconds = 0.1;
    for (const name of ["play", "pause", "seeking", "seeked", "timeupdate", "waiting", "playing"]) {
      first.addEventListener(name, () => this.isGoing || this.align());
    }
    second.addEventListener("loadedmetadata", () => this.isGoing || this.align());
    second.addEventListener("seeked", () => {
      if (this.soughtAt) this.seekSeconds = Math.min((performance.now() - this.soughtAt) / 1000, FAR_SECONDS);
      this.soughtAt = null;
    });
  }

  get isLinked() {
    return this.isFollowing && this.range !== null && this.range.speed > 0;
  }

  // The moment of the second that belongs to one of the first.
  at(seconds, range = this.range) {
    const { start, end, refStart, refEnd, speed } = range;
    if (speed < 0) return refEnd + speed * (seconds - start);
    // A range that begins with the other video may have been cut there: its end is the surer place then.
    const isCut = refStart <= 0 && refEnd < (this.second.duration || Infinity) - EDGE_SECONDS && start > 0;
    return isCut ? refEnd + speed * (seconds - end) : refStart + speed * (seconds - start);
  }

  link(range) {
    this.range = range;
    this.align();
  }

  follow(isFollowing) {
    this.isFollowing = isFollowing;
    this.second.controls = !this.isLinked;
    if (!isFollowing) this.second.playbackRate = 1;
    this.align();
  }

  // Both to the beginning of a range, or a moment of it; and on from there when they run the same way.
  async go(range, { plays = true, from = range.start } = {}) {
    this.isGoing = true;
    try {
      this.range = range;
      this.first.pause();
      this.second.pause();
      await Promise.all([seek(this.first, from), seek(this.second, inside(this.second, this.at(from)))]);
      if (plays && range.speed > 0) await Promise.all([start(this.first), this.isFollowing ? start(this.second) : null]);
    } finally {
      this.isGoing = false;
      this.align();
    }
  }

  align() {
    this.second.controls = !this.isLinked;
    if (!this.isLinked) {
      this.onState({ isLinked: false, drift: null, range: this.range });
      return;
    }
    this.enter();
    const wanted = this.at(this.first.currentTime);
    const isThere = wanted >= 0 && wanted <= (this.second.duration || Infinity) - EDGE_SECONDS;
    const runs = !this.first.paused && !this.first.seeking && this.first.readyState >= 3;
    if (runs && isThere) this.run(wanted);
    else this.rest(wanted);
    this.onState({ isLinked: true, drift: isThere ? this.second.currentTime - wanted : null, range: this.range });
    if (runs && !this.isWatching) {
      this.isWatching = true;
      requestAnimationFrame(() => {
        this.isWatching = false;
        if (!this.isGoing) this.align();
      });
    }
  }

  // Whoever comes into another range is led by that one.
  enter() {
    const now = this.first.currentTime;
    const holds = ({ start, end }) => start <= now && now < end;
    if (holds(this.range)) return;
    const next = this.ranges.find((range) => range.kind === this.range.kind && range.speed > 0 && holds(range));
    if (next) this.range = next;
  }

  run(wanted) {
    const drift = this.second.currentTime - wanted;
    const pace = this.first.playbackRate * this.range.speed;
    if (Math.abs(drift) > FAR_SECONDS && !this.second.seeking) {
      this.soughtAt = performance.now();
      this.second.currentTime = inside(this.second, wanted + this.seekSeconds * pace);
    }
    const correction = Math.max(-MOST_CORRECTION, Math.min(MOST_CORRECTION, drift / CATCH_UP_SECONDS));
    const rate = Math.max(SLOWEST, Math.min(FASTEST, pace * (1 - correction)));
    if (Math.abs(this.second.playbackRate - rate) > SAME_RATE * pace) this.second.playbackRate = rate;
    if (this.second.paused) start(this.second);
  }

  rest(wanted) {
    if (!this.second.paused) this.second.pause();
    const place = inside(this.second, wanted);
    if (Math.abs(this.second.currentTime - place) > 0.02 && !this.second.seeking) this.second.currentTime = place;
  }
}

function inside(player, seconds) {
  return Math.max(0, Math.min(seconds, (player.duration || Infinity) - EDGE_SECONDS));
}

function start(player) {
  // Refused where nobody has touched the page yet, or interrupted by a pause: neither is a fault.
  return player.play().catch(() => {});
}

function seek(player, seconds) {
  return new Promise((resolve) => {
    const timer = setTimeout(end, LONGEST_SEEK_MS);
    function end() {
      clearTimeout(timer);
      player.removeEventListener("seeked", end);
      player.removeEventListener("error", end);
      resolve();
    }
    player.addEventListener("seeked", end);
    player.addEventListener("error", end);
    player.currentTime = seconds;
  });
}
