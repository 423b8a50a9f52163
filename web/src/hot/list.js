/**
 * Keeps the grid's order: ranks when the reader asks, follows live values at most once a second, and
 * holds still while the pointer or the keyboard is in the table: nothing moves under a finger.
 */
import { COLUMNS } from '../core/columns.js';
import { holdOrder, rankRows } from '../core/order.js';

const RANK_MS = 1000;

/**
 * @param {object} parts
 * @param {() => {column: string, descending: boolean}} parts.sort
 * @param {() => (row) => boolean} parts.filter which rows belong
 * @param {(order: object[]) => void} parts.onOrder
 */
export function createList({ store, grid, sort, filter, isStarred, isChanging, now, element, body, onOrder }) {
  let order = [];
  let membership = -1;
  let rankedAt = -Infinity;
  let isPointed = false;
  body.addEventListener('pointerenter', (event) => { isPointed = event.pointerType === 'mouse'; });
  body.addEventListener('pointerleave', () => { isPointed = false; });

  return { rank, follow, get order() { return order; }, get isHeld() { return isLive() && isHeld(); } };

  function rank() {
    const at = now();
    const rows = [...store.rows.values()].filter(filter());
    show(rankRows(rows, sort(), { now: at, isStarred, ageOf: (row) => store.ageOf(row, at) }));
    rankedAt = at;
  }

  /** Call after every burst: cheap unless rows came or went or a second is over. */
  function follow() {
    const hasChanged = membership !== store.membership;
    const isDue = now() - rankedAt >= RANK_MS;
    if (isHeld()) {
      if (hasChanged) show(holdOrder(order, store.rows.values(), filter()));
    } else if ((hasChanged && (isDue || order.length === 0)) || (isDue && isLive())) {
      rank();
    }
  }

  function show(newOrder) {
    order = newOrder;
    membership = store.membership;
    grid.setOrder(order);
    onOrder(order);
  }

  function isLive() {
    return COLUMNS[sort().column].isLive || isChanging();
  }

  function isHeld() {
    return isPointed || (document.activeElement === element && grid.activeRow !== null);
  }
}
