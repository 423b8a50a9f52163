/**
 * What changed lights up and fades in two steps. Here is when; how a price is coloured is its own business: the
 * many of the list by the class of their characters, the few of a panel by ranges of text (`::highlight(rose)`),
 * which nothing but colours changes. Ranges are no way for the list: with each change anywhere in the document the
 * browser paints all of them anew, and there that was most of what the page cost.
 */

const STRONG_MS = 180;
const WEAK_MS = 260;
const STEP_MS = 60;
const NAMES = { 1: ['rose', 'roseWeak'], '-1': ['fell', 'fellWeak'] };

/** @param {{setTimeout: (fire: () => void, ms: number) => any, now: () => number}} browser */
export function createFlashes({ setTimeout, now }) {
  /** @type {Map<object, {colour: (name: string) => void, names: string[], isWeak: boolean, until: number}>} */
  const active = new Map();
  let isTimed = false;
  return { flash, end, get size() { return active.size; } };

  /**
   * @param {object} price any object that stands for it @param {(name: string) => void} colour what changed in
   *   it: rose, roseWeak, fell, fellWeak, or '' for not at all @param {number} direction -1, 0 or 1
   */
  function flash(price, colour, direction, at) {
    end(price);
    if (direction === 0) return;
    const names = NAMES[direction];
    colour(names[0]);
    active.set(price, { colour, names, isWeak: false, until: at + STRONG_MS });
    time();
  }

  function end(price) {
    active.get(price)?.colour('');
    active.delete(price);
  }

  function time() {
    if (isTimed || active.size === 0) return;
    isTimed = true;
    setTimeout(() => {
      isTimed = false;
      const at = now();
      for (const [price, one] of active) if (at >= one.until) fade(price, one);
      time();
    }, STEP_MS);
  }

  function fade(price, one) {
    if (one.isWeak) {
      end(price);
      return;
    }
    one.isWeak = true;
    one.until += WEAK_MS;
    one.colour(one.names[1]);
  }
}

/**
 * @param {{highlights?: Map<string, Set<object>>, Highlight?: Function, StaticRange?: Function}} browser that does not
 *   know highlights: nothing is coloured
 * @returns {(node: Text, from: number) => (name: string) => void} colours the text from that character on
 */
export function createRanges({ highlights, Highlight, StaticRange }) {
  if (!highlights || !Highlight) return () => () => {};
  return (node, from) => {
    const range = new StaticRange({ startContainer: node, startOffset: from, endContainer: node, endOffset: node.length });
    let group;
    return (name) => {
      group?.delete(range);
      if (name !== '' && !highlights.get(name)) highlights.set(name, new Highlight());
      group = highlights.get(name);
      group?.add(range);
    };
  };
}
