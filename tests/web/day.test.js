/* The day before a moment, from candles that know more than that moment did. */
import assert from 'node:assert/strict';
import test from 'node:test';
import { dayUntil } from '../../web/src/core/day.js';

const S = 1_000_000;
const HOUR = 3600 * S;
const candle = (time, low, high, close, volume = '1') => ({ time, open: close, high, low, close, volume });

function feedOf(answers) {
  const asked = [];
  return { asked, async candles(symbol, query) { asked.push(query); return { kind: 'trade', candles: answers[query.interval] ?? [] }; } };
}

test('hours, then minutes, then seconds, and nothing of what came later', async () => {
  const until = 100 * HOUR + 61.5 * S;
  const feed = feedOf({
    '1h': [candle(75 * HOUR, '1', '999', '5'), candle(98 * HOUR, '9', '12', '10.0', '2.5'), candle(100 * HOUR, '0', '1000', '77')],
    '1m': [candle(99 * HOUR, '0', '500', '6'), candle(100 * HOUR, '8', '11', '9', '1'), candle(100 * HOUR + 60 * S, '0', '1000', '77')],
    '1s': [candle(100 * HOUR + 30 * S, '0', '500', '6'), candle(100 * HOUR + 60 * S, '9', '13', '13', '0.25'), candle(100 * HOUR + 61 * S, '0', '1000', '77')],
  });
  assert.deepEqual(await dayUntil(feed, 'A', until), { symbol: 'A', kind: 'trade', from: 98 * HOUR, open: '10.0', high: '13', low: '8', last: '13', volume: '3.75' });
  assert.deepEqual(feed.asked.map(({ before }) => before), [until, until, until]);
});

test('where there was no price there is no day', async () => {
  assert.equal(await dayUntil(feedOf({}), 'A', 100 * HOUR), undefined);
});
