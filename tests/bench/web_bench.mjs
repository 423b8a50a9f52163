/**
 * web-bench: what the dashboard costs, measured from outside with the DevTools protocol while it shows a
 * simulated market of the real server.
 *
 *   cmake --build build --target web-bench
 *   node tests/bench/web_bench.mjs [--scenarios A,B,…] [--seconds 60] [--soak 600] [--json FILE]
 *
 * Times are CPU time of the page's main thread: on a machine that does other things too they stay
 * comparable, and what makes people wait is in them. Everything between two animation frames counts as the
 * frame's script: messages, timers, drawing, garbage collection. Frames a second and waiting times are
 * reported, not judged: without a GPU, and with the server on the same cores, they say little about a
 * reader's machine.
 */
import { writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { gzipSync } from 'node:zlib';
import { chromium } from 'playwright-core';
import { startServer } from '../web/support/server.js';

const ROOT = resolve(fileURLToPath(import.meta.url), '../../..');
const PROGRAM = process.env.PRICECAST_BIN ?? `${ROOT}/build/pricecast`;
const MB = 1024 * 1024;
const WARM_UP_MS = 10_000;
const TRACE_MS = 10_000;
const WAIT_MS = 60_000;

const { values: options } = parseArgs({
  options: {
    scenarios: { type: 'string', default: 'A,B,C,D,E,F,G' }, seconds: { type: 'string', default: '60' },
    soak: { type: 'string', default: '600' }, json: { type: 'string' }, root: { type: 'string' }, help: { type: 'boolean' },
  },
});
if (options.help) {
  console.log(`usage: node tests/bench/web_bench.mjs [options]
  --scenarios A,B,C,D,E,F,G   which (all)
  --seconds N                 how long each is measured (60)
  --soak N                    how long F is (600)
  --json FILE                 the figures, for comparing
  --root DIR                  a dashboard built by web/build.mjs, instead of the one in the binary
PRICECAST_BIN names the server (build/pricecast), CHROMIUM the browser. Exits 1 when a budget is missed.`);
  process.exit(0);
}
const SECONDS = Number(options.seconds);

const uniform = 'sim:?symbols=5000&rate=20000&even=1';
const SCENARIOS = {
  A: { title: '500 symbols, 2,000/s', feeds: ['sim:?symbols=500&rate=2000'],
    budgets: { scriptMean: 2, busy: 25 } },
  B: { title: '5,000 symbols, 20,000/s', feeds: [uniform],
    budgets: { scriptMean: 4, scriptP95: 8, longTasks: 0, elements: 2500 } },
  C: { title: 'B, 90 % on the rows in view, movers first', feeds: ['sim:?symbols=30&rate=18000&even=1', 'sim:?symbols=5000&rate=2000&even=1'],
    hash: '#/m?l=movers', budgets: { scriptMean: 4, scriptP95: 8, writes: 80, elements: 2500 } },
  D: { title: '5,000 symbols, 100,000/s', feeds: ['sim:?symbols=5000&rate=100000&even=1'],
    budgets: { heap: 5, calming: 'yes', elements: 2500 }, reports: ['input'] },
  E: { title: 'B on a phone, CPU four times slower', feeds: [uniform], throttle: 4, viewport: { width: 390, height: 844 },
    budgets: { scriptP95: 16 } },
  F: { title: `B for ${options.soak} s`, feeds: [uniform], seconds: Number(options.soak),
    budgets: { heap: 5, elementsGrow: 0, elements: 2500 } },
};

const LABELS = {
  scriptMean: ['script a frame, mean', 'ms'], scriptP95: ['script a frame, 95 %', 'ms'], busy: ['main thread busy', '%'],
  longTasks: ['tasks over 50 ms', ''], elements: ['elements', ''], elementsGrow: ['elements more', ''], heap: ['heap more, after GC', 'MB'],
  writes: ['texts written a frame', ''], calming: ['says it is calming', ''], frames: ['frames a second', ''],
  input: ['key to paint', 'ms'], transfer: ['all files, gzip', 'KB'], firstRow: ['first live row', 'ms'], shift: ['layout shift', ''],
  style: ['style and layout a frame', 'ms'], rate: ['updates/s said', ''],
};

// ---- the scenarios ----

async function run({ feeds, hash = '', throttle = 1, viewport = { width: 1440, height: 900 }, seconds = SECONDS, budgets, title }) {
  return withPage({ feeds, viewport }, async ({ page, cdp, server }) => {
    await page.addInitScript(countWrites);
    await page.goto(`${server.url}${hash}`);
    await page.waitForFunction(() => document.documentElement.dataset.content === 'rows', null, { timeout: WAIT_MS });
    if (throttle > 1) await cdp.send('Emulation.setCPUThrottlingRate', { rate: throttle });
    await page.waitForTimeout(WARM_UP_MS);
    const heapBefore = await heapAfterGc(cdp);
    const before = await measure(page, cdp);
    await page.waitForTimeout(Math.max(0, seconds * 1000 - TRACE_MS));
    const after = await measure(page, cdp);
    const heapAfter = await heapAfterGc(cdp);
    const trace = await traceFrames(page, cdp);
    const frames = after.frames - before.frames;
    const per = (key) => (after[key] - before[key]) / frames;
    const spanS = after.at - before.at;
    return { title, budgets, figures: {
      scriptMean: trace.mean, scriptP95: trace.p95, busy: ((after.task - before.task) / spanS) * 100,
      style: per('style') * 1000, longTasks: trace.long, frames: frames / spanS,
      writes: per('writes'), heap: (heapAfter - heapBefore) / MB,
      elements: after.elements, elementsGrow: Math.max(0, after.elements - before.elements),
      calming: after.calming ? 'yes' : 'no', rate: after.rate,
      input: await keyToPaint(page),
    } };
  });
}

/** The cost of the first visit: bytes, and how soon a price that is live stands there. */
async function coldStart() {
  const budgets = { transfer: 145, firstRow: 500, shift: 0 };
  const firsts = [];
  let shift = 0;
  let transfer = 0;
  for (let round = 0; round < 3; round++) {
    await withPage({ feeds: ['sim:?symbols=500&rate=2000'], viewport: { width: 1440, height: 900 } }, async ({ page, server }) => {
      const files = [];
      page.on('response', (response) => {
        const { pathname } = new URL(response.url());
        if (pathname === '/' || pathname.startsWith('/assets/') || pathname === '/favicon.svg') files.push(response);
      });
      await page.addInitScript(() => {
        window.shift = 0;
        new PerformanceObserver((list) => { for (const entry of list.getEntries()) window.shift += entry.value; })
          .observe({ type: 'layout-shift', buffered: true });
        const look = () => {
          const price = document.querySelector('#rows .row:not([hidden])[data-row="live"] .last');
          if (price?.textContent && document.documentElement.dataset.state === 'live') console.debug(`first row ${performance.now()}`);
          else requestAnimationFrame(look);
        };
        requestAnimationFrame(look);
      });
      // The page tells; whoever asks it makes it work meanwhile.
      const told = page.waitForEvent('console', { predicate: (message) => message.text().startsWith('first row '), timeout: WAIT_MS });
      await page.goto(server.url, { waitUntil: 'commit' });
      firsts.push(Number((await told).text().split(' ').at(-1)));
      await page.waitForTimeout(5000);
      shift = Math.max(shift, await page.evaluate(() => window.shift));
      const bodies = await Promise.all(files.map((response) => response.body()));
      transfer = Math.max(transfer, bodies.reduce((sum, body) => sum + gzipSync(body, { level: 9 }).length, 0) / 1000);
    });
  }
  return { title: 'first visit', budgets, figures: { transfer, firstRow: firsts.sort((a, b) => a - b)[1], shift } };
}

// ---- measuring ----

async function withPage({ feeds, viewport }, use) {
  const root = options.root ? ['--web-root', resolve(options.root)] : [];
  const server = await startServer(PROGRAM, [...feeds.flatMap((feed) => ['--feed', feed]), '--log-level', 'warn', ...root]);
  const browser = await chromium.launch({
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--enable-precise-memory-info', '--disable-background-timer-throttling'],
  });
  try {
    const page = await browser.newPage({ viewport });
    const cdp = await page.context().newCDPSession(page);
    await cdp.send('Performance.enable', { timeDomain: 'threadTicks' });
    return await use({ page, cdp, server });
  } finally {
    await browser.close();
    await server.stop();
  }
}

/** Counts frames and writes of text nodes, in the page. */
function countWrites() {
  window.counted = { frames: 0, writes: 0 };
  const { get, set } = Object.getOwnPropertyDescriptor(Node.prototype, 'nodeValue');
  Object.defineProperty(Node.prototype, 'nodeValue', { get, set(value) { window.counted.writes++; set.call(this, value); } });
  const frame = () => {
    window.counted.frames++;
    requestAnimationFrame(frame);
  };
  requestAnimationFrame(frame);
}

async function measure(page, cdp) {
  const { metrics } = await cdp.send('Performance.getMetrics');
  const value = (name) => metrics.find((metric) => metric.name === name).value;
  const seen = await page.evaluate(() => ({
    ...window.counted, at: performance.now() / 1000, elements: document.querySelectorAll('*').length,
    calming: document.getElementById('calming')?.hidden === false, rate: document.getElementById('rate')?.textContent,
  }));
  return { ...seen, task: value('TaskDuration'), style: value('RecalcStyleDuration') + value('LayoutDuration') };
}

async function heapAfterGc(cdp) {
  for (let round = 0; round < 2; round++) await cdp.send('HeapProfiler.collectGarbage');
  const { usedSize } = await cdp.send('Runtime.getHeapUsage');
  return usedSize;
}

/** Traces for a while, and adds up what the main thread did in scripts from frame to frame. */
async function traceFrames(page, cdp) {
  const events = [];
  cdp.on('Tracing.dataCollected', ({ value }) => events.push(...value));
  const done = new Promise((resolve_) => { cdp.once('Tracing.tracingComplete', resolve_); });
  await cdp.send('Tracing.start', { transferMode: 'ReportEvents', traceConfig: {
    includedCategories: ['devtools.timeline', 'v8', 'toplevel', 'disabled-by-default-v8.gc'], excludedCategories: ['*'],
  } });
  await page.waitForTimeout(TRACE_MS);
  await cdp.send('Tracing.end');
  await done;
  return sumFrames(events);
}

const SCRIPT = new Set(['FunctionCall', 'FireAnimationFrame', 'TimerFire', 'EventDispatch', 'RunMicrotasks', 'EvaluateScript',
  'v8.callFunction', 'MinorGC', 'MajorGC', 'V8.GCScavenger', 'XHRReadyStateChange', 'WebSocketReceive']);

function sumFrames(events) {
  const drawing = events.filter(({ name }) => name === 'FireAnimationFrame');
  const threads = new Map();
  for (const { pid, tid } of drawing) threads.set(`${pid} ${tid}`, (threads.get(`${pid} ${tid}`) ?? 0) + 1);
  const [main] = [...threads].sort((a, b) => b[1] - a[1])[0];
  const own = events.filter(({ pid, tid, ph }) => `${pid} ${tid}` === main && ph === 'X').sort((a, b) => a.ts - b.ts);
  const frames = [];
  let script = 0;
  let until = -Infinity; // end of the script event that counts: what is inside is in it
  let lastFrame = -Infinity;
  for (const { name, ts, dur = 0, tdur = dur } of own) {
    if (name === 'FireAnimationFrame' && ts - lastFrame > 4000) {
      if (lastFrame > 0) frames.push(script);
      script = 0;
      lastFrame = ts;
    }
    if (!SCRIPT.has(name) || ts < until) continue;
    script += tdur / 1000;
    until = ts + dur;
  }
  if (process.env.WEB_BENCH_NAMES) console.log(namesOf(own));
  const tasks = own.filter(({ name }) => name === 'RunTask' || name === 'ThreadControllerImpl::RunTask');
  frames.sort((a, b) => a - b);
  return {
    mean: frames.reduce((sum, ms) => sum + ms, 0) / frames.length,
    p95: frames[Math.floor(frames.length * 0.95)],
    long: tasks.filter(({ dur, tdur = dur }) => tdur > 50_000).length,
  };
}

/** What the main thread did, by name, the dearest first. */
function namesOf(own) {
  const sums = new Map();
  for (const { name, dur = 0, tdur = dur } of own) sums.set(name, (sums.get(name) ?? 0) + tdur / 1000);
  return [...sums].sort((a, b) => b[1] - a[1]).slice(0, 24).map(([name, ms]) => `${ms.toFixed(1).padStart(9)} ms ${name}`).join('\n');
}

/** From a key in the list to the frame that shows it, median of some. */
async function keyToPaint(page) {
  if (!(await page.$('#grid'))) return NaN;
  await page.focus('#grid');
  const times = [];
  for (let round = 0; round < 9; round++) {
    times.push(await page.evaluate(() => new Promise((resolve_) => {
      const begin = performance.now();
      document.getElementById('grid').dispatchEvent(new KeyboardEvent('keydown', { key: 'ArrowDown', bubbles: true }));
      requestAnimationFrame(() => setTimeout(() => resolve_(performance.now() - begin)));
    })));
  }
  return times.sort((a, b) => a - b)[4];
}

// ---- the table ----

function print(name, { title, budgets, figures }) {
  console.log(`\n${name}  ${title}`);
  for (const [key, value] of Object.entries(figures)) {
    const [label, unit] = LABELS[key];
    const shown = typeof value === 'number' ? value.toFixed(value < 10 ? 2 : 0) : value;
    const limit = budgets[key];
    const isKept = limit === undefined || (typeof limit === 'string' ? value === limit : value <= limit + 1e-9);
    if (!isKept) isMissed = true;
    const judged = limit === undefined ? '' : `${typeof limit === 'string' ? limit : `at most ${limit} ${unit}`.trim()}${isKept ? '' : '   MISSED'}`;
    console.log(`   ${label.padEnd(26)}${String(shown).padStart(9)} ${unit.padEnd(3)} ${judged}`);
  }
}

const results = {};
let isMissed = false;
for (const name of options.scenarios.split(',')) {
  results[name] = name === 'G' ? await coldStart() : await run(SCENARIOS[name]);
  print(name, results[name]);
}
if (options.json) writeFileSync(options.json, JSON.stringify(results, null, 1));
process.exit(isMissed ? 1 : 0);
