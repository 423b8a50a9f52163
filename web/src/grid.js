/**
 * The table's hot path. Only the rows in view exist: a pool of elements, each bound to one place modulo
 * the pool's size, so that scrolling by one row binds one row. Every write is made in one
 * animation frame per burst, and only where a text changed.
 */
import { drawOncePerFrame } from './frame.js';
import { createRowView } from './row.js';

const SPARE_ROWS = 4;

/**
 * @param {{grid: HTMLElement, body: HTMLElement, template: HTMLTemplateElement, store: object,
 *   now: () => number, mayFlash: () => boolean}} parts
 */
export function createGrid({ grid, body, template, store, now, mayFlash }) {
  const pool = [];
  let order = [];
  let activeIndex = -1;
  let activeRow = null;
  let rowHeight = 0;
  let headHeight = 0;
  const markDirty = drawOncePerFrame(draw);

  measure();
  new ResizeObserver(measure).observe(grid);
  grid.addEventListener('scroll', markDirty, { passive: true });
  grid.addEventListener('keydown', onKey);
  grid.addEventListener('blur', () => setActive(-1));
  body.addEventListener('pointerdown', onPointer);

  return { markDirty, setOrder, get activeRow() { return activeRow; } };

  function setOrder(newOrder) {
    order = newOrder;
    if (activeRow) activeIndex = order.indexOf(activeRow);
    if (activeIndex < 0) activeRow = null;
    grid.setAttribute('aria-rowcount', String(order.length + 1));
    body.style.height = `${order.length * rowHeight}px`;
    markDirty();
  }

  /** Heights come from the style sheet, which knows about phones, zoom and large text. */
  function measure() {
    rowHeight = probeHeight();
    headHeight = body.offsetTop;
    const wanted = Math.ceil(grid.clientHeight / rowHeight) + SPARE_ROWS;
    while (pool.length < wanted) addRow();
    body.style.height = `${order.length * rowHeight}px`;
    markDirty();
  }

  function probeHeight() {
    const element = document.createElement('div');
    element.style.height = 'var(--row)';
    element.style.position = 'absolute';
    body.append(element);
    const { height } = element.getBoundingClientRect();
    element.remove();
    return height;
  }

  function addRow() {
    const view = createRowView(template, pool.length);
    view.hide();
    body.append(view.element);
    pool.push(view);
  }

  function draw() {
    const frame = { now: now(), mayFlash: mayFlash(), store };
    const first = Math.max(0, Math.floor(grid.scrollTop / rowHeight) - SPARE_ROWS / 2);
    for (let at = 0; at < pool.length; at++) {
      const index = first + at;
      const view = pool[index % pool.length];
      const row = order[index];
      if (!row) {
        view.hide();
        continue;
      }
      view.place(index, rowHeight, index === activeIndex);
      view.paint(row, frame);
    }
    const active = activeIndex < 0 ? null : pool[activeIndex % pool.length];
    if (active && active.row === activeRow) grid.setAttribute('aria-activedescendant', active.element.id);
    else grid.removeAttribute('aria-activedescendant');
  }

  function setActive(index) {
    activeIndex = index < 0 ? -1 : Math.max(0, Math.min(order.length - 1, index));
    activeRow = order[activeIndex] ?? null;
    if (activeRow) scrollIntoView(activeIndex);
    markDirty();
  }

  function scrollIntoView(index) {
    const top = index * rowHeight;
    const viewHeight = grid.clientHeight - headHeight;
    if (top < grid.scrollTop) grid.scrollTop = top;
    else if (top + rowHeight > grid.scrollTop + viewHeight) grid.scrollTop = top + rowHeight - viewHeight;
  }

  function onKey(event) {
    if (event.target !== grid || event.ctrlKey || event.metaKey || event.altKey) return;
    const page = Math.max(1, Math.floor((grid.clientHeight - headHeight) / rowHeight) - 1);
    const steps = { ArrowDown: 1, ArrowUp: -1, PageDown: page, PageUp: -page };
    if (event.key in steps) setActive(activeIndex < 0 ? firstVisible() : activeIndex + steps[event.key]);
    else if (event.key === 'Home') setActive(0);
    else if (event.key === 'End') setActive(order.length - 1);
    else if (event.key === 'Escape') grid.blur();
    else return;
    event.preventDefault();
  }

  function firstVisible() {
    return Math.ceil(grid.scrollTop / rowHeight);
  }

  function onPointer(event) {
    const view = pool.find(({ element }) => element.contains(event.target));
    // A finger scrolls: it must not leave the order held behind it.
    if (view?.row && event.pointerType === 'mouse') setActive(order.indexOf(view.row));
  }
}
