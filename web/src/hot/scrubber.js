/**
 * The bar of time: how much happened when, where the screen is, and where it may go. On a canvas, because
 * it moves all the time. In a live world it shows what the page keeps, now on the right; in a replay the
 * whole recording.
 */
import { heightsOf } from '../core/density.js';

const BAR = 3; // px of a bar with its gap
const DRAW_MS = 240;
const SPANS_MS = [0.5, 1, 2, 5, 10, 20, 30].map((minutes) => minutes * 60_000); // of a live window
const TOP = 4; // px above the highest bar

/**
 * Where everything is on the bar, as parts from 0 to 1. Pure.
 * @param {{timeline: any, isWhole: boolean}} what `isWhole`: the recording, else what is kept
 */
export function layOut({ timeline, isWhole }) {
  if (isWhole) {
    const outline = timeline.outline.peek();
    const view = timeline.replay.peek();
    const headUs = timeline.recordedUs();
    if (!outline) return { kind: 'bytes', head: (view?.percent ?? 0) / 100, known: [0, 1], marks: null };
    const { from } = outline;
    const to = Math.max(outline.to, outline.exact ? 0 : headUs); // the end may be a little later than guessed
    const length = Math.max(1, to - from);
    const at = (us) => Math.min(1, Math.max(0, (us - from) / length));
    const range = timeline.marks.peek();
    return { kind: 'recording', from, to, head: at(headUs), known: [0, 1], marks: range && [at(range.from), at(range.to)] };
  }
  const { startMs, headMs, endMs } = timeline.window;
  const age = endMs - startMs;
  const span = SPANS_MS.find((ms) => ms >= age) ?? SPANS_MS.at(-1);
  const at = (ms) => Math.min(1, Math.max(0, 1 - (endMs - ms) / span));
  return { kind: 'window', span, endMs, head: at(headMs), known: [at(startMs), 1], marks: null };
}

/** @param {ReturnType<typeof layOut>} layout @param {number} part @returns {number|string} µs, ms or "50%" */
export function placeAt(layout, part) {
  if (layout.kind === 'bytes') return `${(part * 100).toFixed(2)}%`;
  if (layout.kind === 'recording') return Math.round(layout.from + part * (layout.to - layout.from));
  return layout.endMs - (1 - part) * layout.span;
}

/**
 * @param {{app: any, canvas: HTMLCanvasElement, onDraw: (layout: object, width: number) => void}} parts
 *   `onDraw`: the words around it are due, over so many px
 */
export function createScrubber({ app, canvas, onDraw }) {
  const { timeline, frame, page } = app;
  const drawer = frame.add(draw);
  let width = 0;
  let height = 0;
  let counts = new Float64Array(0);
  let heights = new Float64Array(0);
  let hover = null; // part
  let selection = null; // [from, to] while it is drawn
  let layout = layOut({ timeline, isWhole: isWhole() });
  const observer = new ResizeObserver(measure);
  observer.observe(canvas);
  const timer = page.setInterval(() => { if (!page.document.hidden) drawer.mark(); }, DRAW_MS);
  const ends = [timeline.mode, timeline.replay, timeline.outline, timeline.marks].map((signal) => signal.subscribe(drawer.mark));
  measure();
  return { end, mark: drawer.mark, setHover, setSelection, get layout() { return layout; } };

  function end() {
    drawer.end();
    observer.disconnect();
    page.clearInterval(timer);
    for (const stop of ends) stop();
  }

  function isWhole() {
    return timeline.isRecorded && timeline.isFollowing;
  }

  function setHover(part) {
    hover = part;
    drawer.mark();
  }

  function setSelection(range) {
    selection = range;
    drawer.mark();
  }

  function measure() {
    const scale = page.devicePixelRatio || 1;
    width = canvas.clientWidth;
    height = canvas.clientHeight;
    canvas.width = Math.max(1, Math.round(width * scale));
    canvas.height = Math.max(1, Math.round(height * scale));
    canvas.getContext('2d').setTransform(scale, 0, 0, scale, 0, 0);
    const bars = Math.max(1, Math.floor(width / BAR));
    counts = new Float64Array(bars);
    heights = new Float64Array(bars);
    drawer.mark();
  }

  function draw() {
    if (width === 0) return;
    layout = layOut({ timeline, isWhole: isWhole() });
    count();
    const context = canvas.getContext('2d');
    // The style sheet knows the colours: bars to come, those shown, the ground, the marked part.
    const { color: rest, fill: shown, stroke: ground, caretColor: marked } = page.getComputedStyle(canvas);
    context.clearRect(0, 0, width, height);
    drawMarks(context, marked);
    drawBars(context, { rest, shown, ground });
    drawHead(context, shown);
    onDraw(layout, width);
  }

  function count() {
    if (layout.kind === 'window') timeline.density.sum(layout.endMs - layout.span, layout.endMs, counts);
    else if (layout.kind === 'recording') spread(timeline.outline.peek().activity, counts, scaleOf(layout, timeline.outline.peek()));
    else counts.fill(0);
    heightsOf(counts, heights);
  }

  function drawMarks(context, marked) {
    const range = selection ?? layout.marks;
    if (!range) return;
    const [from, to] = [Math.min(...range) * width, Math.max(...range) * width];
    context.globalAlpha = 0.22;
    context.fillStyle = marked;
    context.fillRect(from, 0, to - from, height);
    context.globalAlpha = 1;
    context.fillRect(from, 0, 1, height);
    context.fillRect(to - 1, 0, 1, height);
  }

  function drawBars(context, { rest, shown, ground }) {
    const headBar = layout.head * counts.length;
    const knownBar = layout.known[0] * counts.length;
    const hoverBar = hover === null ? -1 : hover * counts.length;
    for (let bar = 0; bar < counts.length; bar++) {
      const isKnown = bar + 1 > knownBar;
      const size = isKnown && heights[bar] > 0 ? Math.max(2, heights[bar] * (height - TOP)) : 1;
      context.globalAlpha = hover !== null && bar >= Math.min(hoverBar, headBar) && bar <= Math.max(hoverBar, headBar) ? 1 : 0.8;
      context.fillStyle = !isKnown || heights[bar] === 0 ? ground : bar < headBar ? shown : rest;
      context.fillRect(bar * BAR, height - size, BAR - 1, size);
    }
    context.globalAlpha = 1;
  }

  function drawHead(context, shown) {
    const x = Math.min(width - 5, Math.max(3, layout.head * width - 1)); // its knob stays whole
    context.fillStyle = shown;
    context.fillRect(x, 0, 2, height);
    context.beginPath();
    context.arc(x + 1, 4, 4, 0, 2 * Math.PI);
    context.fill();
    if (hover === null) return;
    context.globalAlpha = 0.7;
    context.fillRect(Math.min(width - 1, hover * width), 0, 1, height);
    context.globalAlpha = 1;
  }
}

/** How much of the bar the activity covers: the end may be later than the outline knows. */
function scaleOf(layout, outline) {
  return (outline.to - outline.from) / Math.max(1, layout.to - layout.from);
}

/** Resamples equal parts to the bars; a bar wider than a part gets the sum, a narrower one its share. */
export function spread(parts, out, scale = 1) {
  const width = parts.length / (out.length * scale);
  for (let bar = 0; bar < out.length; bar++) {
    const from = bar * width;
    const to = Math.min(parts.length, from + width);
    let total = 0;
    for (let at = Math.floor(from); at < to; at++) total += parts[at] * (Math.min(to, at + 1) - Math.max(from, at));
    out[bar] = Math.max(0, total);
  }
  return out;
}
