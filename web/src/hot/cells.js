/**
 * Cells that are written on every tick: text nodes made once, touched only when the text changed.
 */
import { compareTexts } from '../core/decimal.js';
import { NOTHING, splitPrice } from '../core/format.js';

export const FLASH_GAP_MS = 500;

/** Sets a property-like text without touching the DOM when it is the same. */
export function createTextCell(element) {
  const node = element.appendChild(document.createTextNode(''));
  let shown = '';
  return function write(text) {
    if (text === shown) return;
    shown = text;
    node.nodeValue = text;
  };
}

/**
 * A price: digits that stayed, digits that changed (they flash), padding zeros (dimmed).
 * A flash starts at most once in FLASH_GAP_MS, by turns with two equal animations: changing the class
 * restarts it without forcing a layout.
 */
export function createPriceCell(element) {
  const [stayed, changed, zeros] = ['', 'changed', 'zeros'].map((className) => {
    const span = document.createElement('span');
    span.className = className;
    span.append('');
    element.append(span);
    return span;
  });
  const [stayedText, changedText, zerosText] = [stayed, changed, zeros].map((span) => span.firstChild);
  let price;
  let digits = '';
  let padding = '';
  let flashedAt = -Infinity;
  let turn = 0;

  return { write, reset };

  /** @param {boolean} mayFlash false when another row moved in or motion is unwelcome */
  function write(text, significant, now, mayFlash) {
    const [newDigits, newPadding] = text === undefined ? [NOTHING, ''] : splitPrice(text, significant);
    if (text === price && newDigits === digits) return;
    const same = commonPrefix(digits, newDigits);
    const flashes = mayFlash && price !== undefined && text !== undefined && now - flashedAt >= FLASH_GAP_MS;
    stayedText.nodeValue = newDigits.slice(0, same);
    changedText.nodeValue = newDigits.slice(same);
    if (newPadding !== padding) zerosText.nodeValue = newPadding;
    if (newDigits.length > 14) element.title = text;
    else if (element.title) element.removeAttribute('title');
    if (flashes) flash(compareTexts(text, price), now);
    price = text;
    digits = newDigits;
    padding = newPadding;
  }

  function flash(direction, now) {
    if (direction === 0) return;
    flashedAt = now;
    turn = 1 - turn;
    changed.className = `changed ${direction > 0 ? 'rose' : 'fell'}${turn}`;
  }

  function reset() {
    price = undefined;
    flashedAt = -Infinity;
    changed.className = 'changed';
  }
}

/** How many leading characters stay; everything counts as new when the length changed. */
export function commonPrefix(a, b) {
  if (a.length !== b.length) return 0;
  let at = 0;
  while (at < a.length && a.charCodeAt(at) === b.charCodeAt(at)) at++;
  return at;
}
