/**
 * The columns of the market list: what they are called, how they sort, how much room they need, and
 * which of them give way first where there is little.
 */

/**
 * `min` and `grow` in CSS pixels and shares; `keep`: the lowest goes first; `startsDescending`: what a
 * click gives first (names from A, numbers from the largest); `isLive`: its order changes with prices.
 */
export const COLUMNS = {
  star: { title: 'Starred', head: '★', min: 24, grow: 0, keep: 30, startsDescending: true, isLive: false },
  symbol: { title: 'Symbol', min: 84, grow: 1.4, keep: 100, startsDescending: false, isLive: false },
  source: { title: 'Source', min: 56, grow: 0.8, keep: 20, startsDescending: false, isLive: false },
  last: { title: 'Last', min: 96, grow: 1.2, keep: 99, startsDescending: true, isLive: true },
  change: { title: 'Change', min: 76, grow: 1, keep: 40, startsDescending: true, isLive: true },
  percent: { title: 'Change %', head: '%', min: 84, grow: 0.8, keep: 98, startsDescending: true, isLive: true },
  bid: { title: 'Bid', min: 92, grow: 1.1, keep: 50, startsDescending: true, isLive: true },
  ask: { title: 'Ask', min: 92, grow: 1.1, keep: 49, startsDescending: true, isLive: true },
  age: { title: 'Age', min: 64, grow: 0.4, keep: 97, startsDescending: false, isLive: true },
};

export const PRESETS = {
  Compact: ['star', 'symbol', 'source', 'last', 'change', 'percent', 'bid', 'ask', 'age'],
};

const GAP = 12;

/**
 * The columns that fit into `width` pixels, in the order given.
 * @param {string[]} names @param {number} width
 */
export function fitColumns(names, width) {
  const kept = names.filter((name) => name in COLUMNS);
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
  if (!Object.hasOwn(COLUMNS, column)) return { column: 'symbol', descending: false };
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
