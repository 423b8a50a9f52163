/**
 * The table's hot path. Only the rows in view exist: a pool of elements, each bound to one place modulo
 * the pool's size, so that scrolling by one row binds one row. Every write is made in one
 * animation frame per burst, and only where a text changed.
 */
import { createFlashes } from './flash.js';
import { createRowView } from './row.js';
import { createSparks } from './spark.js';

const SPARE_ROWS = 4;

/**
 * @param {object} parts
 * @param {HTMLElement} parts.grid scrolls, has the focus @param {HTMLElement} parts.body the rows' parent
 * @param {object} parts.store @param {object} parts.frame the page's animation frame
 * @param {() => boolean} parts.mayFlash @param {(symbol: string) => boolean} parts.isStarred
 * @param {(row) => boolean} parts.isSelected whether the detail panel shows it
 * @param {(row) => void} parts.onOpen Enter or a click
 * @param {(symbol: string) => void} parts.onStar a click on the star
 */
export function createGrid({ grid, body, store, frame, mayFlash, isStarred, isSelected, onOpen, onStar }) {
  let pool = [];
  let columns = [];
  let order = [];
  let activeIndex = -1;
  let activeRow = null;
  let rowHeight = 0;
  let headHeight = 0;
  let isSlow = true;
  let isAll = true;
  let sparkedFirst = -1;
  let sparksDue = true;
  let scrolled = 0; // px; to ask the element while drawing would lay out the page twice a frame
  const sparks = createSparks(body);
  let fade = null; // with the next frame
  const flashes = createFlashes({
    setTimeout: (fire, ms) => setTimeout(() => { fade = fire; drawing.markNews(); }, ms), now: () => performance.now(),
  });
  const drawing = frame.add(draw);
  const observer = new ResizeObserver(measure);
  const stop = new AbortController();
  const options = { signal: stop.signal };
  grid.addEventListener('scroll', onScroll, { passive: true, ...options });
  grid.addEventListener('keydown', onKey, options);
  grid.addEventListener('blur', () => setActive(-1), options);
  body.addEventListener('click', onClick, options);

  return {
    markNews: drawing.markNews, markSlow, markAll, restyle, measure, setOrder, setColumns, end,
    get activeRow() { return activeRow; },
    get visible() { return visibleRows(); },
  };

  function end() {
    stop.abort();
    observer.disconnect();
    drawing.end();
    body.replaceChildren();
  }

  function onScroll() {
    scrolled = grid.scrollTop;
    drawing.mark();
  }

  /** Ages and states are due again. */
  function markSlow() {
    isSlow = true;
    drawing.mark();
  }

  /** Something besides prices changed: stars, the selected row. */
  function markAll() {
    isAll = true;
    markSlow();
  }

  /** Colours are others. */
  function restyle() {
    placeSparks();
    markAll();
  }

  function setColumns(names) {
    columns = names;
    body.replaceChildren();
    pool = [];
    measure();
    observer.observe(grid);
  }

  function setOrder(newOrder) {
    order = newOrder;
    if (activeRow) activeIndex = order.indexOf(activeRow);
    if (activeIndex < 0) activeRow = null;
    grid.setAttribute('aria-rowcount', String(order.length + 1));
    body.style.height = `${order.length * rowHeight}px`;
    sparksDue = true;
    drawing.mark();
  }

  /** Heights come from the style sheet, which knows about phones, zoom and large text. */
  function measure() {
    rowHeight = probeHeight();
    headHeight = body.offsetTop;
    scrolled = grid.scrollTop;
    const wanted = Math.ceil(grid.clientHeight / rowHeight) + SPARE_ROWS;
    while (pool.length < wanted) addRow();
    body.style.height = `${order.length * rowHeight}px`;
    placeSparks();
    markSlow();
  }

  /** The rows are as wide as the header, and laid out alike. */
  function placeSparks() {
    if (pool.length === 0) return;
    const { element } = pool[0];
    const isHidden = element.hidden;
    element.hidden = false;
    const cell = element.querySelector('.spark');
    sparks.place(cell && { left: cell.offsetLeft, width: cell.offsetWidth }, rowHeight, pool.length);
    element.hidden = isHidden;
    sparksDue = true;
  }

  function probeHeight() {
    const element = document.createElement('div');
    element.style.height = 'var(--row)';
    element.style.position = 'absolute';
    body.append(element);
    const { height } = element.getBoundingClientRect();
    element.remove();
    return height || 1;
  }

  function addRow() {
    const view = createRowView(columns, pool.length, flashes);
    view.element.hidden = true;
    body.append(view.element);
    pool.push(view);
  }

  function draw(now) {
    fade?.();
    fade = null;
    if (pool.length === 0) return;
    const facts = { now, mayFlash: mayFlash(), isSlow, isAll, isStarred, store };
    sparksDue ||= isSlow;
    isSlow = false;
    isAll = false;
    let isPending = false;
    const first = Math.max(0, Math.floor(scrolled / rowHeight) - SPARE_ROWS / 2);
    for (let at = 0; at < pool.length; at++) {
      const index = first + at;
      const view = pool[index % pool.length];
      const row = order[index];
      if (!row) {
        view.hide();
        continue;
      }
      const isOpen = isSelected(row); // its price stands elsewhere, too: both change in the same frame
      view.place(index, rowHeight, { isActive: index === activeIndex, isSelected: isOpen });
      if (!view.paint(row, facts, isOpen)) isPending = true;
    }
    if (isPending) drawing.markNews();
    if (sparksDue || first !== sparkedFirst) drawSparks(first, now);
    const active = activeIndex < 0 ? null : pool[activeIndex % pool.length];
    if (active && active.row === activeRow) grid.setAttribute('aria-activedescendant', active.element.id);
    else grid.removeAttribute('aria-activedescendant');
  }

  function drawSparks(first, now) {
    sparksDue = false;
    sparkedFirst = first;
    sparks.draw(order.slice(first, first + pool.length), first, (row) => store.stateOf(row, now) === 'live');
  }

  function visibleRows() {
    const first = Math.max(0, Math.floor(grid.scrollTop / rowHeight));
    return order.slice(first, first + Math.ceil((grid.clientHeight - headHeight) / rowHeight) + 1);
  }

  function setActive(index) {
    activeIndex = index < 0 ? -1 : Math.max(0, Math.min(order.length - 1, index));
    activeRow = order[activeIndex] ?? null;
    if (activeRow) scrollIntoView(activeIndex);
    drawing.mark();
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
    else if (event.key === 'Enter' && activeRow) onOpen(activeRow);
    else if (event.key === 'Escape' && activeRow) setActive(-1);
    else return;
    event.preventDefault();
  }

  function firstVisible() {
    return Math.ceil(grid.scrollTop / rowHeight);
  }

  function onClick(event) {
    const view = pool.find(({ element }) => element.contains(event.target));
    if (!view?.row) return;
    if (event.target.closest('.star')) {
      onStar(view.row.symbol);
      return;
    }
    setActive(order.indexOf(view.row));
    onOpen(view.row);
  }
}
