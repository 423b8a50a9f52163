import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checkAlert, createAlerts, describeAlert } from '../../web/src/core/alerts.js';

const S = 1_000_000;
const trade = (price, more = {}) => ({ kind: 'trade', symbol: 'A', source: 'x', seq: 1, price, ...more });
const alert = (more) => ({ id: '1', symbol: 'A', kind: 'above', value: '100', repeat: false, ...more });

function setUp(...list) {
  const fired = [];
  const alerts = createAlerts((one) => fired.push(one));
  alerts.setAlerts(list);
  let now = 0;
  const say = (price, more, at = (now += 20 * S)) => alerts.applyItems([trade(price, more)], at);
  return { alerts, fired, say, details: () => fired.splice(0).map(({ fired: { detail } }) => detail) };
}

test('a level has to be crossed, from the other side', () => {
  const { say, details } = setUp(alert());
  say('120');
  say('130');
  assert.deepEqual(details(), []);
  say('99.99');
  say('100');
  assert.deepEqual(details(), ['at 100']);
});

test('below is above, turned around; the level itself counts', () => {
  const { say, details } = setUp(alert({ kind: 'below' }));
  say('100.1');
  say('100.0');
  assert.deepEqual(details(), ['at 100.0']);
});

test('prices are compared exactly, far beyond a double', () => {
  const { say, details } = setUp(alert({ value: '0.1234567890123456789' }));
  say('0.1234567890123456788');
  say('0.12345678901234567880');
  assert.deepEqual(details(), []);
  say('0.1234567890123456789');
  assert.equal(details().length, 1);
});

test('it fires once; one that repeats arms itself when the price has been back, and rests', () => {
  const { alerts, fired } = setUp(alert({ repeat: true }), alert({ id: '2' }));
  const at = (price, second) => alerts.applyItems([trade(price)], second * S);
  at('99', 0);
  at('101', 1);
  alerts.setAlerts([alert({ repeat: true, fired: fired[0].fired }), alert({ id: '2', fired: fired[1].fired })]);
  at('99', 2);
  at('101', 3); // too soon
  assert.equal(fired.length, 2);
  at('99', 20);
  at('101', 21);
  assert.deepEqual(fired.map(({ id }) => id), ['1', '2', '1']);
});

test('muted ones are silent, other symbols and sources do not count', () => {
  const { say, details } = setUp(alert({ muted: true }), alert({ id: '2', source: 'y' }));
  say('1');
  say('200');
  assert.deepEqual(details(), []);
  say('1', { source: 'y' });
  say('200', { source: 'y' });
  assert.deepEqual(details(), ['at 200']);
});

test('a rise is counted from the lowest price of the window, in the clock of the screen', () => {
  const { alerts, details } = setUp(alert({ kind: 'rise', value: '2.5', windowS: 60 }));
  const at = (price, second) => alerts.applyItems([trade(price)], second * S);
  at('100', 0);
  at('98', 10);
  at('100.4499', 40);
  assert.deepEqual(details(), []);
  at('100.45', 41);
  assert.deepEqual(details(), ['2.50 % from 98 to 100.45']);
});

test('what has left the window does not count, nor does what was before a new epoch', () => {
  const { alerts, details } = setUp(alert({ kind: 'fall', value: '10', windowS: 60 }), alert({ id: '2' }));
  const at = (price, second) => alerts.applyItems([trade(price)], second * S);
  at('100', 0);
  at('85', 90);
  assert.deepEqual(details(), []);
  at('99', 95);
  alerts.forget();
  at('50', 96);
  at('101', 97);
  assert.deepEqual(details(), ['at 101']);
});

test('what an alert remembers does not grow', () => {
  const { alerts } = setUp(alert({ kind: 'rise', value: '99', windowS: 60, repeat: true }));
  for (let at = 0; at < 50_000; at++) alerts.applyItems([trade(`${100 + (at % 7)}`)], at * 10_000);
  // The clock may also go back, as a rewound screen's does.
  alerts.applyItems([trade('100')], 5);
});

test('silence is told once, and again after there was something', () => {
  const { alerts, details } = setUp(alert({ kind: 'stale', value: '30', repeat: true }));
  alerts.check(1000 * S);
  assert.deepEqual(details(), []); // never seen is not silent
  alerts.applyItems([trade('1')], 1000 * S);
  alerts.check(1029 * S);
  alerts.check(1031 * S);
  alerts.check(1040 * S);
  assert.deepEqual(details(), ['nothing for 31 s']);
  alerts.applyItems([trade('1')], 1050 * S);
  alerts.check(1090 * S);
  assert.deepEqual(details(), ['nothing for 40 s']);
});

test('a symbol without trades is watched by the quote on the far side', () => {
  const { alerts, details } = setUp(alert());
  const quote = (bid, ask, at) => alerts.applyItems([{ kind: 'quote', symbol: 'A', source: 'x', seq: 1, bid, ask }], at);
  quote('99', '101', 1);
  assert.deepEqual(details(), []);
  quote('100', '102', 2);
  assert.deepEqual(details(), ['at 100']);
});

test('a form says what is wrong with it', () => {
  assert.equal(checkAlert(alert()), '');
  assert.match(checkAlert(alert({ symbol: '' })), /symbol/);
  assert.match(checkAlert(alert({ value: '1e5' })), /plain number/);
  assert.match(checkAlert(alert({ kind: 'rise', value: '0' })), /above 0/);
  assert.match(checkAlert(alert({ kind: 'rise', value: '1' })), /window/);
  assert.equal(checkAlert(alert({ kind: 'rise', value: '1', windowS: 60 })), '');
  assert.match(checkAlert(alert({ kind: 'stale', value: '0.5' })), /86400/);
});

test('an alert in words', () => {
  assert.equal(describeAlert(alert()), 'A rises above 100');
  assert.equal(describeAlert(alert({ kind: 'fall', value: '2', windowS: 300 })), 'A falls by 2 % within 5 min');
  assert.equal(describeAlert(alert({ kind: 'stale', value: '30' })), 'A is silent for 30 s');
});
