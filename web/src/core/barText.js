/** Bars in words: short for an axis, whole for a reader who does not see the chart. */
import { compareTexts } from './decimal.js';
import { describeChange, trimPrice } from './format.js';
import { addTexts } from './candles.js';
import { describeDeafness } from './status.js';

const S = 1_000_000;

/**
 * The chart as one paragraph.
 * @param {{symbol: string, interval: {title: string}, candles: object}} of
 */
export function describeBars({ symbol, interval, candles }) {
  const { bars, kind, span } = candles;
  if (bars.length === 0) return `${symbol}: no bars.`;
  const [first, last] = [bars[0], bars.at(-1)];
  const high = bars.reduce((best, bar) => (compareTexts(bar.high, best.high) > 0 ? bar : best));
  const low = bars.reduce((best, bar) => (compareTexts(bar.low, best.low) < 0 ? bar : best));
  const change = describeChange(first.open, last.close);
  const volume = kind === 'quote' ? null : bars.reduce((sum, bar) => (sum === null || bar.volume === null ? null : addTexts(sum, bar.volume)), '0');
  const way = !change || change.direction === 0 ? 'unchanged' : `${change.direction > 0 ? 'up' : 'down'} ${change.percent}`;
  return [
    `${symbol}, ${bars.length} ${bars.length === 1 ? 'bar' : 'bars'} of ${interval.title}, from ${formatMoment(first.time / S, span)} to ${formatMoment(last.time / S, span)} UTC${kind === 'quote' ? ', the middle of quotes' : ''}.`,
    `Last ${trimPrice(last.close)}, ${way} over these bars.`,
    `Highest ${trimPrice(high.high)} at ${formatMoment(high.time / S, span)}, lowest ${trimPrice(low.low)} at ${formatMoment(low.time / S, span)}.`,
    ...(volume ? [`Volume ${trimPrice(volume)}.`] : []),
  ].join(' ');
}

/**
 * Why there are no bars.
 * @param {{status: string, error: Error|null, connection: import('../client/pricecast.js').State, isPast: boolean}} facts
 *   `status` and `error` of the candle feed; `isPast`: the screen stands or moves where now is not
 * @returns {{title: string, text: string, canAsk?: boolean}} `title` is empty while they are on their way
 */
export function describeNoBars({ status, error, connection, isPast }) {
  const deafness = describeDeafness(connection);
  if (status === 'error' && (deafness === '' || error?.code !== 'network')) {
    return { title: 'No candles', text: `The server did not answer: ${error?.message}. It is asked again every few seconds.`, canAsk: true };
  }
  if (deafness) return { title: deafness, text: 'No bars are known so far.' };
  if (status !== 'ready') return { title: '', text: 'Loading…' };
  if (isPast) return { title: 'No bars at this moment', text: 'There was no price yet.' };
  return { title: 'No bars yet', text: 'The first trade begins the chart; until then the middle of bid and ask does.' };
}

/** One bar as a line: "2024-08-08 23:55 O 61,837.63 H …". */
export function describeBar({ time, open, high, low, close, volume }, span) {
  const parts = [['O', open], ['H', high], ['L', low], ['C', close], ['V', volume]].filter(([, text]) => text !== null);
  return [formatMoment(time / S, span), ...parts.map(([name, text]) => `${name} ${trimPrice(text)}`)].join('  ');
}

/** "1,234", "12.5k", "3.2M": for an axis, where there is little room. */
export function formatVolume(number) {
  const size = Math.abs(number);
  for (const [least, unit] of [[1e12, 'T'], [1e9, 'B'], [1e6, 'M'], [1e3, 'k']]) {
    if (size >= least) return `${trim(number / least)}${unit}`;
  }
  return size >= 1 || size === 0 ? trim(number) : String(Number(number.toPrecision(2)));
}

function trim(number) {
  return String(Number(number.toFixed(Math.abs(number) < 100 ? 1 : 0)));
}

/** µs → "40 s", "17 min", "5 h", "2 d". */
export function formatSpan(us) {
  const seconds = Math.round(us / S);
  for (const [least, unit, size] of [[172_800, 'd', 86_400], [7200, 'h', 3600], [120, 'min', 60]]) {
    if (seconds >= least) return `${Math.round(seconds / Number(size))} ${unit}`;
  }
  return `${seconds} s`;
}

/** Of the crosshair, s since 1970: as exact as the bars are. */
export function formatMoment(seconds, span = S) {
  const date = new Date(seconds * 1000);
  if (Number.isNaN(date.getTime())) return String(seconds);
  const text = date.toISOString().replace('T', ' ');
  return span < 60 * S ? text.slice(0, 19) : span < 86_400 * S ? text.slice(0, 16) : text.slice(0, 10);
}
