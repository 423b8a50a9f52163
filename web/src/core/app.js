/**
 * The dashboard without its screen: client → timeline → store, and what all views share. Everything of
 * the browser is passed in.
 */
import { describeConnection, describeRecovery } from './status.js';
import { createAlertDesk } from './alertdesk.js';
import { createDays } from './days.js';
import { fetchAllCode } from './code.js';
import { createInterest } from './interest.js';
import { createKeys } from './keys.js';
import { createRoute } from './route.js';
import { createSettings } from './settings.js';
import { computed, setRecord, signal } from './signal.js';
import { createStore, isSimulated } from './store.js';
import { createTimeLink } from './timelink.js';
import { createTimeline } from './timeline.js';
import { formatCount, formatTime } from './format.js';
import { Listeners } from '../../client/listeners.js';

const TICK_MS = 500; // ages, countdowns, counters
const RATE_WINDOW_MS = 2000;
const ERROR_MS = 10_000;
const SLOW_CONNECT_MS = 3000;
const JUDGE_MS = 1000;
const JUDGE_FROM_MS = 3000; // loading is work, too, but not of the kind that calming helps with
const RECOVERY_MS = 500;
const WIDE = '(min-width: 1100px)';
const QUIET_MS = 10_000; // after which the page has all it needs, and fetches what it may need
const TOAST_MS = 6000;
const TOASTS_MAX = 4;
const OUTAGES_MAX = 50;
const MODES = { replay: 'Replay', live: 'Live data' };

/**
 * @param {object} parts
 * @param {import('../../client/pricecast.js').Feed} parts.feed
 * @param {object} parts.frame the page's animation frame, see hot/frame.js
 * @param {Storage|null} parts.storage
 * @param {{location: Location, history: History, document: Document, addEventListener: Function,
 *   matchMedia: Function, setInterval: Function, setTimeout: Function, clearTimeout: Function}} parts.page
 * @param {string} parts.socketUrl for people to copy
 * @param {() => number} parts.now monotonic ms @param {() => number} parts.wallNow ms since 1970
 */
export function createApp({ feed, frame, storage, page, socketUrl, now, wallNow }) {
  const settings = createSettings(storage);
  const route = createRoute(page);
  const timeline = createTimeline({ feed, now, wallNow, isHidden: () => page.document.hidden });
  const store = createStore();
  const keys = createKeys({ isLetters: () => settings.letters.peek() });
  const interest = createInterest({ feed, isHidden: () => page.document.hidden });
  const ticks = new Listeners();
  const samples = [];
  const startedAt = now();
  let error = null;
  let lastToast = 0;
  let workedMs = 0; // in animation frames
  let judged = { at: startedAt, worked: 0, busy: 0, items: 0 };
  let isDrawn = false; // the first rows are on the screen: what they need not wait for may begin
  let recovery = null; // of the last reconnect, until it is told
  let lostUs; // the screen's clock when the connection was lost

  const app = {
    feed, frame, settings, route, timeline, store, keys, interest, page, socketUrl, now, wallNow,
    /** The state of the connection and its words, see status.js. */
    connection: signal(null),
    /** What the server said about itself: {server, mode, epoch}. */
    server: signal({ server: '', mode: '', epoch: '' }),
    /** What kind of data is shown: {kind: 'live'|'simulated'|'replay', text, clock}. */
    data: signal({ kind: '', text: '', clock: '' }),
    /** {symbols, rows, stale, eventsPerS, itemsPerS}; symbols and rows are of all that is known. */
    counts: signal({ symbols: 0, rows: 0, stale: 0, eventsPerS: 0, itemsPerS: 0 }),
    /** The symbol that the detail panel shows: {symbol, source}, or null. */
    selected: signal(null),
    /** There is room for list and detail beside each other. */
    isWide: signal(false),
    /** Words about what is wrong though the connection is not: feeds, gaps, refusals. */
    problems: signal([]),
    /** Grows twice a second while the page is seen: ages are due. */
    tick: signal(0),
    /** 'waiting' | 'empty' | 'rows' */
    content: signal('waiting'),
    /** Spans of which this page has missed something, µs, newest last: {from, to}. */
    outages: [],
    /** A span that the chart shall bring into view, {from, to} in µs, until it has. */
    moment: signal(null),
    /** Still connecting after some seconds. */
    isSlowToConnect: signal(false),
    toasts: signal([]),
    spoken: signal(''),
    dialog: signal(null), // name of the open one: 'palette' | 'keys' | 'settings' | …
    toast, dismiss, say, refresh, start, open, showMoment,
    /** The row of the list that the keyboard is on, or null. */
    activeRow: () => null,
    /** The rows of the list, in its order. */
    listedRows: () => [],
    onTick: (listener) => ticks.add('tick', listener),
    isStarred: (symbol) => starred.peek().has(symbol),
    toggleStar,
  };
  let favourite = null; // what is open though nobody has chosen
  const starred = computed(() => new Set(settings.starred.value));
  app.starred = starred;
  app.alerts = createAlertDesk({ settings, timeline, page, onFired });

  feed.on('state', (change) => {
    if (change.to === 'reconnecting' && change.from !== 'reconnecting') lostUs = timeline.edgeUs() - feed.silentMs * 1000;
    timeline.take({ type: 'state', ...change });
    showConnection();
    if (change.to !== change.from) say(app.connection.peek().spoken);
    refresh();
  });
  feed.on('hello', (hello) => timeline.take({ type: 'hello', hello }));
  feed.on('reset', (reset) => timeline.take({ ...reset, type: 'reset' }));
  feed.on('feed', (state) => timeline.take({ ...state, type: 'feed' }));
  feed.on('gap', (gap) => {
    if (gap.reason === 'lost') noteOutage();
    timeline.take({ type: 'gap', gap });
  });
  feed.on('resumed', (resumed) => {
    timeline.take({ type: 'resumed', resumed });
    noteRecovery(resumed);
  });
  feed.on('gap', (gap) => { if (gap.reason !== 'sequence') noteRecovery({ recovered: 0, ...gap }); });
  feed.on('items', (batch) => timeline.take({ type: 'items', ...batch }));
  feed.on('error', showError);
  feed.on('subscribed', ({ rejected }) => {
    if (rejected?.length) showError({ message: `subscription refused (${rejected[0].code})` });
  });

  timeline.on('state', ({ from, to }) => {
    if ((to === 'reconnecting' || to === 'closed') && from !== to) store.unconfirmRows(now(), { isNewEpoch: false });
    if (to === 'live' && from !== 'stalled') store.awaitConfirmation(now());
  });
  timeline.on('hello', ({ hello }) => {
    store.feeds.clear();
    store.setServer({
      isReplay: hello.mode === 'replay', clockMs: () => timeline.nowUs() / 1000, speed: () => timeline.speed,
    });
    if (hello.isNewEpoch) store.unconfirmRows(now(), { isNewEpoch: true });
    app.server.value = { server: hello.server, mode: hello.mode, epoch: hello.epoch };
  });
  timeline.on('reset', ({ epoch, reason }) => {
    if (reason !== 'rewind') app.outages = []; // other times
    store.unconfirmRows(now(), { isNewEpoch: true });
    app.server.value = { ...app.server.peek(), epoch };
  });
  timeline.on('feed', ({ source, state }) => {
    store.setFeedState(source, state);
    refresh();
  });
  timeline.on('gap', () => { store.gaps++; });
  timeline.on('items', ({ items }) => {
    const { membership } = store;
    store.applyItems(items, now());
    if (!page.document.hidden && membership !== store.membership) refresh(); // rows came: the words must agree
  });
  const days = createDays({ feed, timeline, store, now });
  const timeLink = createTimeLink({
    route, timeline, toast, showMoment, isKnown: () => feed.state === 'live' && store.rows.size > 0,
    setTimeout: (fire, ms) => page.setTimeout(fire, ms), clearTimeout: (id) => page.clearTimeout(id),
  });
  return app;

  /** Call once, when the screen stands. */
  function start() {
    showConnection();
    page.document.addEventListener('keydown', keys.handle);
    app.alerts.start();
    page.document.addEventListener('visibilitychange', () => {
      interest.follow();
      if (page.document.hidden) return;
      timeline.wake();
      refresh();
    });
    frame.watch((ms) => {
      workedMs += ms;
      if (isDrawn || store.rows.size === 0) return;
      isDrawn = true;
      page.requestAnimationFrame(() => page.setTimeout(refresh)); // when that frame is on the screen
      page.setTimeout(() => fetchAllCode(app), QUIET_MS);
    });
    followSelection();
    page.setInterval(() => { if (!page.document.hidden) refresh(); }, TICK_MS);
    refresh();
  }

  /** What changes with time alone; prices do not wait for it. */
  function refresh() {
    if (feed.state === 'live') store.removeUnconfirmed(now());
    showConnection();
    showData();
    showCounts();
    showProblems();
    if (store.rows.size > 0 && !isDrawn) return;
    judgeWork();
    days.check();
    timeLink.check();
    ticks.emit('tick', now());
    app.tick.value++;
  }

  /** How busy the page is decides how much it asks for. */
  function judgeWork() {
    const at = now();
    if (at - judged.at < JUDGE_MS) return;
    const { busyMs: busy, items } = feed.stats;
    const share = (workedMs - judged.worked + busy - judged.busy) / (at - judged.at);
    const itemsPerS = ((items - judged.items) * 1000) / (at - judged.at);
    judged = { at, worked: workedMs, busy, items };
    if (at - startedAt > JUDGE_FROM_MS && feed.state === 'live') interest.judge(share, itemsPerS);
  }

  function followSelection() {
    const wide = page.matchMedia(WIDE);
    const follow = () => {
      app.isWide.value = wide.matches;
      const { symbol, source } = route.peek();
      if (symbol) setRecord(app.selected, { symbol, source });
      else if (!wide.matches || !settings.detail.peek()) app.selected.value = null;
      else setRecord(app.selected, favourite);
    };
    wide.addEventListener('change', follow);
    for (const signal_ of [route, settings.detail]) signal_.subscribe(follow);
    app.selected.subscribe((selected) => interest.open(selected?.symbol ?? null));
    app.onTick(() => {
      if (favourite || store.rows.size === 0) return;
      favourite = mostActive();
      follow();
    });
    follow();
  }

  function mostActive() {
    let best;
    for (const row of store.rows.values()) if (row.last !== undefined && !(row.updates <= best?.updates)) best = row;
    if (!best) return null;
    return { symbol: best.symbol, source: store.bySymbol.get(best.symbol).length > 1 ? best.source : null };
  }

  /** Opens a row of the list. @param {{symbol: string, source: string}|null} row null closes the panel */
  function open(row) {
    if (!row) {
      route.go({ symbol: null });
      if (app.isWide.peek()) settings.detail.value = false;
      return;
    }
    settings.detail.value = true;
    const { symbol, source } = row;
    route.go({ view: 'markets', symbol, source: store.bySymbol.get(symbol)?.length > 1 ? source : null });
  }

  /** Brings a span into view: in the chart of the open symbol, or of the most active one. @param {{from: number, to: number}} span µs */
  function showMoment(span) {
    app.moment.value = span;
    const shown = app.selected.peek() ?? favourite ?? mostActive();
    if (shown) open(shown);
  }

  function showConnection() {
    const { state } = feed;
    setRecord(app.connection, { state, ...describeConnection(state, {
      ...feed.details, now: now(), isReplay: app.server.peek().mode === 'replay', host: page.location.host,
      rttMs: feed.rttMs, silentMs: feed.silentMs,
    }) });
  }

  function showData() {
    const { mode } = app.server.peek();
    const simulated = countSimulated();
    const isAll = simulated > 0 && simulated === store.rows.size;
    const base = MODES[mode] ?? (mode === 'sim' ? '' : mode);
    let text = isAll ? 'Simulated data' : simulated > 0 ? `${base}, partly simulated` : base;
    if (isAll && mode === 'replay') text = 'Replay, simulated data';
    const us = mode === 'replay' && store.rows.size > 0 ? timeline.nowUs() : undefined;
    const kind = mode === 'replay' ? 'replay' : simulated > 0 ? 'simulated' : mode;
    setRecord(app.data, { kind, text, clock: us === undefined ? '' : formatTime(us) });
    const isWaiting = store.rows.size === 0 && !['live', 'stalled'].includes(feed.state);
    app.isSlowToConnect.value = isWaiting && now() - startedAt > SLOW_CONNECT_MS;
    app.content.value = isWaiting ? 'waiting' : store.rows.size === 0 ? 'empty' : 'rows';
  }

  /** Rows come and go rarely, so these counts are kept until they do. */
  function countSimulated() {
    if (countSimulated.membership !== store.membership) {
      countSimulated.membership = store.membership;
      let simulated = 0;
      const symbols = new Set();
      for (const { symbol, source } of store.rows.values()) {
        simulated += isSimulated(source) ? 1 : 0;
        symbols.add(symbol);
      }
      countSimulated.simulated = simulated;
      countSimulated.symbols = symbols.size;
    }
    return countSimulated.simulated;
  }

  function showCounts() {
    const at = now();
    samples.push({ at, events: store.events, received: store.received });
    while (samples.length > 2 && at - samples[1].at >= RATE_WINDOW_MS) samples.shift();
    const [first] = samples;
    const seconds = Math.max((at - first.at) / 1000, 0.5);
    setRecord(app.counts, {
      symbols: countSimulated.symbols ?? 0,
      rows: store.rows.size,
      stale: countStale(at),
      eventsPerS: (store.events - first.events) / seconds,
      itemsPerS: (store.received - first.received) / seconds,
    });
  }

  function countStale(at) {
    let stale = 0;
    if (feed.state === 'live') for (const row of store.rows.values()) stale += store.stateOf(row, at) === 'stale' ? 1 : 0;
    return stale;
  }

  function showProblems() {
    if (error && now() >= error.until) error = null;
    const problems = [...store.feeds].filter(([, state]) => state !== 'up').map(([source, state]) => `${source} ${state}`);
    if (store.gaps > 0) problems.push(`${formatCount(store.gaps)} ${store.gaps === 1 ? 'gap' : 'gaps'}`);
    if (error) problems.push(error.text);
    if (problems.join() !== app.problems.peek().join()) app.problems.value = problems;
  }

  function noteOutage() {
    if (lostUs === undefined) return;
    const span = { from: lostUs, to: timeline.edgeUs() };
    lostUs = undefined; // its parts are of the same
    if (span.to > span.from) app.outages = [...app.outages, span].slice(-OUTAGES_MAX);
  }

  /** What a reconnect brought back comes in parts; it is told once. */
  function noteRecovery({ recovered, lost = 0, reason, awayMs = 0 }) {
    if (!recovery) {
      recovery = { recovered: 0, lost: 0, isNewEpoch: false, awayMs };
      page.setTimeout(tellRecovery, RECOVERY_MS);
    }
    recovery.recovered += recovered;
    if (reason === 'lost') recovery.lost += lost;
    if (reason === 'epoch') recovery.isNewEpoch = true;
  }

  function tellRecovery() {
    const outage = recovery.lost > 0 ? app.outages.at(-1) : undefined;
    const told = describeRecovery({ ...recovery, outage });
    recovery = null;
    toast({ ...told, action: outage && { text: 'Show', run: () => showMoment(outage) } });
    say(told.text);
  }

  function showError({ code, message }) {
    error = { text: `Server: ${message || code}`, until: now() + ERROR_MS };
  }

  /**
   * @param {{text: string, kind?: 'info'|'good'|'warn'|'error', action?: {text: string, run: () => void}, stays?: boolean}} toast
   * @returns {number} for `dismiss()`
   */
  function toast({ text, kind = 'info', action, stays = false }) {
    const id = ++lastToast;
    app.toasts.value = [...app.toasts.peek(), { id, text, kind, action }].slice(-TOASTS_MAX);
    if (!stays) page.setTimeout(() => dismiss(id), action ? 2 * TOAST_MS : TOAST_MS);
    return id;
  }

  function dismiss(id) {
    const left = app.toasts.peek().filter((toast_) => toast_.id !== id);
    if (left.length < app.toasts.peek().length) app.toasts.value = left;
  }

  function onFired({ id, symbol }, text) {
    toast({ kind: 'warn', text, action: { text: 'Show', run: () => route.go({ view: 'markets', symbol }) } });
    say(`Alert: ${text}`);
    const { Notification, document } = page;
    if (!settings.notify.peek() || !document.hidden || Notification?.permission !== 'granted') return;
    const note = new Notification(symbol, { body: text, tag: `pricecast-${id}` });
    note.onclick = () => { page.focus(); note.close(); };
  }

  /** For screen readers: changes of state, never prices. */
  function say(text) {
    app.spoken.value = text;
  }

  function toggleStar(symbol) {
    const { starred: list } = settings;
    const isOn = starred.peek().has(symbol);
    list.value = isOn ? list.peek().filter((other) => other !== symbol) : [...list.peek(), symbol];
    say(isOn ? `${symbol} is no longer starred` : `${symbol} is starred`);
  }
}
