/**
 * How much happened when: events in equal spans of time, in a ring of fixed size. The scrubber draws it.
 */

/** @param {{spanMs?: number, spans?: number}} [size] */
export function createDensity({ spanMs = 500, spans = 3600 } = {}) {
  const counts = new Float64Array(spans);
  let newest = -1; // number of the newest span since the beginning of time
  let oldest = Infinity;
  return { add, sum, clear, get startMs() { return oldest === Infinity ? undefined : Math.max(oldest, newest - spans + 1) * spanMs; } };

  /** @param {number} atMs not before the last one @param {number} events */
  function add(atMs, events) {
    const span = Math.floor(atMs / spanMs);
    if (newest < 0) oldest = span;
    if (newest >= 0 && span - newest >= spans) counts.fill(0);
    else if (newest >= 0) for (let at = newest + 1; at <= span; at++) counts[at % spans] = 0;
    if (span > newest) newest = span;
    if (newest - span < spans) counts[span % spans] += events;
  }

  /** Events between the two times in each of `out.length` equal parts; a span counts by its overlap.
   *  @param {Float64Array} out */
  function sum(fromMs, toMs, out) {
    const width = (toMs - fromMs) / out.length;
    for (let part = 0; part < out.length; part++) {
      const from = (fromMs + part * width) / spanMs;
      const to = from + width / spanMs;
      let total = 0;
      for (let span = Math.floor(from); span < to; span++) {
        if (span < oldest || span > newest || span <= newest - spans) continue;
        total += counts[span % spans] * (Math.min(to, span + 1) - Math.max(from, span));
      }
      out[part] = total;
    }
    return out;
  }

  function clear() {
    counts.fill(0);
    newest = -1;
    oldest = Infinity;
  }
}

/** Heights 0 to 1 for drawing: by the square root, so that a quiet minute beside a burst is still seen. */
export function heightsOf(counts, out = new Float64Array(counts.length)) {
  let most = 0;
  for (const count of counts) if (count > most) most = count;
  for (let at = 0; at < counts.length; at++) out[at] = most > 0 ? Math.sqrt(counts[at] / most) : 0;
  return out;
}

/**
 * Marks of time below a scrubber: a step that people count in, at most `most` of them.
 * @returns {{stepMs: number, marks: number[]}} of epoch ms
 */
export function timeMarks(fromMs, toMs, most) {
  const steps = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10_800, 21_600, 43_200, 86_400];
  const wanted = (toMs - fromMs) / 1000 / Math.max(1, most);
  const day = 86_400;
  const stepMs = 1000 * (steps.find((step) => step >= wanted) ?? Math.ceil(wanted / day) * day);
  const marks = [];
  for (let at = Math.ceil(fromMs / stepMs) * stepMs; at <= toMs; at += stepMs) marks.push(at);
  return { stepMs, marks };
}
