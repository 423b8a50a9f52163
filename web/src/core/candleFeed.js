/**
 * Keeps one symbol's bars complete and current: asks for history, continues it with what the timeline
 * shows, and asks again where something was passed over.
 *
 * Nothing is counted twice or left out: items that come while an answer is under way are put in after
 * it, and the answer tells which of them it has seen. An answer may have seen more than has come here: it
 * is held back for a moment then, because the last bar must not know more than the price beside it.
 * While the screen's clock is not the server's (paused, shifted), what came later than the clock stays
 * unseen, and nothing is corrected.
 */
import { BARS_MAX, createCandles, INTERVALS, intervalOf } from './candles.js';
import { compareTexts } from './decimal.js';

const PAGE = 1000; // bars asked for at first, and with each page of history
const CORRECT_MS = 1000; // at most so often
const RETRY_MS = 3000;
const SETTLE_MS = 3000; // after a seek the snapshot is waited for, but not for ever
const WAITING_MAX = 50_000;
const CATCH_UP_MS = 2000; // at most
const PARTS = [3600, 60, 1]; // the server's tiers, s
const PART_LIMIT = { 3600: 24, 60: 60, 1: 60 }; // of each, what fits the next coarser

/**
 * @param {{feed: object, timeline: object, onChange?: () => void, isHidden?: () => boolean,
 *   setTimeout?: Function, clearTimeout?: Function, shownPrice?: () => string|undefined,
 *   outages?: () => {from: number, to: number}[]}} parts `onChange` may run once a batch of items;
 *   `shownPrice`: what the page says the last price is, with which the last bar agrees; `outages`: spans of
 *   which this page missed something
 */
export function createCandleFeed({
  feed, timeline, onChange = () => {}, isHidden = () => false, shownPrice, outages = () => [],
  setTimeout = globalThis.setTimeout.bind(globalThis), clearTimeout = globalThis.clearTimeout.bind(globalThis),
}) {
  let symbol = null;
  let interval = INTERVALS[3];
  let candles = createCandles(interval);
  let call = null; // the one under way: its AbortController
  let waiting = null; // items that came since it was asked
  let isShowing = false; // they are shown meanwhile
  const newest = new Map(); // seq by stream, of what has come
  let look = null; // an answer that is held back looks at what has come
  let timer;
  let settle; // waiting for the snapshot after a seek
  let wasClipped = false;
  const state = {
    /** 'idle' | 'loading' | 'ready' | 'error' */
    status: 'idle',
    error: null,
    /** There is no older history. */
    isAtStart: false,
    isLoadingOlder: false,
    /** Spans that nobody saw, µs: {from, to, reason}; `to` undefined: still going on. */
    gaps: [],
    /** Sources that items came from. */
    sources: new Set(),
    get symbol() { return symbol; },
    get interval() { return interval; },
    get candles() { return candles; },
    open, close, retry: () => reload(), loadOlder, check: () => correctSoon(0),
  };
  const offs = [
    timeline.on('items', onItems),
    timeline.on('reset', onReset),
    timeline.on('hello', onHello),
    timeline.on('feed', onFeed),
    timeline.on('gap', onGap),
    timeline.on('jump', onJump),
    timeline.mode.subscribe(onMode),
  ];
  return state;

  function open(newSymbol, intervalName) {
    const isOther = newSymbol !== symbol;
    symbol = newSymbol;
    interval = intervalOf(intervalName) ?? interval;
    if (isOther) {
      state.gaps = missed();
      state.sources = new Set();
      newest.clear();
    }
    candles = createCandles(interval);
    reload();
  }

  function close() {
    stop();
    symbol = null;
    state.status = 'idle';
    for (const off of offs) off();
  }

  function stop() {
    call?.abort();
    call = null;
    waiting = null;
    isShowing = false;
    look?.(true);
    settle = undefined;
    clearTimeout(timer);
    timer = undefined;
    state.isLoadingOlder = false;
  }

  /** Undefined while the screen shows all that the server knows. */
  function clip() {
    const { value } = timeline.mode;
    return value === 'paused' || value === 'shifted' ? timeline.nowUs() : undefined;
  }

  // ---- asking ----

  async function ask(name, query, own) {
    try {
      return await feed.candles(symbol, { interval: name, ...query, signal: own.signal });
    } catch (error) {
      if (error?.code !== 'not_found') throw error;
      return { symbol, interval: name, kind: undefined, candles: [], seen: [] }; // no price yet
    }
  }

  /** Runs `work` with nothing else under way; items wait meanwhile. */
  async function alone(work) {
    stop();
    const own = new AbortController();
    call = own;
    waiting = [];
    try {
      await work(own);
      if (call !== own) return;
      state.status = 'ready';
      state.error = null;
    } catch (error) {
      if (call !== own) return;
      state.error = error;
      if (state.status === 'loading') state.status = 'error';
      timer = setTimeout(() => (state.status === 'ready' ? correct() : reload({ isQuiet: true })), RETRY_MS);
    }
    const late = waiting;
    call = null;
    waiting = null;
    isShowing = false;
    if (state.status === 'ready') put(late);
    correctSoon();
    onChange();
  }

  /** Resolves when what the answer has seen has come here, too. */
  function caughtUp(answer) {
    if (!isAhead(answer)) return undefined;
    return new Promise((resolve) => {
      const late = setTimeout(() => look(true), CATCH_UP_MS);
      look = (isOver = false) => {
        if (!isOver && isAhead(answer)) return;
        look = null;
        clearTimeout(late);
        resolve(undefined);
      };
    });
  }

  function isAhead({ kind, seen = [], candles: bars }) {
    if (!shownPrice) return false;
    const streams = seen.filter(([, of]) => of === kind);
    if (streams.length > 1 || streams.some(([source, of]) => newest.has(`${source}\n${of}`)))
      return streams.some(([source, of, seq]) => seq > newest.get(`${source}\n${of}`));
    const [shown, last] = [shownPrice(), bars.at(-1)]; // nothing has come yet: the price tells
    return shown !== undefined && last !== undefined && compareTexts(shown, last.close) !== 0;
  }

  /** `isKeeping`: what is shown stays in front of the answer; `isQuiet`: the status stays till then. */
  function reload({ isKeeping = false, isQuiet = isKeeping } = {}) {
    if (symbol === null) return;
    if (!isQuiet) state.status = 'loading';
    wasClipped = clip() !== undefined;
    onChange();
    alone(async (own) => {
      const until = clip();
      const limit = isKeeping ? BARS_MAX : PAGE;
      const answer = await ask(interval.name, { limit, ...(until === undefined ? {} : { before: Math.floor(until) }) }, own);
      if (call !== own) return;
      if (until === undefined) await caughtUp(answer);
      if (call !== own) return;
      if (until !== undefined) await loadUntil(answer, until, own);
      else if (isKeeping) addGap(candles.keep(answer));
      else candles.load(answer);
      state.isAtStart = answer.candles.length < limit;
    });
  }

  /** Whole bars up to the clock, and from finer ones the bar that it is in. */
  async function loadUntil(answer, until, own) {
    const parts = [];
    for (const seconds of PARTS.filter((part) => part <= interval.base && part < interval.seconds)) {
      const { name } = INTERVALS.find((each) => each.seconds === seconds);
      parts.push([await ask(name, { limit: PART_LIMIT[seconds], before: Math.floor(until) }, own), seconds]);
      if (call !== own) return;
    }
    candles.load(answer, { until });
    for (const [part, seconds] of parts) candles.loadPart(part, until, seconds);
  }

  async function loadOlder() {
    const oldest = candles.bars[0];
    if (state.status !== 'ready' || state.isAtStart || state.isLoadingOlder || candles.isFull || call || !oldest) return;
    const own = new AbortController();
    const asked = candles;
    state.isLoadingOlder = true;
    onChange();
    try {
      const answer = await ask(interval.name, { limit: PAGE, before: oldest.time }, own);
      if (candles !== asked || candles.bars[0] !== oldest) return; // something else has happened
      candles.prepend(answer);
      state.isAtStart = answer.candles.length < PAGE;
    } catch (error) {
      state.error = error; // the next pan tries again
    } finally {
      if (candles === asked) state.isLoadingOlder = false;
      onChange();
    }
  }

  /** At most once a second, and only while what the server knows is what the screen shows. */
  function correctSoon(ms = CORRECT_MS) {
    if (timer !== undefined || call || symbol === null || state.status !== 'ready') return;
    if (candles.firstRough < 0 || clip() !== undefined || isHidden()) return;
    timer = setTimeout(() => { timer = undefined; correct(); }, ms);
  }

  function correct() {
    const first = candles.firstRough;
    if (symbol === null || clip() !== undefined) return;
    alone(async (own) => {
      const limit = first < 0 ? 1 : Math.min(PAGE, candles.bars.length - first + 1);
      isShowing = true;
      const answer = await ask(interval.name, { limit }, own);
      if (call === own) await caughtUp(answer);
      if (call === own) candles.correct(answer);
    });
  }

  // ---- the timeline ----

  function onItems({ items, isSnapshot }) {
    if (symbol === null) return;
    if (settle && isSnapshot) reload(); // what stood before the seek is in no candle
    const own = items.filter((item) => item.symbol === symbol);
    if (own.length === 0 || settle) return;
    for (const { source, kind, seq } of own) {
      state.sources.add(source);
      newest.set(`${source}\n${kind}`, seq);
    }
    if (waiting) {
      if (isShowing && candles.take(own, timeline.nowUs())) onChange();
      if (waiting.length < WAITING_MAX) waiting.push(...own);
      else waiting[WAITING_MAX - 1] = { ...own.at(-1), skipped: 1 };
      look?.();
    } else if (state.status === 'ready') {
      put(own);
    }
  }

  function put(items) {
    if (items.length === 0) return;
    if (!candles.take(items, timeline.nowUs())) {
      reload();
      return;
    }
    if (items.some(({ skipped }) => skipped > 0)) correctSoon();
    onChange();
  }

  function onReset({ reason } = {}) {
    if (symbol === null) return;
    stop();
    newest.clear();
    candles.clear();
    state.gaps = missed();
    state.status = 'loading';
    if (reason === 'seek') {
      settle = true;
      timer = setTimeout(() => { timer = undefined; if (settle) reload(); }, SETTLE_MS);
      onChange();
    } else {
      reload();
    }
  }

  function onHello({ hello: { isNewEpoch, mode: kind } }) {
    if (symbol === null || (call && !isNewEpoch && state.status === 'loading')) return; // the first one
    if (isNewEpoch) newest.clear();
    if (isNewEpoch && kind !== 'live') {
      candles.clear();
      state.gaps = missed();
      reload();
    } else {
      reload({ isKeeping: state.status === 'ready' });
    }
  }

  function onFeed({ source, state: is, ts }) {
    if (symbol === null || !state.sources.has(source)) return;
    const open_ = state.gaps.find((gap) => gap.source === source && gap.to === undefined);
    if (is === 'down' && !open_) state.gaps = [...state.gaps, { from: ts, to: undefined, reason: 'down', source }];
    if (is === 'up' && open_) state.gaps = state.gaps.map((gap) => (gap === open_ ? { ...gap, to: ts } : gap));
    onChange();
  }

  function onGap({ gap: { reason, symbol: of } }) {
    if (symbol === null || (reason === 'sequence' && of !== symbol)) return;
    if (reason === 'lost') state.gaps = [...state.gaps.filter((gap) => gap.reason !== 'missed'), ...missed()];
    candles.markRough();
    correctSoon();
  }

  /** A clock of our own went on faster than events could be shown one by one. */
  function onJump({ kind }) {
    if (kind === 'forward' && symbol !== null && clip() !== undefined) reload({ isQuiet: true });
  }

  /** Back from a clock of our own to the server's. */
  function onMode() {
    const isClipped = clip() !== undefined;
    const isBack = wasClipped && !isClipped;
    wasClipped = isClipped;
    if (isBack && state.status === 'ready') reload({ isKeeping: true });
  }

  function missed() {
    return outages().map(({ from, to }) => ({ from, to, reason: 'missed' }));
  }

  function addGap(span) {
    if (span) state.gaps = [...state.gaps, { ...span, reason: 'restart' }];
  }
}
