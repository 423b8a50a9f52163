import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createAlertDesk } from '../../web/src/core/alertdesk.js';
import { ALERTS_MAX } from '../../web/src/core/alerts.js';
import { createSettings } from '../../web/src/core/settings.js';
import { signal } from '../../web/src/core/signal.js';

function setUp(storage = null) {
  const settings = createSettings(storage);
  const listeners = {};
  const timers = [];
  let us = 1_000_000;
  const timeline = { mode: signal('live'), nowUs: () => us, on: (type, listener) => { listeners[type] = listener; } };
  const told = [];
  const desk = createAlertDesk({ settings, timeline, page: { setInterval: (fire) => timers.push(fire) }, onFired: (alert, text) => told.push(text) });
  desk.start();
  const say = (price, symbol = 'A') => listeners.items({ items: [{ kind: 'trade', symbol, source: 'x', seq: 1, price }] });
  return { settings, timeline, desk, told, say, reset: () => listeners.reset({}), pass: (seconds) => { us += seconds * 1e6; timers.forEach((fire) => fire()); } };
}

test('an alert is kept, fires once, is counted, and can be armed again', () => {
  const { desk, settings, told, say } = setUp();
  assert.equal(desk.add({ symbol: 'A', kind: 'above', value: ' 1,000.5 ' }), '');
  say('1000');
  say('1000.5');
  say('1');
  say('2000');
  assert.deepEqual(told, ['A rises above 1,000.5: at 1,000.5']);
  const [alert] = settings.alerts.peek();
  assert.deepEqual([desk.stateOf(alert), alert.fired.us, desk.unseen.peek()], ['fired', 1_000_000, 1]);
  desk.see();
  desk.rearm(alert.id);
  assert.deepEqual([desk.stateOf(settings.alerts.peek()[0]), desk.unseen.peek()], ['armed', 0]);
});

test('muting, deleting and clearing', () => {
  const { desk, settings, told, say } = setUp();
  desk.add({ symbol: 'A', kind: 'above', value: '5' });
  desk.add({ symbol: 'A', kind: 'below', value: '5' });
  const [below, above] = settings.alerts.peek();
  desk.setMuted(above.id, true);
  say('4');
  say('6');
  assert.deepEqual(told, []);
  assert.equal(desk.stateOf(settings.alerts.peek()[1]), 'muted');
  say('4');
  assert.equal(told.length, 1);
  desk.clearFired();
  assert.deepEqual(settings.alerts.peek().map(({ id }) => id), [above.id]);
  desk.remove(above.id);
  assert.deepEqual(settings.alerts.peek(), []);
  assert.notEqual(below.id, above.id);
});

test('in a replay and in the past nothing fires unless that is wanted, and never while paused', () => {
  const { desk, settings, timeline, told, say, reset } = setUp();
  desk.add({ symbol: 'A', kind: 'above', value: '5', repeat: false });
  for (const mode of ['replay', 'shifted', 'paused']) {
    timeline.mode.value = mode;
    say('4');
    say('6');
    assert.deepEqual([told, desk.isSilent()], [[], true], mode);
  }
  settings.alertsInReplay.value = true;
  assert.equal(desk.isSilent(), true);
  timeline.mode.value = 'replay';
  say('4');
  reset(); // another epoch: nothing is crossed over it
  say('6');
  assert.deepEqual(told, []);
  say('4');
  say('6');
  assert.equal(told.length, 1);
});

test('silence is found by the clock', () => {
  const { desk, told, say, pass } = setUp();
  desk.add({ symbol: 'A', kind: 'stale', value: '5' });
  say('1');
  pass(3);
  assert.deepEqual(told, []);
  pass(3);
  assert.deepEqual(told, ['A is silent for 5 s: nothing for 6 s']);
});

test('what is wrong is said and not kept; there is a limit', () => {
  const { desk, settings } = setUp();
  assert.match(desk.add({ symbol: 'A', kind: 'above', value: 'much' }), /plain number/);
  assert.deepEqual(settings.alerts.peek(), []);
  for (let at = 0; at < ALERTS_MAX; at++) assert.equal(desk.add({ symbol: `S${at}`, kind: 'above', value: '1' }), '');
  assert.match(desk.add({ symbol: 'A', kind: 'above', value: '1' }), /room for/);
  assert.equal(new Set(settings.alerts.peek().map(({ id }) => id)).size, ALERTS_MAX);
});

test('rubbish in the settings is left alone', () => {
  const stored = { pricecast: JSON.stringify({ schema: 1, alerts: [{ id: 'x' }, { id: '7', symbol: 'A', kind: 'above', value: '5', repeat: false }, {}] }) };
  const { told, say, settings } = setUp({ getItem: (key) => stored[key], setItem: () => {} });
  say('4');
  say('6');
  assert.equal(told.length, 1);
  assert.equal(settings.alerts.peek().length, 3);
});
