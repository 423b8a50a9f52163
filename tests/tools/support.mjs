// For the tests of the tools: the programs under test, the real server, and a server that does as it
// is told. Everything here waits for events, never for a time.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { createInterface } from 'node:readline';
import { WebSocketServer } from 'ws';

export const programs = {
  server: process.env.PRICECAST_BIN,
  tap: process.env.PRICECAST_TAP,
  load: process.env.PRICECAST_LOAD,
};
for (const [name, path] of Object.entries(programs)) {
  if (!path) throw new Error(`the environment must name the ${name}: PRICECAST_BIN, _TAP, _LOAD`);
}

/**
 * Starts a program. `lines` yields what it prints on stdout, line by line; `stderrLine(pattern)`
 * resolves with the first line of stderr, past or to come, that matches; `ended` resolves with its
 * exit code and all output.
 */
export function start(program, args = []) {
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  const output = { stdout: [], stderr: [] };
  const waiting = new Set();
  createInterface(child.stderr).on('line', (line) => {
    output.stderr.push(line);
    for (const check of waiting) check(line);
  });
  const lines = createInterface(child.stdout);
  lines.on('line', (line) => output.stdout.push(line));
  const ended = once(child, 'close').then(([code, signal]) => ({ code, signal, ...output }));
  const stderrLine = (pattern) =>
    new Promise((resolve, reject) => {
      const check = (line) => {
        if (!pattern.test(line)) return false;
        waiting.delete(check);
        resolve(line);
        return true;
      };
      if (output.stderr.some(check)) return;
      waiting.add(check);
      ended.then(() => reject(new Error(`no ${pattern} in:\n${output.stderr.join('\n')}`)));
    });
  return { child, lines, ended, stderrLine, output };
}

/** Runs a program to its end. */
export const run = (program, args) => start(program, args).ended;

// With room for minutes, so that nothing is skipped because the machine is busy.
const simulated = [
  '--feed', 'sim:?symbols=20&rate=2000&seed=1', '--max-queue-bytes', '100000000',
  '--bus-events', '1048576',
];

/** Starts the real server on a free port, or the one given, and waits for its address. */
export async function startServer({ port = 0, args = simulated } = {}) {
  const server = start(programs.server, ['--listen', `127.0.0.1:${port}`, ...args]);
  const address = /http:\/\/127\.0\.0\.1:(\d+)\//;
  const url = await new Promise((resolve, reject) => {
    const look = (line) => address.test(line) && resolve(address.exec(line)[0]);
    server.lines.on('line', look);
    server.stderrLine(address).then(look, reject);
  });
  return {
    url,
    port: Number(new URL(url).port),
    pid: server.child.pid,
    async stop(signal = 'SIGTERM') {
      server.child.kill(signal);
      return server.ended;
    },
  };
}

/** A server whose every connection is handed to `onConnection(socket, request)`. */
export async function startFake(onConnection, { refuse } = {}) {
  const http = createServer();
  const sockets = new WebSocketServer({ noServer: true, perMessageDeflate: false });
  http.on('upgrade', (request, socket, head) => {
    if (refuse) {
      socket.end(`HTTP/1.1 ${refuse} Refused\r\nContent-Length: 0\r\n\r\n`);
      return;
    }
    sockets.handleUpgrade(request, socket, head, (ws) => onConnection(ws, request));
  });
  http.listen(0, '127.0.0.1');
  await once(http, 'listening');
  return {
    url: `ws://127.0.0.1:${http.address().port}/ws`,
    stop() {
      for (const ws of sockets.clients) ws.terminate();
      http.close();
    },
  };
}

export const hello = (fields = {}) =>
  JSON.stringify({
    type: 'hello',
    protocol: 'pricecast.v1',
    server: 'fake/1',
    epoch: 'e1',
    mode: 'live',
    heartbeat_ms: 5000,
    ...fields,
  });

export const subscribed = (fields = {}) =>
  JSON.stringify({
    type: 'subscribed', id: 1, symbols: ['A'], pending: [], rejected: [], total: 1, ...fields,
  });

export const trade = (seq, fields = {}) =>
  JSON.stringify({
    kind: 'trade', symbol: 'A', source: 'x', seq, ts: Date.now() * 1000, price: '1.50', size: '2',
    ...fields,
  });

export const update = (...items) => `{"type":"update","data":[${items.join(',')}]}`;

/** Says hello, and once subscribed to sends the messages. Resolves with the subscription. */
export function converse(ws, ...messages) {
  ws.send(hello());
  return once(ws, 'message').then(([text]) => {
    ws.send(subscribed());
    for (const message of messages) ws.send(message);
    return JSON.parse(text);
  });
}
