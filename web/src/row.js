/** One pooled row: elements made once, shown for whichever row of the store is at its place. */
import { createPriceCell, createTextCell } from './cells.js';
import { formatAge, NOTHING } from './format.js';
import { changeOf, isSimulated } from './store.js';

const GLYPHS = { '-1': '▼', 0: '', 1: '▲' };
const DIRECTIONS = { '-1': 'fell', 0: 'same', 1: 'rose' };
const TAGS = { waiting: 'last known', stale: '', live: '', down: 'down', paused: 'paused', ended: 'ended' };

/** @param {HTMLTemplateElement} template @param {number} number makes the element's id unique */
export function createRowView(template, number) {
  const element = template.content.firstElementChild.cloneNode(true);
  element.id = `row${number}`;
  const cell = (name) => element.querySelector(`.${name}`);
  const symbolElement = cell('symbol');
  const sourceElement = cell('source');
  const changeElement = cell('change');
  const percentElement = cell('percent');
  const symbol = createTextCell(symbolElement.firstElementChild);
  const source = createTextCell(sourceElement.firstElementChild);
  const tag = createTextCell(cell('tag'));
  const change = createTextCell(changeElement);
  const glyph = createTextCell(percentElement.firstElementChild);
  const percent = createTextCell(percentElement.lastElementChild);
  const age = createTextCell(cell('since'));
  const prices = ['last', 'bid', 'ask'].map((name) => ({
    name,
    element: cell(name),
    part: name === 'last' ? 'hasTrade' : 'hasQuote',
    ...createPriceCell(cell(name)),
  }));
  let row = null;
  let version = -1;
  let index = -1;
  const shown = {};

  return { element, paint, place, hide, get row() { return row; } };

  /** Puts the row at `index`; the pool's rows are positioned by transform only. */
  function place(newIndex, rowHeight, isActive) {
    setData('active', isActive ? 'true' : '');
    const top = newIndex * rowHeight;
    if (index === newIndex && shown.top === top) return;
    index = newIndex;
    shown.top = top;
    element.style.transform = `translateY(${top}px)`;
    element.setAttribute('aria-rowindex', String(newIndex + 2));
    element.hidden = false;
  }

  function hide() {
    row = null;
    index = -1;
    element.hidden = true;
  }

  /** @param {{now: number, mayFlash: boolean, store: object}} frame */
  function paint(newRow, frame) {
    const isOther = row !== newRow;
    if (isOther) bind(newRow);
    if (isOther || version !== row.version) paintPrices(frame, frame.mayFlash && !isOther);
    age(formatAge(frame.store.ageOf(row, frame.now)));
    const state = frame.store.stateOf(row, frame.now);
    setData('row', state);
    tag(TAGS[state] ?? state);
  }

  function bind(newRow) {
    row = newRow;
    symbol(row.symbol);
    symbolElement.title = row.symbol;
    source(row.source);
    sourceElement.title = isSimulated(row.source) ? `${row.source}: simulated data` : row.source;
    for (const price of prices) price.reset();
  }

  function paintPrices({ now }, mayFlash) {
    version = row.version;
    for (const price of prices) {
      price.write(row[price.name], row.significant, now, mayFlash);
      setClass(price.element, `off-${price.name}`, !row[price.part]);
    }
    const moved = changeOf(row);
    change(moved ? moved.absolute : NOTHING);
    percent(moved ? moved.percent : NOTHING);
    glyph(moved ? GLYPHS[moved.direction] : '');
    setData('change', moved ? DIRECTIONS[moved.direction] : 'same');
  }

  function setClass(target, name, isOn) {
    if (shown[name] === isOn) return;
    shown[name] = isOn;
    target.classList.toggle('off', isOn);
  }

  function setData(name, value) {
    if (shown[name] === value) return;
    shown[name] = value;
    if (value === '') delete element.dataset[name];
    else element.dataset[name] = value;
  }
}
