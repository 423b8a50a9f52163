/**
 * Where bars stand on a time axis that counts bars. A span without prices is shown at its true width
 * while it is short; a long one is folded to a few empty places and drawn as a band with its length,
 * so that neither a quiet minute looks like none nor a night like half of the chart.
 *
 * @typedef {import('./candles.js').Bar} Bar
 * @typedef {{time: number, bar: Bar|null}} Place `time` in µs
 * @typedef {{from: number, to: number, us: number}} Fold places from `from` up to `to` are empty and
 *   stand for `us` without prices: folded, or unusually long
 */
const SPREADS = [30, 12, 4, 0]; // the longest span without prices that is shown at its true width
const FOLD_PLACES = 4;
const QUIET_MIN = 4; // so many spans without prices, and so many times more than is usual, are told
const QUIET_FACTOR = 5;
const PLACES_MAX = 5000;
const STEPS_EXPONENT = 12; // digits of a chart's number that are sure

/** @param {Bar[]} bars @param {number} span µs
 *  @returns {{places: Place[], folds: Fold[], spread: number, quiet: number}} */
export function layBars(bars, span, placesMax = PLACES_MAX) {
  const spread = SPREADS.find((each) => countPlaces(bars, span, each) <= Math.max(placesMax, bars.length)) ?? 0;
  const laid = { places: [], folds: [], spread, quiet: Math.max(QUIET_MIN, QUIET_FACTOR * usualGap(bars, span)) };
  for (const bar of bars) placeBar(laid, bar, span);
  return laid;
}

/** Half of the bars have no more empty spans than this before them. */
function usualGap(bars, span) {
  const gaps = [];
  for (let at = 1; at < bars.length; at++) gaps.push(Math.round((bars[at].time - bars[at - 1].time) / span) - 1);
  return gaps.sort((a, b) => a - b)[gaps.length >> 1] ?? 0;
}

/** Puts a bar, newer than all, behind the others. */
export function placeBar({ places, folds, spread, quiet }, bar, span) {
  const last = places.at(-1);
  const missing = last ? Math.round((bar.time - last.time) / span) - 1 : 0;
  const isFolded = missing > spread;
  const empty = isFolded ? Math.min(missing, FOLD_PLACES) : missing;
  for (let at = 1; at <= empty; at++) places.push({ time: last.time + at * span, bar: null });
  if (isFolded || missing >= quiet) folds.push({ from: places.length - empty, to: places.length, us: missing * span });
  places.push({ time: bar.time, bar });
}

/** The place of a moment, with a fraction; before the first below 0, after the last beyond the end. */
export function placeOf(places, us, span) {
  if (places.length === 0) return 0;
  let low = 0;
  let high = places.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (places[middle].time <= us) low = middle + 1;
    else high = middle;
  }
  const at = Math.max(0, low - 1);
  const fraction = (us - places[at].time) / span;
  return at === places.length - 1 || at === 0 ? at + fraction : at + Math.min(1, fraction);
}

function countPlaces(bars, span, spread) {
  let count = bars.length;
  for (let at = 1; at < bars.length; at++) {
    const missing = Math.round((bars[at].time - bars[at - 1].time) / span) - 1;
    if (missing > 0) count += missing > spread ? Math.min(missing, FOLD_PLACES) : missing;
  }
  return count;
}

/**
 * A chart computes in doubles. `scale` keeps its numbers in a range where they are exact enough to be
 * drawn and its axis reads well, whatever the size of the price; texts are never made from them.
 * @param {Bar[]} bars
 * @returns {{power: number, digits: number, places: number}} the chart's number is price × 10^-power; `digits`
 *   after the point that its axis shows of the price; `places` after the point of the chart's number that
 *   are told apart, fewer than a double has: a step that a number is too large to feel would never end
 */
export function scaleOf(bars) {
  let largest = 0;
  let digits = 0;
  for (const { high, low, close } of bars) {
    largest = Math.max(largest, Math.abs(Number(high)), Math.abs(Number(low)));
    digits = Math.max(digits, significantDigits(close), significantDigits(high), significantDigits(low));
  }
  const exponent = largest > 0 ? Math.floor(Math.log10(largest)) : 0;
  const power = exponent > 9 ? exponent - 6 : exponent < -6 ? exponent : 0;
  return {
    power,
    digits: Math.max(0, Math.min(digits, 14 - Math.max(exponent, 0))),
    places: Math.max(0, Math.min(10, digits + power, STEPS_EXPONENT - Math.max(0, exponent - power))),
  };
}

/** Digits after the point without zeros at the end. */
function significantDigits(text) {
  const point = text.indexOf('.');
  if (point < 0) return 0;
  let end = text.length;
  while (text.charCodeAt(end - 1) === 48) end--;
  return Math.max(0, end - point - 1);
}
