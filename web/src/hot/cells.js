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
 * A price: its digits, and the zeros a source pads with, dimmed. The digits that changed flash.
 * @param {HTMLElement} element
 * @param {{flash: Function, end: (price: object) => void}} flashes see flash.js
 * @param {{write: (text: string) => void, from: (at: number) => (name: string) => void}} ink what its digits are
 *   written with: createTextInk() or createSlotInk()
 * @param {number} [room] in characters; of a tiny price that is longer zeros are counted
 */
export function createPriceCell(element, flashes, ink, room = Infinity) {
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
    if (newDigits !== digits) ink.write(newDigits);
    if (newPadding !== padding) zerosNode.nodeValue = newPadding;
    if (digits_.length > LONG) element.title = text;
    else if (element.title) element.removeAttribute('title');
    if (mayFlash && price !== undefined && text !== undefined && now - flashedAt >= FLASH_GAP_MS) {
      flashedAt = now;
      flashes.flash(ink, ink.from(commonPrefix(digits, newDigits)), compareTexts(text, price), now);
    }
    price = text;
    digits = newDigits;
    padding = newPadding;
  }

  function reset() {
    price = undefined;
    digits = '';
    shownDigits = -1;
    flashedAt = -Infinity;
    flashes.end(ink);
    ink.clear?.();
  }
}

/** One text; the digits that changed are a range of it. @param {(node: Text, at: number) => (name: string) => void} [range]
 *  see flash.js; without it nothing flashes */
export function createTextInk(element, range = () => () => {}) {
  const node = element.appendChild(document.createTextNode(''));
  return {
    write(text) { node.nodeValue = text; },
    from: (at) => range(node, at),
  };
}

/**
 * An element for each character, counted from the end, where prices of a list are aligned: what flashes is as near
 * to it as it was, so nothing is laid out elsewhere. Who listens to the page gets the price as one.
 */
export function createSlotInk(element) {
  const box = element.appendChild(document.createElement('span'));
  box.setAttribute('aria-hidden', 'true');
  const slots = []; // the last character first
  let shown = '';
  return { write, from, clear };

  /** The characters of another price are not these ones moved. */
  function clear() {
    box.replaceChildren();
    slots.length = 0;
    shown = '';
  }

  function write(text) {
    element.setAttribute('aria-label', text);
    const { length } = text;
    while (slots.length < length) addSlot();
    const places = Math.max(length, shown.length);
    for (let at = 1; at <= places; at++) {
      const character = text[length - at] ?? '';
      if (character !== (shown[shown.length - at] ?? '')) slots[at - 1].firstChild.nodeValue = character;
    }
    shown = text;
  }

  function addSlot() {
    const slot = document.createElement('span');
    slot.append('');
    box.prepend(slot);
    slots.push(slot);
  }

  function from(at) {
    const flashing = slots.slice(0, shown.length - at);
    return (name) => { for (const slot of flashing) slot.className = name; };
  }
}

/** How many leading characters stay; everything counts as new when the length changed. */
export function commonPrefix(a, b) {
  if (a.length !== b.length) return 0;
  let at = 0;
  while (at < a.length && a.charCodeAt(at) === b.charCodeAt(at)) at++;
  return at;
}
