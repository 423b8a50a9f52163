/* The market list and the states of the page, in Chromium against the real server. States that a healthy
 * server does not show are scripted: the page still comes from the binary, and only its WebSocket is
 * answered by this file. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { WebSocket } from 'ws';
import { connect } from '../../web/client/pricecast.js';
import {
  assertNoSidewaysScroll, DESKTOP, openSite, PHONE, SHOTS, SMALLEST, texts, waitForMovingPrices, waitForState, waitForText,
} from './support/browser.js';

const site = openSite();
const openPage = (options) => site.open(options);
const HOSTILE = ['<img src=x onerror=document.title="owned">', '"><script>document.title="owned"</script>',
  '\u202Egnp.exe', 'שלום/דולר', '__proto__', 'A'.repeat(128), '{{7*7}}', '../../etc/passwd', '💥-USD', '&lt;b&gt;'];

const isSorted = (values, descending) =>
  values.every((value, at) => at === 0 || (descending ? values[at - 1] >= value : values[at - 1] <= value));
const number = (text) => Number(text.replaceAll(',', '').replace('\u2212', '-').replace(/[^\d.-]/g, ''));

test('prices arrive, move, and are said to be simulated', async () => {
  const { page, close } = await openPage();
  await waitForState(page, 'live');
  await page.waitForFunction(() => document.documentElement.dataset.content === 'rows');
  await waitForMovingPrices(page);
  assert.equal(await page.textContent('#badge'), 'Simulated data');
  await waitForText(page, 'count', '20 symbols');
  await page.waitForFunction(() => /^[1-9][\d,]* updates\/s$/.test(document.getElementById('rate').textContent));
  assert.match(await page.textContent('#server'), /^pricecast\/\d/);
  await page.waitForSelector('#grid[aria-rowcount="21"]');
  await waitForMovingPrices(page);
  await close();
});

/** Until the rows stand in the order of their symbols; they follow their header by a frame or two. */
async function untilSorted(page, descending) {
  while (!isSorted(await texts(page, 'symbol'), descending))
    await page.evaluate(() => new Promise(requestAnimationFrame));
}

test('columns sort by click and by keyboard, and say so', async () => {
  const { page, close } = await openPage();
  await waitForText(page, 'count', '20 symbols');
  await page.click('[data-column="last"] button');
  assert.equal(await page.getAttribute('[data-column="last"]', 'aria-sort'), 'descending');
  await page.hover('#rows'); // now the order is held, whatever the prices do
  await page.waitForSelector('#held:not([hidden])');
  const held = await texts(page, 'symbol');
  await waitForMovingPrices(page);
  assert.deepEqual(await texts(page, 'symbol'), held);
  await page.mouse.move(5, 5);
  await page.focus('[data-column="symbol"] button');
  await page.keyboard.press('Enter');
  await page.waitForFunction(() => document.querySelector('[data-column="symbol"]').ariaSort === 'ascending');
  await untilSorted(page, false);
  await page.keyboard.press('Enter');
  await page.waitForFunction(() => document.querySelector('[data-column="symbol"]').ariaSort === 'descending');
  await untilSorted(page, true);
  assert.equal(await page.$$eval('[aria-sort]', (headers) => headers.length), 1);
  await close();
});

test('a live column really ranks', async () => {
  const script = ({ say, greet }) => { greet(); say({ type: 'snapshot', data: [['A', '9'], ['B', '10'], ['C', '1000.5']]
    .map(([symbol, price]) => ({ kind: 'trade', symbol, source: 'x', seq: 1, price })) }); };
  const { page, socket, close } = await openPage({ script });
  await page.waitForSelector('#rows .row[aria-rowindex="4"]');
  await page.click('[data-column="last"] button');
  await page.waitForFunction(() => document.querySelector('#rows .row[aria-rowindex="2"] .symbol').textContent === 'C');
  assert.deepEqual((await texts(page, 'last')).map(number), [1000.5, 10, 9]);
  await page.mouse.move(5, 5);
  socket.say({ type: 'update', data: [{ kind: 'trade', symbol: 'A', source: 'x', seq: 2, price: '5000' }] });
  await page.waitForFunction(() => document.querySelector('#rows .row[aria-rowindex="2"] .symbol').textContent === 'A');
  await close();
});

test('the filter finds, says when it finds nothing, and lets go', async () => {
  const { page, close } = await openPage();
  await waitForText(page, 'count', '20 symbols');
  await page.waitForSelector('#rows .row:not([hidden]) .symbol');
  const [wanted] = await texts(page, 'symbol');
  await page.keyboard.press('/');
  await page.keyboard.type(wanted.toLowerCase());
  await page.waitForFunction(() => /^\d+ of 20 symbols$/.test(document.getElementById('count').textContent));
  assert.ok((await texts(page, 'symbol')).includes(wanted));
  await page.fill('#filter', 'zzz');
  await waitForText(page, 'emptyTitle', /No symbol matches/);
  assert.match(await page.textContent('#emptyTitle'), /No symbol matches “zzz”/);
  await page.click('#emptyAction');
  await waitForText(page, 'count', '20 symbols');
  await page.fill('#filter', 'zzz');
  await page.keyboard.press('Escape');
  await page.waitForFunction(() => document.getElementById('filter').value === '');
  await close();
});

test('the keyboard walks the rows and the active one is announced', async () => {
  const { page, close } = await openPage();
  await waitForText(page, 'count', '20 symbols');
  await page.focus('#grid');
  await page.keyboard.press('ArrowDown');
  await page.keyboard.press('ArrowDown');
  await page.waitForFunction(() => {
    const id = document.getElementById('grid').getAttribute('aria-activedescendant');
    return id && document.getElementById(id).ariaRowIndex === '3';
  });
  await page.keyboard.press('End');
  await page.waitForFunction(() => {
    const id = document.getElementById('grid').getAttribute('aria-activedescendant');
    return id && document.getElementById(id).ariaRowIndex === '21';
  });
  await close();
});

test('a killed server is told apart, and its restart is found', async () => {
  const { page, close } = await openPage();
  await waitForState(page, 'live');
  await waitForText(page, 'count', '20 symbols');
  await site.server.kill();
  await waitForState(page, 'reconnecting');
  await page.waitForFunction(() => /Reconnecting (in \d+ s|now) \(try \d+\)/.test(document.getElementById('note').textContent));
  await waitForText(page, 'pill', 'Reconnecting');
  await waitForText(page, 'spoken', 'Connection lost. Reconnecting.');
  assert.equal((await texts(page, 'symbol')).length > 0, true); // the last known prices stay, grey
  assert.match(await page.$eval('#grid', (grid) => getComputedStyle(grid).filter), /grayscale/);
  await site.server.restart();
  await waitForState(page, 'live');
  await page.waitForFunction(() => document.querySelectorAll('#rows .row[data-row="live"]').length >= 10);
  await waitForMovingPrices(page);
  await waitForText(page, 'spoken', /^(Live$|Reconnected)/); // the second follows the first
  await close();
});

test('the same client runs in Node', async () => {
  const feed = connect(`${site.server.url.replace(/^http/, 'ws')}ws`, { WebSocket });
  let gaps = 0;
  feed.on('gap', () => gaps++);
  const updates = new Promise((done) => {
    let count = 0;
    feed.on('items', ({ isSnapshot }) => { if (!isSnapshot && ++count === 5) done(); });
  });
  feed.subscribe({ symbols: ['*'], mode: 'latest', maxRate: 10, snapshot: true });
  await updates;
  assert.deepEqual([feed.state, gaps], ['live', 0]);
  feed.close();
});

test('Retry now does not wait for the countdown', async () => {
  let dials = 0;
  const script = ({ greet, say, end }) => {
    if (++dials > 1) return greet();
    greet();
    say({ type: 'shutdown', reconnect_in_ms: 3_600_000 });
    return end(1001);
  };
  const { page, close } = await openPage({ script });
  await waitForState(page, 'reconnecting');
  await waitForText(page, 'note', /^The server shut down\. Reconnecting in 3[56]\d\d s/);
  await page.click('#action');
  await waitForState(page, 'live');
  await close();
});

test('hostile names are only names', async () => {
  const items = HOSTILE.map((symbol) => ({ kind: 'trade', symbol, source: symbol, seq: 1, price: '1.5' }));
  const { page, close } = await openPage({ script: ({ greet, say }) => { greet(); say({ type: 'snapshot', data: items }); } });
  await page.waitForFunction((count) => document.querySelectorAll('#rows .row:not([hidden])').length === count, HOSTILE.length);
  assert.deepEqual((await texts(page, 'symbol')).sort(), [...HOSTILE].sort());
  assert.equal(await page.title(), 'pricecast');
  assert.equal(await page.$$eval('#rows :is(img, script, b)', (elements) => elements.length), 0);
  assert.equal(await page.$eval('#rows .symbol bdi', (element) => getComputedStyle(element).unicodeBidi), 'isolate');
  await page.screenshot({ path: `${SHOTS}/hostile-desktop-dark.png` });
  await page.setViewportSize(PHONE);
  await assertNoSidewaysScroll(page);
  await page.screenshot({ path: `${SHOTS}/hostile-phone-dark.png` });
  await close();
});

test('prices stay exact, however long', async () => {
  const price = '1234567890123456789012345.678901234567890';
  const script = ({ greet, say }) => { greet(); say({ type: 'snapshot', data: [{ kind: 'trade', symbol: 'A', source: 'x', seq: 1, price }] }); };
  const { page, close } = await openPage({ script });
  await page.waitForSelector('#rows .row:not([hidden])');
  assert.deepEqual(await texts(page, 'last'), ['1,234,567,890,123,456,789,012,345.678901234567890']);
  assert.equal(await page.getAttribute('#rows .row:not([hidden]) .last', 'title'), price);
  await close();
});

test('an old bid never stands beside the first trade of a new epoch', async () => {
  const trade = (seq, price) => ({ kind: 'trade', symbol: 'A', source: 'x', seq, price });
  const quote = { kind: 'quote', symbol: 'A', source: 'x', seq: 1, bid: '9', ask: '11' };
  const script = ({ greet, say }) => { greet({ mode: 'replay' }); say({ type: 'snapshot', data: [trade(1, '10'), quote] }); };
  const { page, socket, close } = await openPage({ script, settings: { detail: false } });
  await page.waitForSelector('#rows .row[data-row="live"]');
  socket.say({ type: 'reset', epoch: 'e2', reason: 'seek' });
  await page.waitForSelector('#rows .row[data-row="waiting"]');
  socket.say({ type: 'update', data: [trade(1, '50')] });
  await page.waitForSelector('#rows .row[data-row="live"]');
  assert.deepEqual([await texts(page, 'last'), await texts(page, 'bid')], [['50'], ['—']]);
  await close();
});

test('reduced motion stops the flashing', async () => {
  for (const [reducedMotion, flashes] of [['no-preference', true], ['reduce', false]]) {
    const { page, close } = await openPage({ reducedMotion });
    await waitForText(page, 'count', '20 symbols');
    const flashing = () => [...CSS.highlights].reduce((sum, [, ranges]) => sum + ranges.size, 0)
      + document.querySelectorAll('#rows .last :is(.rose, .roseWeak, .fell, .fellWeak)').length;
    if (flashes) await page.waitForFunction(flashing);
    else await waitForMovingPrices(page);
    if (!flashes) assert.equal(await page.evaluate(flashing), 0);
    await close();
  }
});

test('only the digits that changed flash, and a price is read as one', async () => {
  const price = (seq, text) => ({ kind: 'trade', symbol: 'AAA', source: 'x', seq, price: text, size: '1' });
  const { page, socket, close } = await openPage({ script: ({ greet, say }) => { greet(); say({ type: 'snapshot', data: [price(1, '1087.42')] }); } });
  const cell = '#rows .row:not([hidden]) .last';
  await page.waitForFunction((selector) => document.querySelector(selector)?.textContent === '1,087.42', cell);
  await page.evaluate((selector) => {
    window.flashed = [];
    const look = () => {
      const slots = [...document.querySelectorAll(`${selector} :is(.rose, .fell)`)];
      if (slots.length > 0) window.flashed.push(`${slots[0].className} ${slots.map(({ textContent }) => textContent).join('')}`);
    };
    new MutationObserver(look).observe(document.getElementById('rows'), { subtree: true, attributes: true, characterData: true });
  }, cell);
  socket.say({ type: 'update', data: [price(2, '1087.95')] });
  await page.waitForFunction(() => window.flashed.includes('rose 95'));
  await page.waitForFunction((selector) => document.querySelectorAll(`${selector} [class]:not([class=""], .zeros)`).length === 0, cell); // and is over
  socket.say({ type: 'update', data: [price(3, '987.51')] });
  await page.waitForFunction((selector) => document.querySelector(selector).textContent === '987.51', cell);
  assert.deepEqual([await page.getAttribute(cell, 'aria-label'), await page.getAttribute(`${cell} > span`, 'aria-hidden')], ['987.51', 'true']);
  await close();
});

test('five thousand symbols are a few dozen rows', async () => {
  const item = (at, seq) => ({ kind: 'trade', symbol: `S${String(at).padStart(4, '0')}`, source: 'x', seq, price: `${seq}.${at}` });
  const all = (seq) => Array.from({ length: 5000 }, (_, at) => item(at, seq));
  const { page, socket, close } = await openPage({ script: ({ greet, say }) => { greet(); say({ type: 'snapshot', data: all(1) }); } });
  await waitForText(page, 'count', '5,000 symbols');
  assert.equal(await page.getAttribute('#grid', 'aria-rowcount'), '5001');
  assert.ok((await page.$$eval('#rows .row', (rows) => rows.length)) < 60);
  await page.$eval('#grid', (grid) => { grid.scrollTop = grid.scrollHeight; });
  await page.waitForFunction(() => [...document.querySelectorAll('#rows .row:not([hidden]) .symbol')].some(({ textContent }) => textContent === 'S4999'));
  socket.say({ type: 'update', data: all(2) });
  await page.waitForFunction(() => [...document.querySelectorAll('#rows .row:not([hidden]) .last')].some(({ textContent }) => textContent === '2.4999'));
  await close();
});

test('a narrow window drops columns rather than digits of a change', async () => {
  for (const width of [701, 760, 1001, 1181]) {
    const { page, close } = await openPage({ viewport: { width, height: 700 } });
    await waitForText(page, 'count', '20 symbols');
    const cut = await page.$$eval('#rows .row:not([hidden]) .percent', (elements) =>
      elements.filter((element) => element.scrollWidth > element.clientWidth).map((element) => element.textContent));
    assert.deepEqual(cut, [], `${width} px`);
    await assertNoSidewaysScroll(page);
    await close();
  }
});

test('words and rows agree from the first burst on', async () => {
  const script = ({ greet, say }) => { greet(); say({ type: 'snapshot', data: [{ kind: 'trade', symbol: 'A', source: 'x', seq: 1, price: '1' }] }); };
  const { page, close } = await openPage({ script });
  await page.waitForSelector('#rows .row:not([hidden])');
  assert.equal(await page.textContent('#count'), '1 symbol');
  assert.equal(await page.isVisible('#empty'), false);
  await close();
});

test('nothing moves when prices do', async () => {
  const { page, close } = await openPage();
  await waitForText(page, 'count', '20 symbols');
  await page.waitForSelector('.detailHead'); // the symbol's panel is fetched when the rows are there
  await page.waitForSelector('.trades [role="columnheader"]', { state: 'attached' });
  const measure = () => page.$$eval('header, footer, .info > *, main, [role="columnheader"], [role="gridcell"]',
    (elements) => elements.filter((element) => element.offsetParent).map((element) => {
      const { x, y, width, height } = element.getBoundingClientRect();
      // `off`: not confirmed yet, which a late first quote changes
      return `${element.className.replace(' off', '') || element.tagName} ${[x, y, width, height]}`;
    }).join('\n'));
  const before_ = await measure();
  for (let round = 0; round < 3; round++) await waitForMovingPrices(page);
  assert.equal(await measure(), before_);
  await close();
});

// ---- pictures of every state, which are also the check that every state exists ----

const recordedUs = Date.UTC(2024, 7, 8, 23, 55, 7) * 1000;
const MARKET = [['AAPL', '213.3100', '213.3000', '213.3200'], ['BTC-USD', '61837.63000000', '61837.62000000', '61837.64000000'],
  ['DOGE-USD', '0.100270', '0.100260', '0.100280'], ['ETH-USD', '2683.12000000', '2683.10000000', '2683.15000000'],
  ['EUR-USD', undefined, '1.09182', '1.09184'], ['SHIB-USD', '0.000013920', '0.000013910', '0.000013930'],
  ['XBT/USD', '61840.1', '61840.0', '61840.1']];

function market(step, source = 'coinbase', more = {}) {
  return MARKET.flatMap(([symbol, price, bid, ask], at) => {
    // Scripted, so it may nudge the last digit as text; the page never does arithmetic like this.
    const nudge = (text) => text && text.replace(/[1-9](?=0*$)/, (digit) => String(((Number(digit) + step * (at + 1)) % 9) + 1));
    const stamp = { symbol, source, seq: step + 1, ...more };
    return [...(price ? [{ kind: 'trade', ...stamp, price: nudge(price) }] : []), { kind: 'quote', ...stamp, bid, ask }];
  });
}

const STATES = {
  connecting: { state: 'connecting', script: () => {} },
  live: { state: 'live', script: ({ greet, say }) => { greet(); say({ type: 'snapshot', data: market(0) }); say({ type: 'update', data: market(1) }); } },
  replay: {
    state: 'live',
    script: ({ greet, say }) => {
      greet({ mode: 'replay' });
      say({ type: 'snapshot', data: market(0, 'coinbase', { recv: recordedUs }) });
      say({ type: 'update', data: market(1, 'coinbase', { recv: recordedUs }) });
    },
    check: async (page) => {
      await waitForText(page, 'clock', 'recorded 2024-08-08 23:55:07 UTC');
      await waitForText(page, 'badge', 'Replay');
    },
  },
  paused: {
    state: 'live',
    script: ({ greet, say }) => {
      greet({ mode: 'replay' });
      say({ type: 'snapshot', data: [...market(0, 'coinbase', { recv: recordedUs }), ...market(0, 'kraken', { recv: recordedUs })] });
      say({ type: 'feed', source: 'coinbase', state: 'paused', ts: 1 });
      say({ type: 'feed', source: 'kraken', state: 'ended', ts: 1 });
    },
    check: async (page) => {
      await page.waitForSelector('#rows .row[data-row="paused"]');
      await page.waitForSelector('#rows .row[data-row="ended"]');
      await waitForText(page, 'problems', 'coinbase paused · kraken ended');
    },
  },
  stale: {
    state: 'live',
    script: ({ greet, say }) => {
      greet();
      say({ type: 'heartbeat', ts: Date.now() * 1000 });
      say({ type: 'snapshot', data: market(0).map((item) => ({ ...item, recv: (Date.now() - (item.symbol < 'C' ? 90_000 : 0)) * 1000 })) });
    },
    check: (page) => page.waitForSelector('#rows .row[data-row="stale"]'),
  },
  stalled: {
    state: 'stalled',
    script: ({ greet, say }) => { greet({ heartbeat_ms: 3000 }); say({ type: 'snapshot', data: market(0) }); },
  },
  reconnecting: {
    state: 'reconnecting',
    script: ({ greet, say, end }) => {
      greet();
      say({ type: 'snapshot', data: market(0) });
      say({ type: 'shutdown', reconnect_in_ms: 12_000 });
      end(1001);
    },
  },
  closed: {
    state: 'closed',
    script: ({ greet, say, end }) => {
      greet();
      say({ type: 'snapshot', data: market(0) });
      end(4401, 'the token has expired');
    },
    check: async (page) => {
      await page.waitForFunction(() => /The token has expired \(code 4401\)/.test(document.getElementById('note').textContent));
      await waitForText(page, 'action', 'Reconnect');
    },
  },
  empty: {
    state: 'live',
    script: ({ greet, say }) => { greet(); say({ type: 'snapshot', data: [] }); },
    check: (page) => waitForText(page, 'emptyTitle', 'No prices yet'),
  },
  nomatch: {
    state: 'live',
    script: ({ greet, say }) => { greet(); say({ type: 'snapshot', data: market(0) }); },
    check: async (page) => {
      await page.fill('#filter', 'xyz');
      await waitForText(page, 'emptyTitle', /No symbol matches/);
    },
  },
};

for (const [name, { state, script, check }] of Object.entries(STATES)) {
  test(`the state "${name}" shows on desktop and phone, dark and light`, async () => {
    for (const [device, viewport] of [['desktop', DESKTOP], ['phone', PHONE]]) {
      const { page, close } = await openPage({ viewport, script, colorScheme: 'dark' });
      await waitForState(page, state);
      if (['live', 'stalled', 'reconnecting', 'closed'].includes(name)) await page.waitForSelector('#rows .row:not([hidden])');
      await check?.(page);
      await page.$eval('#grid', (grid) => Promise.all(grid.getAnimations().map(({ finished }) => finished)));
      for (const colorScheme of ['dark', 'light']) {
        await page.emulateMedia({ colorScheme });
        await page.screenshot({ path: `${SHOTS}/${name}-${device}-${colorScheme}.png` });
      }
      await assertNoSidewaysScroll(page);
      await page.setViewportSize(SMALLEST);
      await assertNoSidewaysScroll(page);
      if (device === 'phone') await page.screenshot({ path: `${SHOTS}/${name}-320-light.png` });
      await close();
    }
  });
}

test('a finger finds every control', async () => {
  const { page, close } = await openPage({ viewport: PHONE, hasTouch: true, isMobile: true });
  await waitForText(page, 'count', '20 symbols');
  const small = await page.$$eval('button, input, #rows .row', (elements) => elements
    .filter((element) => element.offsetParent !== null)
      .map((element) => [element.id || element.textContent || element.ariaLabel || element.className, element.offsetWidth, element.offsetHeight])
    .filter(([, width, height]) => width < 44 || height < 44));
  assert.deepEqual(small, []);
  await page.screenshot({ path: `${SHOTS}/simulated-phone-dark.png` });
  await close();
});
