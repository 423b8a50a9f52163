/* The frame around the views: palette, keys, lists, settings, links, and how much the page asks for. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openSite, PHONE, picture, texts, waitForMovingPrices, waitForState, waitForText } from './support/browser.js';

const site = openSite();
const ready = async (options) => {
  const opened = await site.open(options);
  await waitForText(opened.page, 'count', /^\d+ (of \d+ )?symbols?$/);
  await opened.page.waitForSelector('#rows .row:not([hidden]) .symbol');
  return opened;
};
const item = (symbol, seq = 1, price = '1') => ({ kind: 'trade', symbol, source: 'x', seq, price });
const scripted = ({ greet, say }) => { greet(); say({ type: 'snapshot', data: ['AAA', 'BBB', 'CCC'].map((symbol) => item(symbol)) }); };

test('the palette finds symbols and commands, and does them', async () => {
  const { page, close } = await ready();
  const [, , wanted] = await texts(page, 'symbol');
  await page.keyboard.press('Control+k');
  await page.waitForSelector('#paletteDialog[open]');
  await page.keyboard.type(wanted.toLowerCase());
  await page.waitForFunction((name) => document.querySelector('[role="option"][aria-selected="true"] bdi')?.textContent === name, wanted);
  await page.keyboard.press('Enter');
  await page.waitForFunction((name) => location.hash.includes(`/m/${encodeURIComponent(name)}`), wanted);
  await page.waitForSelector('#paletteDialog', { state: 'detached' });
  await page.keyboard.press('Control+k');
  await page.keyboard.type('go to about');
  await page.keyboard.press('Enter');
  await page.waitForSelector('html[data-view="about"]', { state: 'attached' });
  await page.goBack();
  await page.waitForSelector('html[data-view="markets"]', { state: 'attached' });
  await page.waitForFunction((name) => location.hash.includes(encodeURIComponent(name)), wanted);
  await close();
});

test('? shows the keys, Esc closes it and gives the focus back', async () => {
  const { page, close } = await ready();
  await page.focus('#grid');
  await page.keyboard.press('?');
  await page.waitForSelector('#keysDialog[open]');
  const said = await page.textContent('#keysDialog');
  for (const text of ['Search symbols', 'Find a symbol or a command', 'Switch the theme', 'Star the symbol']) assert.ok(said.includes(text), text);
  await page.keyboard.press('Escape');
  await page.waitForSelector('#keysDialog', { state: 'detached' });
  await page.waitForFunction(() => document.activeElement?.id === 'grid');
  await close();
});

test('the theme changes by key, stays after a reload, and letters can be switched off', async () => {
  const { page, close } = await ready({ colorScheme: 'light' });
  const colour = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
  const light = await colour();
  await page.keyboard.press('t');
  await page.waitForSelector('html[data-theme="dark"]', { state: 'attached' });
  assert.notEqual(await colour(), light);
  await page.reload();
  await page.waitForSelector('html[data-theme="dark"]', { state: 'attached' });
  await page.keyboard.press('?');
  await page.click('#keysDialog input[type="checkbox"]');
  await page.keyboard.press('Escape');
  await page.waitForSelector('#keysDialog', { state: 'detached' });
  await page.keyboard.press('t');
  await page.keyboard.press('Control+k'); // handled after it
  await page.waitForSelector('#paletteDialog[open]');
  assert.equal(await page.getAttribute('html', 'data-theme'), 'dark');
  await close();
});

test('letters in a text box are letters', async () => {
  const { page, close } = await ready();
  await page.keyboard.press('/');
  await page.keyboard.type('st?');
  assert.equal(await page.inputValue('#filter'), 'st?');
  assert.deepEqual([await page.$('dialog[open]'), await page.getAttribute('html', 'data-theme')], [null, 'auto']);
  await close();
});

test('a star by key or click, a list of them, and both after a reload', async () => {
  const { page, close } = await ready();
  const [first, second] = await texts(page, 'symbol');
  await page.focus('#grid');
  await page.keyboard.press('ArrowDown');
  await page.keyboard.press('s');
  await waitForText(page, 'spoken', `${first} is starred`);
  await page.click('#rows .row[aria-rowindex="3"] .star');
  await page.click('.listTabs button:has-text("Starred")');
  await waitForText(page, 'count', '2 of 20 symbols');
  assert.deepEqual(await texts(page, 'symbol'), [first, second]);
  await page.reload();
  await waitForText(page, 'count', '2 of 20 symbols');
  await close();
});

test('an own list is made, filled, shown and removed', async () => {
  const { page, close } = await ready();
  const [first] = await texts(page, 'symbol');
  await page.click('#rows .row[aria-rowindex="2"] .symbol');
  await page.click('.listTabs button[aria-label="Lists"]');
  await page.fill('#listsDialog input[type="text"]', 'Mine');
  await page.keyboard.press('Enter');
  await page.waitForSelector('#listsDialog .columnList bdi:has-text("Mine")');
  await page.fill('#listsDialog input[type="text"]', 'Mine');
  await page.keyboard.press('Enter');
  await page.waitForFunction(() => /There is a list/.test(document.querySelector('#listsDialog .fault').textContent));
  await page.keyboard.press('Escape');
  await page.click('.listTabs button:has-text("Mine")');
  await waitForText(page, 'count', '1 of 20 symbols');
  assert.deepEqual(await texts(page, 'symbol'), [first]);
  await page.waitForFunction(() => location.hash.includes('l=%3DMine'));
  await page.click('.listTabs button[aria-label="Lists"]');
  await page.click('button[aria-label="Remove the list Mine"]');
  await page.keyboard.press('Escape');
  await waitForText(page, 'count', '20 symbols');
  await close();
});

test('columns are chosen from presets, one by one, and in another order', async () => {
  const { page, close } = await ready({ settings: { detail: false } });
  const heads = () => page.$$eval('[role="columnheader"]', (cells) => cells.map(({ dataset }) => dataset.column));
  await page.click('.listTabs button[aria-label="Columns"]');
  await page.click('#columnsDialog button:has-text("Feed health")');
  await page.waitForSelector('[data-column="merged"]');
  assert.deepEqual(await heads(), ['star', 'symbol', 'source', 'last', 'rate', 'merged', 'age']);
  await page.click('button[aria-label="Age earlier"]');
  await page.click('#columnsDialog label:has-text("Merged")');
  await page.keyboard.press('Escape');
  await page.waitForFunction(() => !document.querySelector('[data-column="merged"]'));
  assert.deepEqual(await heads(), ['star', 'symbol', 'source', 'last', 'rate', 'age']);
  await page.waitForFunction(() => /\d/.test(document.querySelector('#rows .row:not([hidden]) .rate').textContent));
  await page.reload();
  await page.waitForSelector('[data-column="rate"]');
  assert.deepEqual(await heads(), ['star', 'symbol', 'source', 'last', 'rate', 'age']);
  await close();
});

test('settings go out as a file and come back; a wrong file is refused with a reason', async () => {
  const { page, close } = await ready({ settings: { palette: 'classic' } });
  await page.click('button[aria-label="Settings"]');
  const [download] = await Promise.all([page.waitForEvent('download'), page.click('#settingsDialog button:has-text("Export")')]);
  const path = await download.path();
  await page.click('#settingsDialog button:has-text("Reset")');
  await page.waitForSelector('html[data-palette="signal"]', { state: 'attached' });
  await page.setInputFiles('#settingsDialog input[type="file"]', { name: 'x.json', mimeType: 'application/json', buffer: Buffer.from('{"schema":1,"theme":"pink"}') });
  await page.waitForSelector('.toast.error:has-text("no valid theme")');
  await page.setInputFiles('#settingsDialog input[type="file"]', path);
  await page.waitForSelector('html[data-palette="classic"]', { state: 'attached' });
  await close();
});

test('a link opens the same symbol, order and search', async () => {
  const { page, close } = await ready();
  const [, symbol] = await texts(page, 'symbol');
  await close();
  const linked = await ready({ path: `#/m/${encodeURIComponent(symbol)}?sort=-last&q=usd` });
  await linked.page.waitForSelector('[data-column="last"][aria-sort="descending"]');
  await linked.page.waitForFunction(() => document.getElementById('filter').value === 'usd');
  await linked.page.waitForFunction((name) => document.querySelector('#rows .row[aria-selected="true"] .symbol')?.textContent === name, symbol);
  await linked.close();
});

test('Enter in the search opens what fits best, Shift+Enter stars it', async () => {
  const { page, close } = await ready({ script: scripted });
  await page.keyboard.press('/');
  await page.keyboard.type('bb');
  await page.keyboard.press('Shift+Enter');
  await waitForText(page, 'spoken', 'BBB is starred');
  await page.keyboard.press('Enter');
  await page.waitForFunction(() => location.hash.startsWith('#/m/BBB'));
  await close();
});

test('a wide screen opens the most active symbol by itself, Esc closes it for good', async () => {
  const { page, close } = await ready();
  await page.waitForSelector('html[data-open="true"]', { state: 'attached' });
  assert.equal(await page.evaluate(() => location.hash), '');
  await page.focus('#grid');
  await page.keyboard.press('Escape');
  await page.waitForSelector('html[data-open="false"]', { state: 'attached' });
  await page.reload();
  await waitForText(page, 'count', '20 symbols');
  await page.waitForSelector('html[data-open="false"]', { state: 'attached' });
  await close();
});

test('a phone shows the list until a row is tapped', async () => {
  const { page, close } = await ready({ viewport: PHONE, hasTouch: true, isMobile: true });
  assert.equal(await page.getAttribute('html', 'data-open'), 'false');
  await page.tap('#rows .row[aria-rowindex="2"] .last');
  await page.waitForSelector('html[data-open="true"]', { state: 'attached' });
  await page.goBack();
  await page.waitForSelector('html[data-open="false"]', { state: 'attached' });
  await close();
});

test('a hidden page asks for one update a second and draws nothing; when it is back all is there at once', async () => {
  const { page, socket, close } = await ready({ script: scripted });
  const rateOf = () => socket.heard.filter(({ op, symbols }) => op === 'subscribe' && symbols.includes('*')).at(-1)?.max_rate;
  assert.ok(rateOf() >= 10);
  const hide = (hidden) => page.evaluate((value) => {
    Object.defineProperty(document, 'hidden', { configurable: true, get: () => value });
    document.dispatchEvent(new Event('visibilitychange'));
  }, hidden);
  await hide(true);
  while (rateOf() !== 1) await page.evaluate(() => new Promise((done) => { setTimeout(done, 20); }));
  socket.say({ type: 'update', data: [item('AAA', 2, '777')] });
  socket.say({ type: 'update', data: [item('NEW', 1, '5')] });
  await page.evaluate(() => new Promise((done) => { requestAnimationFrame(() => requestAnimationFrame(done)); }));
  assert.equal(await page.textContent('#count'), '3 symbols');
  await hide(false);
  await waitForText(page, 'count', '4 symbols');
  await page.waitForFunction(() => document.querySelector('#rows .row:not([hidden]) .last').textContent === '777');
  while (!(rateOf() >= 10)) await page.evaluate(() => new Promise((done) => { setTimeout(done, 20); }));
  await close();
});

test('a page that has too much to do asks for less, and says so', async () => {
  const { page, context, socket, close } = await site.open({ script: scripted });
  await context.addInitScript(() => {
    const { parse } = JSON; // as slow as on a machine that cannot keep up
    JSON.parse = (text) => {
      if (text.length > 100_000) for (const until = performance.now() + 200; performance.now() < until;);
      return parse(text);
    };
  });
  await page.reload();
  await waitForText(page, 'count', '3 symbols');
  for (let seq = 2; !(await page.isVisible('#calming')); seq += 10_000)
    socket.say({ type: 'update', data: Array.from({ length: 10_000 }, (_, at) => item('AAA', seq + at, String(at))) });
  assert.match(await page.textContent('#calming'), /Calming (\d+ times|once) a second/);
  const asked = socket.heard.filter(({ op, symbols }) => op === 'subscribe' && symbols.includes('*')).map(({ max_rate: rate }) => rate);
  assert.ok(asked.at(-1) < asked[0], String(asked));
  await picture(page, 'calming');
  await close();
});

test('a part of the page that fails says so, and the rest goes on', async () => {
  const { page, context, close } = await site.open({ allow: /a panel failed|broken on purpose/ });
  await context.addInitScript(() => {
    const Observer = ResizeObserver;
    window.mend = () => { window.ResizeObserver = Observer; };
    window.ResizeObserver = class { constructor() { throw new Error('broken on purpose'); } };
  });
  await page.reload();
  await page.waitForSelector('.failed:has-text("The market list failed")');
  assert.match(await page.textContent('.failed'), /broken on purpose/);
  await picture(page, 'failed');
  await page.setViewportSize({ width: 1440, height: 900 });
  await waitForState(page, 'live');
  await page.evaluate(() => window.mend());
  await page.click('.failed:has-text("The market list failed") button');
  await waitForText(page, 'count', '20 symbols');
  await waitForMovingPrices(page);
  await close();
});

test('what a reconnect brought back is said', async () => {
  let dials = 0;
  const script = (server) => {
    dials++;
    scripted(server);
    if (dials === 1) { server.say({ type: 'shutdown', reconnect_in_ms: 100 }); server.end(1012); }
    else server.say({ type: 'snapshot', data: [item('AAA', 50)] });
  };
  const { page, close } = await ready({ script });
  await page.waitForSelector('.toast.warn:has-text("48 updates lost")');
  await picture(page, 'gap');
  await waitForText(page, 'problems', /1 gap/);
  await close();
});
