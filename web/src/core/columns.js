/**
 * The columns of the market list: what they are called, how they sort, how much room they need, and
 * which of them give way first where there is little.
 */

/**
 * `min` and `grow` in CSS pixels and shares; `keep`: the lowest goes first; `startsDescending`: what a
 * click gives first (names from A, numbers from the largest); `isLive`: its order changes with prices.
 */
export const COLUMNS = {
  star: { title: 'Starred', head: '★', min: 24, grow: 0, keep: 80, startsDescending: true, isLive: false, isText: true },
  symbol: { title: 'Symbol', min: 76, grow: 1.5, keep: 100, startsDescending: false, isLive: false, isText: true },
  source: { title: 'Source', min: 52, grow: 0.8, keep: 20, startsDescending: false, isLive: false, isText: true },
  last: { title: 'Last', min: 88, grow: 1.2, keep: 99, startsDescending: true, isLive: true },
  change: { title: 'Change', min: 92, grow: 1, keep: 52, startsDescending: true, isLive: true, hint: 'Since the first price of the last 24 hours that the server knows' },
  percent: { title: 'Change %', min: 80, grow: 0.7, keep: 98, startsDescending: true, isLive: true, hint: 'Change since the first price of the last 24 hours that the server knows' },
  spark: { title: 'Last minute', head: '1 min', min: 64, grow: 0.6, keep: 70, startsDescending: false, isLive: false, isText: true, isFixed: true },
  bid: { title: 'Bid', min: 88, grow: 1.1, keep: 41, startsDescending: true, isLive: true },
  ask: { title: 'Ask', min: 88, grow: 1.1, keep: 40, startsDescending: true, isLive: true },
  spread: { title: 'Spread', head: 'Spread bp', min: 72, grow: 0.6, keep: 35, startsDescending: true, isLive: true, hint: 'Ask less bid, in hundredths of a per cent of the middle' },
  volume: { title: 'Volume', min: 68, grow: 0.7, keep: 48, startsDescending: true, isLive: true, hint: 'Volume of the last 24 hours that the server knows' },
  rate: { title: 'Updates/s', min: 72, grow: 0.6, keep: 30, startsDescending: true, isLive: true, hint: 'Trades and quotes a second, all that happened' },
  merged: { title: 'Merged', min: 60, grow: 0.6, keep: 25, startsDescending: true, isLive: true, hint: 'Updates that happened for each one that was sent to this page' },
  age: { title: 'Age', min: 64, grow: 0.4, keep: 97, startsDescending: false, isLive: true, hint: 'Time since the last update' },
  /** Never shown: movers, whichever way they went. */
  move: { title: 'Move', isHidden: true, startsDescending: true, isLive: true },
};

export const PRESETS = {
  Compact: ['star', 'symbol', 'last', 'percent', 'spark', 'age'],
  Trader: ['star', 'symbol', 'last', 'change', 'percent', 'bid', 'ask', 'spread', 'volume', 'spark', 'age'],
  'Feed health': ['star', 'symbol', 'source', 'last', 'rate', 'merged', 'age'],
};

export const ALL_COLUMNS = Object.keys(COLUMNS).filter((name) => !COLUMNS[name].isHidden);
/** Without a choice everything is shown that fits. */
export const DEFAULT_COLUMNS = ['star', 'symbol', 'source', 'last', 'change', 'percent', 'spark', 'bid', 'ask', 'volume', 'age'];

const GAP = 12;

/**
 * The columns that fit into `width` pixels, in the order given.
 * @param {string[]} names @param {number} width
 */
export function fitColumns(names, width) {
  const kept = names.filter((name) => ALL_COLUMNS.includes(name));
  const needed = () => kept.reduce((sum, name) => sum + COLUMNS[name].min + GAP, 0);
  while (kept.length > 2 && needed() > width) {
    let first = 0;
    for (let at = 1; at < kept.length; at++) if (COLUMNS[kept[at]].keep < COLUMNS[kept[first]].keep) first = at;
    kept.splice(first, 1);
  }
  return kept;
}

/** The value of CSS `grid-template-columns`. */
export function trackSizes(names) {
  return names.map((name) => {
    const { min, grow } = COLUMNS[name];
    return grow > 0 ? `minmax(${min}px, ${grow}fr)` : `${min}px`;
  }).join(' ');
}

/** "-percent" → by percent, falling. What is no column sorts by symbol. */
export function parseSort(text = '') {
  const column = text.replace(/^-/, '');
  if (!Object.hasOwn(COLUMNS, column) || COLUMNS[column].isFixed) return { column: 'symbol', descending: false };
  return { column, descending: text.startsWith('-') };
}

export function formatSort({ column, descending }) {
  return column === 'symbol' && !descending ? '' : `${descending ? '-' : ''}${column}`;
}

/** The sort after a click on `column`: first its natural direction, then the other. */
export function nextSort(sort, column) {
  if (sort.column === column) return { column, descending: !sort.descending };
  return { column, descending: COLUMNS[column].startsDescending };
}
