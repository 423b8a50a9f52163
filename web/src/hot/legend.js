/** The line above the bars: the one under the crosshair, else the last. Exact texts, never numbers. */
import { formatMoment } from '../core/barText.js';
import { describeChange, NOTHING, trimPrice } from '../core/format.js';
import { significantFraction } from '../core/decimal.js';
import { createTextCell } from './cells.js';

const MOVES = { '-1': 'fell', 0: 'same', 1: 'rose' };

export function createLegend(root, { view }) {
  const cells = Object.fromEntries([...root.querySelectorAll('[data-cell]')].map((element) => [element.dataset.cell, createTextCell(element)]));
  let pointed = null;
  const volume = root.querySelector('[data-volume]');
  let shown = '';
  let digits = 0; // that count after the point, of any bar shown
  return { point, draw };

  function point(bar, before) {
    pointed = bar ? { bar, before } : null;
    draw();
  }

  function draw() {
    const { bars, span, kind } = view.candles.candles;
    const bar = pointed?.bar ?? bars.at(-1);
    root.hidden = bar === undefined;
    if (!bar) return;
    noteDigits(bar);
    const before = pointed ? pointed.before : bars.at(-2);
    cells.time(pointed ? formatMoment(bar.time / 1e6, span) : '');
    for (const name of ['open', 'high', 'low', 'close']) cells[name](trimPrice(bar[name], digits));
    cells.volume(bar.volume === null ? NOTHING : trimPrice(bar.volume));
    volume.hidden = kind === 'quote';
    cells.note([kind === 'quote' && 'mid of quotes', view.sources.length > 1 && `${view.sources.length} sources together`].filter(Boolean).join(', '));
    const change = describeChange(before?.close ?? bar.open, bar.close);
    cells.change(change ? `${change.absolute} (${change.percent})` : '');
    const move = change ? MOVES[change.direction] : 'same';
    if (move !== shown) root.dataset.move = shown = move;
  }
  function noteDigits({ open, high, low, close }) {
    for (const text of [open, high, low, close]) digits = Math.max(digits, significantFraction(text));
  }
}
