/* Values that can be watched. */
import assert from 'node:assert/strict';
import test from 'node:test';
import { computed, effect, setRecord, signal } from '../../web/src/core/signal.js';

test('a listener hears of changes only, and no more once it is off', () => {
  const name = signal('a');
  const heard = [];
  const off = name.subscribe((value) => heard.push(value));
  name.value = 'a';
  name.value = 'b';
  off();
  name.value = 'c';
  assert.deepEqual(heard, ['b']);
});

test('an effect follows what it read last, and nothing else', () => {
  const which = signal('x');
  const x = signal(1);
  const y = signal(10);
  const seen = [];
  const end = effect(() => seen.push(which.value === 'x' ? x.value : y.value));
  y.value = 11;
  x.value = 2;
  which.value = 'y';
  x.value = 3;
  y.value = 12;
  end();
  y.value = 13;
  assert.deepEqual(seen, [1, 2, 11, 12]);
});

test('a computed value is up to date, and tells when it changed', () => {
  const items = signal([1, 2]);
  const count = computed(() => items.value.length);
  const heard = [];
  count.subscribe((value) => heard.push(value));
  items.value = [3, 4];
  items.value = [5];
  assert.deepEqual([count.value, heard], [1, [1]]);
});

test('what a listener reads is not noted as read by the effect that set it off', () => {
  const a = signal(1);
  const b = signal(1);
  let runs = 0;
  a.subscribe(() => b.value);
  effect(() => {
    runs++;
    a.value = 2;
  });
  b.value = 3;
  assert.equal(runs, 1);
});

test('an equal record tells nobody', () => {
  const place = signal(null);
  let told = 0;
  place.subscribe(() => told++);
  setRecord(place, { x: 1, y: NaN });
  setRecord(place, { x: 1, y: NaN });
  setRecord(place, { x: 1 });
  setRecord(place, null);
  assert.equal(told, 3);
});
