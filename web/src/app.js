/** Wiring: client → store → grid, and the words around the table. */
import { connect } from '../client/pricecast.js';
import { createFilterBox } from './filter.js';
import { formatTime } from './format.js';
import { createGrid } from './grid.js';
import { createHeader } from './header.js';
import { createList } from './list.js';
import { createPanels } from './panels.js';
import { createSnippet } from './snippet.js';
import { describeConnection } from './status.js';
import { createStore } from './store.js';

const TICK_MS = 500; // ages, countdowns, counters
const SUBSCRIPTION = { symbols: ['*'], mode: 'latest', maxRate: 10, snapshot: true };

const byId = (id) => document.getElementById(id);
const now = () => performance.now();
const calm = matchMedia('(prefers-reduced-motion: reduce)');
const socketUrl = new URL('ws', location.href);
socketUrl.protocol = location.protocol === 'https:' ? 'wss:' : 'ws:';
socketUrl.search = socketUrl.hash = '';

const store = createStore();
let isReplay = false;
let counted = 0;
const feed = connect(socketUrl.href);
feed.subscribe(SUBSCRIPTION);

const grid = createGrid({
  grid: byId('grid'), body: byId('rows'), template: byId('rowTemplate'), store, now,
  mayFlash: () => !calm.matches && feed.state === 'live',
});
const header = createHeader(byId('grid'), () => list.rank());
const filter = createFilterBox(byId('filter'), () => list.rank());
const list = createList({ store, grid, header, filter, now, element: byId('grid'), body: byId('rows') });
const panels = createPanels(byId);
createSnippet({ code: byId('snippet'), button: byId('copy') }, socketUrl.href);
byId('action').addEventListener('click', () => feed.retry());
byId('emptyAction').addEventListener('click', () => { filter.clear(); byId('filter').focus(); });

feed.on('state', ({ from, to }) => {
  if (to === 'reconnecting' && from !== to) store.unconfirmRows(now(), { isNewEpoch: false });
  if (to === 'live' && from !== 'stalled') store.awaitConfirmation(now());
  panels.showState(to, from, describe(to));
  refresh();
});
feed.on('hello', (hello) => {
  store.feeds.clear();
  isReplay = hello.mode === 'replay';
  store.setServer({ isReplay, serverNow: () => feed.serverNow() });
  if (hello.isNewEpoch) store.unconfirmRows(now(), { isNewEpoch: true });
  panels.showServer(hello);
});
feed.on('reset', ({ epoch }) => {
  store.unconfirmRows(now(), { isNewEpoch: true });
  panels.showServer({ epoch });
});
feed.on('feed', ({ source, state }) => {
  store.setFeedState(source, state);
  refresh();
});
feed.on('gap', () => { store.gaps++; });
feed.on('subscribed', ({ rejected }) => {
  if (!rejected?.length) return;
  panels.showError({ message: `subscription refused (${rejected[0].code})` }, now());
});
feed.on('error', (error) => panels.showError(error, now()));
feed.on('items', ({ items }) => {
  store.applyItems(items, now());
  if (!document.hidden && counted !== store.membership) refresh(); // rows came: the words must agree
  else if (!document.hidden) list.follow();
  grid.markDirty(); // a hidden page gets no frames: the burst waits for the reader
});

setInterval(() => { if (!document.hidden) refresh(); }, TICK_MS);
document.addEventListener('visibilitychange', () => { if (!document.hidden) refresh(); });
refresh();

/** What changes with time alone; prices do not wait for it. */
function refresh() {
  if (feed.state === 'live') store.removeUnconfirmed(now());
  counted = store.membership;
  list.follow();
  panels.showConnection(describe(feed.state));
  const { order, isHeld } = list;
  const clock = store.newestUs === undefined ? '' : formatTime(store.newestUs);
  panels.showCounts({ store, order, isHeld, now: now(), clock });
  panels.showEmpty({
    state: feed.state, total: store.rows.size, shown: order.length, filter: filter.text,
  });
  grid.markDirty();
}

function describe(state) {
  return describeConnection(state, {
    ...feed.details, now: now(), isReplay, host: location.host, rttMs: feed.rttMs, silentMs: feed.silentMs,
  });
}
