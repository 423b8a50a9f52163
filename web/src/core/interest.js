/**
 * What is asked of the server, and how often: enough for what can be seen, no more.
 *
 * `open()` and `tape()` are wishes of other parts of the page; they are served on top of the whole list.
 */

const ALL_HZ = 10;

/** @param {{feed: import('../../client/pricecast.js').Feed}} parts */
export function createInterest({ feed }) {
  const all = feed.subscribe({ symbols: ['*'], mode: 'latest', maxRate: ALL_HZ, snapshot: true });
  let opened = null;
  let openedSymbol = null;
  let taped = null;

  return { open, tape, get all() { return all; } };

  /** The symbol in the detail panel. @param {string|null} symbol */
  function open(symbol) {
    if (symbol === openedSymbol) return;
    openedSymbol = symbol;
    const before = opened;
    opened = symbol === null ? null : feed.subscribe({ symbols: [symbol], mode: 'latest', maxRate: ALL_HZ });
    before?.close();
  }

  /** Every trade of these names or patterns, as far as the connection takes them. @param {string[]|null} symbols */
  function tape(symbols) {
    taped?.close();
    taped = symbols === null ? null
      : feed.subscribe({ symbols, kinds: ['trade'], mode: 'every', maxRate: ALL_HZ, snapshot: false });
  }
}
