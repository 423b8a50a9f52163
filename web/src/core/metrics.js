/**
 * The server's /metrics text (Prometheus): plain values and histograms. Only what a panel asks for is kept.
 */

const LINE = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})?\s+(\S+)/;
const LABEL = /([a-zA-Z_]\w*)="((?:[^"\\]|\\.)*)"/g;

/**
 * @param {string} text
 * @returns {{value: (name: string, labels?: Record<string, string>) => number|undefined,
 *   histogram: (name: string, labels?: Record<string, string>) => Histogram|null,
 *   all: (name: string) => {labels: Record<string, string>, value: number}[]}}
 *
 * @typedef {{bounds: number[], counts: number[], sum: number, count: number}} Histogram `counts[i]` is how
 *   many lie above bounds[i-1] and up to bounds[i]; the last bound may be Infinity
 */
export function parseMetrics(text) {
  const samples = new Map();
  for (const line of text.split('\n')) {
    if (line === '' || line[0] === '#') continue;
    const [, name, labelText, valueText] = line.match(LINE) ?? [];
    if (name === undefined) continue;
    const labels = {};
    for (const [, key, value] of (labelText ?? '').matchAll(LABEL)) labels[key] = value.replace(/\\(.)/g, (_, c) => (c === 'n' ? '\n' : c));
    if (!samples.has(name)) samples.set(name, []);
    samples.get(name).push({ labels, value: readNumber(valueText) });
  }
  const all = (name) => samples.get(name) ?? [];
  const matches = (labels, wanted = {}) => Object.entries(wanted).every(([key, value]) => labels[key] === value);
  const value = (name, wanted) => all(name).find(({ labels }) => matches(labels, wanted))?.value;

  return { all, value, histogram };

  function histogram(name, wanted) {
    const buckets = all(`${name}_bucket`).filter(({ labels }) => matches(labels, wanted))
      .map(({ labels, value: total }) => ({ bound: readNumber(labels.le), total }))
      .sort((a, b) => a.bound - b.bound);
    if (buckets.length === 0) return null;
    return {
      bounds: buckets.map(({ bound }) => bound),
      counts: buckets.map(({ total }, at) => total - (at > 0 ? buckets[at - 1].total : 0)),
      sum: value(`${name}_sum`, wanted) ?? 0,
      count: value(`${name}_count`, wanted) ?? buckets.at(-1).total,
    };
  }
}

/** What came between two looks at the same histogram. @param {Histogram} now @param {Histogram|null} before */
export function since(now, before) {
  if (!before || before.bounds.length !== now.bounds.length || before.count > now.count) return now;
  return {
    bounds: now.bounds,
    counts: now.counts.map((count, at) => Math.max(0, count - before.counts[at])),
    sum: now.sum - before.sum,
    count: now.count - before.count,
  };
}

/** The bars from the first to the last that is not empty, at most `most` of them: neighbours are added up.
 *  @param {Histogram} histogram @returns {{from: number, to: number, count: number}[]} */
export function barsOf({ bounds, counts }, most = 32) {
  const first = counts.findIndex((count) => count > 0);
  if (first < 0) return [];
  const last = counts.length - 1 - [...counts].reverse().findIndex((count) => count > 0);
  const step = Math.ceil((last - first + 1) / most);
  const bars = [];
  for (let at = first; at <= last; at += step) {
    const end = Math.min(last, at + step - 1);
    let count = 0;
    for (let index = at; index <= end; index++) count += counts[index];
    bars.push({ from: at > 0 ? bounds[at - 1] : 0, to: bounds[end], count });
  }
  return bars;
}

/** An upper bound of the percentile, as exact as the buckets are. @param {Histogram} histogram @param {number} part 0 to 1 */
export function percentileOf({ bounds, counts, count }, part) {
  let seen = 0;
  for (let at = 0; at < counts.length; at++) {
    seen += counts[at];
    if (count > 0 && seen >= part * count) return bounds[at];
  }
  return undefined;
}

/** Seconds as people read them: "42 µs", "5.8 ms", "1.2 s". */
export function formatDuration(seconds) {
  if (seconds === undefined || Number.isNaN(seconds)) return '—';
  if (seconds === Infinity) return '∞';
  const [value, unit] = seconds < 1e-3 ? [seconds * 1e6, 'µs'] : seconds < 1 ? [seconds * 1e3, 'ms'] : [seconds, 's'];
  const digits = value === 0 || value >= 100 ? 0 : value >= 10 ? 1 : 2;
  return `${Number(value.toFixed(digits))}\u2009${unit}`;
}

function readNumber(text) {
  return text === '+Inf' ? Infinity : text === '-Inf' ? -Infinity : Number(text);
}
