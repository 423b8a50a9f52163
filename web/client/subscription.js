import { FeedError } from './errors.js';
import { Deferred, Listeners } from './listeners.js';
import { Queue } from './queue.js';

/**
 * @typedef {'trade'|'quote'} Kind
 * @typedef {import('./binary.js').Item} Item prices and sizes are the source's own text; times are µs
 * @typedef {{items: Item[], isSnapshot: boolean, epoch: string}} Batch what one frame brought
 *
 * @typedef {object} Topic
 * @property {Kind[]} [kinds] default: both
 * @property {'latest'|'every'} [mode] default: latest
 * @property {number} [maxRate] frames a second
 * @property {number} [maxAgeMs] of mode every: what has waited longer gives way to the latest
 * @property {boolean} [ohlc] trades tell open, high, low and volume of those that were skipped before
 * @property {boolean} [clocks] items tell when they passed each stage on their way
 * @property {boolean} [snapshot] begin with the last known values; default true
 * @property {boolean} [resume] after a reconnect, ask for what was missed instead of a snapshot;
 *   default true
 * @typedef {Topic & {signal?: AbortSignal}} SubscribeOptions
 *
 * @typedef {{symbols: string[], pending: string[], rejected: {symbol: string, code: string}[]}} Subscribed
 * @typedef {{id?: number, recovered: number, lost: number, awayMs: number}} Resumed
 * @typedef {{reason: 'sequence', kind: Kind, symbol: string, source: string, expected: number, seq: number, lost: number}
 *   | {reason: 'lost', lost: number, awayMs: number}
 *   | {reason: 'epoch', awayMs: number}} Gap
 *   `sequence`: a stream's seq jumped. `lost`: so many events of the time away could not be
 *   recovered. `epoch`: the server began anew, so that nobody knows how many
 * @typedef {{batch: Batch, snapshot: Batch, subscribed: Subscribed, resumed: Resumed, gap: Gap,
 *   error: FeedError}} SubscriptionEvents
 *
 * @typedef {object} Link what a subscription needs of its feed
 * @property {(subscription: Subscription, symbols: string[]) => void} send
 * @property {(subscription: Subscription, symbols: string[]) => void} drop
 * @property {(subscription: Subscription) => void} end
 */

/** Some symbols and patterns of one feed. Overlapping subscriptions are fine: the server sends each
 * stream once, in the mode asked for last, and every subscription that covers it gets it. */
export class Subscription {
  #link;
  #listeners = new Listeners();
  /** @type {Set<Queue>} */
  #queues = new Set();
  /** @type {Set<string>} */
  #symbols = new Set();
  /** @type {RegExp[]} */
  #patterns = [];
  #unanswered = 0;
  /** @type {Subscribed} */
  #answer = { symbols: [], pending: [], rejected: [] };
  /** @type {Deferred<Subscribed>} */
  #ready = new Deferred();
  #isClosed = false;
  /** @type {FeedError|undefined} */
  #error;

  /**
   * @param {number} id @param {string[]} symbols @param {SubscribeOptions} options @param {Link} link
   */
  constructor(id, symbols, { signal, ...topic }, link) {
    this.id = id;
    /** @type {Topic} */
    this.topic = topic;
    this.#link = link;
    this.#learn(symbols);
    signal?.addEventListener('abort', () => this.close(), { once: true });
  }

  /** Names and patterns. */
  get symbols() {
    return [...this.#symbols];
  }

  /** Resolves when the server has answered all that was asked so far; rejects with a FeedError when
   * it refused, or the subscription was closed before. */
  get ready() {
    return this.#ready.promise;
  }

  get isClosed() {
    return this.#isClosed;
  }

  /**
   * @template {keyof SubscriptionEvents} E
   * @param {E} event
   * @param {(payload: SubscriptionEvents[E]) => void} listener
   * @param {{signal?: AbortSignal}} [options]
   * @returns {() => void} takes the listener off again
   */
  on(event, listener, options) {
    return this.#listeners.add(event, listener, options);
  }

  /** @param {string[]} symbols */
  add(symbols) {
    const fresh = symbols.filter((symbol) => !this.#symbols.has(symbol));
    if (fresh.length === 0 || this.#isClosed) return;
    this.#learn(fresh);
    this.#link.send(this, fresh);
  }

  /** @param {string[]} symbols */
  remove(symbols) {
    const gone = symbols.filter((symbol) => this.#symbols.delete(symbol));
    this.#learn([]);
    if (gone.length > 0 && !this.#isClosed) this.#link.drop(this, gone);
  }

  /** Changes kinds, mode or rate; what is not named stays. @param {Topic} topic */
  update(topic) {
    if (this.#isClosed) return;
    this.topic = { ...this.topic, ...topic };
    this.#link.send(this, this.symbols);
  }

  close() {
    if (this.#isClosed) return;
    this.#link.end(this);
  }

  /**
   * What comes from now on, batch by batch. Ends when the subscription is closed, and throws when
   * the feed is refused.
   * @param {import('./queue.js').QueueOptions} [options]
   */
  batches(options) {
    return this.#queue(options).batches();
  }

  /** The same, item by item. @param {import('./queue.js').QueueOptions} [options] */
  items(options) {
    return this.#queue(options).items();
  }

  [Symbol.asyncIterator]() {
    return this.items();
  }

  // ---- the feed's ----

  /** @internal */
  get isHeard() {
    return this.#queues.size > 0 || this.#listeners.has('batch') || this.#listeners.has('snapshot');
  }

  /** @internal Whether it is among the names and patterns. */
  has(symbol) {
    return this.#symbols.has(symbol);
  }

  /** @internal */
  covers({ symbol, kind }) {
    const { kinds } = this.topic;
    if (kinds && !kinds.includes(kind)) return false;
    return this.#symbols.has(symbol) || this.#patterns.some((pattern) => pattern.test(symbol));
  }

  /** @internal @param {Batch} batch */
  take(batch) {
    if (batch.isSnapshot) this.tell('snapshot', batch);
    this.tell('batch', batch);
    for (const queue of this.#queues) queue.push(batch);
  }

  /** @internal */
  tell(event, payload) {
    this.#listeners.emit(event, payload);
  }

  /** @internal A command was sent that will be answered. */
  expectAnswer() {
    this.#error = undefined;
    if (this.#unanswered++ > 0) return;
    this.#answer = { symbols: [], pending: [], rejected: [] };
    if (this.#ready.isSettled) this.#ready = new Deferred();
  }

  /** @internal The connection was lost: the answers will not come. */
  forgetAnswers() {
    this.#unanswered = 0;
  }

  /** @internal */
  onAnswer(message) {
    const { symbols, pending, rejected } = this.#answer;
    symbols.push(...(message.symbols ?? []));
    pending.push(...(message.pending ?? []));
    rejected.push(...(message.rejected ?? []));
    this.tell('subscribed', message);
    if (--this.#unanswered === 0) this.#ready.resolve(this.#answer);
  }

  /** @internal */
  onRefusal(error) {
    this.#unanswered = Math.max(0, this.#unanswered - 1);
    this.#ready.reject(error);
    this.tell('error', error);
  }

  /** @internal Loops end; with an error they throw it. @param {FeedError} [error] */
  finish(error) {
    this.#isClosed ||= error === undefined;
    this.#error = error;
    this.#ready.reject(error ?? new FeedError('closed', 'the subscription was closed'));
    for (const queue of this.#queues) queue.end(error);
  }

  #queue(options) {
    const queue = new Queue(options, () => this.#queues.delete(queue));
    if (this.#isClosed || this.#error) queue.end(this.#error);
    else this.#queues.add(queue);
    return queue;
  }

  #learn(symbols) {
    for (const symbol of symbols) this.#symbols.add(symbol);
    this.#patterns = this.symbols.filter((symbol) => symbol.includes('*')).map(toPattern);
  }
}

/** Each `*` stands for any run of characters; nothing else is special. */
function toPattern(text) {
  const parts = text.split('*').map((part) => part.replace(/[\\^$.*+?()[\]{}|/-]/g, '\\$&'));
  return new RegExp(`^${parts.join('.*')}$`, 's');
}
