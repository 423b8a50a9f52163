/** The timeline over a live market: paused, delayed, rewound, and through the troubles of a server. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { assertAccessible } from './support/axe.js';
import {
  assertNoSidewaysScroll, openSite, PHONE, SHOTS, texts, waitForMovingPrices, waitForState, waitForText,
} from './support/browser.js';

const site = openSite({ args: ['--feed', 'sim:?symbols=20&rate=200&seed=1', '--heartbeat-ms', '1000'] });
const SEEN = { settings: { seenIntro: true } };

const waitForMode = (page, mode) => page.waitForSelector(`html[data-mode="${mode}"]`, { state: 'attached' });
const waitForBehind = (page, least) => page.waitForFunction((wanted) => {
  const words = document.getElementById('behind')?.textContent ?? '';
  return Number((words.match(/^([\d,]+) behind/)?.[1] ?? '0').replaceAll(',', '')) >= wanted;
}, least);
/** Seconds of the day that the page's clock shows. */
const clockOf = (page) => page.$eval('#screenClock .time', ({ textContent }) => {
  const [hours, minutes, seconds] = textContent.split(' ')[0].split(':').map(Number);
  return hours * 3600 + minutes * 60 + seconds;
});
const screen = async (page) => JSON.stringify([await texts(page, 'last'), await texts(page, 'bid'), await page.textContent('#screenClock')]);

async function openLive(options = {}) {
  const opened = await site.open({ ...SEEN, ...options });
  await waitForText(opened.page, 'count', '20 symbols');
  await waitForMovingPrices(opened.page);
  return opened;
}

/** Long enough that there is a past to go to. */
const waitForPast = (page, seconds) => page.waitForFunction((wanted) => performance.now() > wanted * 1000, seconds);

test('Space holds the whole screen and counts what comes; Space again shows now', async () => {
  const { page, close } = await openLive();
  await page.keyboard.press('Space');
  await waitForMode(page, 'paused');
  await page.evaluate(() => new Promise((done) => { requestAnimationFrame(() => requestAnimationFrame(done)); }));
  const held = await screen(page);
  await waitForBehind(page, 50);
  assert.equal(await screen(page), held);
  assert.match(await page.textContent('#pill'), /^Paused −\d+:\d\d$/);
  await waitForText(page, 'spoken', 'Paused');
  await page.keyboard.press('Space');
  await waitForMode(page, 'simulated');
  await waitForMovingPrices(page);
  await waitForText(page, 'spoken', 'Live');
  assert.equal(await page.$('#behind'), null);
  await close();
});

test('Shift and Space goes on from there, later than now; L is back', async () => {
  const { page, close } = await openLive();
  await page.click('#play');
  await waitForMode(page, 'paused');
  await waitForBehind(page, 100);
  await page.evaluate(() => document.activeElement.blur());
  await page.keyboard.press('Shift+Space');
  await waitForMode(page, 'shifted');
  await waitForMovingPrices(page);
  assert.match(await page.textContent('#pill'), /^Delayed −\d+:\d\d$/);
  const server = Number(await page.evaluate(async () => (Date.now() / 1000) % 86_400));
  assert.ok((await clockOf(page)) < server, 'its clock is the past’s');
  await page.keyboard.press('l');
  await waitForMode(page, 'simulated');
  await close();
});

test('faster than time, the delay shrinks to nothing', async () => {
  const { page, close } = await openLive();
  // One way at a time: by the first the delay may be gone before the second is tried.
  for (const hurry of [() => page.keyboard.press(']'), () => page.selectOption('#speed', '25')]) {
    await page.keyboard.press('Space');
    await waitForBehind(page, 50);
    await page.keyboard.press('Shift+Space');
    await waitForMode(page, 'shifted');
    await hurry();
    await waitForMode(page, 'simulated');
    await page.evaluate(() => document.activeElement.blur());
  }
  await close();
});

test('the bar rewinds by keyboard and by mouse, paused or not', async () => {
  const { page, close } = await openLive();
  await waitForPast(page, 9);
  await page.focus('#scrubber');
  await page.keyboard.press('ArrowLeft');
  await waitForMode(page, 'shifted');
  await waitForMovingPrices(page);
  await page.keyboard.press('Home');
  await waitForMode(page, 'shifted');
  assert.match(await page.getAttribute('#scrubber', 'aria-valuetext'), /^\d\d:\d\d:\d\d UTC, Delayed/);
  await page.keyboard.press('End');
  await waitForMode(page, 'simulated');
  await page.keyboard.press('Space');
  await waitForMode(page, 'paused');
  const before = await page.textContent('#screenClock');
  await page.keyboard.press('ArrowLeft');
  await page.waitForFunction((old) => document.getElementById('screenClock').textContent !== old, before);
  assert.equal(await page.getAttribute('html', 'data-mode'), 'paused');
  await page.keyboard.press('.'); // the next update, still paused
  assert.equal(await page.getAttribute('html', 'data-mode'), 'paused');
  const box = await page.locator('#scrubber').boundingBox();
  await page.mouse.move(box.x + box.width - 2, box.y + 20);
  await page.mouse.down();
  await page.mouse.up();
  await page.keyboard.press('l');
  await waitForMode(page, 'simulated');
  await page.mouse.click(box.x + box.width * 0.9, box.y + 20);
  await waitForMode(page, 'shifted');
  await close();
});

test('the URL says where the screen stands, and one that is pasted leads there', async () => {
  const { page, close } = await openLive();
  await waitForPast(page, 6);
  await page.keyboard.press('Space');
  await page.waitForFunction(() => /[?&]at=\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z/.test(location.hash));
  const [, at] = (await page.evaluate(() => location.hash)).match(/at=([^&]+)/);
  assert.ok(Math.abs((Date.parse(at) / 1000) % 86_400 - await clockOf(page)) < 2, at);
  await page.keyboard.press('Space');
  await page.waitForFunction(() => !location.hash.includes('at='));
  await page.evaluate((time) => { location.hash = `#/m?at=${time}&speed=0.5`; }, at);
  await waitForMode(page, 'shifted');
  await page.waitForFunction(() => document.getElementById('speed')?.value === '0.5');
  await page.keyboard.press('l');
  await waitForMode(page, 'simulated');
  await page.evaluate(() => { location.hash = '#/m?at=2024-03-05T09:31:07Z'; });
  await page.waitForSelector('.toast:has-text("This page has prices since")');
  await page.evaluate(() => { location.hash = '#/m?at=tomorrow&speed=1000'; });
  assert.equal(await page.getAttribute('html', 'data-mode'), 'simulated');
  await close();
});

test('a page that is loaded again is live, and says what it no longer has', async () => {
  const { page, close } = await openLive();
  await page.keyboard.press('Space');
  await page.waitForFunction(() => location.hash.includes('at='));
  await page.reload();
  await page.waitForSelector('.toast:has-text("loaded anew and shows the present")');
  await page.waitForFunction(() => !location.hash.includes('at='));
  assert.equal(await page.getAttribute('html', 'data-mode'), 'simulated');
  await page.click('.toast button:has-text("Show")');
  await page.waitForSelector('.instrument'); // with the chart, which may have it
  await close();
});

test('killed while paused: the screen stands, and shows the new server when it goes on', async () => {
  const { page, close } = await openLive();
  await page.keyboard.press('Space');
  await waitForMode(page, 'paused');
  await page.evaluate(() => new Promise((done) => { requestAnimationFrame(() => requestAnimationFrame(done)); }));
  const held = await screen(page);
  await site.server.kill();
  await waitForState(page, 'reconnecting');
  assert.match(await page.textContent('#pill'), /^Reconnecting/);
  await site.server.restart();
  await waitForState(page, 'live');
  await waitForBehind(page, 1);
  assert.equal(await screen(page), held);
  await page.keyboard.press('Space');
  await waitForMode(page, 'simulated');
  await page.waitForFunction(() => document.querySelectorAll('#rows .row[data-row="live"]').length >= 10);
  await waitForMovingPrices(page);
  await close();
});

test('stalled while delayed: what was received is still shown, the stall is said, and now is found again', async () => {
  const { page, close } = await openLive();
  await page.keyboard.press('Space');
  await waitForBehind(page, 100);
  await page.keyboard.press('Shift+Space');
  await waitForMode(page, 'shifted');
  site.server.signal('SIGSTOP');
  await waitForState(page, 'stalled');
  assert.equal(await page.textContent('#pill'), 'Stalled');
  site.server.signal('SIGCONT');
  await waitForState(page, 'live');
  await page.keyboard.press('l');
  await waitForMode(page, 'simulated');
  await waitForMovingPrices(page);
  await close();
});

test('a hint for the first time, which stays away once it was dismissed', async () => {
  const { page, close } = await site.open();
  await page.waitForSelector('.intro');
  await page.click('.intro button');
  await page.waitForSelector('.intro', { state: 'detached' });
  await page.reload();
  await waitForText(page, 'count', '20 symbols');
  assert.equal(await page.$('.intro'), null);
  await close();
});

for (const [mode, keys] of [['live', []], ['paused', ['Space']], ['shifted', ['Space', 'Shift+Space']]]) {
  test(`the timeline ${mode}, on desktop and phone, dark and light`, async () => {
    for (const [device, options] of [['desktop', {}], ['phone', { viewport: PHONE, hasTouch: true, isMobile: true }]]) {
      const { page, close } = await openLive(options);
      for (const key of keys) {
        await page.keyboard.press(key);
        await waitForMode(page, key === 'Space' ? 'paused' : 'shifted');
        if (key === 'Space') await waitForBehind(page, 30);
      }
      for (const colorScheme of ['dark', 'light']) {
        await page.emulateMedia({ colorScheme });
        await page.screenshot({ path: `${SHOTS}/timeline-${mode}-${device}-${colorScheme}.png` });
      }
      await assertAccessible(page, `${mode} ${device}`, 'footer');
      await assertNoSidewaysScroll(page);
      if (device === 'phone') {
        await page.tap('.timeline .more');
        await page.waitForSelector('.timeline.open');
        await assertNoSidewaysScroll(page);
        const small = await page.$$eval('.timeline button, .timeline select', (elements) => elements
          .filter((element) => element.offsetParent !== null && (element.offsetWidth < 44 || element.offsetHeight < 44)).map((element) => element.outerHTML));
        assert.deepEqual(small, []);
        await page.screenshot({ path: `${SHOTS}/timeline-${mode}-phone-open.png` });
      }
      await close();
    }
  });
}
