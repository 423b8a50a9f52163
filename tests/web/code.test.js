/* Code that is fetched later than the page. */
import assert from 'node:assert/strict';
import test from 'node:test';
import { createCode, FAILURES_MAX } from '../../web/src/core/code.js';
import { signal } from '../../web/src/core/signal.js';

const turn = () => new Promise((done) => { setImmediate(done); });

/** What a load gives is told by the test: 'ok', or the reason why it fails. */
function setUp(state = 'live') {
  const timers = [];
  const app = { connection: signal({ state }), page: { setTimeout: (run) => timers.push(run) } };
  const answers = [];
  const loads = [];
  const code = createCode(async () => {
    const answer = answers.shift() ?? 'ok';
    loads.push(answer);
    if (answer !== 'ok') throw new Error(answer);
    return 'module';
  });
  const go = (to) => { app.connection.value = { state: to }; };
  return { app, code, answers, loads, go, pass: async () => { timers.shift()(); await turn(); } };
}

test('it is fetched once, for all who ask', async () => {
  const { app, code, loads } = setUp();
  const [a, b] = await Promise.all([code.fetch(app), code.fetch(app)]);
  assert.deepEqual([a, b, code.value, loads.length], ['module', 'module', 'module', 1]);
  await code.fetch(app);
  assert.equal(loads.length, 1);
});

test('while the server is away it waits for it', async () => {
  const { app, code, answers, loads, go, pass } = setUp('reconnecting');
  answers.push('refused');
  const got = code.fetch(app);
  await turn();
  await pass();
  go('connecting');
  await turn();
  assert.equal(loads.length, 1);
  go('live');
  assert.equal(await got, 'module');
});

test('a death that was not noticed yet is waited for, too', async () => {
  const { app, code, answers, loads, go, pass } = setUp();
  answers.push('refused', 'refused again', 'and again');
  const got = code.fetch(app);
  await turn();
  go('reconnecting');
  await pass();
  assert.equal(loads.length, 1);
  go('live'); // only for a moment
  await turn();
  go('reconnecting');
  await pass();
  go('live');
  await turn();
  await pass(); // what failed before the connection went does not count
  assert.equal(await got, 'module');
  assert.equal(loads.length, 4);
});

test('what cannot be had although the connection is live fails, and may be tried again', async () => {
  const { app, code, answers, pass } = setUp();
  for (let at = 1; at < FAILURES_MAX; at++) answers.push('gone');
  answers.push('still gone');
  const got = code.fetch(app);
  const refused = assert.rejects(got, /still gone/);
  await turn();
  for (let at = 0; at < FAILURES_MAX; at++) await pass();
  await refused;
  assert.equal(code.value, null);
  assert.equal(await code.fetch(app), 'module');
});
