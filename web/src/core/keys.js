/**
 * The one table of keys. It drives what happens, the map on `?` and the palette, so that they agree.
 *
 * @typedef {object} Command
 * @property {string} [key] "t", "?", "Shift+Space", "Ctrl+K", "ArrowUp"; none: only in the palette
 * @property {string} title what it does, as a command: "Switch the theme"
 * @property {string} group heading in the map: "Markets", "Timeline", …
 * @property {() => boolean} [when] whether it can be done now
 * @property {boolean} [isHidden] not in the palette
 * @property {(event?: KeyboardEvent) => void} run
 */
const NAMES = { ' ': 'Space' };
const TYPING = 'input:not([type="checkbox"], [type="radio"], [type="range"]), textarea, select, [contenteditable]';
const PRESSABLE = 'button, a[href], summary, [role="button"], [role="tab"], [role="slider"], input';

/** @param {{isLetters: () => boolean}} options whether keys without Ctrl or Alt are wanted (WCAG 2.1.4) */
export function createKeys({ isLetters }) {
  /** @type {Command[]} */
  const commands = [];
  return { add, handle, list };

  /** @param {...Command} added later ones come first where two have one key @returns {() => void} */
  function add(...added) {
    commands.unshift(...added);
    return () => { for (const command of added) commands.splice(commands.indexOf(command), 1); };
  }

  /** @returns {Command[]} those that can be done now, in the order they were added */
  function list() {
    return commands.filter(isPossible).reverse();
  }

  /** A listener for keydown on the document. */
  function handle(event) {
    if (event.defaultPrevented || event.isComposing) return;
    const name = nameOf(event);
    const isChord = event.ctrlKey || event.metaKey || event.altKey;
    if (!isChord && event.target?.closest?.(TYPING)) return;
    if (!isChord && !isLetters() && isCharacter(event.key)) return;
    if (/^(Shift\+)?(Space|Enter|Arrow\w+|Home|End|PageUp|PageDown)$/.test(name) && event.target?.closest?.(PRESSABLE)) return;
    if (event.target?.closest?.('dialog, [role="dialog"]') && !isChord) return;
    const command = commands.find(({ key, when }) => key === name && (!when || when()));
    if (!command) return;
    event.preventDefault();
    command.run(event);
  }
}

/** "Ctrl+K": Command counts as Ctrl; Shift is named only where it is not part of the character. */
export function nameOf(event) {
  const key = NAMES[event.key] ?? event.key;
  const isChord = event.ctrlKey || event.metaKey;
  const parts = [];
  if (isChord) parts.push('Ctrl');
  if (event.altKey) parts.push('Alt');
  if (event.shiftKey && (key.length > 1 || isChord)) parts.push('Shift');
  parts.push(isChord && key.length === 1 ? key.toUpperCase() : key);
  return parts.join('+');
}

function isCharacter(key) {
  return key.length === 1 && key !== ' ';
}

function isPossible({ when }) {
  return !when || when();
}
