/**
 * The last prices of a row for its sparkline: one a second at most, in a ring. Doubles, for pixels only.
 *
 * @typedef {{prices: Float64Array, count: number, second: number}} Spark `count` grows without end
 */

export const SPARK_POINTS = 60;

/** @param {{spark: Spark|null}} row @param {string} price @param {number} now ms */
export function notePrice(row, price, now) {
  const second = Math.floor(now / 1000);
  let { spark } = row;
  if (spark === null) spark = row.spark = { prices: new Float64Array(SPARK_POINTS), count: 0, second: -1 };
  if (second === spark.second) return;
  spark.second = second;
  spark.prices[spark.count++ % SPARK_POINTS] = Number(price);
}

/** Older prices than those that came by themselves, oldest first. @param {number[]} prices */
export function prefill(row, prices) {
  const own = row.spark ? pointsOf(row.spark) : [];
  const all = [...prices, ...own].slice(-SPARK_POINTS);
  row.spark = { prices: new Float64Array(SPARK_POINTS), count: all.length, second: row.spark?.second ?? -1 };
  row.spark.prices.set(all);
}

/** Oldest first. @param {Spark} spark @returns {number[]} */
export function pointsOf({ prices, count }) {
  const from = Math.max(0, count - SPARK_POINTS);
  return Array.from({ length: count - from }, (_, at) => prices[(from + at) % SPARK_POINTS]);
}
