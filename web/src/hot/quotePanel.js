/** The figures of the open symbol: text nodes made once, written where a text changed. */
import { significantFraction } from '../core/decimal.js';
import { describeChange, formatAge, formatCount, formatTime, groupDigits, NOTHING, shortenFigure, trimPrice } from '../core/format.js';
import { balanceOf, shareOf } from '../core/quote.js';
import { createPriceCell, createTextCell, createTextInk } from './cells.js';
import { formatClock } from './tape.js';

const GLYPHS = { '-1': '▼', 0: '', 1: '▲' };
const MOVES = { '-1': 'fell', 0: 'same', 1: 'rose' };
const CHANGE_MAX = 14; // characters
const THIN = '\u2009';
const DAY_US = 22 * 3600 * 1e6; // from here on "24 h" is near enough
const STATES = { waiting: 'last known', stale: 'stale', live: '', down: 'source down', paused: 'source paused', ended: 'feed ended' };

/** The large price and its change. @param {HTMLElement} root with [data-cell] inside */
export function createHero(root, { app, view }) {
  const cells = findCells(root);
  const price = createPrice(root.querySelector('[data-price]'), view);
  const reduced = matchMedia('(prefers-reduced-motion: reduce)');
  let moved = '';
  return function draw(at) {
    const { quote, row } = view;
    const last = priceOf(quote);
    const significant = row?.significant ?? (last.text === undefined ? 0 : significantFraction(last.text));
    price.write(last.text, significant, at, !reduced.matches && !app.settings.calm.peek() && app.feed.state === 'live');
    const from = quote.day?.open;
    const change = last.text === undefined || from === undefined ? null : describeChange(from, last.text, significant);
    cells.glyph(change ? GLYPHS[change.direction] : '');
    cells.change(change ? shortenFigure(change.absolute, CHANGE_MAX) : '');
    cells.percent(change ? change.percent : '');
    cells.since(change ? sinceText(quote.day, app) : '');
    cells.kind(last.isMid ? 'mid of bid and ask' : '');
    const move = change ? MOVES[change.direction] : 'same';
    if (move !== moved) root.dataset.move = moved = move;
    showState(app, row, at);
  };

  function showState(app_, row, at) {
    // Without a row nobody vouches for what is shown, unless rows are yet to come.
    const isKnown = view.quote.trade !== undefined || view.quote.quote !== undefined;
    const state = row ? app_.store.stateOf(row, at) : isKnown && app_.store.rows.size > 0 ? 'waiting' : 'live';
    cells.state(state === 'stale' ? `no update for ${formatAge(app_.store.ageOf(row, at))}` : STATES[state] ?? state);
    if (root.dataset.row !== state) root.dataset.row = state;
  }
}

/** Everything else that is known. */
export function createQuotePanel(root, { app, view }) {
  const cells = findCells(root);
  const prices = {
    bid: createPrice(root.querySelector('[data-price="bid"]'), view),
    ask: createPrice(root.querySelector('[data-price="ask"]'), view),
  };
  const bars = Object.fromEntries(['bid', 'ask'].map((side) => [side, createBar(root.querySelector(`[data-bar="${side}"]`))]));
  const mark = createMark(root.querySelector('[data-mark]'));
  const reduced = matchMedia('(prefers-reduced-motion: reduce)');
  return function draw(at) {
    const { quote, row } = view;
    const { quote: book, trade, day } = quote;
    const mayFlash = !reduced.matches && !app.settings.calm.peek() && app.feed.state === 'live';
    for (const side of ['bid', 'ask']) {
      prices[side].write(book?.[side], row?.significant ?? significantFraction(book?.[side] ?? ''), at, mayFlash);
      cells[`${side}Size`](numberText(book?.[`${side}_size`]));
    }
    const balance = balanceOf(book);
    bars.bid(balance ?? 0);
    bars.ask(balance === undefined ? 0 : 1 - balance);
    drawSpread(quote.spread);
    drawDay(day, priceOf(quote).text);
    const { vwap } = quote;
    cells.vwap(vwap === undefined ? NOTHING : `${quote.skippedTrades > 0 ? '≈ ' : ''}${groupDigits(vwap)}`);
    cells.vwapOf(vwap === undefined ? '' : `${formatCount(quote.trades)} ${quote.trades === 1 ? 'trade' : 'trades'} since ${formatClock(quote.sinceUs).slice(0, 5)}`);
    const rate = quote.perSecond();
    cells.rate(rate < 10 ? rate.toFixed(1) : formatCount(rate));
    cells.skipped(quote.skipped > 0 ? `${formatCount(quote.skipped)} passed over` : '');
    cells.tradeSeq(trade?.seq > 0 ? `trade ${formatCount(trade.seq)}` : book?.seq > 0 ? '' : NOTHING);
    cells.quoteSeq(book?.seq > 0 ? `quote ${formatCount(book.seq)}` : '');
    drawTimes(newestOf(trade, book));
  };

  function drawSpread(spread) {
    cells.spread(spread ? trimPrice(spread.text) : NOTHING);
    cells.points(spread?.points ? `${groupDigits(spread.points)}${THIN}bp` : '');
    cells.mid(spread ? trimPrice(spread.mid) : NOTHING);
    cells.crossed(!spread || spread.direction > 0 ? '' : spread.direction < 0 ? 'crossed' : 'locked');
  }

  function drawDay(day, price) {
    cells.low(day ? trimPrice(day.low) : NOTHING);
    cells.high(day ? trimPrice(day.high) : NOTHING);
    cells.open(day ? trimPrice(day.open) : NOTHING);
    cells.volume(day && day.kind !== 'quote' ? numberText(day.volume) : NOTHING);
    cells.range(day ? sinceText(day, app) : '');
    mark(day && price !== undefined ? shareOf(price, day.low, day.high) : undefined);
  }

  function drawTimes(item) {
    const us = item?.recv ?? item?.ts;
    cells.source(item?.ts === undefined ? NOTHING : formatClock(item.ts));
    cells.received(item?.recv === undefined ? NOTHING : formatClock(item.recv));
    // One text: of two the first would push the other about.
    cells.delay([item?.ts !== undefined && item?.recv !== undefined && delayText(item.recv - item.ts), us !== undefined && formatTime(us).slice(0, 10)].filter(Boolean).join(' · '));
  }
}

/** The quote as a sentence, for the key that speaks it. */
export function quoteInWords({ symbol, quote }) {
  const { text, isMid } = priceOf(quote);
  if (text === undefined && !quote.quote) return `${symbol}: no price yet`;
  const change = quote.day && text !== undefined ? describeChange(quote.day.open, text) : null;
  const { bid, ask } = quote.quote ?? {};
  return [
    `${symbol} ${isMid ? 'mid' : 'last'} ${groupDigits(text ?? '')}`,
    change && (change.direction === 0 ? 'unchanged' : `${change.direction > 0 ? 'up' : 'down'} ${change.percent.replace(/^[+\u2212]/, '')}`),
    bid !== undefined && `bid ${groupDigits(bid)}`,
    ask !== undefined && `ask ${groupDigits(ask)}`,
    quote.spread && `spread ${groupDigits(quote.spread.text)}`,
  ].filter(Boolean).join(', ');
}

/** The last trade; of a symbol without any, the middle of its quote. */
export function priceOf({ trade, spread }) {
  if (trade) return { text: trade.price, isMid: false };
  return { text: spread?.mid, isMid: spread !== null };
}

function newestOf(a, b) {
  if (!a || !b) return a ?? b;
  return (a.recv ?? a.ts ?? 0) >= (b.recv ?? b.ts ?? 0) ? a : b;
}

function sinceText({ from }, { timeline }) {
  return timeline.nowUs() - from >= DAY_US ? '24 h' : `since ${formatClock(from).slice(0, 5)}`;
}

function delayText(us) {
  if (us === 0) return 'no delay';
  const size = Math.abs(us);
  const text = size < 1000 ? `${size}${THIN}µs` : size < 1e6 ? `${Math.round(size / 1000)}${THIN}ms` : `${Math.round(size / 1e6)}${THIN}s`;
  return us < 0 ? `source ahead by ${text}` : `${text} later`;
}

function numberText(text) {
  return text === undefined || text === null ? NOTHING : trimPrice(text);
}

function createPrice(element, { flashes, ranges }) {
  return createPriceCell(element, flashes, createTextInk(element, ranges));
}

function findCells(root) {
  return Object.fromEntries([...root.querySelectorAll('[data-cell]')].map((element) => [element.dataset.cell, createTextCell(element)]));
}

function createBar(element) {
  let shown = -1;
  return (share) => {
    const rounded = Math.round(share * 200) / 200;
    if (rounded === shown) return;
    shown = rounded;
    element.style.transform = `scaleX(${rounded})`;
  };
}

function createMark(element) {
  let shown;
  return (share) => {
    const rounded = share === undefined ? undefined : Math.round(share * 500) / 5;
    if (rounded === shown) return;
    shown = rounded;
    element.hidden = rounded === undefined;
    if (rounded !== undefined) element.style.transform = `translateX(${rounded}%)`;
  };
}
