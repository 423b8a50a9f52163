/** One pooled row: elements made once, shown for whichever row of the store is at its place. */
import { COLUMNS } from '../core/columns.js';
import { changeOf } from '../core/store.js';
import { MAKERS } from './cell_makers.js';

const DIRECTIONS = { '-1': 'fell', 0: 'same', 1: 'rose' };
/** No text changes more often: ten times a second is already more than an eye reads. */
const PAINT_GAP_MS = 95;

/** @param {string[]} columns @param {number} number makes the element's id unique @param {object} flashes see flash.js */
export function createRowView(columns, number, flashes) {
  const element = document.createElement('div');
  element.className = 'row';
  element.id = `row${number}`;
  element.setAttribute('role', 'row');
  const cells = columns.map((name, at) => {
    const cell = element.appendChild(document.createElement('div'));
    cell.className = COLUMNS[name].isText ? name : `${name} num`;
    cell.setAttribute('role', 'gridcell');
    cell.setAttribute('aria-colindex', String(at + 1));
    return MAKERS[name](cell, flashes);
  });
  let row = null;
  let version = -1;
  let paintedAt = -Infinity;
  let index = -1;
  const shown = {};

  return { element, paint, place, hide, get row() { return row; }, get state() { return shown.row; } };

  /** Puts the row at `index`; the pool's rows are positioned by transform only. */
  function place(newIndex, rowHeight, { isActive, isSelected }) {
    setData('active', isActive ? 'true' : '');
    if (shown.selected !== isSelected) {
      shown.selected = isSelected;
      element.setAttribute('aria-selected', String(isSelected));
    }
    const top = newIndex * rowHeight;
    if (index === newIndex && shown.top === top) return;
    index = newIndex;
    shown.top = top;
    element.style.transform = `translateY(${top}px)`;
    element.setAttribute('aria-rowindex', String(newIndex + 2));
    element.hidden = false;
  }

  function hide() {
    if (index < 0 && element.hidden) return;
    row = null;
    index = -1;
    element.hidden = true;
  }

  /**
   * @param {{now: number, mayFlash: boolean, isSlow: boolean, isAll: boolean, store: object}} frame
   *   `isSlow`: ages are due
   * @param {boolean} [isUrgent] news are due at once
   * @returns {boolean} false: it has news that are not due yet
   */
  function paint(newRow, frame, isUrgent = false) {
    const isOther = row !== newRow;
    const isNews = isOther || version !== newRow.version || frame.isAll;
    const isDue = isUrgent || isOther || frame.isAll || frame.now - paintedAt >= PAINT_GAP_MS;
    if (!frame.isSlow && !(isNews && isDue)) return !isNews;
    if (isOther) bind(newRow);
    if (isNews && isDue) paintValues(frame, frame.mayFlash && !isOther);
    const state = frame.store.stateOf(row, frame.now);
    setData('row', state);
    for (const cell of cells) cell.age?.(row, frame, state);
    return isDue || !isNews;
  }

  function bind(newRow) {
    row = newRow;
    for (const cell of cells) cell.bind?.(row);
  }

  function paintValues(frame, mayFlash) {
    version = row.version;
    paintedAt = frame.now;
    for (const cell of cells) cell.paint?.(row, frame, mayFlash);
    const moved = changeOf(row);
    setData('change', moved ? DIRECTIONS[moved.direction] : 'same');
  }

  function setData(name, value) {
    if (shown[name] === value) return;
    shown[name] = value;
    if (value === '') delete element.dataset[name];
    else element.dataset[name] = value;
  }
}
