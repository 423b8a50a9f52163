const WINDOW_S = 5;
const AGES = 512;
const CLOCK_SAMPLES = 8;

/** The server's clock, from the fastest of the last pings. Times in ms. */
export class Clock {
  /** @type {{rttMs: number, offsetMs: number}[]} */
  #samples = [];

  /** Another connection, perhaps to another machine. */
  clear() {
    this.#samples = [];
  }

  /** A heartbeat has no round trip: it serves until the first pong. */
  add(serverUs, rttMs, nowMs) {
    if (typeof serverUs !== 'number') return false;
    const travelMs = rttMs === Infinity ? 0 : rttMs / 2;
    this.#samples.push({ rttMs, offsetMs: serverUs / 1000 + travelMs - nowMs });
    if (this.#samples.length > CLOCK_SAMPLES) this.#samples.shift();
    return true;
  }

  get best() {
    /** @type {{rttMs: number, offsetMs: number}|undefined} */
    let best;
    for (const sample of this.#samples) if (!best || sample.rttMs <= best.rttMs) best = sample;
    return best;
  }

  /** @returns {number|undefined} */
  get rttMs() {
    const rtt = this.best?.rttMs;
    return rtt === Infinity ? undefined : rtt;
  }
}

/** Totals, rates over the last five seconds, and how old prices are when they come. */
export class Meter {
  messages = 0;
  items = 0;
  bytes = 0;
  conflated = 0;
  gaps = 0;
  lost = 0;
  reconnects = 0;
  busyMs = 0; // spent on messages: reading them, and in the listeners
  /** @type {{second: number, messages: number, items: number, bytes: number}[]} */
  #seconds = [];
  #ages = new Float64Array(AGES);
  #agesCount = 0;

  /** One message has come, with so many items and bytes. */
  count(nowMs, items, bytes) {
    this.messages++;
    this.items += items;
    this.bytes += bytes;
    const second = Math.floor(nowMs / 1000);
    let last = this.#seconds.at(-1);
    if (last?.second !== second) {
      this.#seconds.push((last = { second, messages: 0, items: 0, bytes: 0 }));
      while (this.#seconds[0].second < second - WINDOW_S) this.#seconds.shift();
    }
    last.messages++;
    last.items += items;
    last.bytes += bytes;
  }

  addAge(ms) {
    this.#ages[this.#agesCount++ % AGES] = ms;
  }

  clearAges() {
    this.#agesCount = 0;
  }

  /** Whole seconds only: the one under way would look slow. */
  rates(nowMs) {
    const now = Math.floor(nowMs / 1000);
    const sum = { messages: 0, items: 0, bytes: 0 };
    for (const { second, messages, items, bytes } of this.#seconds) {
      if (second >= now || second < now - WINDOW_S) continue;
      sum.messages += messages;
      sum.items += items;
      sum.bytes += bytes;
    }
    return {
      messagesPerS: sum.messages / WINDOW_S, itemsPerS: sum.items / WINDOW_S, bytesPerS: sum.bytes / WINDOW_S,
    };
  }

  /** @returns {{ageP50Ms?: number, ageP99Ms?: number}} */
  ages() {
    const count = Math.min(this.#agesCount, AGES);
    const sorted = this.#ages.slice(0, count).sort();
    const at = (part) => (count === 0 ? undefined : sorted[Math.min(count - 1, Math.floor(part * count))]);
    return { ageP50Ms: at(0.5), ageP99Ms: at(0.99) };
  }
}
