/**
 * The price chart: bars, volume and gaps on canvas. Everything that is text (legend, buttons, tables)
 * is outside. Loaded when a symbol is opened, because the library behind it is larger than the page.
 *
 * draw() is called once per frame at most; it gives the library the last bars, or all of them after
 * anything but the end has changed.
 */
import {
  AreaSeries, CandlestickSeries, CrosshairMode, HistogramSeries, LineSeries, LineStyle, createChart,
} from 'lightweight-charts';
import { layBars, placeBar, placeOf, scaleOf } from '../core/bars.js';
import { formatMoment, formatSpan, formatVolume } from '../core/barText.js';
import { groupDigits, trimPrice } from '../core/format.js';
import { createBands } from './bands.js';

const S = 1_000_000;
const BAR_SPACING = 8;
const BAR_SPACING_MAX = 14; // of a few bars
const AXIS_PX = 80; // at least
const AXIS_STEP = 16; // it grows in steps, ahead of the digits that a market will have
const DIGIT_PX = 6.5;
const AXIS_PADDING = 18;
const EDGE_BARS = 5; // empty places right of the last bar
const OLDER_WITHIN = 40; // bars left of the view that make us ask for more
const TEXT_MAX = 18; // of a price on the axis
const SPAN_BARS = 60; // in view around a span that is shown
const VOLUME_SHARE = 0.18;
/** Why nobody, or not this page, saw it. */
const LOST = { down: 'source down', restart: 'not seen', missed: 'missed here' };
const TYPES = { candles: CandlestickSeries, line: LineSeries, area: AreaSeries };

/**
 * @param {HTMLElement} element filled by the chart
 * @param {{onCrosshair: (bar: object|null, before: object|null) => void, onNeedOlder: () => void,
 *   onFollow: (isFollowing: boolean) => void}} calls
 */
export function createPriceChart(element, { onCrosshair, onNeedOlder, onFollow }) {
  const chart = createChart(element, {
    autoSize: true,
    layout: { attributionLogo: false, fontSize: 11, panes: { enableResize: true } },
    handleScroll: { vertTouchDrag: false },
    crosshair: { mode: CrosshairMode.Normal },
    rightPriceScale: { borderVisible: false, scaleMargins: { top: 0.13, bottom: 0.06 }, minimumWidth: AXIS_PX },
    timeScale: { borderVisible: false, rightOffset: EDGE_BARS, barSpacing: BAR_SPACING, minBarSpacing: 0.3, timeVisible: true },
    localization: { locale: 'en-GB', timeFormatter: (time) => formatMoment(time, candles?.span) },
  });
  const timeScale = chart.timeScale();
  const bands = createBands(onPaint);
  let tokens;
  let type = 'candles';
  let series = null;
  let volume = null;
  let candles = null; // from core/candles.js
  let gaps = [];
  let edge = null;
  let laid = layBars([], S);
  let scale = { power: 0, digits: 2, places: 2 };
  let drawn = { candles: null, revision: -1, count: 0, version: '' };
  let lastText = '';
  let paintedText = ''; // the last price that is really on the canvas
  let lastNumber = NaN;
  let isFollowing = true;
  let cursor = -1; // place of the crosshair that the keyboard moves
  let wanted = null; // seconds in view, to be set when there are bars
  let axisPx = AXIS_PX;
  element.style.visibility = 'hidden'; // until there are bars: its parts find their widths unseen

  chart.subscribeCrosshairMove(({ logical, point }) => {
    const isOn = logical !== undefined && logical !== null && (point !== undefined || cursor >= 0);
    tell(isOn ? Math.round(logical) : -1);
  });
  timeScale.subscribeVisibleLogicalRangeChange((range) => {
    if (!range || laid.places.length === 0) return;
    if (range.from < OLDER_WITHIN) onNeedOlder();
    const isNow = range.to >= laid.places.length - 1;
    if (isNow !== isFollowing) onFollow((isFollowing = isNow));
  });

  return {
    setCandles, setGaps, setEdge, setType, setTokens, setTitle, draw, follow, show, showSpan, zoom, moveCursor, leaveCursor, picture, destroy,
    get isFollowing() { return isFollowing; },
    /** For tests: what is really drawn. */
    get state() { return { range: timeScale.getVisibleLogicalRange(), places: laid.places.length, folds: laid.folds.length, bands: bands.bands, pixels: bands.pixels, type, scale, bars: drawn.count, last: paintedText }; },
  };

  function onPaint() {
    paintedText = lastText;
    if (drawn.count > 0 && element.style.visibility !== '') element.style.visibility = '';
  }

  function destroy() {
    chart.remove();
  }

  // ---- what is drawn ----

  function setCandles(newCandles) {
    if (candles === newCandles) return;
    candles = newCandles;
    chart.applyOptions({ timeScale: { secondsVisible: candles.span < 60 * S } });
    cursor = -1;
  }

  function setGaps(newGaps) {
    if (gaps === newGaps) return;
    gaps = newGaps;
    drawBands();
  }

  /** @param {{label: string, isLost: boolean}|null} newEdge why the right edge is hatched */
  function setEdge(newEdge) {
    if (edge?.label === newEdge?.label && edge?.isLost === newEdge?.isLost) return;
    edge = newEdge;
    drawBands();
  }

  /** Beside the label of the last price: how long the bar will go on. */
  function setTitle(text) {
    if (series && series.options().title !== text) series.applyOptions({ title: text });
  }

  function draw() {
    if (!candles || !tokens) return;
    const { bars, revision } = candles;
    const isOther = drawn.candles !== candles;
    if (isOther || drawn.revision !== revision || bars.length < drawn.count) drawAll(isOther);
    else drawEnd();
  }

  function drawAll(isOther) {
    const { bars, revision, span, kind } = candles;
    laid = layBars(bars, span);
    scale = scaleOf(bars);
    if (!series) addSeries();
    setVolume(kind !== 'quote' && bars.some(({ volume: size }) => Number(size) > 0));
    setLast();
    series.applyOptions({ priceFormat: { type: 'custom', minMove: minMove(), formatter: formatPrice } });
    axisPx = Math.max(axisPx, axisWidth());
    chart.priceScale('right').applyOptions({ minimumWidth: axisPx });
    series.setData(laid.places.map(toPoint));
    volume?.setData(laid.places.map(toVolume));
    drawn = { candles, revision, count: bars.length, version: versionOf(bars.at(-1)) };
    if (wanted !== null && bars.length > 0) show(wanted);
    else if (isOther && bars.length > 0) resetView();
    drawBands();
  }

  function drawEnd() {
    const { bars, span } = candles;
    const last = bars.at(-1);
    if (!last || (bars.length === drawn.count && versionOf(last) === drawn.version)) return;
    const from = Math.max(0, laid.places.length - 1);
    const folds = laid.folds.length;
    for (const bar of bars.slice(drawn.count)) placeBar(laid, bar, span);
    // The last bar was replaced, maybe by an object of its own when the server corrected it.
    const at = drawn.count > 0 ? from : 0;
    if (laid.places[at].bar) laid.places[at].bar = bars[Math.max(0, drawn.count - 1)];
    setLast();
    for (const place of laid.places.slice(at)) {
      series.update(toPoint(place));
      volume?.update(toVolume(place));
    }
    if (!volume && candles.kind === 'trade' && Number(last.volume) > 0) drawn.revision = -1; // the first size: from now on a pane
    drawn.count = bars.length;
    drawn.version = versionOf(last);
    if (laid.folds.length !== folds || edge) drawBands();
    if (cursor >= 0) tell(cursor);
  }

  function addSeries() {
    series = chart.addSeries(TYPES[type], seriesOptions(), 0);
    series.attachPrimitive(bands);
  }

  function setType(newType) {
    if (type === newType || !(newType in TYPES)) return;
    type = newType;
    if (!series) return;
    const range = timeScale.getVisibleLogicalRange();
    series.detachPrimitive(bands);
    chart.removeSeries(series);
    series = null;
    drawn.revision = -1;
    draw();
    if (range) timeScale.setVisibleLogicalRange(range);
  }

  function setVolume(isOn) {
    if (isOn === (volume !== null)) return;
    if (isOn) {
      volume = chart.addSeries(HistogramSeries, {
        priceFormat: { type: 'custom', minMove: 1e-8, formatter: formatVolume },
        lastValueVisible: false, priceLineVisible: false,
      }, 1);
      volume.priceScale().applyOptions({ scaleMargins: { top: 0.2, bottom: 0 } });
      const [pricePane, volumePane] = chart.panes();
      pricePane.setStretchFactor(1 - VOLUME_SHARE);
      volumePane.setStretchFactor(VOLUME_SHARE);
    } else {
      chart.removeSeries(volume);
      if (chart.panes().length > 1) chart.removePane(1);
      volume = null;
    }
  }

  function setLast() {
    const last = candles.bars.at(-1);
    lastText = last?.close ?? '';
    lastNumber = last ? toNumber(last.close) : NaN;
    const isUp = last ? toNumber(last.close) >= toNumber(last.open) : true;
    const color = isUp ? tokens.up : tokens.down;
    if (series.options().priceLineColor !== color) series.applyOptions({ priceLineColor: color });
  }

  function toPoint({ time, bar }) {
    const seconds = time / S;
    if (!bar) return { time: seconds };
    if (type !== 'candles') return { time: seconds, value: toNumber(bar.close) };
    return { time: seconds, open: toNumber(bar.open), high: toNumber(bar.high), low: toNumber(bar.low), close: toNumber(bar.close) };
  }

  function toVolume({ time, bar }) {
    const seconds = time / S;
    if (!bar) return { time: seconds };
    return { time: seconds, value: Number(bar.volume ?? 0), color: toNumber(bar.close) >= toNumber(bar.open) ? tokens.upVolume : tokens.downVolume };
  }

  function toNumber(text) {
    return scale.power === 0 ? Number(text) : Number(text) / 10 ** scale.power;
  }

  function minMove() {
    return 10 ** -scale.places;
  }

  /** The last price is shown as it came; anything else on the axis is a place, not a price. */
  function formatPrice(number) {
    if (number === lastNumber && lastText.length <= TEXT_MAX) return trimPrice(lastText, scale.digits);
    if (scale.power === 0) return groupDigits(number.toFixed(scale.digits));
    return (number * 10 ** scale.power).toPrecision(7);
  }

  /** Room for the longest price and a digit more: an axis that grows later moves the chart. */
  function axisWidth() {
    const digits = Math.max(0, ...candles.bars.slice(-300).map(({ high }) => trimPrice(high, scale.digits).length));
    const pixels = (Math.min(TEXT_MAX, digits) + 1) * DIGIT_PX + AXIS_PADDING;
    return Math.max(AXIS_PX, Math.ceil(pixels / AXIS_STEP) * AXIS_STEP);
  }

  function drawBands() {
    const span = candles?.span ?? S;
    const { places, folds } = laid;
    const list = folds.map(({ from, to, us }) => (
      { from: from - 0.5, to: to - 0.5, kind: /** @type {const} */ ('quiet'), label: `no prices for ${formatSpan(us)}` }));
    for (const { from, to, reason } of gaps) {
      if (places.length === 0) continue;
      const start = placeOf(places, from, span) - 0.5;
      const end = to === undefined ? Infinity : Math.max(placeOf(places, to, span) - 0.5, start + 0.6);
      list.push({ from: start, to: end, kind: 'lost', label: LOST[reason] });
    }
    if (edge) list.push({ from: places.length - 0.5, to: Infinity, kind: edge.isLost ? 'lost' : 'edge', label: edge.label });
    bands.setBands(list);
  }

  // ---- looks ----

  /** @param {Record<string, string>} newTokens colours and font, see app/Detail.jsx */
  function setTokens(newTokens) {
    tokens = newTokens;
    chart.applyOptions({
      layout: { background: { color: tokens.panel }, textColor: tokens.text2, fontFamily: tokens.font,
        panes: { separatorColor: tokens.hairline, separatorHoverColor: tokens.hover } },
      grid: { vertLines: { color: tokens.grid }, horzLines: { color: tokens.grid } },
      crosshair: {
        vertLine: { color: tokens.edge, labelBackgroundColor: tokens.label, style: LineStyle.Dashed },
        horzLine: { color: tokens.edge, labelBackgroundColor: tokens.label, style: LineStyle.Dashed },
      },
    });
    bands.setColors({ quiet: tokens.hairline, edge: tokens.hairline, lost: tokens.hatchLost, lostText: tokens.warn, text: tokens.text3, background: tokens.panel, font: `11px ${tokens.font}` });
    series?.applyOptions(seriesOptions());
    drawn.revision = -1; // volume bars carry their colour
    draw();
  }

  function seriesOptions() {
    const common = { priceLineStyle: LineStyle.Dotted, title: '' };
    if (type === 'line') return { ...common, color: tokens.line, lineWidth: 2, crosshairMarkerBackgroundColor: tokens.line };
    if (type === 'area') return { ...common, lineColor: tokens.line, lineWidth: 2, topColor: tokens.areaTop, bottomColor: tokens.areaBottom };
    // Hollow where colours may not tell: with forced colours.
    return { ...common, upColor: tokens.isHollow ? tokens.panel : tokens.up, downColor: tokens.down, wickUpColor: tokens.up, wickDownColor: tokens.down,
      borderVisible: true, borderUpColor: tokens.up, borderDownColor: tokens.down };
  }

  // ---- where one looks ----

  function resetView() {
    const spacing = (element.clientWidth - AXIS_PX) / (laid.places.length + EDGE_BARS + 2);
    timeScale.applyOptions({ barSpacing: Math.max(BAR_SPACING, Math.min(BAR_SPACING_MAX, spacing)), rightOffset: EDGE_BARS });
    timeScale.scrollToPosition(EDGE_BARS, false);
    chart.priceScale('right').applyOptions({ autoScale: true });
  }

  function follow() {
    timeScale.scrollToPosition(EDGE_BARS, false); // at once: an animation does not survive a busy market
    chart.priceScale('right').applyOptions({ autoScale: true });
  }

  /** @param {number} seconds in view, up to the newest; Infinity: everything
   *  @param {boolean} [isLater] other bars are about to come: those are meant */
  function show(seconds, isLater = false) {
    wanted = null;
    if (!candles || laid.places.length === 0 || isLater) {
      wanted = seconds;
      return;
    }
    const count = laid.places.length;
    const last = laid.places[count - 1].time;
    const from = seconds === Infinity ? 0 : Math.max(0, placeOf(laid.places, last - seconds * S, candles.span));
    timeScale.setVisibleLogicalRange({ from: Math.min(from, count - 10), to: count - 1 + Math.max(2, (count - from) * 0.03) });
    chart.priceScale('right').applyOptions({ autoScale: true });
  }

  /** Brings a span into the middle. @param {number} from µs @param {number} to @returns {boolean} it is among the bars */
  function showSpan(from, to) {
    const { places } = laid;
    if (!candles || places.length === 0) return false;
    const [left, right] = [placeOf(places, from, candles.span), placeOf(places, to, candles.span)];
    if (right < 0) return false;
    const half = Math.max(SPAN_BARS, (right - left) * 1.5) / 2;
    const middle = (left + right) / 2;
    timeScale.setVisibleLogicalRange({ from: middle - half, to: Math.max(middle + half, right + EDGE_BARS) });
    chart.priceScale('right').applyOptions({ autoScale: true });
    return true;
  }

  /** @param {number} factor above 1: closer */
  function zoom(factor) {
    const range = timeScale.getVisibleLogicalRange();
    if (!range) return;
    const anchor = isFollowing ? range.to : (range.from + range.to) / 2;
    const width = Math.max(8, (range.to - range.from) / factor);
    const share = (anchor - range.from) / (range.to - range.from);
    timeScale.setVisibleLogicalRange({ from: anchor - share * width, to: anchor + (1 - share) * width });
  }

  // ---- one bar ----

  function tell(at) {
    const place = laid.places[at];
    if (!place?.bar) {
      onCrosshair(null, null);
      return;
    }
    const index = candles.indexOf(place.time);
    onCrosshair(place.bar, candles.bars[index - 1] ?? null);
  }

  /** By so many bars; from the newest when there was none. Returns the bar. */
  function moveCursor(step) {
    const { places } = laid;
    if (places.length === 0) return null;
    const from = cursor < 0 && Number.isFinite(step) ? places.length : Math.max(0, cursor);
    let at = Math.max(0, Math.min(places.length - 1, from + step));
    while (!places[at].bar && at > 0 && at < places.length - 1) at += Math.sign(step) || -1;
    cursor = at;
    const range = timeScale.getVisibleLogicalRange();
    if (range && (at < range.from || at > range.to)) {
      const width = range.to - range.from;
      timeScale.setVisibleLogicalRange(at < range.from ? { from: at - 2, to: at - 2 + width } : { from: at + 2 - width, to: at + 2 });
    }
    const { bar, time } = places[at];
    if (bar) chart.setCrosshairPosition(toNumber(bar.close), time / S, series);
    tell(at);
    return bar;
  }

  /** Returns whether there was one. */
  function leaveCursor() {
    if (cursor < 0) return false;
    cursor = -1;
    chart.clearCrosshairPosition();
    onCrosshair(null, null);
    return true;
  }

  // ---- picture ----

  /** What is seen, with a head line and who made it, as a canvas.
   *  @param {{title: string, detail: string, credit: string}} words */
  function picture({ title, detail, credit }) {
    const shot = chart.takeScreenshot(true, false);
    const ratio = shot.width / Math.max(1, element.clientWidth);
    const [head, foot] = [44 * ratio, 24 * ratio];
    const canvas = document.createElement('canvas');
    canvas.width = shot.width;
    canvas.height = shot.height + head + foot;
    const context = canvas.getContext('2d');
    context.fillStyle = tokens.panel;
    context.fillRect(0, 0, canvas.width, canvas.height);
    context.drawImage(shot, 0, head);
    context.textBaseline = 'middle';
    const write = (text, x, y, size, color, weight = 400) => {
      context.fillStyle = color;
      context.font = `${weight} ${size * ratio}px ${tokens.font}`;
      context.fillText(text, x * ratio, y, canvas.width - 2 * x * ratio);
    };
    write(title, 12, 15 * ratio, 14, tokens.text1, 650);
    write(detail, 12, 33 * ratio, 11, tokens.text2);
    write(credit, 12, canvas.height - foot / 2, 10, tokens.text3);
    return canvas;
  }
}

function versionOf(bar) {
  return bar ? `${bar.time} ${bar.open} ${bar.high} ${bar.low} ${bar.close} ${bar.volume}` : '';
}
