/**
 * The lists over the market list, as the parameter `l` of the URL names them: '' (all), 'starred', 'movers',
 * 'stale', and '=NAME' for the reader's own.
 */
import { parseSort } from './columns.js';
import { createFilter } from './order.js';

/**
 * Which rows are shown. @param {Record<string, string>} params of the route
 * @param {{isStarred: (symbol: string) => boolean, lists: Record<string, string[]>, stateOf: (row) => string}} facts
 * @returns {(row) => boolean}
 */
export function filterOf({ l = '', q = '' }, { isStarred, lists, stateOf }) {
  const matches = createFilter(q);
  if (l === 'starred') return (row) => isStarred(row.symbol) && matches(row);
  if (l === 'stale') return (row) => stateOf(row) === 'stale' && matches(row);
  if (l.startsWith('=')) {
    const members = new Set(Object.hasOwn(lists, l.slice(1)) ? lists[l.slice(1)] : []);
    return (row) => members.has(row.symbol) && matches(row);
  }
  return matches;
}

/** The order in force: the one asked for, else the list's own. */
export function sortOf({ l = '', sort }) {
  return sort === undefined && l === 'movers' ? { column: 'move', descending: true } : parseSort(sort);
}

/** Whether rows come and go by themselves, so that the list has to be looked at again and again. */
export function isChanging({ l = '' }) {
  return l === 'stale';
}

/** @returns {Record<string, string[]>} with the symbol put in or taken out */
export function toggleMember(lists, name, symbol) {
  const members = Object.hasOwn(lists, name) ? lists[name] : [];
  const changed = members.includes(symbol) ? members.filter((other) => other !== symbol) : [...members, symbol];
  return { ...lists, [name]: changed };
}

/** @returns {string} what is wrong with a name for a list; '' when it is good */
export function nameFault(lists, name) {
  if (name.trim() === '') return 'A list needs a name.';
  if (name.length > 40) return 'At most 40 characters.';
  if (name === '__proto__' || Object.hasOwn(lists, name)) return 'There is a list of this name.';
  return '';
}
