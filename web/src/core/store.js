/**
 * What is known: one row per source and symbol, made of its trade and its quote stream.
 *
 * A row is *confirmed* while the present connection vouches for it. After a reconnect or a new epoch
 * no row is, until an item says so: a price of before must not pass for one of now. Rows that do not
 * come back within UNCONFIRMED_MS are removed. Times are ms on a monotonic clock that is passed in.
 *
 * @typedef {object} Row
 * @property {string} symbol
 * @property {string} source
 * @property {string} search lower case, for the filter
 * @property {string|undefined} last
 * @property {string|undefined} bid
 * @property {string|undefined} ask
 * @property {string|undefined} first the price that `change` counts from
 * @property {number} significant digits after the point this row ever used
 * @property {boolean} hasTrade the trade part is confirmed
 * @property {boolean} hasQuote
 * @property {number} arrivedAt
 * @property {number} eventMs server wall clock of the newest event, NaN when unknown
 * @property {number} medianGapMs
 * @property {number} version grows with every change
 */
import { significantFraction } from './decimal.js';
import { describeChange } from './format.js';

export const UNCONFIRMED_MS = 5_000;
const STALE_MIN_MS = 10_000;
const STALE_GAPS = 20;
const GAP_STEP = 1.1;

export function createStore() {
  const rows = new Map();
  const feeds = new Map();
  const store = {
    rows,
    feeds,
    /** Grows when rows come or go. */
    membership: 0,
    /** Events the feeds had, those passed over for us included; and items that reached us. */
    events: 0,
    received: 0,
    gaps: 0,
    /** Newest recorded or received time seen in this epoch, µs. */
    newestUs: undefined,
    unconfirmedSince: undefined,
    applyItems,
    unconfirmRows,
    awaitConfirmation,
    removeUnconfirmed,
    setFeedState: (source, state) => feeds.set(source, state),
    setServer,
    ageOf,
    stateOf,
  };
  let isReplay = false;
  let clockMs = () => undefined;
  let speed = () => 1;
  return store;

  /** @param {{isReplay: boolean, clockMs: () => number|undefined, speed?: () => number}} server the screen's
   *   clock, recorded time in a replay, and how fast it goes; Infinity: it is no clock */
  function setServer(server) {
    const isOtherWorld = server.isReplay !== isReplay;
    for (const row of rows.values()) if (isOtherWorld) row.isFirstStale = true;
    isReplay = server.isReplay;
    clockMs = server.clockMs;
    speed = server.speed ?? (() => 1);
  }

  function applyItems(items, now) {
    for (const item of items) applyItem(item, now);
  }

  function applyItem(item, now) {
    if (item.kind !== 'trade' && item.kind !== 'quote') return;
    const key = `${item.source}\n${item.symbol}`;
    let row = rows.get(key);
    if (!row) {
      row = createRow(item);
      rows.set(key, row);
      store.membership++;
    }
    if (row.isFromOldEpoch) forgetOldEpoch(row);
    noteTime(row, item, now);
    if (item.kind === 'trade') applyTrade(row, item);
    else applyQuote(row, item);
    row.version++;
    store.received++;
    store.events += 1 + (item.skipped ?? 0);
  }

  function noteTime(row, item, now) {
    const us = item.recv ?? item.ts;
    const eventMs = us === undefined ? NaN : us / 1000;
    const gap = Number.isNaN(eventMs) || Number.isNaN(row.eventMs) ? now - row.arrivedAt : eventMs - row.eventMs;
    if (gap > 0) row.medianGapMs = nudgeMedian(row.medianGapMs, gap / (1 + (item.skipped ?? 0)));
    row.arrivedAt = now;
    // Trade and quote come in any order in a snapshot; the row is as fresh as the newer.
    if (!(eventMs < row.eventMs)) row.eventMs = eventMs;
    if (us !== undefined && !(us < store.newestUs)) store.newestUs = us;
  }

  /** The connection was lost or a new epoch began. A market goes on through a server's restart, so its
   *  changes go on counting; a recording or a simulation starts again. */
  function unconfirmRows(now, { isNewEpoch }) {
    for (const row of rows.values()) {
      row.hasTrade = false;
      row.hasQuote = false;
      if (isNewEpoch) row.isFromOldEpoch = true;
      if (isNewEpoch && (isReplay || isSimulated(row.source))) row.isFirstStale = true;
      row.version++;
    }
    if (isNewEpoch) store.newestUs = undefined;
    store.unconfirmedSince = now;
  }

  /** The connection is back: the time that rows have to come back counts from now. */
  function awaitConfirmation(now) {
    if (store.unconfirmedSince !== undefined) store.unconfirmedSince = now;
  }

  /** Removes what did not come back. Call now and then while live; cheap when there is nothing to do. */
  function removeUnconfirmed(now) {
    if (store.unconfirmedSince === undefined) return;
    if (now - store.unconfirmedSince < UNCONFIRMED_MS) return;
    store.unconfirmedSince = undefined;
    for (const [key, row] of rows) {
      if (row.hasTrade || row.hasQuote) {
        dropUnconfirmedParts(row);
      } else {
        rows.delete(key);
        store.membership++;
      }
    }
  }

  function ageOf(row, now) {
    const clock = Number.isNaN(row.eventMs) ? undefined : clockMs();
    return Math.max(0, clock === undefined ? now - row.arrivedAt : clock - row.eventMs);
  }

  /** @returns {'live'|'stale'|'waiting'|'down'|'paused'|'ended'} why a row is grey, or that it is not */
  function stateOf(row, now) {
    if (!row.hasTrade && !row.hasQuote) return 'waiting';
    const feed = feeds.get(row.source);
    if (feed !== undefined && feed !== 'up') return feed;
    // Ten recorded seconds pass in a moment at speed 100, and then mean nothing.
    const patienceMs = Math.max(STALE_MIN_MS * Math.max(1, speed()), STALE_GAPS * row.medianGapMs);
    return ageOf(row, now) > patienceMs ? 'stale' : 'live';
  }
}

/** The simulator names its sources so; what is invented must be labelled. */
export function isSimulated(source) {
  return source.startsWith('sim');
}

/** The row's change since `first`, kept until either price changes. */
export function changeOf(row) {
  if (row.changeLast !== row.last || row.changeFirst !== row.first) {
    row.changeLast = row.last;
    row.changeFirst = row.first;
    row.change = describeChange(row.first, row.last, row.significant);
  }
  return row.change;
}

/**
 * A running median in one number: up a step when the sample is above it, down when below. Exact
 * enough to say "20 times the usual", and 8 bytes a row instead of a window of samples.
 */
export function nudgeMedian(median, sample) {
  if (!(median > 0)) return sample;
  return sample > median ? median * GAP_STEP : sample < median ? median / GAP_STEP : median;
}

function createRow({ symbol, source }) {
  return {
    symbol,
    source,
    search: `${symbol} ${source}`.toLowerCase(),
    last: undefined,
    bid: undefined,
    ask: undefined,
    first: undefined,
    significant: 0,
    hasTrade: false,
    hasQuote: false,
    isFromOldEpoch: false,
    isFirstStale: false,
    arrivedAt: NaN,
    eventMs: NaN,
    medianGapMs: 0,
    version: 0,
    change: null,
    changeLast: undefined,
    changeFirst: undefined,
  };
}

function applyTrade(row, { price }) {
  row.last = price;
  row.hasTrade = true;
  if (row.first === undefined || row.isFirstStale) row.first = price;
  row.isFirstStale = false;
  noteDigits(row, price);
}

function applyQuote(row, { bid, ask }) {
  row.bid = bid;
  row.ask = ask;
  row.hasQuote = true;
  noteDigits(row, bid);
  noteDigits(row, ask);
}

function noteDigits(row, text) {
  if (text === undefined) return;
  const digits = significantFraction(text);
  if (digits > row.significant) row.significant = digits;
}

/** The first item of a new epoch: the other stream's old price must not stand beside it. */
function forgetOldEpoch(row) {
  row.isFromOldEpoch = false;
  row.last = undefined;
  row.bid = undefined;
  row.ask = undefined;
  row.eventMs = NaN;
  row.arrivedAt = NaN;
  row.medianGapMs = 0;
}

function dropUnconfirmedParts(row) {
  if (!row.hasTrade) row.last = undefined;
  if (!row.hasQuote) {
    row.bid = undefined;
    row.ask = undefined;
  }
  row.version++;
}
