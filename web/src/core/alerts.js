/**
 * Alerts on prices: a price crosses a level, moves by so much within a window, or stops coming. All times
 * are the screen's clock, all comparisons exact; what an alert remembers has a fixed size.
 *
 * A crossing needs a price on either side: an alert for "above 100" on a symbol at 120 waits until it has
 * been below. A new epoch is another market: no crossing and no move is seen across it.
 *
 * @typedef {object} Alert what is kept in the settings
 * @property {string} id
 * @property {string} symbol
 * @property {string} [source] absent: any
 * @property {'above'|'below'|'rise'|'fall'|'stale'} kind
 * @property {string} value a price, percents, or seconds, as a decimal text
 * @property {number} [windowS] of rise and fall
 * @property {boolean} repeat arms itself again
 * @property {boolean} [muted]
 * @property {{us: number, price?: string, detail: string}} [fired] when and why, the last time
 */
import { compareTexts, decimalText, parseDecimal, percentOf, subtract } from './decimal.js';
import { groupDigits } from './format.js';

export const ALERTS_MAX = 200;
const BUCKETS = 60; // of a window: its extremes are known to a sixtieth of its length
const REST_US = 10_000_000; // a repeated alert does not fire again sooner

export const KINDS = {
  above: { label: 'rises above', unit: '' },
  below: { label: 'falls below', unit: '' },
  rise: { label: 'rises by', unit: '%' },
  fall: { label: 'falls by', unit: '%' },
  stale: { label: 'is silent for', unit: 's' },
};

/** "BTC-USD rises above 62,000" — what an alert waits for. @param {Alert} alert */
export function describeAlert({ symbol, kind, value, windowS }) {
  const span = windowS ? ` within ${describeSpan(windowS)}` : '';
  const { label, unit } = KINDS[kind];
  return `${symbol} ${label} ${groupDigits(value)}${unit && ` ${unit}`}${kind === 'rise' || kind === 'fall' ? span : ''}`;
}

export function describeSpan(seconds) {
  if (seconds % 3600 === 0) return `${seconds / 3600} h`;
  return seconds % 60 === 0 ? `${seconds / 60} min` : `${seconds} s`;
}

/** @returns {string} what is wrong with it, or nothing */
export function checkAlert({ symbol, kind, value, windowS }) {
  if (!symbol) return 'Choose a symbol.';
  if (!KINDS[kind]) return 'Choose what to watch for.';
  const number = parseDecimal(value);
  if (!number) return 'Enter a plain number, such as 61837.5.';
  if (kind === 'rise' || kind === 'fall') {
    if (number.value <= 0n) return 'Enter a percentage above 0.';
    if (!(windowS >= 1 && windowS <= 86_400)) return 'The window is from 1 second to a day.';
  }
  if (kind === 'stale' && !(Number(value) >= 1 && Number(value) <= 86_400)) return 'Enter 1 to 86400 seconds.';
  return '';
}

/** @param {(alert: Alert) => void} onFire */
export function createAlerts(onFire) {
  /** @type {Map<string, {alert: Alert, last?: string, lastUs?: number, restUntil: number, buckets: any[]}[]>} */
  let bySymbol = new Map();
  let watches = [];
  return { setAlerts, applyItems, check, forget };

  /** What to watch from now on. An alert that was there before keeps what it has seen.
   *  @param {Alert[]} alerts */
  function setAlerts(alerts) {
    const before = new Map(watches.map((watch) => [watch.alert.id, watch]));
    watches = alerts.slice(0, ALERTS_MAX).map((alert) => {
      const known = before.get(alert.id);
      const isSame = known && ['symbol', 'source', 'kind', 'value', 'windowS'].every((field) => known.alert[field] === alert[field]);
      return isSame ? Object.assign(known, { alert }) : createWatch(alert);
    });
    bySymbol = new Map();
    for (const watch of watches) {
      const { symbol } = watch.alert;
      if (!bySymbol.has(symbol)) bySymbol.set(symbol, []);
      bySymbol.get(symbol).push(watch);
    }
  }

  /** @param {object[]} items @param {number} nowUs */
  function applyItems(items, nowUs) {
    if (watches.length === 0) return;
    for (const item of items) {
      const concerned = bySymbol.get(item.symbol);
      if (!concerned) continue;
      for (const watch of concerned) {
        if (watch.alert.source !== undefined && watch.alert.source !== item.source) continue;
        watch.lastUs = nowUs;
        if (watch.alert.kind === 'stale') watch.isSilent = false;
        else if (priceOf(item, watch) !== undefined) applyPrice(watch, priceOf(item, watch), nowUs);
      }
    }
  }

  /** Trades; quotes only of a symbol that has had no trade, by the side that has to get there. */
  function priceOf(item, watch) {
    if (item.kind === 'trade') {
      watch.hasTrades = true;
      return item.price;
    }
    if (watch.hasTrades) return undefined;
    return watch.alert.kind === 'above' || watch.alert.kind === 'rise' ? item.bid : item.ask;
  }

  function applyPrice(watch, price, nowUs) {
    const { kind, value } = watch.alert;
    const { last } = watch;
    watch.last = price;
    if (kind === 'above' || kind === 'below') {
      const direction = kind === 'above' ? 1 : -1;
      const wasThere = last === undefined || compareTexts(last, value) * direction >= 0;
      const isThere = compareTexts(price, value) * direction >= 0;
      if (isThere && !wasThere) fire(watch, nowUs, price, `at ${groupDigits(price)}`);
    } else {
      applyMove(watch, price, nowUs);
    }
  }

  /** Up from the lowest, or down from the highest price of the window. */
  function applyMove(watch, price, nowUs) {
    const { kind, value, windowS } = watch.alert;
    const bucketUs = (windowS * 1_000_000) / BUCKETS;
    const number = Math.floor(nowUs / bucketUs);
    const { buckets } = watch;
    while (buckets.length > 0 && buckets[0].number < number - BUCKETS) buckets.shift();
    const newest = buckets.at(-1);
    if (newest && newest.number > number) buckets.length = 0; // the clock went back
    const turn = kind === 'rise' ? 1 : -1;
    const isExtreme = (other) => compareTexts(price, other) * turn < 0;
    if (!newest || newest.number !== number) buckets.push({ number, price });
    else if (isExtreme(newest.price)) newest.price = price;
    let extreme = buckets[0].price;
    for (const bucket of buckets) if (compareTexts(bucket.price, extreme) * turn < 0) extreme = bucket.price;
    const from = parseDecimal(extreme);
    const to = parseDecimal(price);
    if (!from || !to || from.value <= 0n) return;
    const moved = subtract(to, from);
    const percent = percentOf(turn > 0 ? moved : { value: -moved.value, scale: moved.scale }, from, 4);
    if (!percent || compareTexts(decimalText(percent), value) < 0) return;
    const rounded = decimalText(percentOf(moved, from, 2));
    if (fire(watch, nowUs, price, `${groupDigits(rounded)} % from ${groupDigits(extreme)} to ${groupDigits(price)}`)) watch.buckets = [{ number, price }];
  }

  /** Looks for silence; call it about once a second. @param {number} nowUs */
  function check(nowUs) {
    for (const watch of watches) {
      if (watch.alert.kind !== 'stale' || watch.isSilent || watch.lastUs === undefined) continue;
      const silentUs = nowUs - watch.lastUs;
      if (silentUs < Number(watch.alert.value) * 1_000_000) continue;
      watch.isSilent = true; // once for each silence
      fire(watch, nowUs, watch.last, `nothing for ${Math.floor(silentUs / 1_000_000)} s`);
    }
  }

  function fire(watch, nowUs, price, detail) {
    const { alert } = watch;
    if (alert.muted || (alert.fired && !alert.repeat)) return false;
    if (nowUs < watch.restUntil && nowUs > watch.restUntil - REST_US) return false;
    watch.restUntil = nowUs + REST_US;
    const fired = { us: nowUs, detail };
    if (price !== undefined) fired.price = price;
    onFire({ ...alert, fired });
    return true;
  }

  /** Another epoch: what was seen is of another market. */
  function forget() {
    for (const watch of watches) Object.assign(watch, createWatch(watch.alert));
  }
}

function createWatch(alert) {
  return { alert, last: undefined, lastUs: undefined, restUntil: -Infinity, buckets: [], hasTrades: false, isSilent: false };
}
