/**
 * The sparklines of all rows in view on one canvas, which moves with the rows: drawn anew twice a second and
 * when other rows come into view, never while scrolling within them.
 */
import { SPARK_POINTS } from '../core/spark.js';

const PAD = 5;
const PLACES_MIN = 20; // fewer prices stand at the right, not stretched over all the width

/** @param {HTMLElement} body the rows' parent, which the canvas is laid over */
export function createSparks(body) {
  const canvas = document.createElement('canvas');
  canvas.className = 'sparks';
  canvas.setAttribute('aria-hidden', 'true');
  const pen = canvas.getContext('2d');
  let colours = { rose: '', fell: '', old: '' };
  let box = null; // {left, width, rowHeight, rows}
  return { place, draw };

  /** @param {{left: number, width: number}|null} column none: there is no such column */
  function place(column, rowHeight, rows) {
    canvas.remove();
    box = column && column.width > 0 ? { ...column, rowHeight, rows } : null;
    if (!box) return;
    const scale = window.devicePixelRatio || 1;
    canvas.width = Math.ceil(box.width * scale);
    canvas.height = Math.ceil(rowHeight * rows * scale);
    canvas.style.width = `${box.width}px`;
    canvas.style.height = `${rowHeight * rows}px`;
    canvas.style.left = `${box.left}px`;
    pen.setTransform(scale, 0, 0, scale, 0, 0);
    body.append(canvas);
    readColours();
  }

  function readColours() {
    const probe = body.appendChild(document.createElement('i'));
    const colourOf = (className) => {
      probe.className = className;
      return getComputedStyle(probe).color;
    };
    colours = { rose: colourOf('rose'), fell: colourOf('fell'), old: colourOf('muted') };
    probe.remove();
  }

  /** @param {object[]} rows in view, from `first` on @param {(row) => boolean} isLive */
  function draw(rows, first, isLive) {
    if (!box) return;
    canvas.style.transform = `translateY(${first * box.rowHeight}px)`;
    pen.clearRect(0, 0, box.width, box.rowHeight * box.rows);
    pen.lineWidth = 1.25;
    pen.lineJoin = 'round';
    rows.forEach((row, at) => { if (row?.spark) drawOne(row.spark, at * box.rowHeight, isLive(row)); });
  }

  function drawOne({ prices, count }, top, isLive) {
    const from = Math.max(0, count - SPARK_POINTS);
    if (count - from < 2) return;
    let low = Infinity;
    let high = -Infinity;
    for (let at = from; at < count; at++) {
      const price = prices[at % SPARK_POINTS];
      if (price < low) low = price;
      if (price > high) high = price;
    }
    const height = box.rowHeight - 2 * PAD;
    const scale = high > low ? height / (high - low) : 0;
    const base = scale === 0 ? top + PAD + height / 2 : top + PAD + height;
    const places = Math.max(PLACES_MIN, count - from);
    const step = (box.width - 4) / (places - 1);
    const left = 2 + step * (places - (count - from));
    pen.beginPath();
    for (let at = from; at < count; at++) pen.lineTo(left + step * (at - from), base - (prices[at % SPARK_POINTS] - low) * scale);
    const rose = prices[(count - 1) % SPARK_POINTS] >= prices[from % SPARK_POINTS];
    pen.strokeStyle = isLive ? (rose ? colours.rose : colours.fell) : colours.old;
    pen.stroke();
    if (!isLive) return; // an open end: nothing is known of now
    pen.fillStyle = pen.strokeStyle;
    pen.beginPath();
    pen.arc(box.width - 2, base - (prices[(count - 1) % SPARK_POINTS] - low) * scale, 1.75, 0, 7);
    pen.fill();
  }
}
