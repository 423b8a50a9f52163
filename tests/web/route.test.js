/* The URL carries the view. */
import assert from 'node:assert/strict';
import test from 'node:test';
import { createRoute, formatPlace, parsePlace } from '../../web/src/core/route.js';

function page(hash = '') {
  const log = [];
  const listeners = {};
  const location = { hash };
  const go = (kind) => (state, title, url) => { log.push(`${kind} ${url}`); location.hash = url; };
  const route = createRoute({
    location, history: { pushState: go('push'), replaceState: go('replace') },
    addEventListener: (name, listener) => { listeners[name] = listener; },
  });
  return { route, log, location, back: (to) => { location.hash = to; listeners.popstate(); } };
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
