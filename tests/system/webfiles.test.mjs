// The dashboard's files: how long they may be kept, from a folder, and what a build without Node serves.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { run, sourceDir, startServer, temporaryFolder } from '../support/server.mjs';

const SIM = ['--feed', 'sim:?symbols=1&rate=1'];

test('names with a hash are kept for ever, the page is asked for again', async (t) => {
  const server = await startServer(t, SIM);
  const page = await server.http('/');
  assert.equal(page.headers['cache-control'], 'no-cache');
  const assets = [...page.body.matchAll(/="(assets\/[^"]+)"/g)].map(([, path]) => path);
  assert.ok(assets.length >= 2);
  for (const path of assets) {
    assert.match(path, /-[A-Z0-9]{8}\.(js|css)$/);
    const { headers } = await server.http(`/${path}`, { headers: { 'Accept-Encoding': 'gzip' } });
    assert.match(headers['cache-control'], /max-age=31536000, immutable/);
    assert.equal(headers['content-encoding'], 'gzip');
    assert.match(headers.etag, /^"/);
  }
});

test('the client is one module, and the licences of what is not ours are there', async (t) => {
  const server = await startServer(t, SIM);
  const client = await server.http('/pricecast.js');
  assert.match(client.headers['content-type'], /^text\/javascript/);
  assert.equal(client.headers['cache-control'], 'no-cache');
  assert.doesNotMatch(client.body, /\b(import|from) ?["']/);
  const { connect } = await import(`data:text/javascript,${encodeURIComponent(client.body)}`);
  assert.equal(typeof connect, 'function');
  assert.equal(client.headers['access-control-allow-origin'], '*');
  const types = await server.http('/pricecast.d.ts');
  assert.match(types.body, /^export function connect\(/m);
  const { body } = await server.http('/licences.txt');
  for (const words of [/preact/, /Apache License/, /TradingView/, /fancy-canvas/, /MIT/]) assert.match(body, words);
});

test('--web-root serves a folder as it is now, and nothing beside it', async (t) => {
  const outer = temporaryFolder(t);
  const folder = join(outer, 'page');
  mkdirSync(join(folder, 'assets'), { recursive: true });
  writeFileSync(join(outer, 'secret.txt'), 'secret');
  writeFileSync(join(folder, '.hidden.txt'), 'secret');
  writeFileSync(join(folder, 'index.html'), 'first');
  writeFileSync(join(folder, 'data.bin'), 'x');
  writeFileSync(join(folder, 'assets/a.js'), 'export {}');
  symlinkSync('/dev/zero', join(folder, 'zero.txt'));
  const server = await startServer(t, [...SIM, '--web-root', folder]);
  const first = await server.http('/');
  assert.deepEqual([first.body, first.headers['cache-control']], ['first', 'no-cache']);
  writeFileSync(join(folder, 'index.html'), 'second, and longer');
  const second = await server.http('/', { headers: { 'If-None-Match': first.headers.etag } });
  assert.deepEqual([second.status, second.body], [200, 'second, and longer']);
  assert.equal((await server.http('/', { headers: { 'If-None-Match': second.headers.etag } })).status, 304);
  assert.match((await server.http('/assets/a.js')).headers['content-type'], /^text\/javascript/);
  for (const path of ['/../secret.txt', '/%2e%2e/secret.txt', '/assets/../../secret.txt', '/.hidden.txt',
    '/assets', '/data.bin', '/zero.txt', '/absent.js', '/pricecast.js'])
    assert.equal((await server.http(path)).status, 404, path);
});

test('--web-root must be a folder with a page', async (t) => {
  const { ended } = run(['--web-root', temporaryFolder(t)]);
  const { code, stderr: [stderr] } = await ended;
  assert.equal(code, 2);
  assert.match(stderr, /--web-root .*: a folder with an index\.html/);
});

test('a build without Node says what is missing, and still has the client', (t) => {
  const work = temporaryFolder(t);
  for (const [node, npm, reason] of [['', '', /Node\.js was not found/], [process.execPath, '', /npm was not found/],
    [process.execPath, '/bin/false', /npm could not fetch/]]) {
    execFileSync('cmake', ['-D', `WEB=${sourceDir}/web`, '-D', `WORK=${work}`, '-D', `NODE=${node}`, '-D', `NPM=${npm}`,
      '-P', `${sourceDir}/web/bundle.cmake`], { stdio: 'pipe' });
    const read = (name) => execFileSync('cat', [join(work, 'root', name)], { encoding: 'utf8' });
    assert.match(read('index.html'), reason);
    assert.match(read('index.html'), /apt install nodejs npm/);
    assert.match(read('pricecast.js'), /client\/pricecast\.js/);
    assert.match(read('client/pricecast.js'), /export function connect/);
  }
});
