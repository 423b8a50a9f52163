/** The views Server, Connect and About: against the real server, refused, failing, by keyboard. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { assertAccessible } from './support/axe.js';
import { assertNoSidewaysScroll, openSite, PHONE, SHOTS, SMALLEST, waitForState, waitForText } from './support/browser.js';

const site = openSite();
const SEEN = { settings: { seenIntro: true } };
const openView = (view, options = {}) => site.open({ ...SEEN, path: `#/${view}`, ...options });

const tileOf = (page, name) => page.$eval(`.tile[aria-labelledby="tile-${name}"] .tileValue`, ({ textContent }) => textContent);

test('Server: figures, an explanation of each, latencies with their histogram, clients', async () => {
  const { page, close } = await openView('server');
  await page.waitForSelector('.tile h3');
  assert.equal(await page.title(), 'Server · pricecast');
  assert.equal(await page.$$eval('.tile', (tiles) => tiles.length), 8);
  await page.waitForFunction(() => document.querySelector('[aria-labelledby="tile-sessions"] .tileValue').textContent === '1');
  await page.waitForFunction(() => /[1-9]/.test(document.querySelector('[aria-labelledby="tile-events"] .tileValue').textContent));
  assert.match(await tileOf(page, 'bytes'), /B$/);
  await page.getByRole('button', { name: 'What “Passed over” means' }).click();
  await page.waitForSelector('.tileHint');
  assert.match(await page.textContent('.tileHint'), /newer one of the same stream/);
  await page.waitForSelector('.histogram .bar');
  assert.match(await page.getAttribute('.histogram .bars', 'aria-label'), /Bus → socket: [\d,]+ measured, p50 /);
  await page.getByRole('button', { name: 'Source → here' }).click();
  await page.waitForFunction(() => /time the source stamped/.test(document.querySelector('.block .muted').textContent));
  await page.waitForSelector('table >> text=keeps up');
  assert.match(await page.textContent('[aria-label="Table of the clients"] tbody'), /127\.0\.0\.1:\d+/);
  assert.match(await page.textContent('[aria-label="Table of the feeds"] tbody'), /^sim:/);
  await close();
});

test('Server: addresses that are refused are said to be, and not asked for again', async () => {
  let asked = 0;
  const { page, close } = await openView('about', { allow: /403/ });
  await page.route('**/api/v1/clients**', (route) => {
    asked++;
    return route.fulfill({ status: 403, json: { error: { code: 'forbidden', message: 'only from this machine' } } });
  });
  let polls = 0;
  page.on('request', (request) => { if (request.url().endsWith('/api/v1/status')) polls++; });
  await page.getByRole('link', { name: 'Server' }).click();
  await page.getByText('only to pages on the server’s own machine').waitFor();
  await page.waitForSelector('.tile h3');
  while (polls < 3) await page.waitForResponse('**/api/v1/status');
  assert.equal(asked, 1);
  await close();
});

test('Server: what cannot be had is said, the rest goes on, and can be tried again', async () => {
  const { page, close } = await openView('about', { allow: /500|metrics|status/ });
  let isBroken = true;
  await page.route('**/api/v1/status', (route) => (isBroken ? route.fulfill({ status: 500, json: { error: { code: 'internal', message: 'out of memory' } } }) : route.fallback()));
  await page.getByRole('link', { name: 'Server' }).click();
  await page.waitForSelector('.failedLine');
  assert.match(await page.textContent('.failedLine'), /out of memory/);
  isBroken = false;
  await page.getByRole('button', { name: 'Try again' }).click();
  await page.waitForSelector('.tile h3');
  await close();
});

test('a view that was never fetched comes when the server is back', async () => {
  const { page, close } = await site.open(SEEN);
  await waitForState(page, 'live');
  await site.server.kill();
  await waitForState(page, 'reconnecting');
  await page.getByRole('link', { name: 'About' }).click();
  await page.waitForSelector('html[data-view="about"]', { state: 'attached' });
  await site.server.restart();
  await page.waitForSelector('main :is(.failed, :text("Lightweight Charts"))');
  assert.equal(await page.$$eval('.failed', (failed) => failed.map(({ textContent }) => textContent).join()), '');
  await close();
});

test('Connect: code for this server and symbol, copied, and tried', async () => {
  const { page, close } = await openView('connect', { permissions: ['clipboard-read', 'clipboard-write'] });
  await page.fill('#connectSymbol', 'ALFA-USD');
  const host = new URL(site.server.url).host;
  await page.waitForFunction((url) => document.querySelector('#snippet code').textContent.includes(url), `connect('ws://${host}/ws')`);
  await page.getByRole('tab', { name: 'JavaScript' }).focus();
  await page.keyboard.press('ArrowRight');
  await page.waitForFunction(() => document.activeElement.textContent === 'Python');
  await page.waitForFunction((url) => document.querySelector('#snippet code').textContent.includes(url), `ws://${host}/ws?symbols=ALFA-USD`);
  for (const [tab, text] of [['C', `.host = "${host}"`], ['wscat', `npx wscat -c "ws://${host}/ws?symbols=ALFA-USD"`], ['curl', `curl -N "http://${host}/sse?symbols=ALFA-USD"`]]) {
    await page.getByRole('tab', { name: tab, exact: true }).click();
    await page.waitForFunction((wanted) => document.querySelector('#snippet code').textContent.includes(wanted), text);
  }
  await page.getByRole('button', { name: 'Copy curl' }).click();
  await page.getByRole('button', { name: 'Copy curl' }).getByText('Copied').waitFor();
  assert.match(await page.evaluate(() => navigator.clipboard.readText()), /curl -N "http/);
  await page.reload(); // the URL carries symbol and language
  await page.waitForSelector('[role="tab"][aria-selected="true"] >> text=curl');
  assert.equal(await page.inputValue('#connectSymbol'), 'ALFA-USD');
  await page.click('#try');
  await waitForText(page, 'tried', /"type":"hello".*"type":"subscribed".*"type":"(snapshot|update)","data":\[\{.*"symbol":"ALFA-USD"/);
  await close();
});

test('About: versions, attribution and every licence', async () => {
  const { page, close } = await openView('about');
  await waitForText(page, 'licences', /preact \d[\s\S]*MIT[\s\S]*lightweight-charts[\s\S]*Apache License/);
  assert.match(await page.textContent('.facts'), /pricecast\/\d/);
  assert.equal(await page.getAttribute('a[href*="tradingview.com"]', 'rel'), 'noreferrer noopener');
  for (const href of await page.$$eval('.links a', (links) => links.map(({ href: url }) => url))) {
    assert.equal((await fetch(href)).status, 200, href);
  }
  await close();
});

for (const view of ['server', 'connect', 'about']) {
  test(`the view ${view} on desktop and phone, dark and light`, async () => {
    for (const [device, options] of [['desktop', {}], ['phone', { viewport: PHONE, hasTouch: true, isMobile: true }]]) {
      const { page, close } = await openView(view, options);
      await page.waitForSelector({ server: '.histogram .bar', connect: '#snippet code', about: '#licences:not(:empty)' }[view]);
      if (view === 'server') await page.waitForSelector('table >> text=keeps up');
      for (const colorScheme of ['dark', 'light']) {
        await page.emulateMedia({ colorScheme });
        await page.screenshot({ path: `${SHOTS}/${view}-${device}-${colorScheme}.png` });
        await assertAccessible(page, `${view} ${device} ${colorScheme}`, '#main');
      }
      await assertNoSidewaysScroll(page);
      await page.setViewportSize(SMALLEST);
      await assertNoSidewaysScroll(page);
      await close();
    }
  });
}
