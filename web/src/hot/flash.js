/**
 * What changed lights up and fades in two steps: ranges of text that the style sheet colours by
 * `::highlight(rose)` and so on. That costs no layout, and nothing moves. Browsers without it do not flash.
 */

const STRONG_MS = 180;
const WEAK_MS = 260;
const STEP_MS = 60;
const NAMES = { 1: ['rose', 'roseWeak'], '-1': ['fell', 'fellWeak'] };

/**
 * @param {{highlights?: Map<string, Set<object>>, Highlight?: Function, StaticRange?: Function,
 *   setTimeout: (fire: () => void, ms: number) => any, now: () => number}} browser
 */
export function createFlashes({ highlights, Highlight, StaticRange, setTimeout, now }) {
  const isPossible = highlights !== undefined && Highlight !== undefined;
  const groups = {};
  if (isPossible) {
    for (const name of Object.values(NAMES).flat()) {
      if (!highlights.get(name)) highlights.set(name, new Highlight());
      groups[name] = highlights.get(name);
    }
  }
  /** @type {Map<Text, {name: string, range: object, names: string[], until: number}>} */
  const active = new Map();
  let isTimed = false;
  return { flash, end, get size() { return active.size; } };

  /** @param {Text} node @param {number} from the first character that changed @param {number} direction -1, 0 or 1 */
  function flash(node, from, direction, at) {
    if (!isPossible || direction === 0) return;
    end(node);
    const names = NAMES[direction];
    const range = new StaticRange({ startContainer: node, startOffset: from, endContainer: node, endOffset: node.length });
    groups[names[0]].add(range);
    active.set(node, { name: names[0], range, names, until: at + STRONG_MS });
    time();
  }

  function end(node) {
    const one = active.get(node);
    if (!one) return;
    groups[one.name].delete(one.range);
    active.delete(node);
  }

  function time() {
    if (isTimed || active.size === 0) return;
    isTimed = true;
    setTimeout(() => {
      isTimed = false;
      const at = now();
      for (const [node, one] of active) if (at >= one.until) fade(node, one);
      time();
    }, STEP_MS);
  }

  function fade(node, one) {
    if (one.name === one.names[1]) {
      end(node);
      return;
    }
    groups[one.name].delete(one.range);
    [, one.name] = one.names;
    one.until += WEAK_MS;
    groups[one.name].add(one.range);
  }
}
