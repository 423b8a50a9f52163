/* The URL carries the view. */
import assert from 'node:assert/strict';
import test from 'node:test';
import { createRoute, formatAt, formatPlace, parseAt, parsePlace, parseSpeed } from '../../web/src/core/route.js';

function page(hash = '', state = null) {
  const log = [];
  const listeners = {};
  const location = { hash };
  const go = (kind) => (state, title, url) => { log.push(`${kind} ${url}`); location.hash = url; history.state = state; };
  const history = { state, pushState: go('push'), replaceState: go('replace') };
  const route = createRoute({ location, history, addEventListener: (name, listener) => { listeners[name] = listener; } });
  return { route, log, location, back: (to, itsState = null) => { location.hash = to; history.state = itsState; listeners.popstate(); } };
}

test('a place survives being written and read, whatever the symbol is called', () => {
  for (const symbol of ['AAPL', 'BTC/USD', 'a~b', 'שלום', '%', '#?&=', '<img>', '../..', ' x ']) {
    for (const source of [null, 'kraken', 'a~b/c']) {
      const place = { view: 'markets', symbol, source, params: { i: '1m', q: 'a b&c' } };
      assert.deepEqual(parsePlace(formatPlace(place)), place, symbol);
    }
  }
});

test('views have words of their own, and what is unknown is the market list', () => {
  assert.equal(parsePlace('#/server').view, 'server');
  assert.equal(formatPlace({ view: 'tape', symbol: null, source: null, params: {} }), '#/tape');
  for (const hash of ['', '#', '#/', '#/nonsense', '#/constructor', '#/%E0%A4%A'])
    assert.deepEqual([parsePlace(hash).view, parsePlace(hash).symbol], ['markets', null], hash);
  assert.equal(parsePlace('#/m/%E0%A4%A').symbol, null);
  assert.equal(parsePlace('#/m?__proto__=x').params.x, undefined);
});

test('another symbol is a step back, a parameter is not', () => {
  const { route, log } = page();
  route.go({ symbol: 'A' });
  route.go({ params: { sort: '-percent' } });
  route.go({ params: { sort: '-percent' } });
  route.go({ view: 'server', symbol: null });
  assert.deepEqual(log, ['push #/m/A', 'replace #/m/A?sort=-percent', 'push #/server?sort=-percent']);
  assert.equal(route.value.view, 'server');
});

test('a parameter that is empty goes, and the source goes with its symbol', () => {
  const { route, location } = page('#/m/A~x?q=1');
  route.go({ params: { q: '' } });
  assert.equal(location.hash, '#/m/A~x');
  route.go({ symbol: 'B' });
  assert.equal(location.hash, '#/m/B');
  assert.equal(route.href({ view: 'about', symbol: null }), '#/about');
});

test('back is followed', () => {
  const { route, back } = page('#/m/A');
  const seen = [];
  route.subscribe(({ symbol }) => seen.push(symbol));
  back('#/m/B');
  assert.deepEqual(seen, ['B']);
});

test('a moment and a speed are read, and what is neither is ignored', () => {
  const at = Date.UTC(2024, 2, 5, 9, 31, 7) * 1000;
  assert.deepEqual(['2024-03-05T09:31:07Z', '2024-03-05T09:31:07.250Z', '2024-03-05T09:31Z', String(at)].map(parseAt), [at, at + 250_000, at - 7_000_000, at]);
  for (const text of [undefined, '', 'now', '2024-03-05', '2024-13-05T09:31:07Z', '2024-03-05T09:31:07', '-5', '1e9', '12345678901234567', '1960-01-01T00:00:00Z'])
    assert.equal(parseAt(text), undefined, text);
  assert.deepEqual(['0.1', '2.5', '100', 'max'].map(parseSpeed), [0.1, 2.5, 100, 'max']);
  for (const text of [undefined, '', '0', '-1', '101', '1e1', 'fast', 'Infinity', 'NaN']) assert.equal(parseSpeed(text), undefined, text);
  assert.equal(formatAt(at + 250_999), '2024-03-05T09:31:07.250Z');
  assert.equal(formatAt(at), '2024-03-05T09:31:07Z');
  const place = parsePlace('#/m/A?i=1m&at=2024-03-05T09:31:07Z&speed=10');
  assert.deepEqual(place.params, { i: '1m', at: '2024-03-05T09:31:07Z', speed: '10' });
  assert.equal(formatPlace(place), '#/m/A?i=1m&at=2024-03-05T09:31:07Z&speed=10');
  assert.deepEqual(parsePlace('#/m?at=yesterday&speed=1000&q=x').params, { q: 'x' });
});

test('a link asks for its time once; a reload tells where the page stood; a step back and the page itself ask nothing', () => {
  const hash = '#/m/A?at=2024-03-05T09:31:07Z&speed=10';
  const time = { at: '2024-03-05T09:31:07Z', speed: '10' };
  const { route, back, location } = page(hash);
  assert.deepEqual(route.link.value, time);
  assert.deepEqual(page(hash, { own: true }).route.link.value, { leftAt: time.at }, 'a reload');
  assert.equal(page('#/m/A?speed=10', { own: true }).route.link.value, null, 'a reload of a replay that runs');
  assert.equal(page('#/m/A').route.link.value, null);
  const asked = [];
  route.link.subscribe((value) => asked.push(value));
  route.go({ params: { at: '2024-03-05T09:40:00Z' } });
  back(location.hash.replace('/m/A', '/server')); // a click on a link of the page, which carries the time along
  back(hash, { own: true });
  assert.deepEqual(asked, []);
  back('#/m/A?at=2024-03-05T10:00:00Z');
  assert.deepEqual(asked, [{ at: '2024-03-05T10:00:00Z', speed: undefined }]);
});
