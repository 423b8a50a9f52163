/**
 * Fetches the last minute of the rows in view, one after the other, so that a sparkline tells something
 * from the beginning. Each row is asked for once.
 */
import { prefill, SPARK_POINTS } from '../core/spark.js';

const QUEUE_MAX = 100;

/** Whether the server that we are connected to now has had a price of it: of others it knows nothing. */
const hasCandles = (row) => row.hasTrade || (row.hasQuote && row.bid !== undefined && row.ask !== undefined);

/**
 * @param {object} parts
 * @param {import('../../client/pricecast.js').Feed} parts.feed
 * @param {() => number} parts.nowUs the clock of the screen @param {() => boolean} parts.isWanted
 * @param {() => void} parts.onPrices a row has them
 */
export function createPrefill({ feed, nowUs, isWanted, onPrices }) {
  const asked = new WeakSet();
  let queue = [];
  let isRunning = false;
  return { want };

  /** @param {object[]} rows in view */
  function want(rows) {
    if (!isWanted()) return;
    queue = [...rows.filter((row) => !asked.has(row) && hasCandles(row)), ...queue.filter((row) => !rows.includes(row))].slice(0, QUEUE_MAX);
    if (!isRunning) run();
  }

  async function run() {
    isRunning = true;
    while (queue.length > 0 && isWanted()) {
      const row = queue.shift();
      if (asked.has(row) || !hasCandles(row)) continue;
      asked.add(row);
      try {
        await fill(row);
      } catch {
        queue = []; // the next look tries others
      }
    }
    isRunning = false;
  }

  async function fill(row) {
    const { candles } = await feed.candles(row.symbol, { interval: '1s', limit: SPARK_POINTS });
    const ownUs = nowUs() - (row.spark?.count ?? 0) * 1e6; // from then on the row has its own
    const prices = candles.filter(({ time }) => time < ownUs).map(({ close }) => Number(close));
    if (prices.length === 0) return;
    prefill(row, prices);
    onPrices();
  }
}
