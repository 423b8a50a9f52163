/**
 * What is asked of the server, and how often: enough for what can be seen, no more.
 *
 * As long as the page keeps up, everything comes RATES[0] times a second, so that each frame has a little
 * to do and none a lot. When it does not keep up, all that is out of sight comes half as often, and so on
 * ("calming"), while the rows in view and the open symbol go on at VISIBLE_HZ. A hidden page gets one
 * update a second of everything, and draws nothing.
 */
import { setRecord, signal } from './signal.js';

const RATES = [20, 10, 5, 2, 1];
const VISIBLE_HZ = 10;
const HIDDEN_HZ = 1;
const VISIBLE_MAX = 200;
/** Shares of a second spent working: above the first the page asks for less, below the second for more again. */
const BUSY = 0.26;
const IDLE = 0.1; // less than half of BUSY: going back up must not lead down again
const ITEMS_MIN = 2000; // a second; with fewer it is not the prices that keep the page busy
const WAIT_UP = 2; // seconds over the limit before asking for less
const WAIT_DOWN = 15; // seconds of quiet before asking for more

/**
 * @param {object} parts
 * @param {import('../../client/pricecast.js').Feed} parts.feed
 * @param {() => boolean} parts.isHidden
 */
export function createInterest({ feed, isHidden }) {
  const interest = {
    /** {level, hz, visibleHz}: level 0 is everything at full rate. */
    calm: signal({ level: 0, hz: RATES[0], visibleHz: RATES[0] }),
    open, tape, look, follow, judge,
  };
  const all = feed.subscribe({ symbols: ['*'], mode: 'latest', maxRate: RATES[0], snapshot: true });
  let near = null; // the rows in view, while the rest is calmed
  let visible = [];
  let opened = [];
  let openedSymbol = null;
  let taped = null;
  let level = 0;
  let busyFor = 0;
  let idleFor = 0;
  return interest;

  /** The symbol in the detail panel: its newest quote, and all of its trades, because bars and volumes
   * are made of every one. @param {string|null} symbol */
  function open(symbol) {
    if (symbol === openedSymbol) return;
    openedSymbol = symbol;
    for (const subscription of opened) subscription.close();
    opened = [];
    ask();
  }

  /** Every trade of these names or patterns, as far as the connection takes them. @param {string[]|null} symbols */
  function tape(symbols) {
    taped?.close();
    taped = symbols === null ? null
      : feed.subscribe({ symbols, kinds: ['trade'], mode: 'every', maxRate: VISIBLE_HZ, snapshot: false });
  }

  /** The symbols in view. @param {string[]} symbols */
  function look(symbols) {
    visible = symbols.slice(0, VISIBLE_MAX);
    if (near || level > 1) ask();
  }

  /** The page was hidden or shown. */
  function follow() {
    ask();
  }

  /** Once a second. @param {number} share how much of it was spent working, 0 to 1 @param {number} items that came in it */
  function judge(share, items) {
    busyFor = share > BUSY && items >= ITEMS_MIN ? busyFor + 1 : 0;
    idleFor = share < IDLE || items < ITEMS_MIN / 2 ? idleFor + 1 : 0;
    const before = level;
    if (busyFor >= WAIT_UP && level < RATES.length - 1) level++;
    if (idleFor >= WAIT_DOWN && level > 0) level--;
    if (level === before) return;
    busyFor = 0;
    idleFor = 0;
    ask();
  }

  function ask() {
    const hidden = isHidden();
    const hz = hidden ? HIDDEN_HZ : RATES[level];
    if (all.topic.maxRate !== hz) all.update({ maxRate: hz });
    const names = hidden || hz >= VISIBLE_HZ ? [] : [...new Set(visible.filter((name) => name !== openedSymbol))];
    watch(names);
    watchOpened(hidden ? HIDDEN_HZ : VISIBLE_HZ);
    setRecord(interest.calm, { level, hz, visibleHz: Math.max(hz, names.length > 0 ? VISIBLE_HZ : 0) });
  }

  function watch(names) {
    if (names.length === 0) {
      near?.close();
      near = null;
    } else if (!near) {
      near = feed.subscribe({ symbols: names, mode: 'latest', maxRate: VISIBLE_HZ });
    } else {
      const wanted = new Set(names);
      near.remove(near.symbols.filter((name) => !wanted.has(name)));
      near.add(names);
    }
  }

  function watchOpened(hz) {
    if (openedSymbol === null) return;
    const symbols = [openedSymbol];
    if (opened.length === 0) {
      opened = [
        feed.subscribe({ symbols, kinds: ['quote'], mode: 'latest', maxRate: hz }),
        feed.subscribe({ symbols, kinds: ['trade'], mode: 'every', maxRate: hz }),
      ];
    }
    for (const subscription of opened) if (subscription.topic.maxRate !== hz) subscription.update({ maxRate: hz });
  }
}
