/**
 * Which rows are shown, in which order. Ranking costs a sort, so it happens when the reader asks or at
 * most once a second; between two rankings rows only come and go.
 *
 * @typedef {{column: string, descending: boolean}} Sort
 */
import { compareTexts } from './decimal.js';
import { changeOf } from './store.js';

/** @returns {(row) => boolean} whether every word occurs in the symbol or the source */
export function createFilter(text) {
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  return (row) => words.every((word) => row.search.includes(word));
}

/** @param {Sort} sort @param {(row) => number} ageOf @returns {object[]} a new, sorted list */
export function rankRows(rows, { column, descending }, ageOf) {
  const turn = descending ? -1 : 1;
  if (column === 'symbol' || column === 'source')
    return [...rows].sort((a, b) => turn * compareStrings(a[column], b[column]) || byName(a, b));
  const keyed = Array.from(rows, (row) => ({ row, key: sortKey(row, column, ageOf) }));
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

function sortKey(row, column, ageOf) {
  if (column === 'age') return ageOf(row);
  if (column === 'change' || column === 'percent') {
    const change = changeOf(row);
    if (!change) return undefined;
    return column === 'percent' ? change.key : Number(row.last) - Number(row.first);
  }
  return row[column] === undefined ? undefined : Number(row[column]);
}

/** Numbers too long for a double may look equal and are not. */
function exactOrder(a, b, column) {
  return column in a && a[column] !== b[column] ? compareTexts(a[column], b[column]) : 0;
}

function byName(a, b) {
  return compareStrings(a.symbol, b.symbol) || compareStrings(a.source, b.source);
}

function compareStrings(a, b) {
  return a < b ? -1 : a > b ? 1 : 0;
}
