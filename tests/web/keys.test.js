/* One table of keys: what it does, and when it keeps quiet. */
import assert from 'node:assert/strict';
import test from 'node:test';
import { createKeys, nameOf } from '../../web/src/core/keys.js';

/** A key press whose target is inside what `inside` selects. */
function press(keys, key, { inside = '', ...more } = {}) {
  const event = {
    key, ctrlKey: false, metaKey: false, altKey: false, shiftKey: false, defaultPrevented: false, ...more,
    target: { closest: (selector) => (inside && selector.split(/,\s*/).some((part) => part.startsWith(inside)) ? {} : null) },
    preventDefault() { this.defaultPrevented = true; },
  };
  keys.handle(event);
  return event.defaultPrevented;
}

function table({ isLetters = true } = {}) {
  const done = [];
  const keys = createKeys({ isLetters: () => isLetters });
  const command = (key, more) => ({ key, title: `do ${key}`, group: 'x', run: () => done.push(key), ...more });
  return { keys, done, command };
}

test('a key does what it says, and takes the event', () => {
  const { keys, done, command } = table();
  keys.add(command('t'), command('Ctrl+K'), command('Shift+Space'), command('?'));
  assert.equal(press(keys, 't'), true);
  assert.equal(press(keys, 'k', { metaKey: true }), true);
  assert.equal(press(keys, ' ', { shiftKey: true }), true);
  assert.equal(press(keys, '?', { shiftKey: true }), true);
  assert.equal(press(keys, 'z'), false);
  assert.deepEqual(done, ['t', 'Ctrl+K', 'Shift+Space', '?']);
});

test('nothing happens while somebody types, but for chords', () => {
  const { keys, done, command } = table();
  keys.add(command('t'), command('Ctrl+K'));
  press(keys, 't', { inside: 'textarea' });
  press(keys, 'k', { inside: 'textarea', ctrlKey: true });
  assert.deepEqual(done, ['Ctrl+K']);
});

test('single characters can be switched off; Space and chords stay', () => {
  const { keys, done, command } = table({ isLetters: false });
  keys.add(command('t'), command('?'), command('Space'), command('Ctrl+K'));
  for (const key of ['t', '?', ' ']) press(keys, key);
  press(keys, 'k', { ctrlKey: true });
  assert.deepEqual(done, ['Space', 'Ctrl+K']);
});

test('Space on a button is the button\'s, and a dialog has its own keys', () => {
  const { keys, done, command } = table();
  keys.add(command('Space'), command('t'));
  press(keys, ' ', { inside: 'button' });
  press(keys, 't', { inside: 'dialog' });
  assert.deepEqual(done, []);
});

test('of two with one key the later counts, while it can', () => {
  const { keys, done, command } = table();
  let isOn = true;
  keys.add(command('a', { run: () => done.push('first') }));
  const off = keys.add(command('a', { run: () => done.push('second'), when: () => isOn }));
  press(keys, 'a');
  isOn = false;
  press(keys, 'a');
  isOn = true;
  off();
  press(keys, 'a');
  assert.deepEqual(done, ['second', 'first', 'first']);
});

test('the list is what can be done now, in the order it was added', () => {
  const { keys, command } = table();
  keys.add(command('a'), command('b', { when: () => false }));
  keys.add({ title: 'without a key', group: 'x', run() {} });
  assert.deepEqual(keys.list().map(({ title }) => title).sort(), ['do a', 'without a key']);
});

test('Shift is named where it is not in the character', () => {
  const event = (key, more) => ({ key, ctrlKey: false, metaKey: false, altKey: false, shiftKey: false, ...more });
  assert.equal(nameOf(event('?', { shiftKey: true })), '?');
  assert.equal(nameOf(event('ArrowUp', { shiftKey: true, altKey: true })), 'Alt+Shift+ArrowUp');
  assert.equal(nameOf(event('p', { shiftKey: true, ctrlKey: true })), 'Ctrl+Shift+P');
});
