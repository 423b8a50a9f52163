/**
 * The bars of one symbol and interval: what `feed.candles()` answered, continued by the items of a
 * subscription. Prices stay texts and volumes exact sums, so that a bar reads here as it does at the
 * server.
 *
 * An answer names the last event of each stream that it has seen; only what has a higher seq is put
 * in. Where events were passed over (`skipped`), a bar may lack some: it is *rough* until the server's
 * own bar replaces it.
 *
 * @typedef {import('../../client/pricecast.js').Candle} Candle
 * @typedef {Candle & {isRough: boolean, base: number}} Bar `base`: the newest span of the server's
 *   tier in it; within a bar only that one moves the close
 */
import { compareTexts, decimalText, parseDecimal } from './decimal.js';

export const BARS_MAX = 5000;
const TRIM_TO = 4500; // in one step, because everything that draws bars starts again after it
const VOLUME_DIGITS_MAX = 38; // as at the server, which then says null
const S = 1_000_000;

/** In the order of the keys 1 to 9. `base`: seconds of the server's candles it is put together from. */
export const INTERVALS = [
  { name: '1s', seconds: 1, base: 1, title: '1 second' },
  { name: '5s', seconds: 5, base: 1, title: '5 seconds' },
  { name: '15s', seconds: 15, base: 1, title: '15 seconds' },
  { name: '1m', seconds: 60, base: 60, title: '1 minute' },
  { name: '5m', seconds: 300, base: 60, title: '5 minutes' },
  { name: '15m', seconds: 900, base: 60, title: '15 minutes' },
  { name: '1h', seconds: 3600, base: 3600, title: '1 hour' },
  { name: '4h', seconds: 14_400, base: 3600, title: '4 hours' },
  { name: '1d', seconds: 86_400, base: 3600, title: '1 day' },
];

export const intervalOf = (name) => INTERVALS.find((interval) => interval.name === name);

/** Rounds down, also before 1970. */
const floorTo = (us, span) => Math.floor(us / span) * span;

/** @param {{seconds: number, base: number}} interval */
export function createCandles({ seconds, base }, max = BARS_MAX) {
  const span = seconds * S;
  const baseSpan = base * S;
  /** @type {Bar[]} */
  let bars = [];
  let seen = new Map();
  let fromUs = -Infinity;
  const candles = {
    span,
    get bars() { return bars; },
    /** 'trade', or 'quote' while the symbol has no trades; unknown before the first answer. */
    kind: /** @type {'trade'|'quote'|undefined} */ (undefined),
    /** Grows when other bars than the last may have changed: draw all of them again. */
    revision: 0,
    /** There was more than is kept: history cannot be asked for any further. */
    isFull: false,
    clear, load, loadPart, prepend, correct, keep, take, indexOf, markRough,
    /** Where the first rough bar is, -1 when there is none. */
    get firstRough() { return bars.findIndex(({ isRough }) => isRough); },
  };
  return candles;

  function clear() {
    bars = [];
    seen = new Map();
    fromUs = -Infinity;
    candles.kind = undefined;
    candles.isFull = false;
    candles.revision++;
  }

  /**
   * Everything the server knows. `until`: the screen's clock is there and what came later has to stay
   * unseen: bars that end after it are left out, and items count from the last of those on.
   */
  function load(answer, { until } = {}) {
    clear();
    candles.kind = answer.kind;
    const whole = until === undefined ? answer.candles : answer.candles.filter(({ time }) => time + span <= until);
    bars = whole.slice(-max).map(toBar);
    candles.isFull = whole.length > max;
    seen = seenOf(answer);
    if (until !== undefined) {
      seen = new Map();
      fromUs = floorTo(until, span);
    }
  }

  /**
   * After load() with `until`: continues with finer candles, of `seconds` each, towards the moment
   * that the screen's clock shows. Coarser ones first.
   */
  function loadPart(answer, until, partSeconds) {
    for (const candle of answer.candles) {
      const end = candle.time + partSeconds * S;
      if (candle.time < fromUs || end > until) continue;
      merge(candle, partSeconds);
      fromUs = end;
    }
    candles.revision++;
  }

  function merge(candle, partSeconds) {
    const time = floorTo(candle.time, span);
    const last = bars.at(-1);
    if (last?.time !== time) {
      bars.push({ ...candle, time, isRough: false, base: candle.time });
      return;
    }
    if (compareTexts(candle.high, last.high) > 0) last.high = candle.high;
    if (compareTexts(candle.low, last.low) < 0) last.low = candle.low;
    last.close = candle.close;
    last.volume = candle.volume === null ? null : addTexts(last.volume, candle.volume);
    last.base = floorTo(candle.time + partSeconds * S - 1, baseSpan);
  }

  /** A market goes on through a restart of its server, which then knows nothing of before: what we
   * had stays in front of what it says. Returns the span that neither knows, or undefined. */
  function keep(answer) {
    const old = bars;
    load(answer);
    const first = bars[0]?.time ?? Infinity;
    const kept = old.filter(({ time }) => time < first);
    const last = kept.at(-1);
    const isHole = last !== undefined && last === old.at(-1) && bars.length > 0;
    bars = kept.concat(bars).slice(-max);
    return isHole && last.time + span < first ? { from: last.time + span, to: first } : undefined;
  }

  function markRough() {
    const last = bars.at(-1);
    if (last) last.isRough = true;
  }

  /** An older page. Returns how many bars it added. */
  function prepend(answer) {
    const oldest = bars[0]?.time ?? Infinity;
    const older = answer.candles.filter(({ time }) => time < oldest);
    const room = Math.max(0, max - bars.length);
    candles.isFull = older.length > room;
    const fitting = older.slice(older.length - Math.min(room, older.length));
    if (fitting.length === 0) return 0;
    bars = fitting.map(toBar).concat(bars);
    candles.revision++;
    return fitting.length;
  }

  /** The server's own newest bars instead of ours, from the first of them on. */
  function correct(answer) {
    const [first] = answer.candles;
    if (answer.kind !== candles.kind) return load(answer);
    if (!first) return undefined;
    const kept = bars.filter(({ time }) => time < first.time);
    const wasLast = bars.length === kept.length + 1 && answer.candles.length === 1;
    bars = kept.concat(answer.candles.map(toBar));
    seen = seenOf(answer);
    if (!wasLast) candles.revision++;
    return undefined;
  }

  /**
   * Returns false when a trade came and the bars are of quotes: the server has begun anew, and so has
   * the caller to.
   * @param {import('../../client/pricecast.js').Item[]} items of this symbol
   * @param {number} [nowUs] for items without a time
   */
  function take(items, nowUs) {
    for (const item of items) {
      if (candles.kind === 'quote' && item.kind === 'trade') return false;
      candles.kind ??= item.kind;
      if (item.kind === candles.kind) takeItem(item, nowUs);
    }
    trim();
    return true;
  }

  function takeItem(item, nowUs) {
    const key = `${item.source}\n${item.kind}`;
    if (item.seq <= seen.get(key)) return;
    const isRough = item.skipped > 0;
    seen.set(key, item.seq);
    const price = item.kind === 'trade' ? item.price : middle(item.bid, item.ask);
    const us = item.recv ?? item.ts ?? nowUs ?? bars.at(-1)?.time;
    if (price === undefined || us === undefined || us < fromUs) return;
    put(us, price, item.kind === 'trade' ? item.size : undefined, isRough);
  }

  function put(us, price, size, isRough) {
    const time = floorTo(us, span);
    const newBase = floorTo(us, baseSpan);
    const last = bars.at(-1);
    if (last && isRough) last.isRough = true; // what was passed over may belong here
    if (!last || time > last.time) {
      bars.push({ time, open: price, high: price, low: price, close: price, volume: size ?? '0', isRough, base: newBase });
      return;
    }
    let bar = last;
    if (time < last.time) {
      const at = indexOf(time);
      if (at < 0 && time < bars[0].time) return; // older than what is shown
      candles.revision++;
      if (at < 0) {
        bars.splice(-at - 1, 0, { time, open: price, high: price, low: price, close: price, volume: size ?? '0', isRough, base: newBase });
        return;
      }
      bar = bars[at];
    }
    if (compareTexts(price, bar.high) > 0) bar.high = price;
    if (compareTexts(price, bar.low) < 0) bar.low = price;
    if (newBase >= bar.base) {
      bar.close = price;
      bar.base = newBase;
    }
    if (size !== undefined) bar.volume = addTexts(bar.volume, size);
    bar.isRough ||= isRough;
  }

  /** Where the bar that begins at `time` is; -1 - where it would be when there is none. */
  function indexOf(time) {
    let low = 0;
    let high = bars.length;
    while (low < high) {
      const middle_ = (low + high) >> 1;
      if (bars[middle_].time < time) low = middle_ + 1;
      else high = middle_;
    }
    return bars[low]?.time === time ? low : -1 - low;
  }

  function trim() {
    if (bars.length <= max) return;
    bars = bars.slice(-Math.min(TRIM_TO, max));
    candles.isFull = true;
    candles.revision++;
  }

  function toBar(candle) {
    // The newest part of a whole bar is not known; items that are newer than the answer are later.
    return { ...candle, isRough: false, base: candle.time };
  }
}

function seenOf({ seen = [] }) {
  return new Map(seen.map(([source, kind, seq]) => [`${source}\n${kind}`, seq]));
}

/** Exactly between the two, or undefined where a side is missing; written as the server writes it. */
export function middle(bid, ask) {
  const [a, b] = [parseDecimal(bid), parseDecimal(ask)];
  if (!a || !b) return undefined;
  const scale = Math.max(a.scale, b.scale);
  const sum = a.value * 10n ** BigInt(scale - a.scale) + b.value * 10n ** BigInt(scale - b.scale);
  return sum % 2n === 0n ? decimalText({ value: sum / 2n, scale }) : decimalText({ value: sum * 5n, scale: scale + 1 });
}

/** The exact sum, or null when it has too many digits or a part is not known. */
export function addTexts(left, right) {
  const [a, b] = [parseDecimal(left ?? undefined), parseDecimal(right)];
  if (!a || !b) return null;
  const scale = Math.max(a.scale, b.scale);
  const value = a.value * 10n ** BigInt(scale - a.scale) + b.value * 10n ** BigInt(scale - b.scale);
  return String(value).replace('-', '').length > VOLUME_DIGITS_MAX ? null : decimalText({ value, scale });
}
