/**
 * What is known of one symbol of one source, as exact texts: both sides, what lies between them, the
 * average of the trades seen, the last day, and how far to trust it.
 */
import { compareTexts, decimalText, parseDecimal, percentOf, significantFraction, subtract } from './decimal.js';
import { middle } from './candles.js';

const RATE_MS = 5000;

/**
 * @param {{symbol: string, source?: string, now?: () => number}} of without `source` everything of the
 *   symbol; `now` is monotonic ms, for the rate
 */
export function createQuote({ symbol, source, now = () => performance.now() }) {
  let sum = null; // price × size of the trades seen, and their sizes
  let sizes = null;
  let digits = 0; // that count after the point of any price
  let samples = [];
  const quote = {
    /** The newest trade and quote. */
    trade: undefined,
    quote: undefined,
    /** -1, 0 or 1: the last trade against the one before. */
    direction: 0,
    /** Of trades seen since clear(). */
    trades: 0,
    sinceUs: undefined,
    /** Events passed over since clear(), of trades alone and in all. */
    skippedTrades: 0,
    skipped: 0,
    events: 0,
    /** The last 24 hours: {from, open, high, low, last, volume}, exact texts. */
    day: null,
    /** Grows with every change. */
    version: 0,
    take, setDay, clear, perSecond,
    get vwap() { return averageOf(sum, sizes, digits + 2); },
    get spread() { return spreadOf(quote.quote); },
  };
  return quote;

  function clear() {
    Object.assign(quote, { trade: undefined, quote: undefined, direction: 0, trades: 0, sinceUs: undefined,
      skippedTrades: 0, skipped: 0, events: 0, day: null });
    sum = null;
    sizes = null;
    digits = 0;
    samples = [];
    quote.version++;
  }

  /** @param {import('../../client/pricecast.js').Item[]} items of anything */
  function take(items, isSnapshot = false) {
    for (const item of items) {
      if (item.symbol !== symbol || (source !== undefined && item.source !== source)) continue;
      if (item.kind === 'trade') takeTrade(item, isSnapshot);
      else if (item.kind === 'quote') quote.quote = item;
      else continue;
      if (!isSnapshot) {
        quote.events += 1 + (item.skipped ?? 0);
        quote.skipped += item.skipped ?? 0;
        noteRate();
      }
      quote.version++;
    }
  }

  function takeTrade(item, isSnapshot) {
    if (quote.trade) quote.direction = compareTexts(item.price, quote.trade.price) || quote.direction;
    quote.trade = item;
    widenDay(item.price);
    if (isSnapshot) return; // it was made at another time
    quote.skippedTrades += item.skipped ?? 0;
    const [price, size] = [parseDecimal(item.price), parseDecimal(item.size)];
    if (!price || !size || size.value <= 0n) return;
    quote.sinceUs ??= item.recv ?? item.ts;
    quote.trades++;
    digits = Math.max(digits, significantFraction(item.price));
    sum = add(sum, { value: price.value * size.value, scale: price.scale + size.scale });
    sizes = add(sizes, size);
  }

  /** @param {object|undefined} stats of this symbol */
  function setDay(stats) {
    quote.day = stats ? { ...stats } : null;
    if (quote.trade && quote.day?.kind === 'trade') widenDay(quote.trade.price);
    quote.version++;
  }

  /** Between two looks at the server the range follows what is seen. */
  function widenDay(price) {
    const { day } = quote;
    if (!day || day.kind === 'quote') return;
    if (compareTexts(price, day.high) > 0) day.high = price;
    if (compareTexts(price, day.low) < 0) day.low = price;
  }

  // ---- events a second ----

  function noteRate() {
    const at = now();
    const last = samples.at(-1);
    if (last && at - last.at < 100) last.events = quote.events;
    else samples.push({ at, events: quote.events });
  }

  function perSecond() {
    const at = now();
    while (samples.length > 1 && at - samples[1].at > RATE_MS) samples.shift();
    const [first] = samples;
    if (!first || at - first.at > 2 * RATE_MS) return 0;
    return (quote.events - first.events) / Math.max(1, Math.min(RATE_MS, at - first.at) / 1000);
  }
}

/**
 * @returns {{text: string, points: string, mid: string, direction: -1|0|1}|null} `points`: of the mid,
 *   in hundredths of a percent, with two digits that count; null where a side is missing
 */
export function spreadOf(quote) {
  const [bid, ask] = [parseDecimal(quote?.bid), parseDecimal(quote?.ask)];
  if (!bid || !ask) return null;
  const mid = middle(quote.bid, quote.ask);
  const spread = subtract(ask, bid);
  const share = percentOf({ value: spread.value * 100n, scale: spread.scale }, parseDecimal(mid), 4);
  return {
    text: decimalText(spread),
    points: share ? shorten(decimalText(share)) : '',
    mid,
    direction: spread.value > 0n ? 1 : spread.value < 0n ? -1 : 0,
  };
}

/** Where a price lies in a range, 0 to 1, for a drawing; undefined when there is no range. */
export function shareOf(price, low, high) {
  const [value, from, to] = [price, low, high].map(parseDecimal);
  if (!value || !from || !to) return undefined;
  const whole = subtract(to, from);
  const share = percentOf(subtract(value, from), whole, 4);
  return share ? Math.max(0, Math.min(1, Number(decimalText(share)) / 100)) : undefined;
}

/** The part of the bid in both sizes, 0 to 1; undefined when one is not known. */
export function balanceOf(quote) {
  const [bid, ask] = [parseDecimal(quote?.bid_size), parseDecimal(quote?.ask_size)];
  if (!bid || !ask) return undefined;
  const share = percentOf(bid, add(bid, ask), 4);
  return share ? Math.max(0, Math.min(1, Number(decimalText(share)) / 100)) : undefined;
}

function add(a, b) {
  if (a === null) return b;
  const scale = Math.max(a.scale, b.scale);
  return { value: a.value * 10n ** BigInt(scale - a.scale) + b.value * 10n ** BigInt(scale - b.scale), scale };
}

/** sum ÷ sizes, rounded half away from zero. */
function averageOf(sum, sizes, digits) {
  if (!sum || sizes.value === 0n) return undefined;
  // sum / 10^s1 ÷ (sizes / 10^s2) = sum × 10^(s2 + digits) ÷ (sizes × 10^s1) in units of 10^-digits
  const numerator = sum.value * 10n ** BigInt(sizes.scale + digits);
  const denominator = sizes.value * 10n ** BigInt(sum.scale);
  const isNegative = numerator < 0n;
  const rounded = (2n * (isNegative ? -numerator : numerator) + denominator) / (2n * denominator);
  return decimalText({ value: isNegative ? -rounded : rounded, scale: digits });
}

/** "12.3456" → "12.35", "0.0162" → "0.016", "0.0000" → "0.00": two digits after the point, or as many as
 * it takes to tell a small number from none. */
function shorten(text) {
  const keep = /^-?0\.0[^.]*[1-9]/.test(text) ? Math.min(4, text.search(/[1-9]/) - text.indexOf('.') + 1) : 2;
  const { value, scale } = parseDecimal(text);
  if (scale <= keep) return text;
  const unit = 10n ** BigInt(scale - keep);
  const size = value < 0n ? -value : value;
  const rounded = (2n * size + unit) / (2n * unit);
  return decimalText({ value: value < 0n ? -rounded : rounded, scale: keep });
}
