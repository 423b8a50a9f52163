/**
 * A list of trades, newest first, of which only the rows in view exist. A row keeps its trade as long as
 * it is seen: when others come it is only moved, so that a new trade costs one row of text.
 *
 * The list stands still while the reader looks at it closely: pointer over it, scrolled down, focus in
 * it, or held by the button. What comes meanwhile is counted.
 */
import { createTextCell } from './cells.js';
import { NOTHING, trimPrice } from '../core/format.js';

const SPARE_ROWS = 4;
const GLYPHS = { '-1': '▼', 0: '', 1: '▲' };
const MOVES = { '-1': 'fell', 0: 'same', 1: 'rose' };

/**
 * @param {{scroller: HTMLElement, body: HTMLElement, tape: object, columns: string[],
 *   onHold?: (hold: {isHeld: boolean, behind: number}) => void, onPick?: (item: object) => void}} parts
 *   `columns` of: time, second (the same, shorter), symbol, source, price, size, side; the first carries marks
 */
export function createTapeList({ scroller, body, tape, columns, onHold = () => {}, onPick }) {
  const pool = [];
  let rowHeight = 0;
  let generation = -1;
  let heldAt = -1; // how many there were when it was held; -1: it moves
  let isPointed = false;
  let isFocused = false;
  let isPinned = false; // by the button
  let scrolled = 0; // px; to ask the element while drawing would lay out the page twice a frame
  let told = '';
  const observer = new ResizeObserver(measure);
  observer.observe(scroller);
  const listeners = {
    pointerenter: (event) => { if (event.pointerType === 'mouse') { isPointed = true; draw(); } },
    pointerleave: () => { isPointed = false; draw(); },
    focus: () => { isFocused = scroller.matches(':focus-visible'); draw(); },
    blur: () => { isFocused = false; draw(); },
    scroll: () => { scrolled = scroller.scrollTop; draw(); },
    click: pick,
  };
  for (const [name, listener] of Object.entries(listeners)) scroller.addEventListener(name, listener, { passive: true });
  measure();
  return { draw, pin, toTop, end, get isHeld() { return heldAt >= 0; } };

  function end() {
    observer.disconnect();
    for (const [name, listener] of Object.entries(listeners)) scroller.removeEventListener(name, listener);
  }

  /** Holds it, or lets it go, whatever the pointer does. */
  function pin(isOn) {
    isPinned = isOn;
    if (!isOn) {
      isPointed = false;
      isFocused = false;
      toTop();
      return;
    }
    draw();
  }

  function toTop() {
    scroller.scrollTop = 0;
    scrolled = 0;
    draw();
  }

  function measure() {
    const probe = body.appendChild(document.createElement('div'));
    probe.className = 'trade';
    rowHeight = probe.getBoundingClientRect().height || 24;
    probe.remove();
    scrolled = scroller.scrollTop;
    const wanted = Math.ceil(scroller.clientHeight / rowHeight) + SPARE_ROWS;
    while (pool.length < wanted) pool.push(createRow(body, columns));
    draw();
  }

  function draw() {
    if (generation !== tape.generation) {
      generation = tape.generation;
      heldAt = -1;
      for (const row of pool) row.hide();
    }
    const total = tape.offset + tape.matching.length;
    const isHeld = isPinned || isPointed || isFocused || scrolled > rowHeight / 2;
    if (isHeld && heldAt < 0) heldAt = total;
    if (!isHeld) heldAt = -1;
    const count = heldAt < 0 ? total : Math.max(heldAt, tape.offset);
    const height = `${(count - tape.offset) * rowHeight}px`;
    if (body.style.height !== height) body.style.height = height;
    const first = Math.max(0, Math.floor(scrolled / rowHeight) - SPARE_ROWS / 2);
    for (const row of pool) row.isUsed = false;
    for (let at = 0; at < pool.length; at++) {
      const number = count - 1 - first - at; // from the oldest of this generation
      if (number < tape.offset) break;
      pool[number % pool.length].show(tape.matching[number - tape.offset], first + at, rowHeight);
    }
    for (const row of pool) if (!row.isUsed) row.hide();
    tell(isHeld, total - count);
  }

  function tell(isHeld, behind) {
    const text = `${isHeld} ${behind}`;
    if (text === told) return;
    told = text;
    onHold({ isHeld, behind });
  }

  function pick(event) {
    const row = pool.find(({ element }) => element.contains(event.target));
    if (row?.entry?.item) onPick?.(row.entry.item);
  }
}

/** One pooled row. */
function createRow(body, columns) {
  const element = body.appendChild(document.createElement('div'));
  element.className = 'trade';
  element.setAttribute('role', 'row');
  element.hidden = true;
  const cells = Object.fromEntries(columns.map((name) => [name, createCell(element, name)]));
  let top = -1;
  const shown = {};
  const row = {
    element,
    isUsed: false,
    entry: null,
    show(entry, index, rowHeight) {
      row.isUsed = true;
      if (row.entry !== entry) fill(entry);
      if (top !== index * rowHeight) {
        top = index * rowHeight;
        element.style.transform = `translateY(${top}px)`;
        element.setAttribute('aria-rowindex', String(index + 2));
      }
    },
    hide() {
      if (row.entry === null) return;
      row.entry = null;
      element.hidden = true;
    },
  };
  return row;

  function fill(entry) {
    if (row.entry === null) element.hidden = false;
    row.entry = entry;
    const { item, direction, text } = entry;
    setData('mark', item ? '' : 'true');
    setData('move', item ? MOVES[direction] : '');
    setData('side', item?.side ?? '');
    for (const name of columns) cells[name](item ? textOf(entry, name) : name === columns[0] ? text : '');
    const passed = item?.skipped > 0 ? `${item.skipped} before it were passed over` : '';
    if (element.title !== passed) element.title = passed;
    setData('skipped', passed ? 'true' : '');
  }

  function setData(name, value) {
    if (shown[name] === value) return;
    shown[name] = value;
    if (value === '') delete element.dataset[name];
    else element.dataset[name] = value;
  }
}

function createCell(row, name) {
  const element = row.appendChild(document.createElement('div'));
  element.className = name;
  element.setAttribute('role', 'cell');
  if (name === 'symbol' || name === 'source') return createTextCell(element.appendChild(document.createElement('bdi')));
  if (name !== 'price') return createTextCell(element);
  const glyph = element.appendChild(document.createElement('span'));
  glyph.className = 'glyph';
  glyph.setAttribute('aria-hidden', 'true');
  const writeGlyph = createTextCell(glyph);
  const writePrice = createTextCell(element.appendChild(document.createElement('span')));
  return (value) => {
    const [mark, text] = value === '' ? ['', ''] : value;
    writeGlyph(mark);
    writePrice(text);
  };
}

function textOf({ item, direction, priceDigits, sizeDigits }, name) {
  switch (name) {
    case 'time': return formatClock(item.recv ?? item.ts);
    case 'second': return formatClock(item.recv ?? item.ts).slice(0, 8);
    case 'symbol': return item.symbol;
    case 'source': return item.source;
    case 'price': return [GLYPHS[direction], trimPrice(item.price, priceDigits)];
    case 'size': return item.size === undefined ? NOTHING : trimPrice(item.size, sizeDigits);
    default: return item.side ?? NOTHING;
  }
}

/** µs → "10:31:07.412", UTC. */
export function formatClock(us) {
  const date = new Date(Math.floor(us / 1000));
  return us === undefined || Number.isNaN(date.getTime()) ? NOTHING : date.toISOString().slice(11, 23);
}
