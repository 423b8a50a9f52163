/** Ties the market list together: grid, order, columns, and what of the route and settings they follow. */
import { DEFAULT_COLUMNS, fitColumns, trackSizes } from '../core/columns.js';
import { filterOf, isChanging, sortOf } from '../core/lists.js';
import { setRecord } from '../core/signal.js';
import { createGrid } from './grid.js';
import { createList } from './list.js';
import { createPrefill } from './prefill.js';

const ROOM = 28; // padding and scroll bar of a row, px
/** What a phone's two lines a row have room for. */
const PHONE_COLUMNS = ['star', 'symbol', 'last', 'percent', 'spark', 'age'];
const LOOK_MS = 250; // how often the rows in view are told to the server at most

/** @param {object} parts `shown`: a signal of {columns, count, isHeld} for the words around the grid */
export function createMarkets({ app, grid: element, body, shown }) {
  const { store, route, settings, timeline, frame, now, feed } = app;
  const phone = matchMedia('(max-width: 700px)');
  const reduced = matchMedia('(prefers-reduced-motion: reduce)');
  let columns = [];
  let count = 0;
  const grid = createGrid({
    grid: element, body, store, frame, isStarred: app.isStarred,
    mayFlash: () => !reduced.matches && !settings.calm.peek() && feed.state === 'live',
    isSelected: ({ symbol, source }) => {
      const selected = app.selected.peek();
      return selected?.symbol === symbol && (selected.source === null || selected.source === source);
    },
    onOpen: app.open,
    onStar: app.toggleStar,
  });
  const list = createList({
    store, grid, now, element, body,
    sort: () => sortOf(route.peek().params),
    isStarred: app.isStarred,
    isChanging: () => isChanging(route.peek().params),
    filter: () => filterOf(route.peek().params, {
      isStarred: app.isStarred, lists: settings.lists.peek(), stateOf: (row) => store.stateOf(row, now()),
    }),
    onOrder: (order) => { count = countSymbols(order); show(); },
  });
  const observer = new ResizeObserver(chooseColumns);
  observer.observe(element);
  chooseColumns();
  const past = createPrefill({
    feed, nowUs: () => timeline.nowUs(), onPrices: grid.markSlow,
    isWanted: () => timeline.mode.peek() === 'live' && feed.state === 'live' && columns.includes('spark'),
  });
  let last = route.peek();
  let lookedAt = 0;
  let looked = '';
  const restyle = () => requestAnimationFrame(grid.restyle); // when the style sheets have it
  const dark = matchMedia('(prefers-color-scheme: dark)');
  dark.addEventListener('change', restyle);
  app.activeRow = () => grid.activeRow;
  app.listedRows = () => list.order;
  const ends = [
    timeline.on('items', () => {
      if (app.page.document.hidden) return; // nobody looks; the next tick that is seen catches up
      list.follow();
      grid.markNews();
    }),
    app.onTick(() => { list.follow(); show(); look(); grid.markSlow(); }),
    app.starred.subscribe(() => { if (route.peek().params.l === 'starred') list.rank(); grid.markAll(); }),
    settings.lists.subscribe(() => list.rank()),
    settings.columns.subscribe(chooseColumns),
    settings.theme.subscribe(restyle),
    settings.palette.subscribe(restyle),
    settings.density.subscribe(() => requestAnimationFrame(grid.measure)),
    app.selected.subscribe(grid.markAll),
    route.subscribe((place) => {
      const isOther = ['sort', 'q', 'l'].some((name) => place.params[name] !== last.params[name]);
      if (isOther) {
        if (place.params.l !== last.params.l || place.params.q !== last.params.q) element.scrollTop = 0;
        list.rank();
      }
      last = place;
      grid.markAll();
    }),
    () => dark.removeEventListener('change', restyle),
    () => element.removeEventListener('scroll', onScroll),
  ];
  element.addEventListener('scroll', onScroll, { passive: true });
  list.rank();
  return { end };

  function onScroll() {
    if (now() - lookedAt > LOOK_MS) look();
  }

  /** Says which rows are in view, when they are others. */
  function look() {
    lookedAt = now();
    past.want(grid.visible);
    const symbols = [...new Set(grid.visible.map(({ symbol }) => symbol))];
    if (symbols.join('\n') === looked) return;
    looked = symbols.join('\n');
    app.interest.look(symbols);
  }

  function end() {
    for (const stop of ends) stop();
    observer.disconnect();
    grid.end();
    app.activeRow = () => null;
    app.listedRows = () => [];
    app.interest.look([]);
  }

  function chooseColumns() {
    const wanted = settings.columns.peek().length > 0 ? settings.columns.peek() : DEFAULT_COLUMNS;
    const fitting = phone.matches ? PHONE_COLUMNS : fitColumns(wanted, element.clientWidth - ROOM);
    if (fitting.join() === columns.join()) return;
    columns = fitting;
    element.parentElement.style.setProperty('--columns', trackSizes(columns));
    grid.setColumns(columns);
    show();
  }

  function show() {
    setRecord(shown, { columns, count, isHeld: list.isHeld });
  }
}

function countSymbols(rows) {
  const symbols = new Set();
  for (const row of rows) symbols.add(row.symbol);
  return symbols.size;
}
