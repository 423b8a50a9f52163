/**
 * Cells that are written on every tick: text nodes made once, touched only when the text changed.
 */
import { compareTexts } from '../core/decimal.js';
import { NOTHING, shortenSmall, splitPrice } from '../core/format.js';

export const FLASH_GAP_MS = 500;
export const LONG = 14; // characters; a longer price may be cut off, so it is a tooltip, too

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
 * A price: its digits as one text, and the zeros a source pads with, dimmed. The digits that changed
 * flash; they stay where they are, because no element begins or ends at them.
 * @param {HTMLElement} element
 * @param {{flash: (node: Text, from: number, direction: number, now: number) => void}} flashes see flash.js
 * @param {number} [room] in characters; of a tiny price that is longer zeros are counted
 */
export function createPriceCell(element, flashes, room = Infinity) {
  const node = element.appendChild(document.createTextNode(''));
  const zeros = document.createElement('span');
  zeros.className = 'zeros';
  zeros.append('');
  element.append(zeros);
  const zerosNode = zeros.firstChild;
  let price;
  let digits = '';
  let padding = '';
  let shownDigits = -1;
  let flashedAt = -Infinity;

  return { write, reset };

  /**
   * @param {string|undefined} text @param {number} significant digits after the point
   * @param {boolean} mayFlash false when another row moved in or motion is unwelcome
   */
  function write(text, significant, now, mayFlash) {
    if (text === price && significant === shownDigits) return;
    shownDigits = significant;
    const [digits_, newPadding] = text === undefined ? [NOTHING, ''] : splitPrice(text, significant);
    const newDigits = shortenSmall(digits_, room);
    if (newDigits !== digits) node.nodeValue = newDigits;
    if (newPadding !== padding) zerosNode.nodeValue = newPadding;
    if (digits_.length > LONG) element.title = text;
    else if (element.title) element.removeAttribute('title');
    if (mayFlash && price !== undefined && text !== undefined && now - flashedAt >= FLASH_GAP_MS) {
      flashedAt = now;
      flashes.flash(node, commonPrefix(digits, newDigits), compareTexts(text, price), now);
    }
    price = text;
    digits = newDigits;
    padding = newPadding;
  }

  function reset() {
    price = undefined;
    shownDigits = -1;
    flashedAt = -Infinity;
    flashes.end(node);
  }
}

/** How many leading characters stay; everything counts as new when the length changed. */
export function commonPrefix(a, b) {
  if (a.length !== b.length) return 0;
  let at = 0;
  while (at < a.length && a.charCodeAt(at) === b.charCodeAt(at)) at++;
  return at;
}
