/**
 * The symbol that is open: its quote, its trades and its bars, fed by the timeline, and drawn in the
 * page's one frame. Panels of the view hang their drawing in by `onDraw()`.
 */
import { createCandleFeed } from '../core/candleFeed.js';
import { dayUntil } from '../core/day.js';
import { createQuote } from '../core/quote.js';
import { createTape } from '../core/tape.js';
import { formatCount } from '../core/format.js';
import { createFlashes, createRanges } from './flash.js';
import { priceOf } from './quotePanel.js';

const TRADES_MAX = 1000;
const DAY_MS = 15_000; // between two looks at the last 24 hours

/** @param {{app: object, symbol: string, source?: string}} of without `source` all of the symbol */
export function createSymbol({ app, symbol, source }) {
  const { feed, timeline, frame, page, now } = app;
  const quote = createQuote({ symbol, source, now });
  const tape = createTape({ max: TRADES_MAX });
  const drawers = new Set();
  const drawer = frame.add(draw, tellBars);
  const barWatchers = new Set();
  let areBarsOther = false;
  let fade = null; // of flashes, with the next frame
  const isHidden = () => page.document.hidden;
  const candles = createCandleFeed({
    feed, timeline, isHidden, shownPrice: () => priceOf(quote).text, outages: () => app.outages,
    onChange() {
      areBarsOther = true;
      drawer.markNews();
    },
  });
  const isMine = (item) => item.symbol === symbol && (source === undefined || item.source === source);
  let dayAt = -Infinity;
  let dayCall = null;
  const view = {
    symbol, source, quote, tape, candles,
    /** All sources of the symbol, as far as they are known. */
    sources: [],
    /** For the prices of the panel, see flash.js. */
    flashes: createFlashes({ setTimeout: (fire, ms) => setTimeout(() => { fade = fire; drawer.markNews(); }, ms), now }),
    ranges: createRanges({ highlights: globalThis.CSS?.highlights, Highlight: globalThis.Highlight, StaticRange: globalThis.StaticRange }),
    /** @param {(at: number) => void} draw at most once a frame; `at` is monotonic ms */
    onDraw(draw) {
      drawers.add(draw);
      drawer.mark();
      return () => drawers.delete(draw);
    },
    mark: drawer.mark,
    /** Bars are others, before the frame that shows them: what draws a frame after it is told draws in the
     *  same one as the prices. @param {() => void} watch */
    onBars(watch) {
      barWatchers.add(watch);
      return () => barWatchers.delete(watch);
    },
    /** The store's row, which knows how fresh it is. */
    get row() { return findRow(); },
    end,
  };
  const ends = [
    timeline.on('items', ({ items, isSnapshot }) => {
      const mine = items.filter(isMine);
      if (mine.length === 0) return;
      quote.take(mine, isSnapshot);
      if (!isSnapshot || tape.entries.length === 0) tape.take(mine);
      drawer.markNews();
    }),
    timeline.on('reset', startAgain),
    timeline.on('hello', ({ hello }) => { if (hello.isNewEpoch) startAgain(); else lookAtDay(); }),
    timeline.on('gap', ({ gap }) => {
      if (gap.reason === 'sequence' && (gap.symbol !== symbol || gap.kind !== 'trade')) return;
      tape.mark(gap.lost > 0 ? `${formatCount(gap.lost)} events lost` : 'Some events were not seen');
    }),
    timeline.mode.subscribe(lookAtDay),
    app.onTick(onTick),
  ];
  seed();
  lookAtLatest();
  lookAtDay();
  return view;

  function draw(at) {
    fade?.();
    fade = null;
    for (const each of drawers) each(at);
  }

  function tellBars() {
    if (!areBarsOther || isHidden()) return;
    areBarsOther = false;
    for (const watch of barWatchers) watch();
  }

  function end() {
    for (const stop of ends) stop();
    dayCall?.abort();
    candles.close();
    drawer.end();
  }

  /** What the list knows is shown at once, as last known where the connection does not vouch for it. It
   * has no sizes and times, and a subscription to what is subscribed already brings no snapshot: so they
   * are asked for. */
  function seed() {
    for (const row of app.store.bySymbol.get(symbol) ?? []) {
      if (!isMine(row) || row.isFromOldEpoch) continue;
      const stamp = { symbol, source: row.source, seq: 0 };
      if (row.last !== undefined) quote.take([{ ...stamp, kind: 'trade', price: row.last }], true);
      if (row.bid !== undefined || row.ask !== undefined) quote.take([{ ...stamp, kind: 'quote', bid: row.bid, ask: row.ask }], true);
    }
  }

  async function lookAtLatest() {
    if (isPast() || app.feed.state === 'reconnecting' || app.feed.state === 'closed') return; // the snapshot will say it
    try {
      const { data } = await feed.get('latest', { symbols: symbol.replaceAll(',', '*') });
      const mine = data.filter((item) => isMine(item) && isMore(item));
      quote.take(mine, true);
      if (tape.entries.length === 0) tape.take(mine);
      drawer.mark();
    } catch {
      // what comes next says it, too
    }
  }

  /** Is this what stands there without sizes and times? News come by the timeline, to the whole page at once. */
  function isMore({ kind, seq, price, bid, ask }) {
    const { trade, quote: book } = quote;
    if (kind === 'trade') return !trade || (seq > trade.seq && trade.seq === 0 && price === trade.price);
    return !book || (seq > book.seq && book.seq === 0 && bid === book.bid && ask === book.ask);
  }

  function isPast() {
    return timeline.mode.peek() === 'paused' || timeline.mode.peek() === 'shifted';
  }

  function startAgain() {
    quote.clear();
    tape.clear();
    dayAt = -Infinity;
    lookAtDay();
    drawer.mark();
  }

  function onTick() {
    if (now() - dayAt >= DAY_MS) lookAtDay();
    candles.check();
    drawer.mark();
  }

  /** The server's figures while the screen's clock is the server's; else those of that moment. */
  async function lookAtDay() {
    dayAt = now();
    dayCall?.abort();
    const call = new AbortController();
    dayCall = call;
    try {
      const day = isPast() ? await dayUntil(feed, symbol, timeline.nowUs(), call.signal) : await statsOf(call.signal);
      if (call.signal.aborted) return;
      quote.setDay(day);
      drawer.mark();
    } catch {
      // it is asked for again; the rest of the panel does not need it
    }
  }

  async function statsOf(signal) {
    // A comma would end the name; a pattern may match others, too.
    const { stats } = await feed.get('stats', { symbols: symbol.replaceAll(',', '*') }, { signal });
    return stats.find((each) => each.symbol === symbol);
  }

  function findRow() {
    if (source !== undefined) return app.store.rows.get(`${source}\n${symbol}`);
    return app.store.bySymbol.get(symbol)?.[0];
  }
}
