/** Ties the market list together: grid, order, columns, and what of the route and settings they follow. */
import { fitColumns, parseSort, PRESETS, trackSizes } from '../core/columns.js';
import { createFilter } from '../core/order.js';
import { setRecord } from '../core/signal.js';
import { createGrid } from './grid.js';
import { createList } from './list.js';

const ROOM = 24; // padding and scroll bar of a row, px

/** @param {object} parts `shown`: a signal of {columns, count, isHeld} for the words around the grid */
export function createMarkets({ app, grid: element, body, shown }) {
  const { store, route, settings, timeline, frame, now, feed } = app;
  const reduced = matchMedia('(prefers-reduced-motion: reduce)');
  let columns = [];
  let count = 0;
  const grid = createGrid({
    grid: element, body, store, frame, isStarred: app.isStarred,
    mayFlash: () => !reduced.matches && !settings.calm.peek() && feed.state === 'live',
    isSelected: ({ symbol, source }) => {
      const place = route.peek();
      return place.symbol === symbol && (place.source === null || place.source === source);
    },
    onOpen: ({ symbol, source }) => route.go({ symbol, source: hasSeveralSources(symbol) ? source : null }),
  });
  const list = createList({
    store, grid, now, element, body,
    sort: () => parseSort(route.peek().params.sort),
    filter: () => createFilter(route.peek().params.q ?? ''),
    onOrder: (order) => { count = countSymbols(order); show(); },
  });
  const observer = new ResizeObserver(chooseColumns);
  observer.observe(element);
  chooseColumns();
  let last = route.peek();
  const ends = [
    timeline.on('items', () => { list.follow(); grid.markDirty(); }),
    app.onTick(() => { list.follow(); show(); grid.markSlow(); }),
    app.starred.subscribe(grid.markAll),
    settings.columns.subscribe(chooseColumns),
    route.subscribe((place) => {
      if (place.params.sort !== last.params.sort || place.params.q !== last.params.q) list.rank();
      last = place;
      grid.markAll();
    }),
  ];
  list.rank();
  return { end };

  function end() {
    for (const stop of ends) stop();
    observer.disconnect();
    grid.end();
  }

  function chooseColumns() {
    const wanted = settings.columns.peek().length > 0 ? settings.columns.peek() : PRESETS.Compact;
    const fitting = fitColumns(wanted, element.clientWidth - ROOM);
    if (fitting.join() === columns.join()) return;
    columns = fitting;
    element.parentElement.style.setProperty('--columns', trackSizes(columns));
    grid.setColumns(columns);
    show();
  }

  function show() {
    setRecord(shown, { columns, count, isHeld: list.isHeld });
  }

  function hasSeveralSources(symbol) {
    let sources = 0;
    for (const row of store.rows.values()) if (row.symbol === symbol) sources++;
    return sources > 1;
  }
}

function countSymbols(rows) {
  const symbols = new Set();
  for (const row of rows) symbols.add(row.symbol);
  return symbols.size;
}
