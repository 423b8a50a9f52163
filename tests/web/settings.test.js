/* What the reader chose is kept, and rubbish is not. */
import assert from 'node:assert/strict';
import test from 'node:test';
import { createSettings, SCHEMA, STORAGE_KEY } from '../../web/src/core/settings.js';

function storage(text) {
  const kept = new Map(text === undefined ? [] : [[STORAGE_KEY, text]]);
  return { getItem: (key) => kept.get(key) ?? null, setItem: (key, value) => kept.set(key, value), kept };
}

test('a choice is kept and found again', () => {
  const place = storage();
  const settings = createSettings(place);
  assert.equal(place.kept.size, 0); // nothing chosen, nothing written
  settings.theme.value = 'dark';
  settings.starred.value = ['A', 'B'];
  const again = createSettings(place);
  assert.deepEqual([again.theme.value, again.starred.value, again.palette.value], ['dark', ['A', 'B'], 'signal']);
  assert.equal(JSON.parse(place.kept.get(STORAGE_KEY)).schema, SCHEMA);
});

test('what cannot be read falls back, setting by setting', () => {
  const settings = createSettings(storage(JSON.stringify({ schema: 1, theme: 'pink', density: 'compact', starred: [1], lists: { a: ['X'] } })));
  assert.deepEqual([settings.theme.value, settings.density.value, settings.starred.value, settings.lists.value],
    ['auto', 'compact', [], { a: ['X'] }]);
  for (const text of ['', '{', '[]', 'null', '7', JSON.stringify({ schema: SCHEMA + 1, theme: 'dark' })])
    assert.equal(createSettings(storage(text)).theme.value, 'auto', text);
});

test('without storage everything works until the page is left', () => {
  const broken = { getItem() { throw new Error('denied'); }, setItem() { throw new Error('denied'); } };
  for (const place of [null, broken]) {
    const settings = createSettings(place);
    settings.theme.value = 'light';
    assert.equal(settings.theme.value, 'light');
  }
});

test('settings move to another browser as a text', () => {
  const from = createSettings(null);
  from.theme.value = 'dark';
  from.lists.value = { mine: ['A'] };
  const to = createSettings(storage());
  assert.equal(to.importText(from.exportText()), '');
  assert.deepEqual([to.theme.value, to.lists.value], ['dark', { mine: ['A'] }]);
  to.reset();
  assert.equal(to.theme.value, 'auto');
});

test('a text that is no settings file changes nothing and says why', () => {
  const settings = createSettings(null);
  assert.match(settings.importText('hello'), /not JSON/);
  assert.match(settings.importText('{"a":1}'), /not a settings file/);
  assert.match(settings.importText(`{"schema":${SCHEMA + 1}}`), /newer/);
  assert.match(settings.importText('{"schema":1,"theme":"pink","density":"compact"}'), /no valid theme/);
  assert.equal(settings.density.value, 'comfortable');
});
