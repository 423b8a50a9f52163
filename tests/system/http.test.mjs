// HTTP on the server's one port: every route, who may use it, and what is refused.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { after, before, describe, test } from 'node:test';
import { gunzipSync } from 'node:zlib';
import { WebSocket } from 'ws';
import {
  itemsOf, quote, raw, recording, startServer, trade, within,
} from '../support/server.mjs';

const T0 = 1700000000000000;
const lines = [
  trade('BTC-USD', T0, { source: 'a' }), quote('BTC-USD', T0 + 1, { source: 'b' }),
  trade('ETH-USD', T0 + 2), trade('ETH-USD', T0 + 3, { price: '9.990' }),
];

let server;
let items; // the latest of each stream
before(async () => {
  // Its recording is written by a hook, which has no `t`; the folder goes when the tests are over.
  server = await startServer(undefined, [
    '--feed', recording({ after }, lines), '--speed', 'max', '--wait-clients', '1',
  ]);
  const client = await server.client('?symbols=*&mode=every');
  items = itemsOf(await client.untilEnded()).filter(({ symbol, seq }) => symbol[0] === 'B' || seq === 2);
});
after(() => server.finish());

const api = (path, options) => server.http(`/api/v1/${path}`, options);
const isError = ({ status, json, headers }, expected, code) => {
  assert.equal(status, expected);
  assert.match(headers['content-type'], /^application\/json/);
  assert.deepEqual(Object.keys(json), ['error']);
  assert.equal(json.error.code, code);
  assert.equal(typeof json.error.message, 'string');
};

describe('the dashboard', () => {
  test('is one page that allows no code but its own', async () => {
    const { status, headers, body } = await server.http('/');
    assert.equal(status, 200);
    assert.match(headers['content-type'], /^text\/html; *charset=utf-8$/i);
    assert.match(body, /<!doctype html>/i);
    const policy = headers['content-security-policy'];
    assert.match(policy, /default-src 'none'/);
    assert.match(policy, /script-src 'self'(;|$)/);
    assert.match(policy, /frame-ancestors 'none'/);
    assert.doesNotMatch(policy, /unsafe|\*|https?:/);
    assert.equal(headers['x-content-type-options'], 'nosniff');
    assert.equal(headers['referrer-policy'], 'no-referrer');
    assert.doesNotMatch(body, /<script(?![^>]*\bsrc=)[^>]*>\s*\S/i, 'no inline script');
    assert.doesNotMatch(body, /\son[a-z]+=/i, 'no inline handler');
  });

  test('needs only files that are there', async () => {
    const { body } = await server.http('/');
    const files = [...body.matchAll(/(?:src|href)="([^"#]+)"/g)].map(([, path]) => path);
    assert.ok(files.length >= 2);
    const mimes = { js: /javascript/, css: /text\/css/, svg: /image\/svg/ };
    for (const path of files.filter((name) => !name.startsWith('data:'))) {
      const url = new URL(path, server.url);
      assert.equal(url.origin, new URL(server.url).origin, 'nothing from elsewhere');
      const { status, headers } = await server.http(url.pathname);
      assert.equal(status, 200, path);
      assert.match(headers['content-type'], mimes[url.pathname.split('.').at(-1)] ?? /./, path);
    }
  });

  test('comes compressed to who can read that', async () => {
    const plain = await server.http('/', { headers: { 'Accept-Encoding': 'identity' } });
    const packed = await server.http('/', { headers: { 'Accept-Encoding': 'br, gzip' } });
    assert.equal(plain.headers['content-encoding'], undefined);
    assert.equal(packed.headers['content-encoding'], 'gzip');
    for (const [accepts, encoding] of [['gzip;q=0', undefined], ['gzip; q=0.5, br', 'gzip'], ['br, gzip ;q=0.000', undefined]])
      assert.equal((await server.http('/', { headers: { 'Accept-Encoding': accepts } })).headers['content-encoding'], encoding, accepts);
    assert.deepEqual(gunzipSync(packed.bytes), plain.bytes);
    assert.ok(packed.bytes.length < plain.bytes.length);
    for (const { headers } of [plain, packed]) assert.match(headers.vary, /accept-encoding/i);
    assert.equal((await server.http('/')).headers['content-encoding'], undefined);
  });

  test('is not sent again to who has it', async () => {
    const { headers } = await server.http('/');
    assert.match(headers.etag, /^"[^"]+"$/);
    const known = { 'If-None-Match': headers.etag };
    const again = await server.http('/', { headers: known });
    assert.deepEqual([again.status, again.bytes.length], [304, 0]);
    assert.equal(again.headers.etag, headers.etag);
    const several = await server.http('/', { headers: { 'If-None-Match': `"x", ${headers.etag}` } });
    assert.equal(several.status, 304);
    assert.equal((await server.http('/', { headers: { 'If-None-Match': '"x"' } })).status, 200);
    assert.equal((await server.http('/', { headers: { 'If-None-Match': '*' } })).status, 304);
  });

  test('HEAD is GET without the body', async () => {
    for (const path of ['/', '/healthz', '/api/v1/symbols']) {
      const [get, head] = [await server.http(path), await server.http(path, { method: 'HEAD' })];
      assert.equal(head.status, 200);
      assert.equal(head.bytes.length, 0);
      assert.equal(head.headers['content-length'], `${get.bytes.length}`);
      assert.equal(head.headers['content-type'], get.headers['content-type']);
    }
  });

  test('HEAD of what is not there has no body either', async () => {
    const upgrade = 'Connection: Upgrade\r\nUpgrade: websocket\r\n';
    const asked = ['/nothing', '/api/v1/nothing', '/api/v1/publish', '/sse', '/ws', `/${'a'.repeat(1100)}`]
      .map((path) => [path, '']);
    for (const [path, more] of [...asked, ['/ws', upgrade]]) {
      const text = await raw(server, `HEAD ${path} HTTP/1.1\r\nHost: localhost\r\n${more}\r\n`);
      assert.match(text, /^HTTP\/1\.1 4/, path);
      assert.match(text, /\r\nContent-Length: [1-9]/, path);
      assert.equal(text.slice(text.indexOf('\r\n\r\n')), '\r\n\r\n', path);
    }
  });
});

describe('the data', () => {
  test('health and readiness', async () => {
    for (const path of ['/healthz', '/readyz']) {
      const { status, json, headers } = await server.http(path);
      assert.equal(status, 200);
      assert.deepEqual(json, { status: 'ok' });
      assert.equal(headers['cache-control'], 'no-store');
    }
  });

  test('symbols names every stream', async () => {
    const { json, headers } = await api('symbols');
    assert.equal(headers['cache-control'], 'no-store');
    assert.deepEqual(json, {
      symbols: [
        {
          symbol: 'BTC-USD',
          streams: [
            { source: 'a', kind: 'trade', seq: 1, ts: T0 - 7, recv: T0 },
            { source: 'b', kind: 'quote', seq: 1, ts: T0 - 6, recv: T0 + 1 },
          ],
        },
        {
          symbol: 'ETH-USD',
          streams: [{ source: 'x', kind: 'trade', seq: 2, ts: T0 - 4, recv: T0 + 3 }],
        },
      ],
    });
  });

  test('latest gives what WebSocket clients were sent', async () => {
    const of = (...symbols) => items.filter(({ symbol }) => symbols.includes(symbol));
    const cases = {
      '': items, '?symbols=*': items, '?symbols=': items, '?symbols=BTC-USD': of('BTC-USD'),
      '?symbols=ETH-USD,BTC-USD': items, '?symbols=E*,NONE': of('ETH-USD'), '?symbols=NONE': [],
      '?symbols=%45TH-USD': of('ETH-USD'), '?x=1&symbols=*ETH*&y': of('ETH-USD'), '?symbols=,,': [],
    };
    for (const [query, expected] of Object.entries(cases)) {
      const { status, json } = await api(`latest${query}`);
      assert.equal(status, 200, query);
      assert.deepEqual(json, { data: expected }, query);
    }
  });

  test('status tells of feeds, clients and delivery', async () => {
    const { json } = await api('status');
    assert.match(json.version, /^\d+\.\d+\.\d+$/);
    assert.ok(json.uptime_ms > 0);
    assert.equal(json.mode, 'replay');
    assert.match(json.epoch, /^[0-9a-f]{16}$/);
    assert.equal(json.feeds.length, 1);
    const [{ events, lines: read, bad }] = json.feeds;
    assert.deepEqual([events, read, bad], [4, 5, 0]);
    assert.equal(json.clients.sessions, 1);
    assert.ok(json.clients.connections >= 2);
    assert.equal(json.delivery.items, 4);
    for (const name of ['p50', 'p99', 'max']) assert.ok(json.latency_us[name] > 0, name);
    assert.ok(json.latency_us.p50 <= json.latency_us.max);
  });

  test('every answer ends its connection', async () => {
    const requests = [
      'GET / HTTP/1.1', 'GET /healthz HTTP/1.1', 'GET /api/v1/latest HTTP/1.1', 'GET /no HTTP/1.1',
      'DELETE / HTTP/1.1', 'GET /ws HTTP/1.1', 'HEAD / HTTP/1.1', 'GET / HTTP/1.0',
    ];
    for (const request of requests) {
      const answer = await raw(server, `${request}\r\nHost: x\r\nConnection: keep-alive\r\n\r\n`);
      assert.match(answer, /^HTTP\/1\.1 \d+ /, request);
      assert.match(answer, /\r\nConnection: close\r\n/i, request);
      assert.match(answer, /\r\nContent-Length: \d+\r\n/i, request);
    }
  });
});

describe('control of the replay', () => {
  // Steps through a recording of its own.
  let paused;
  before(async () => {
    paused = await startServer(undefined, [
      '--feed', recording({ after }, lines), '--start-paused', '--allow-origin', 'https://ok.example',
    ]);
  });
  after(() => paused.finish());
  const post = (body, headers = {}) =>
    paused.http('/api/v1/replay', { method: 'POST', headers, body });

  test('is done by POST, and told by GET', async () => {
    assert.equal((await paused.untilReplay('paused')).events, 0);
    const client = await paused.client('?symbols=*&mode=every');
    const { status, json } = await post('{"action":"step","count":2}');
    assert.deepEqual([status, json.state, json.events], [200, 'paused', 2]);
    await client.until(({ data }) => data?.at(-1)?.kind === 'quote');
    assert.equal((await paused.http('/api/v1/replay')).json.events, 2);
    for (const [body, field, value] of [
      ['{"action":"speed","value":10}', 'speed', 10],
      ['{"action":"speed","value":"max"}', 'speed', 'max'],
      ['{"action":"loop","value":true}', 'loop', true],
      ['{"action":"loop","value":false}', 'loop', false],
    ]) {
      const answer = await post(body);
      assert.deepEqual([answer.status, answer.json[field]], [200, value]);
      assert.equal((await paused.http('/api/v1/replay')).json[field], value);
    }
  });

  test('is not for those who come by a name of their own, or through a proxy', async () => {
    const pause = '{"action":"pause"}';
    const evil = `rebind.example:${paused.port}`;
    for (const [headers, expected] of [
      [{ host: evil }, 403], [{ host: evil, origin: `http://${evil}` }, 403], [{ host: '127.0.0.1.example' }, 403],
      [{ 'x-forwarded-for': '10.0.0.1' }, 403], [{ host: 'ok.example' }, 200], [{ host: 'LOCALHOST' }, 200],
      [{ host: `[::1]:${paused.port}` }, 200], [{ host: `localhost:${paused.port}`, origin: `http://localhost:${paused.port}` }, 200],
    ]) assert.equal((await post(pause, headers)).status, expected, JSON.stringify(headers));
    assert.equal((await paused.http('/api/v1/clients', { headers: { host: evil } })).status, 403);
    assert.equal((await paused.http('/api/v1/latest', { headers: { host: evil } })).status, 200);
  });

  test('refuses what it does not understand', async () => {
    const bad = [
      '', '{', 'null', '[]', '{}', '{"action":1}', '{"action":"explode"}', '{"action":"speed"}',
      '{"action":"speed","value":0}', '{"action":"speed","value":-1}', '{"action":"speed","value":"x"}',
      '{"action":"step","count":0}', '{"action":"step","count":-1}', '{"action":"loop"}',
      '{"action":"loop","value":1}', '{"action":"pause","action":"resume"}', '{"action":"pause"}x',
      '['.repeat(60000), '\u0000', '{"action":"speed","value":1e999}',
    ];
    for (const body of bad) isError(await post(body), 400, 'bad_request');
    const none = await raw(paused, 'POST /api/v1/replay HTTP/1.1\r\nHost: localhost\r\n\r\n');
    assert.match(none, /^HTTP\/1\.1 400 /);
    assert.equal((await paused.http('/api/v1/replay')).json.state, 'paused');
  });

  test('takes bodies of up to 64 KiB', async () => {
    const sized = (size) => {
      const bare = '{"action":"pause","x":""}';
      return bare.replace('""', `"${'y'.repeat(size - bare.length)}"`);
    };
    assert.equal((await post(sized(65536))).status, 200);
    isError(await post(sized(65537)), 413, 'too_large');
    for (const length of ['1000000000', '99999999999999999999']) {
      const head = `POST /api/v1/replay HTTP/1.1\r\nHost: localhost\r\nContent-Length: ${length}\r\n\r\n`;
      assert.match(await raw(paused, head), /^HTTP\/1\.1 413 /);
    }
  });

  test('is not for pages from elsewhere', async () => {
    const own = `http://127.0.0.1:${paused.port}`;
    for (const origin of [own, 'https://ok.example'])
      assert.equal((await post('{"action":"pause"}', { Origin: origin })).status, 200, origin);
    for (const origin of ['null', 'http://evil.example', `${own}.evil.example`, 'http://ok.example'])
      isError(await post('{"action":"resume"}', { Origin: origin }), 403, 'forbidden');
    assert.equal((await paused.http('/api/v1/replay')).json.state, 'paused');
  });
});

describe('refusals', () => {
  test('what is not there is 404', async () => {
    const paths = ['/nothing', '/api', '/api/', '/api/v1', '/api/v1/', '/api/v2/status',
      '/api/v1/status/', '/API/v1/status', '/index.htm', '/ws/', '/wss', '/healthz/x', '/favicon.ico/'];
    for (const path of paths) isError(await server.http(path), 404, 'not_found');
  });

  test('what does not exist as a method is 405', async () => {
    for (const method of ['PUT', 'DELETE', 'PATCH', 'OPTIONS'])
      for (const path of ['/', '/api/v1/status', '/api/v1/replay', '/nothing']) {
        const answer = await server.http(path, { method });
        isError(answer, 405, 'method_not_allowed');
        assert.match(answer.headers.allow, /GET/);
      }
    for (const path of ['/', '/healthz', '/api/v1/symbols', '/nothing', '/ws'])
      isError(await server.http(path, { method: 'POST', body: '{}' }), 405, 'method_not_allowed');
  });

  test('no path leads out of the program', async () => {
    const steps = ['..', '%2e%2e', '%2E.', '.%2e', '..%2f..', '%2e%2e%2f%2e%2e', '..%5c..', '..\\..',
      '%252e%252e', '..;', '%c0%ae%c0%ae', '....//....', '%uff0e%uff0e'];
    for (const step of steps) {
      for (const path of [`/${step}/${step}/${step}/etc/passwd`, `/src/${step}/${step}/etc/passwd`,
        `//${step}/etc/passwd`, `/src/${step}/${step}/${step}/${step}/proc/self/environ`]) {
        const answer = await raw(server, `GET ${path} HTTP/1.1\r\nHost: x\r\n\r\n`);
        assert.doesNotMatch(answer, /root:|PRICECAST_BIN/, path);
        if (answer !== '') assert.match(answer, /^HTTP\/1\.[01] 40[0-9] /, path);
      }
    }
    for (const path of ['//etc/passwd', '/.git/config', '/./.env', '/etc/passwd%00.js', '/src'])
      assert.doesNotMatch(await raw(server, `GET ${path} HTTP/1.1\r\nHost: x\r\n\r\n`), /^HTTP\/1\.[01] 200/);
  });
});

describe('the WebSocket upgrade', () => {
  // Resolves with the status of the answer, 101 for a connection.
  async function upgrade(target, { path = '/ws', origin, headers = {} } = {}) {
    const socket = new WebSocket(`ws://127.0.0.1:${target.port}${path}`, [], {
      headers: { ...headers, ...(origin === undefined ? {} : { Origin: origin }) },
    });
    const opened = once(socket, 'open').then(() => 101);
    const answered = new Promise((resolve) => {
      socket.on('unexpected-response', (_, { statusCode }) => resolve(statusCode));
      socket.on('error', () => resolve('no answer'));
    });
    opened.catch(() => {});
    const status = await within(Promise.race([opened, answered]), `an answer for ${origin}`);
    socket.terminate();
    return status;
  }

  test('is for programs, and for pages of the same origin', async () => {
    const own = `http://127.0.0.1:${server.port}`;
    const cases = [
      [undefined, 101], [own, 101], [own.toUpperCase(), 101], [own.replace('http', 'https'), 101],
      ['null', 403], ['http://evil.example', 403], ['http://127.0.0.1', 403],
      [`http://127.0.0.1:${server.port}0`, 403], [`${own}.evil.example`, 403], [`${own}/`, 403],
      [`http://evil-127.0.0.1:${server.port}`, 403], [`http://x@127.0.0.1:${server.port}`, 403],
      [`http://localhost:${server.port}`, 403], ['file://', 403], ['x'.repeat(400), 403],
      [`ws://127.0.0.1:${server.port}`, 403], [`${own} http://evil.example`, 403],
    ];
    for (const [origin, status] of cases) assert.equal(await upgrade(server, { origin }), status, origin);
    const host = { Host: 'prices.example' };
    assert.equal(await upgrade(server, { origin: 'https://prices.example', headers: host }), 101);
    assert.equal(await upgrade(server, { origin: own, headers: host }), 403);
  });

  test('is for other origins that are allowed, and only those', async (t) => {
    const open = await startServer(t, [
      '--feed', 'sim:', '--allow-origin', 'https://app.example', '--allow-origin', 'http://b.example:81',
    ]);
    const cases = {
      'https://app.example': 101, 'HTTPS://APP.EXAMPLE': 101, 'http://b.example:81': 101,
      'http://app.example': 403, 'https://app.example:444': 403, 'https://app.example.evil': 403,
      'https://evil-app.example': 403, 'https://x.app.example': 403, 'http://b.example': 403,
      'null': 403, [`http://127.0.0.1:${open.port}`]: 101,
    };
    for (const [origin, status] of Object.entries(cases))
      assert.equal(await upgrade(open, { origin }), status, origin);
    const all = await startServer(t, ['--feed', 'sim:', '--allow-origin', '*']);
    assert.equal(await upgrade(all, { origin: 'http://evil.example' }), 101);
  });

  test('happens at /ws only', async () => {
    for (const path of ['/', '/ws/', '/WS', '/wsx', '/api/v1/status', '/ws/../ws2', `/${'x'.repeat(500)}`])
      assert.equal(await upgrade(server, { path }), 404, path);
    for (const path of ['/ws?', '/ws?symbols=A', '/ws?x=%2f']) assert.equal(await upgrade(server, { path }), 101);
  });

  test('is needed at /ws, in version 13', async () => {
    const plain = await server.http('/ws');
    isError(plain, 426, 'bad_request');
    assert.match(plain.headers.upgrade, /websocket/);
    const ask = (version) =>
      raw(server, 'GET /ws HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n' +
        `Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n${version}\r\n`);
    for (const version of ['', '8', '12', '14', '013', '13, 8', 'x', '99999999999'].map(
      (number) => (number ? `Sec-WebSocket-Version: ${number}\r\n` : ''))) {
      const answer = await ask(version);
      assert.match(answer, /^HTTP\/1\.1 426 /, version);
      assert.match(answer, /Sec-WebSocket-Version: 13\r\n/, version);
      assert.match(answer, /Connection: close\r\n/, version);
    }
  });

  test('is refused with the reason where the handshake lacks what RFC 6455 asks for', async () => {
    const key = 'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==';
    const good = ['GET /ws HTTP/1.1', 'Host: x', 'Upgrade: websocket', 'Connection: Upgrade',
      'Sec-WebSocket-Version: 13', key];
    const ask = (lines) => raw(server, `${lines.join('\r\n')}\r\n\r\n`);
    const change = (from, ...to) => good.flatMap((line) => (line.startsWith(from) ? to : [line]));
    const cases = [
      [change('GET', 'GET /ws HTTP/1.0'), 400, /begins with HTTP\/1\.1/],
      [change('GET', 'GET /ws HTTP/2.0'), 400, /begins with HTTP\/1\.1/],
      [change('GET', 'POST /ws HTTP/1.1', 'Content-Length: 0'), 405, /GET only/],
      [change('Host'), 400, /Host is needed/],
      [change('Conn'), 400, /Connection: Upgrade is needed/],
      [change('Conn', 'Connection: close'), 400, /Connection: Upgrade is needed/],
      [change('Sec-WebSocket-Key'), 400, /Sec-WebSocket-Key is needed once: base64 of 16 bytes/],
      [change('Sec-WebSocket-Key', 'Sec-WebSocket-Key: x'), 400, /base64 of 16 bytes/],
      [change('Sec-WebSocket-Key', `${key}=`), 400, /base64 of 16 bytes/],
      [change('Sec-WebSocket-Key', key, key), 400, /base64 of 16 bytes/],
    ];
    for (const [lines, status, message] of cases) {
      const answer = await ask(lines);
      assert.ok(answer.startsWith(`HTTP/1.1 ${status} `), `${lines}: ${answer}`);
      assert.match(JSON.parse(answer.split('\r\n\r\n')[1]).error.message, message);
    }
  });
});
