import { FeedError } from './errors.js';
import { Deferred } from './listeners.js';

/**
 * @typedef {import('./subscription.js').Batch} Batch
 * @typedef {import('./subscription.js').Item} Item
 * @typedef {object} QueueOptions
 * @property {number} [buffer] items that may wait for the loop; default 1024
 * @property {'latest'|'drop-oldest'|'error'} [overflow] what happens past that. `latest` (default):
 *   of each stream only the newest item waits. `drop-oldest`: the oldest go. Both add what went to
 *   the `skipped` of the stream's next item. `error`: the loop throws a FeedError `overflow`
 * @property {AbortSignal} [signal] ends the loop
 */

const key = ({ kind, source, symbol }) => `${kind}\n${source}\n${symbol}`;

/** The item, standing for `count` more events that were passed over. */
const withSkipped = (item, count) => (count === 0 ? item : { ...item, skipped: (item.skipped ?? 0) + count });

/** Between frames that come and a loop that takes them when it can. Never unbounded: the socket has
 * no backpressure, so what a slow loop may keep waiting is limited here. */
export class Queue {
  /** @type {Batch[]} */
  #batches = [];
  #size = 0; // items in all of them
  #limit;
  #owed = new Map(); // stream → events dropped since its last item that was taken
  /** @type {string|null} */
  #owedEpoch = null; // seq begins again in another
  #error;
  #isEnded = false;
  /** @type {Deferred<void>|null} */
  #news = null;
  #onEnd;

  /** @param {QueueOptions} options @param {() => void} onEnd */
  constructor({ buffer = 1024, overflow = 'latest', signal } = {}, onEnd = () => {}) {
    if (!(buffer >= 1)) throw new RangeError('buffer: a number of items, at least 1');
    if (!['latest', 'drop-oldest', 'error'].includes(overflow)) throw new RangeError('overflow: latest, drop-oldest or error');
    this.buffer = buffer;
    this.overflow = overflow;
    this.#limit = buffer;
    this.#onEnd = onEnd;
    /** Items that a slow loop lost or merged. */
    this.dropped = 0;
    if (signal?.aborted) this.end();
    signal?.addEventListener('abort', () => this.end(), { once: true });
  }

  /** How many items wait. */
  get size() {
    return this.#size;
  }

  /** @param {Batch} batch */
  push(batch) {
    if (this.#isEnded || batch.items.length === 0) return;
    this.#batches.push(batch);
    this.#size += batch.items.length;
    if (this.#size > this.#limit) this.#relieve();
    this.#wake();
  }

  /** What waits may still be taken, unless there is an error. @param {FeedError} [error] */
  end(error) {
    if (this.#isEnded) return;
    this.#isEnded = true;
    this.#error = error;
    if (error) this.#clear();
    this.#onEnd();
    this.#wake();
  }

  /** @returns {AsyncGenerator<Batch, void, void>} */
  async *batches() {
    try {
      for (;;) {
        const batch = this.#take();
        if (batch) yield batch;
        else if (this.#error) throw this.#error;
        else if (this.#isEnded) return;
        else await (this.#news = new Deferred()).promise;
      }
    } finally {
      this.#clear();
      this.end();
    }
  }

  /** @returns {AsyncGenerator<Item, void, void>} */
  async *items() {
    for await (const { items } of this.batches()) yield* items;
  }

  #wake() {
    this.#news?.resolve();
    this.#news = null;
  }

  #clear() {
    this.#batches = [];
    this.#size = 0;
  }

  #take() {
    const batch = this.#batches.shift();
    if (!batch) return undefined;
    this.#size -= batch.items.length;
    if (this.#owed.size === 0 || batch.epoch !== this.#owedEpoch) return batch;
    return { ...batch, items: batch.items.map((item) => this.#settle(item)) };
  }

  /** Pays back what was dropped of the item's stream. */
  #settle(item) {
    const stream = key(item);
    const owed = this.#owed.get(stream) ?? 0;
    this.#owed.delete(stream);
    return withSkipped(item, owed);
  }

  #relieve() {
    if (this.overflow === 'error') {
      this.end(new FeedError('overflow', `the loop is more than ${this.buffer} items behind`));
    } else if (this.overflow === 'latest') {
      this.#conflate();
    } else {
      while (this.#size > this.#limit) this.#dropOldest();
    }
  }

  #dropOldest() {
    const [batch] = this.#batches;
    const count = Math.min(batch.items.length, this.#size - this.#limit);
    if (batch.epoch !== this.#owedEpoch) this.#owed.clear();
    this.#owedEpoch = batch.epoch;
    for (const item of batch.items.slice(0, count)) {
      const stream = key(item);
      this.#owed.set(stream, (this.#owed.get(stream) ?? 0) + 1 + (item.skipped ?? 0));
    }
    this.dropped += count;
    this.#size -= count;
    if (count === batch.items.length) this.#batches.shift();
    else this.#batches[0] = { ...batch, items: batch.items.slice(count) };
  }

  /** Merges all that waits into one batch of the newest items. Those of an older epoch go: seq began
   * again after them. */
  #conflate() {
    const { epoch } = /** @type {Batch} */ (this.#batches.at(-1));
    const newest = new Map();
    for (const batch of this.#batches) {
      if (batch.epoch !== epoch) continue;
      for (const item of batch.items) {
        const stream = key(item);
        const before = newest.get(stream);
        newest.delete(stream); // so that the newest stand last
        newest.set(stream, withSkipped(item, before ? 1 + (before.skipped ?? 0) : 0));
      }
    }
    const items = [...newest.values()];
    const isSnapshot = this.#batches.every((batch) => batch.isSnapshot);
    this.dropped += this.#size - items.length;
    this.#batches = [{ items, isSnapshot, epoch }];
    this.#size = items.length;
    // More streams than fit still cost one item each; the room beyond keeps merging cheap.
    this.#limit = Math.max(this.buffer, 2 * items.length);
  }
}
