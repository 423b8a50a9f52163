/**
 * Time and sales: the last trades, and marks where something is missing. Bounded, and cheap to add to:
 * what matches the filter is kept up to date trade by trade.
 *
 * @typedef {object} Entry
 * @property {number} number grows by one with every entry
 * @property {import('../../client/pricecast.js').Item} [item] a trade; without it the entry is a mark
 * @property {string} [text] of a mark
 * @property {-1|0|1} direction against the trade before of the same source and symbol
 * @property {number} [priceDigits] that count after the point, in any price of its stream so far
 * @property {number} [sizeDigits]
 */
import { compareTexts, significantFraction } from './decimal.js';

export const TAPE_MAX = 10_000;
const STREAMS_MAX = 20_000; // last prices remembered, for directions

/** @param {{max?: number}} [options] */
export function createTape({ max = TAPE_MAX } = {}) {
  let entries = [];
  let matching = entries;
  let matches = null;
  let lastNumber = 0;
  const streams = new Map(); // {price, priceDigits, sizeDigits}
  const tape = {
    /** Oldest first; at most a quarter more than `max` for a while. */
    get entries() { return entries; },
    /** Those that the filter lets through. */
    get matching() { return matching; },
    get lastNumber() { return lastNumber; },
    /** How many matching ones came before `matching[0]`; counts from 0 again with each generation. */
    offset: 0,
    generation: 0,
    /** Trades that were passed over. */
    skipped: 0,
    take, mark, clear, setFilter,
  };
  return tape;

  /** @param {import('../../client/pricecast.js').Item[]} items of any kind */
  function take(items) {
    for (const item of items) {
      if (item.kind !== 'trade') continue;
      const key = `${item.source}\n${item.symbol}`;
      let stream = streams.get(key);
      if (!stream) {
        if (streams.size >= STREAMS_MAX) streams.clear();
        streams.set(key, (stream = { price: item.price, priceDigits: 0, sizeDigits: 0 }));
      }
      const direction = /** @type {-1|0|1} */ (compareTexts(item.price, stream.price));
      stream.price = item.price;
      stream.priceDigits = Math.max(stream.priceDigits, significantFraction(item.price));
      stream.sizeDigits = Math.max(stream.sizeDigits, significantFraction(item.size ?? ''));
      if (item.skipped > 0) tape.skipped += item.skipped;
      add({ number: ++lastNumber, item, direction, priceDigits: stream.priceDigits, sizeDigits: stream.sizeDigits });
    }
  }

  /** A line that says what is missing here, or what happened. */
  function mark(text) {
    add({ number: ++lastNumber, text, direction: 0 });
  }

  function clear() {
    entries = [];
    matching = matches ? [] : entries;
    streams.clear();
    tape.skipped = 0;
    begin();
  }

  function begin() {
    tape.offset = 0;
    tape.generation++;
  }

  /** @param {((item: object) => boolean)|null} newMatches null: everything */
  function setFilter(newMatches) {
    matches = newMatches;
    matching = matches ? entries.filter(isWanted) : entries;
    begin();
  }

  function isWanted({ item }) {
    return item === undefined || matches(item);
  }

  function add(entry) {
    entries.push(entry);
    if (matches && isWanted(entry)) matching.push(entry);
    if (entries.length <= max * 1.25) return;
    entries = entries.slice(-max);
    const [oldest] = entries;
    const before = matching.length;
    matching = matches ? matching.filter(({ number }) => number >= oldest.number) : entries;
    tape.offset += before - matching.length;
  }
}

/**
 * Words of `text` have to occur in symbol or source; `side` is 'buy', 'sell' or ''; `sizeMin` a decimal.
 * @returns {((item: object) => boolean)|null} null when nothing is asked for
 */
export function createTapeFilter({ text = '', side = '', sizeMin = '' }) {
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  const least = /^\d*\.?\d+$/.test(sizeMin.trim()) ? sizeMin.trim().replace(/^\./, '0.') : '';
  if (words.length === 0 && side === '' && least === '') return null;
  const known = new Map(); // symbols are few and trades many
  const isNamed = (item) => {
    if (words.length === 0) return true;
    const key = `${item.symbol} ${item.source}`;
    let is = known.get(key);
    if (is === undefined) {
      is = words.every((word) => key.toLowerCase().includes(word));
      if (known.size < STREAMS_MAX) known.set(key, is);
    }
    return is;
  };
  return (item) => (side === '' || item.side === side) && isNamed(item)
    && (least === '' || (item.size !== undefined && compareTexts(item.size, least) >= 0));
}
