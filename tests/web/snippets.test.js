/* The programs of the Connect view, run as they are shown against the real server. */
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { createSnippets, tokens } from '../../web/src/core/snippets.js';
import { startServer } from './support/server.js';

const ROOT = resolve(fileURLToPath(import.meta.url), '../../..');
const SYMBOL = 'ALFA-USD';
let server;
let folder;

before(async () => {
  folder = mkdtempSync(join(tmpdir(), 'snippets-'));
  server = await startServer(process.env.PRICECAST_BIN ?? `${ROOT}/build/pricecast`);
});

after(async () => {
  await server?.stop();
  rmSync(folder, { recursive: true, force: true });
});

const snippet = (name, symbol = SYMBOL, pageUrl = server.url) => createSnippets({ pageUrl, symbol }).find((one) => one.name === name);

/** Runs a program until its output matches. */
async function untilSaid(command, args, pattern, options = {}) {
  const child = spawn(command, args, { cwd: folder, stdio: ['ignore', 'pipe', 'pipe'], ...options });
  let output = '';
  let errors = '';
  try {
    await new Promise((done, fail) => {
      child.stdout.on('data', (bytes) => { output += bytes; if (pattern.test(output)) done(); });
      child.stderr.on('data', (bytes) => { errors += bytes; });
      child.on('error', fail);
      child.on('close', (code) => fail(new Error(`ended with ${code}: ${errors || output}`)));
    });
  } finally {
    child.kill();
  }
  return output;
}

const has = (command, ...args) => spawnSync(command, args).status === 0;

test('JavaScript', async () => {
  const { code, file } = snippet('javascript');
  const client = await (await fetch(`${server.url}pricecast.js`)).text();
  writeFileSync(join(folder, 'pricecast.mjs'), client);
  writeFileSync(join(folder, file), code);
  const args = [file];
  if (!globalThis.WebSocket) { // what the comment in it says, without changing a letter of it
    const ws = createRequire(import.meta.url).resolve('ws');
    writeFileSync(join(folder, 'shim.cjs'), `globalThis.WebSocket = require(${JSON.stringify(ws)}).WebSocket;`);
    args.unshift('--require', './shim.cjs');
  }
  await untilSaid(process.execPath, args, new RegExp(`${SYMBOL} trade [\\d.]+ × [\\d.]+[\\s\\S]*${SYMBOL} quote [\\d.]+ / [\\d.]+|${SYMBOL} quote[\\s\\S]*${SYMBOL} trade`));
});

test('Python', async (t) => {
  const python = ['/usr/bin/python3', 'python3'].find((name) => has(name, '-c', 'import websockets'));
  if (!python) return t.skip('there is no python3 with websockets');
  const { code, file } = snippet('python');
  writeFileSync(join(folder, file), code);
  await untilSaid(python, [file], new RegExp(`${SYMBOL} (trade|quote) [\\d.]+`));
});

test('C', async (t) => {
  if (!has('cc', '--version') || !has('pkg-config', '--exists', 'libwebsockets')) return t.skip('there is no cc with libwebsockets');
  const { code, file, run } = snippet('c');
  writeFileSync(join(folder, file), code);
  const [build] = run.split('\n');
  const built = spawnSync('sh', ['-c', `${build} -Wall -Wextra -Werror`], { cwd: folder, encoding: 'utf8' });
  assert.equal(built.status, 0, built.stderr);
  await untilSaid('./prices', [], new RegExp(`"type":"hello"[\\s\\S]*\\n\\{"type":"(snapshot|update)","data":\\[\\{[^\\n]*"symbol":"${SYMBOL}"`));
});

test('curl', async (t) => {
  if (!has('curl', '--version')) return t.skip('there is no curl');
  const commands = snippet('curl').code.split('\n').filter((line) => line.startsWith('curl'));
  assert.equal(commands.length, 3);
  await untilSaid('sh', ['-c', `exec ${commands[1]} -s`], /data: \{"type":"(snapshot|update)","data":\[\{/);
  for (const [command, pattern] of [[commands[0], /"data":\[\{/], [commands[2], /"candles":\[/]]) {
    const { stdout } = spawnSync('sh', ['-c', `${command} -s`], { encoding: 'utf8' });
    assert.match(stdout, pattern);
  }
});

test('wscat gets an address that subscribes', () => {
  const { code } = snippet('wscat');
  const url = code.match(/wscat -c "(\S+)"/)[1];
  assert.equal(url, `${server.url.replace('http', 'ws')}ws?symbols=${SYMBOL}`);
  assert.deepEqual(JSON.parse(code.match(/#\s+(\{"op":"subscribe".*)/)[1]).symbols, [SYMBOL]);
});

test('nothing breaks out of its quotes, whatever a symbol is called', () => {
  const symbol = '$(touch x)`id`"\'\\!~ 💥';
  for (const { name, code, run } of createSnippets({ pageUrl: 'https://example.org/prices/', symbol })) {
    for (const url of `${code}\n${run}`.match(/(https?|wss?):\/\/[^\s"']+/g) ?? []) assert.match(url, /^[\w:/.?=&%*-]+$/, name);
  }
  const c = snippet('c', symbol, 'https://example.org/prices/').code;
  assert.match(c, /\.path = "\/prices\/ws\?symbols=[\w%-]+"/);
  assert.match(c, /\.port = 443,/);
  assert.match(c, /LCCSCF_USE_SSL/);
  assert.ok(snippet('javascript', symbol).code.includes(JSON.stringify(symbol)));
  assert.match(snippet('curl', null).code, /latest\?symbols=\*"/);
});

test('colouring loses no letter', () => {
  for (const { name, code } of createSnippets({ pageUrl: 'http://h:1/', symbol: 'A"B' })) {
    const parts = tokens(code, name);
    assert.equal(parts.map(({ text }) => text).join(''), code);
    assert.ok(parts.some(({ kind }) => kind === 'string'), name);
  }
});
