/** One maker a column: it fills a cell's element and returns how to paint it. */
import { createPriceCell, createSlotInk, createTextCell, createTextInk, LONG } from './cells.js';
import { formatAge, formatCompact, formatRate, formatRatio, formatSpread, NOTHING, shortenFigure } from '../core/format.js';
import { changeOf, isSimulated, mergeOf, rateOf } from '../core/store.js';

const GLYPHS = { '-1': '▼', 0: '', 1: '▲' };
const LATER = 'What is known of the last 24 hours is of a later moment than the one shown';
const TAGS = { waiting: 'last known', stale: '', live: '', down: 'down', paused: 'paused', ended: 'ended' };

/**
 * @typedef {object} Cell
 * @property {(row) => void} [bind] another row has moved in
 * @property {(row, frame, mayFlash: boolean) => void} [paint] the row's values changed
 * @property {(row, frame, state: string) => void} [age] time has passed
 */

/** @type {Record<string, (element: HTMLElement, flashes: object) => Cell>} */
export const MAKERS = {
  star(element) {
    const write = createTextCell(element);
    return {
      paint(row, { isStarred }) {
        const isOn = isStarred(row.symbol);
        write(isOn ? '★' : '☆');
        element.classList.toggle('on', isOn);
        element.setAttribute('aria-label', isOn ? 'starred' : 'not starred');
      },
    };
  },
  symbol: (element) => textCell(element, (row) => row.symbol, (row) => row.symbol),
  source: (element) => textCell(element, (row) => row.source,
    (row) => (isSimulated(row.source) ? `${row.source}: simulated data` : row.source)),
  last: (element, flashes) => priceCell(element, 'last', 'hasTrade', flashes),
  bid: (element) => priceCell(element, 'bid', 'hasQuote'), // one flash a row is enough
  ask: (element) => priceCell(element, 'ask', 'hasQuote'),
  change(element) {
    const write = createTextCell(add(element, 'span', 'toEnd'));
    let shown;
    return {
      paint(row) {
        const exact = changeOf(row)?.absolute ?? NOTHING;
        if (exact === shown) return;
        shown = exact;
        const short = shortenFigure(exact);
        write(short);
        if (short !== exact) element.title = exact;
        else if (element.title) element.removeAttribute('title');
      },
    };
  },
  percent(element) {
    const glyphElement = add(element, 'span', 'glyph');
    glyphElement.setAttribute('aria-hidden', 'true');
    const glyph = createTextCell(glyphElement);
    const write = createTextCell(add(element, 'span', 'toEnd'));
    return {
      paint(row) {
        const moved = changeOf(row);
        write(moved ? moved.percent : NOTHING);
        glyph(moved ? GLYPHS[moved.direction] : '');
      },
    };
  },
  spark: () => ({}), // drawn on a canvas over all rows
  spread: (element) => figure(element, ({ bid, ask }) => formatSpread(bid, ask)),
  volume(element) {
    const write = createTextCell(add(element, 'span', 'toEnd'));
    return {
      paint({ day }, { store }) {
        write(formatCompact(day?.volume));
        const title = store.isDayLater && day?.volume === undefined ? LATER : '';
        if (element.title !== title) element.title = title;
      },
    };
  },
  rate: (element) => slowFigure(element, (row, now) => formatRate(rateOf(row, now))),
  merged: (element) => slowFigure(element, (row) => formatRatio(mergeOf(row))),
  age(element) {
    const tag = createTextCell(add(element, 'span', 'tag'));
    const since = createTextCell(add(element, 'span', 'since'));
    return {
      age(row, { now, store }, state) {
        since(formatAge(store.ageOf(row, now)));
        tag(TAGS[state] ?? state);
      },
    };
  },
};

function figure(element, textOf) {
  const write = createTextCell(add(element, 'span', 'toEnd'));
  return { paint: (row) => write(textOf(row)) };
}

function slowFigure(element, textOf) {
  const write = createTextCell(add(element, 'span', 'toEnd'));
  return { age: (row, { now }) => write(textOf(row, now)) };
}

function textCell(element, textOf, titleOf) {
  const write = createTextCell(add(element, 'bdi'));
  return {
    bind(row) {
      write(textOf(row));
      element.title = titleOf(row);
    },
  };
}

const NO_FLASHES = { flash() {}, end() {} };

function priceCell(element, name, part, flashes) {
  const ink = flashes ? createSlotInk(element) : createTextInk(element);
  const price = createPriceCell(element, flashes ?? NO_FLASHES, ink, LONG);
  let isOff = false;
  return {
    bind: price.reset,
    paint(row, { now }, mayFlash) {
      price.write(row[name], row.significant, now, mayFlash);
      if (isOff === !row[part]) return;
      isOff = !row[part];
      element.classList.toggle('off', isOff);
    },
  };
}

function add(parent, tag, className = '') {
  const element = parent.appendChild(document.createElement(tag));
  if (className) element.className = className;
  return element;
}
