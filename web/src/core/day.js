/** The 24 hours before a moment, put together from candles: what GET /api/v1/stats said then. */
import { addTexts } from './candles.js';
import { compareTexts } from './decimal.js';

const S = 1_000_000;
const DAY = 86_400 * S;
const TIERS = [{ interval: '1h', span: 3600 * S, limit: 25 }, { interval: '1m', span: 60 * S, limit: 60 }, { interval: '1s', span: S, limit: 60 }];

/**
 * @param {{candles: Function}} feed
 * @param {number} until µs; what a candle holds that ends later is left out
 * @returns {Promise<{symbol: string, kind: string, from: number, open: string, high: string, low: string,
 *   last: string, volume: string|null}|undefined>} undefined: there was no price
 */
export async function dayUntil(feed, symbol, until, signal) {
  let day;
  let done = -Infinity; // µs, up to where it is put together
  for (const { interval, span, limit } of TIERS) {
    const { kind, candles } = await feed.candles(symbol, { interval, limit, before: Math.floor(until), signal });
    for (const candle of candles) {
      if (candle.time < done || candle.time + span > until || candle.time < until - DAY) continue;
      day = day ? merged(day, candle) : { symbol, kind, from: candle.time, open: candle.open, high: candle.high, low: candle.low, last: candle.close, volume: candle.volume };
    }
    done = Math.floor(until / span) * span;
  }
  return day;
}

function merged(day, { high, low, close, volume }) {
  return {
    ...day,
    high: compareTexts(high, day.high) > 0 ? high : day.high,
    low: compareTexts(low, day.low) < 0 ? low : day.low,
    last: close,
    volume: volume === null ? null : addTexts(day.volume, volume),
  };
}
