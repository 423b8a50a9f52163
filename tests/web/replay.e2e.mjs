/** A recording in the page: the recorded clock, every control, and a server that does not let itself be controlled. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { assertAccessible } from './support/axe.js';
import {
  assertNoSidewaysScroll, openSite, PHONE, SHOTS, WAIT_MS, waitForMovingPrices, waitForState, waitForText,
} from './support/browser.js';

const site = openSite({ args: ['--loop'] }); // the bundled recording
const SEEN = { settings: { seenIntro: true } };

const server = async () => (await fetch(`${site.server.url}api/v1/replay`)).json();
async function post(command) {
  const answer = await fetch(`${site.server.url}api/v1/replay`, { method: 'POST', body: JSON.stringify(command) });
  assert.equal(answer.status, 200);
  return answer.json();
}
/** Asks the server until it says so. */
async function untilServer(says) {
  const deadline = Date.now() + WAIT_MS;
  for (;;) {
    const state = await server();
    if (says(state)) return state;
    assert.ok(Date.now() < deadline, `the server says ${JSON.stringify(state)}, not ${says}`);
    await new Promise((done) => { setTimeout(done, 20); });
  }
}

async function openReplay(options = {}) {
  await post({ action: 'seek', to: '+0s' }).catch(() => {});
  await post({ action: 'speed', value: 1 });
  await post({ action: 'resume' });
  await untilServer(({ state }) => state === 'playing');
  const opened = await site.open({ ...SEEN, ...options });
  await opened.page.waitForSelector('html[data-mode="replay"]', { state: 'attached' });
  await waitForMovingPrices(opened.page);
  return opened;
}

const dayOf = (us) => new Date(us / 1000).toISOString().slice(0, 10);
const timeOf = (us) => new Date(us / 1000).toISOString().slice(11, 19);
const seconds = (text) => text.split(':').reduce((sum, part) => sum * 60 + Number(part), 0);
const clock = (page) => page.$eval('#screenClock .time', ({ textContent }) => textContent.split(' ')[0]);

test('the page shows the recorded time, and no row is as old as the recording', async () => {
  const { page, close } = await openReplay();
  const { from, to } = await server();
  await waitForText(page, 'pill', 'Replay 1×');
  await page.waitForFunction((day) => document.querySelector('#screenClock .day').textContent === day, dayOf(from));
  const shown = seconds(await clock(page));
  assert.ok(shown >= seconds(timeOf(from)) && shown <= seconds(timeOf(to)), `${shown}`);
  assert.match(await page.textContent('#clock'), new RegExp(`^recorded ${dayOf(from)}`));
  const ages = await page.$$eval('#rows .row:not([hidden]) .age', (cells) => cells.map(({ textContent }) => textContent));
  assert.ok(ages.length > 0 && ages.every((age) => /now|\d+\u2009s/.test(age)), ages.join());
  await close();
});

test('Space pauses the server’s replay, and then time stands; steps and seconds', async () => {
  const { page, close } = await openReplay();
  await page.keyboard.press('Space');
  const held = await untilServer(({ state }) => state === 'paused');
  await waitForText(page, 'pill', 'Replay paused');
  await waitForText(page, 'spoken', 'The replay is paused');
  const stands = await clock(page);
  await page.keyboard.press('.');
  const stepped = await untilServer(({ events }) => events === held.events + 1);
  assert.ok(stepped.position >= held.position);
  assert.ok(Math.abs(seconds((await clock(page)).slice(0, 8)) - seconds(stands.slice(0, 8))) <= 2);
  await page.keyboard.press(',');
  await untilServer(({ state, position }) => state === 'paused' && position < held.position);
  await page.keyboard.press('Space');
  await untilServer(({ state }) => state === 'playing');
  await waitForMovingPrices(page);
  await close();
});

test('speed and loop, by keys and by the bar', async () => {
  const { page, close } = await openReplay();
  await page.waitForSelector('#speed');
  await page.keyboard.press(']');
  await untilServer(({ speed }) => speed === 2);
  await waitForText(page, 'pill', 'Replay 2×');
  await page.keyboard.press('[');
  await untilServer(({ speed }) => speed === 1);
  await page.selectOption('#speed', '100');
  await untilServer(({ speed }) => speed === 100);
  await waitForText(page, 'pill', 'Replay 100×');
  const { loop } = await server();
  await page.evaluate(() => document.activeElement.blur());
  await page.keyboard.press('r');
  await untilServer((state) => state.loop === !loop);
  await page.waitForSelector(`[aria-label="Begin again at the end"][aria-pressed="${!loop}"]`);
  await page.keyboard.press('r');
  await untilServer((state) => state.loop === loop);
  await close();
});

test('the bar seeks: by mouse, by arrows, to the beginning and to the end', async () => {
  const { page, close } = await openReplay();
  await page.keyboard.press('Space');
  const { from, to } = await untilServer(({ state, to: end }) => state === 'paused' && end !== undefined);
  const part = async () => ((await server()).position - from) / (to - from);
  const box = await page.locator('#scrubber').boundingBox();
  await page.mouse.click(box.x + box.width / 2, box.y + box.height / 2);
  await untilServer(({ position }) => Math.abs((position - from) / (to - from) - 0.5) < 0.02);
  await page.waitForFunction(() => Math.abs(Number(document.getElementById('scrubber').getAttribute('aria-valuenow')) - 500) < 20);
  const middle = await part();
  await page.focus('#scrubber');
  await page.keyboard.press('PageDown'); // a minute back, of twelve
  await untilServer(({ position }) => (position - from) / (to - from) < middle - 0.05);
  await page.keyboard.press('Home');
  await untilServer(({ state, position }) => state === 'paused' && (position === undefined || position - from < 1_000_000));
  await close();
});

test('what others do to the replay shows here', async () => {
  const { page, close } = await openReplay();
  await post({ action: 'pause' });
  await waitForText(page, 'pill', 'Replay paused');
  await post({ action: 'seek', to: '75%' });
  await page.waitForFunction(() => Number(document.getElementById('scrubber').getAttribute('aria-valuenow')) > 650);
  await post({ action: 'resume' });
  await waitForText(page, 'pill', 'Replay 1×');
  await close();
});

test('a part is marked by keys and played again and again', async () => {
  const { page, close } = await openReplay();
  const { from } = await untilServer(({ from: known }) => known !== undefined);
  await page.waitForFunction(() => document.querySelectorAll('.scale span:not([hidden])').length > 2); // the outline is known
  await post({ action: 'seek', to: from + 60_000_000 });
  await page.waitForFunction(() => Number(document.getElementById('scrubber').getAttribute('aria-valuenow')) > 60);
  await page.focus('#scrubber');
  await page.keyboard.press('a');
  const end = from + 90_000_000;
  await post({ action: 'seek', to: end });
  await page.waitForFunction(() => Number(document.getElementById('scrubber').getAttribute('aria-valuenow')) > 110);
  await page.keyboard.press('b');
  await page.getByRole('button', { name: /^Repeats/ }).waitFor();
  await untilServer(({ position }) => position < end - 10_000_000); // it has gone back by itself
  await page.keyboard.press('Delete');
  await page.getByRole('button', { name: /^Repeats/ }).waitFor({ state: 'detached' });
  await close();
});

/** A server that is not on this machine: it answers, and does not obey. */
async function openRefused(options = {}) {
  const refusal = { status: 403, json: { error: { code: 'forbidden', message: 'only from this machine' } } };
  const opened = await site.open({ ...SEEN, allow: /403/, ...options });
  await opened.page.route('**/api/v1/replay', async (route) => {
    if (route.request().method() === 'POST') return route.fulfill(refusal);
    const answer = await route.fetch();
    return route.fulfill({ json: { ...(await answer.json()), control: false } });
  });
  await opened.page.reload();
  await waitForMovingPrices(opened.page);
  await opened.page.waitForSelector('.timeline .locked', { state: 'attached' });
  return opened;
}

test('control refused: it is said, and the screen pauses by itself', async () => {
  await post({ action: 'resume' });
  await untilServer(({ state }) => state === 'playing');
  const { page, close } = await openRefused();
  await page.keyboard.press('Space');
  await page.waitForSelector('html[data-mode="paused"]', { state: 'attached' });
  await untilServer(({ state }) => state === 'playing');
  const held = await page.textContent('#screenClock');
  await page.waitForFunction(() => /[1-9]/.test(document.getElementById('behind').textContent));
  assert.equal(await page.textContent('#screenClock'), held);
  await page.screenshot({ path: `${SHOTS}/replay-refused-desktop-dark.png` });
  await page.click('#toLive');
  await page.waitForSelector('html[data-mode="replay"]', { state: 'attached' });
  const box = await page.locator('#scrubber').boundingBox();
  await page.mouse.click(box.x + box.width / 2, box.y + box.height / 2);
  await page.waitForSelector('.toast.warn');
  assert.match(await page.textContent('.toast.warn'), /own machine/);
  assert.equal(await page.getAttribute('#scrubber', 'aria-disabled'), 'true');
  assert.equal(await page.isDisabled('#speed'), true);
  await close();
});

test('refused only when it was tried: the server’s word becomes the page’s', async () => {
  const { page, close } = await openReplay({ allow: /403/ });
  let isRefused = false; // until then the page is to know that it has control
  await page.route('**/api/v1/replay', (route) => {
    isRefused ||= route.request().method() === 'POST';
    if (!isRefused) return route.continue();
    return route.fulfill({ status: 403, json: { error: { code: 'forbidden', message: 'only from this machine' } } });
  });
  const toast = page.waitForSelector('.toast.warn'); // it goes by itself
  await page.keyboard.press('Space');
  await page.waitForSelector('html[data-mode="paused"]', { state: 'attached' });
  await toast;
  await close();
});

test('killed while the replay is paused, restarted: the page follows the new one', async () => {
  const { page, close } = await openReplay();
  await page.keyboard.press('Space');
  await untilServer(({ state }) => state === 'paused');
  await waitForText(page, 'pill', 'Replay paused');
  await site.server.kill();
  await waitForState(page, 'reconnecting');
  await site.server.restart();
  await waitForState(page, 'live');
  await waitForText(page, 'pill', 'Replay 1×');
  await waitForMovingPrices(page);
  await close();
});

test('a recording that is over is played again', async () => {
  const { page, close } = await openReplay();
  await post({ action: 'loop', value: false });
  await page.focus('#scrubber');
  await page.keyboard.press('End');
  await untilServer(({ state }) => state === 'ended');
  await waitForText(page, 'pill', 'Replay ended');
  await page.screenshot({ path: `${SHOTS}/replay-ended-desktop-dark.png` });
  await page.click('#play');
  await untilServer(({ state }) => state === 'playing');
  await waitForText(page, 'pill', 'Replay 1×');
  await post({ action: 'loop', value: true });
  await close();
});

test('the replay on desktop and phone, dark and light', async () => {
  for (const [device, options] of [['desktop', {}], ['phone', { viewport: PHONE, hasTouch: true, isMobile: true }]]) {
    const { page, close } = await openReplay(options);
    await page.waitForFunction(() => document.querySelectorAll('.scale span').length > 0);
    for (const colorScheme of ['dark', 'light']) {
      await page.emulateMedia({ colorScheme });
      await page.screenshot({ path: `${SHOTS}/replay-bar-${device}-${colorScheme}.png` });
    }
    await assertAccessible(page, `replay ${device}`, 'footer');
    await assertNoSidewaysScroll(page);
    if (device === 'phone') {
      await page.tap('.timeline .more');
      await page.waitForSelector('.timeline.open');
      await assertNoSidewaysScroll(page);
      await page.screenshot({ path: `${SHOTS}/replay-bar-phone-open.png` });
    }
    await close();
  }
});
