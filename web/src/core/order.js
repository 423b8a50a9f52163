/**
 * Which rows are shown, in which order. Ranking costs a sort, so it happens when the reader asks or at
 * most once a second; between two rankings rows only come and go.
 *
 * @typedef {{column: string, descending: boolean}} Sort
 */
import { compareTexts } from './decimal.js';
import { baseOf, mergeOf, rateOf } from './store.js';

/** @returns {(row) => boolean} whether every word occurs in the symbol or the source */
export function createFilter(text) {
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  return (row) => words.every((word) => row.search.includes(word));
}

/**
 * @param {Sort} sort
 * @param {{ageOf: (row) => number, isStarred?: (symbol: string) => boolean, now?: number}} facts
 * @returns {object[]} a new, sorted list
 */
export function rankRows(rows, { column, descending }, facts) {
  const turn = descending ? -1 : 1;
  if (column === 'symbol' || column === 'source')
    return [...rows].sort((a, b) => turn * compareStrings(a[column], b[column]) || byName(a, b));
  const keyed = Array.from(rows, (row) => ({ row, key: sortKey(row, column, facts) }));
  keyed.sort((a, b) => {
    // What has no value stands last, whichever way the rest is turned.
    if (a.key === undefined || b.key === undefined)
      return (a.key === undefined) - (b.key === undefined) || byName(a.row, b.row);
    return turn * (a.key - b.key || exactOrder(a.row, b.row, column)) || byName(a.row, b.row);
  });
  return keyed.map(({ row }) => row);
}

/** Keeps the given order: drops rows that are gone or filtered out, adds new ones at the end. */
export function holdOrder(order, rows, matches) {
  const wanted = new Set();
  for (const row of rows) if (matches(row)) wanted.add(row);
  const held = order.filter((row) => wanted.delete(row));
  return held.concat([...wanted]);
}

/** A double: good enough for an order, never shown. */
function sortKey(row, column, { ageOf, isStarred, now }) {
  switch (column) {
    case 'age': return ageOf(row);
    case 'star': return isStarred(row.symbol) ? 1 : 0;
    case 'change': return known(Number(row.last) - Number(baseOf(row)));
    case 'percent': return moveOf(row);
    case 'move': {
      const move = moveOf(row);
      return move === undefined ? undefined : Math.abs(move);
    }
    case 'spread': return known((Number(row.ask) - Number(row.bid)) / (Number(row.ask) + Number(row.bid)));
    case 'volume': return known(Number(row.day?.volume ?? NaN));
    case 'rate': return known(rateOf(row, now));
    case 'merged': return mergeOf(row);
    default: return row[column] === undefined ? undefined : Number(row[column]);
  }
}

function moveOf(row) {
  const base = Number(baseOf(row));
  return base === 0 ? undefined : known((Number(row.last) - base) / base);
}

function known(number) {
  return Number.isNaN(number) ? undefined : number;
}

/** Numbers too long for a double may look equal and are not. */
function exactOrder(a, b, column) {
  return typeof a[column] === 'string' && a[column] !== b[column] ? compareTexts(a[column], b[column]) : 0;
}

function byName(a, b) {
  return compareStrings(a.symbol, b.symbol) || compareStrings(a.source, b.source);
}

function compareStrings(a, b) {
  return a < b ? -1 : a > b ? 1 : 0;
}
