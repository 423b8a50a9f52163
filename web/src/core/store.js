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
 * @property {number} updates events of both streams, those passed over included
 * @property {number} reached of these, the ones that reached this page
 * @property {{from: number, open?: string, high?: string, low?: string, volume?: string}|null} day the
 *   server's last 24 hours, see /api/v1/stats
 * @property {import('./spark.js').Spark|null} spark its last prices
 */
import { significantFraction } from './decimal.js';
import { describeChange } from './format.js';
import { notePrice } from './spark.js';

export const UNCONFIRMED_MS = 5_000;
const STALE_MIN_MS = 10_000;
const STALE_GAPS = 20;
const GAP_STEP = 1.1;
const RATE_MS = 2000;

export function createStore() {
  const rows = new Map();
  const bySymbol = new Map();
  const feeds = new Map();
  const store = {
    rows,
    /** The rows of a symbol, one a source. @type {Map<string, Row[]>} */
    bySymbol,
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
    /** The day's figures are known, of a later moment than the one shown. */
    isDayLater: false,
    applyItems,
    unconfirmRows,
    awaitConfirmation,
    removeUnconfirmed,
    setFeedState: (source, state) => feeds.set(source, state),
    setServer,
    applyStats,
    forgetDays,
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
    const row = rowFor(item);
    if (row.isFromOldEpoch) forgetOldEpoch(row);
    noteTime(row, item, now);
    if (item.kind === 'trade') applyTrade(row, item, now);
    else applyQuote(row, item);
    const events = 1 + (item.skipped ?? 0);
    row.version++;
    row.reached++;
    row.updates += events;
    store.received++;
    store.events += events;
  }

  /** By symbol first: the texts of a feed are not joined for every item. */
  function rowFor(item) {
    let sources = bySymbol.get(item.symbol);
    if (!sources) bySymbol.set(item.symbol, (sources = []));
    for (const row of sources) if (row.source === item.source) return row;
    const row = createRow(item);
    sources.push(row);
    rows.set(keyOf(row), row);
    store.membership++;
    return row;
  }

  /** What the server knows of the last 24 hours. @param {object[]} stats of /api/v1/stats */
  function applyStats(stats) {
    store.isDayLater = false;
    for (const day of stats) {
      for (const row of bySymbol.get(day.symbol) ?? []) {
        row.day = day;
        row.version++;
      }
    }
  }

  /** Another time is shown: the figures of the day are not of it. @param {number} [us] an earlier one: what
   *  the day opened with, before that, stays */
  function forgetDays(us) {
    store.isDayLater = us !== undefined;
    for (const row of rows.values()) {
      row.day = row.day && row.day.from <= us ? { from: row.day.from, open: row.day.open } : null;
      row.version++;
    }
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
    for (const row of rows.values()) {
      if (row.hasTrade || row.hasQuote) dropUnconfirmedParts(row);
      else remove(row);
    }
  }

  function remove(row) {
    rows.delete(keyOf(row));
    const left = bySymbol.get(row.symbol).filter((other) => other !== row);
    if (left.length > 0) bySymbol.set(row.symbol, left);
    else bySymbol.delete(row.symbol);
    store.membership++;
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

/** What a symbol costs, as far as is known: the last trade, else a side of the quote; '' without any. */
export function lastOf({ bySymbol }, symbol) {
  for (const { last, bid, ask } of bySymbol.get(symbol) ?? []) return last ?? bid ?? ask ?? '';
  return '';
}

/** The price that a row's change counts from: what opened the last 24 hours, or the first seen here. */
export function baseOf(row) {
  return row.day?.open ?? row.first;
}

/** The row's change since `baseOf()`, kept until either price changes. */
export function changeOf(row) {
  const base = baseOf(row);
  if (row.changeLast !== row.last || row.changeFirst !== base) {
    row.changeLast = row.last;
    row.changeFirst = base;
    row.change = describeChange(base, row.last, row.significant);
  }
  return row.change;
}

/** Updates a second, over the time since this was last asked for the row, but at least two seconds. */
export function rateOf(row, now) {
  if (Number.isNaN(row.ratedAt)) {
    row.ratedAt = now;
    row.ratedUpdates = row.updates;
  } else if (now - row.ratedAt >= RATE_MS) {
    row.rate = ((row.updates - row.ratedUpdates) * 1000) / (now - row.ratedAt);
    row.ratedAt = now;
    row.ratedUpdates = row.updates;
  }
  return row.rate;
}

/** How many updates happened for each that reached this page: 1 when all did. */
export function mergeOf(row) {
  return row.reached === 0 ? 1 : row.updates / row.reached;
}

function keyOf({ source, symbol }) {
  return `${source}\n${symbol}`;
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
    updates: 0,
    reached: 0,
    rate: NaN,
    ratedAt: NaN,
    ratedUpdates: 0,
    day: null,
    spark: null,
    change: null,
    changeLast: undefined,
    changeFirst: undefined,
  };
}

function applyTrade(row, { price }, now) {
  row.last = price;
  notePrice(row, price, now);
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
  row.spark = null;
}

function dropUnconfirmedParts(row) {
  if (!row.hasTrade) row.last = undefined;
  if (!row.hasQuote) {
    row.bid = undefined;
    row.ask = undefined;
  }
  row.version++;
}
