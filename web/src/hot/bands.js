/**
 * Hatched bands behind the bars: long spans without prices (folded), spans that nobody saw, and the
 * right edge while the connection is away. A plugin of the chart library; draws on its canvas.
 */
const STEP = 7; // between two hatches, CSS px
const LABEL_MIN = 46;

/** @typedef {{from: number, to: number, kind: 'quiet'|'lost'|'edge', label: string}} Band places of
 *  the chart, with fractions; `to` may be Infinity */

/** @param {() => void} [onPaint] the pane is painted, with what the chart knows now */
export function createBands(onPaint = () => {}) {
  let timeScale;
  let requestUpdate = () => {};
  /** @type {Band[]} */
  let bands = [];
  let pixels = [];
  let colors = { quiet: '#888', lost: '#888', edge: '#888', text: '#888', background: '#fff', font: '11px sans-serif' };
  const view = { zOrder: () => /** @type {const} */ ('bottom'), renderer: () => ({ draw }) };
  return {
    attached({ chart, requestUpdate: update }) {
      timeScale = chart.timeScale();
      requestUpdate = update;
    },
    detached() { requestUpdate = () => {}; },
    paneViews: () => [view],
    setBands(newBands) {
      if (newBands.length === 0 && bands.length === 0) return;
      bands = newBands;
      requestUpdate();
    },
    setColors(newColors) {
      colors = newColors;
      requestUpdate();
    },
    get bands() { return bands; },
    /** Where those in view were drawn, [left, right] in CSS px. */
    get pixels() { return pixels; },
  };

  function draw(target) {
    onPaint();
    if (bands.length === 0) return;
    pixels = [];
    target.useMediaCoordinateSpace(({ context, mediaSize }) => {
      for (const band of bands) {
        const left = Math.max(0, xOf(band.from));
        const right = band.to === Infinity ? mediaSize.width : Math.min(mediaSize.width, xOf(band.to));
        if (!(right - left > 0.5)) continue;
        pixels.push([Math.round(left), Math.round(right)]);
        hatch(context, left, right, mediaSize.height, colors[band.kind]);
        label(context, band, left, right, mediaSize.height);
      }
    });
  }

  /** The library knows whole places only; between them it is a straight line. */
  function xOf(place) {
    const whole = Math.floor(place);
    const x = timeScale.logicalToCoordinate(whole);
    return x + (place - whole) * (timeScale.logicalToCoordinate(whole + 1) - x);
  }

  function hatch(context, left, right, height, color) {
    context.save();
    context.beginPath();
    context.rect(left, 0, right - left, height);
    context.clip();
    context.strokeStyle = color;
    context.lineWidth = 1;
    context.beginPath();
    // Anchored to the pane and not to the band: hatches stand still while bars pass.
    for (let x = Math.floor((left - height) / STEP) * STEP; x < right; x += STEP) {
      context.moveTo(x, height);
      context.lineTo(x + height, 0);
    }
    context.stroke();
    context.restore();
  }

  function label(context, { label: text, kind }, left, right, height) {
    if (text === '' || right - left < LABEL_MIN) return;
    context.font = colors.font;
    const width = context.measureText(text).width + 12;
    const isUpright = right - left >= width;
    if (!isUpright && height < width + 16) return;
    context.save();
    context.translate((left + right) / 2, isUpright ? height - 16 : height / 2); // the legend is above
    if (!isUpright) context.rotate(-Math.PI / 2);
    context.fillStyle = colors.background;
    context.fillRect(-width / 2, -9, width, 18);
    context.fillStyle = kind === 'lost' ? colors.lostText : colors.text;
    context.textAlign = 'center';
    context.textBaseline = 'middle';
    context.fillText(text, 0, 0);
    context.restore();
  }
}
