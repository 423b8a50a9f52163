/* Quiet spans, folds and scales of the chart. */
import assert from 'node:assert/strict';
import test from 'node:test';
import { layBars, placeBar, placeOf, scaleOf } from '../../web/src/core/bars.js';

const S = 1_000_000;
const bar = (at, price = '1') => ({ time: at * S, open: price, high: price, low: price, close: price, volume: '1' });
const times = ({ places }) => places.map(({ time, bar: is }) => (is ? time / S : -time / S));

test('a short span without prices keeps its width', () => {
  assert.deepEqual(times(layBars([bar(1), bar(2), bar(5)], S)), [1, 2, -3, -4, 5]);
});

test('a long one is folded, and told how long it was', () => {
  const laid = layBars([bar(1), bar(101), bar(102)], S);
  assert.deepEqual(times(laid), [1, -2, -3, -4, -5, 101, 102]);
  assert.deepEqual(laid.folds, [{ from: 1, to: 5, us: 99 * S }]);
});

test('a span without prices is told when it is unusual, not when it is the rule', () => {
  assert.deepEqual(layBars([bar(1), bar(2), bar(3), bar(8), bar(9)], S).folds, [{ from: 3, to: 7, us: 4 * S }]);
  assert.deepEqual(layBars([bar(1), bar(2), bar(3), bar(7), bar(8)], S).folds, []);
  assert.deepEqual(layBars([bar(1), bar(6), bar(11), bar(16), bar(26)], S).folds, []);
});

test('many quiet spans are folded sooner, so that places stay few', () => {
  const bars = Array.from({ length: 1000 }, (_, at) => bar(20 * at));
  const laid = layBars(bars, S);
  assert.ok(laid.places.length <= 5000);
  assert.equal(laid.folds.length, 999);
});

test('a new bar is placed as laying all again would', () => {
  const bars = [bar(1), bar(3), bar(200), bar(201), bar(205)];
  const whole = layBars(bars, S);
  const laid = { ...layBars(bars.slice(0, 1), S), quiet: whole.quiet }; // what is usual was known from more
  for (const each of bars.slice(1)) placeBar(laid, each, S);
  assert.deepEqual(laid, whole);
});

test('a moment has a place, also between and outside', () => {
  const { places } = layBars([bar(10), bar(11), bar(111)], S);
  assert.equal(placeOf(places, 10.5 * S, S), 0.5);
  assert.equal(placeOf(places, 8 * S, S), -2);
  assert.equal(placeOf(places, 60 * S, S), 6); // in the fold: at its end
  assert.equal(placeOf(places, 113 * S, S), places.length - 1 + 2);
  assert.equal(placeOf([], 5, S), 0);
});

test('usual prices are drawn as they are, very large and small ones moved', () => {
  assert.deepEqual(scaleOf([bar(0, '61837.63000000')]), { power: 0, digits: 2, places: 2 });
  assert.deepEqual(scaleOf([bar(0, '0.000013920')]), { power: 0, digits: 8, places: 8 });
  assert.deepEqual(scaleOf([bar(0, '1234567890123456789012345.6789')]), { power: 18, digits: 0, places: 6 });
  assert.equal(scaleOf([bar(0, '0.0000000000000000123')]).power, -17);
  assert.deepEqual(scaleOf([bar(0, '0')]), { power: 0, digits: 0, places: 0 });
  assert.deepEqual(scaleOf([]), { power: 0, digits: 0, places: 0 });
});

test('a step of the chart is one that its numbers feel, however large, small or long the price', () => {
  for (const price of ['1234567890123456789012345.678901234567890', '-1234567890123456789012345.6', '999999999.123456789', '1234567890.123456789',
    '0.0000000000000000000000000000001260', '0.000000999', '1', '0', '123456.7890123456789']) {
    const { power, places } = scaleOf([bar(0, price)]);
    const number = Math.abs(Number(price)) / 10 ** power;
    assert.ok(number - 10 ** -places / 100 !== number, price);
  }
});
