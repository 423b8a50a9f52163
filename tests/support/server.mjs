// For the system tests: the real server, and clients nobody here wrote. Everything waits for
// events; a deadline only turns a wait that would last for ever into a message that says for what.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { WebSocket } from 'ws';
import { decodeBinary } from '../../web/client/binary.js';

export const program = process.env.PRICECAST_BIN;
if (!program) throw new Error('PRICECAST_BIN must name the server');
export const sourceDir = process.env.PRICECAST_SOURCE_DIR ?? process.cwd();

// Long enough for a machine that does much else; only a wait in vain lasts so long.
const DEADLINE_MS = 60000;
const running = new Set();
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

/** The promise, or an error naming what was waited for. */
export async function within(promise, what, ms = DEADLINE_MS) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(
      () => reject(new Error(`${ms} ms went by without ${typeof what === 'string' ? what : what()}`)),
      ms,
    );
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** A folder of the test's own. */
export function temporaryFolder(t) {
  const folder = mkdtempSync(join(tmpdir(), 'pricecast-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

// ---- recordings ----

/** An item of a recording; `recv` orders and paces it. */
export const trade = (symbol, recv, fields = {}) => ({
  kind: 'trade', symbol, source: 'x', ts: recv - 7, recv, price: '1.50', size: '2', side: 'buy',
  ...fields,
});
export const quote = (symbol, recv, fields = {}) => ({
  kind: 'quote', symbol, source: 'x', ts: recv - 7, recv,
  bid: '1.49', bid_size: '10', ask: '1.51', ask_size: '20', ...fields,
});

/** Writes a recording in the native format; lines are items or text. Returns its path. */
export function recording(t, lines, name = 'recording.jsonl') {
  const path = join(temporaryFolder(t), name);
  const text = lines.map((line) => (typeof line === 'string' ? line : JSON.stringify(line)));
  writeFileSync(path, ['{"pricecast":1}', ...text, ''].join('\n'));
  return path;
}

// ---- the server ----

/** Runs the program. `stderrLine(pattern)` resolves with the first line, past or to come, that matches. */
export function run(args, { wrap = [], env = {} } = {}) {
  const command = [...wrap, program, ...args];
  const child = spawn(command[0], command.slice(1), {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ...env },
  });
  running.add(child);
  const output = { stdout: [], stderr: [] };
  const watches = new Set();
  for (const name of ['stdout', 'stderr']) {
    createInterface(child[name]).on('line', (line) => {
      output[name].push(line);
      for (const watch of watches) watch();
    });
  }
  const ended = once(child, 'close').then(([code, signal]) => {
    running.delete(child);
    for (const watch of watches) watch(true);
    return { code, signal, ...output };
  });
  ended.catch(() => {}); // who asks for it hears of it
  const line = (name, pattern) =>
    within(
      new Promise((resolve, reject) => {
        const watch = (isOver) => {
          const found = output[name].find((text) => pattern.test(text));
          if (found !== undefined) resolve(found);
          else if (isOver) reject(new Error(`no ${pattern} in:\n${output.stderr.join('\n')}`));
          else return;
          watches.delete(watch);
        };
        watches.add(watch);
        watch(child.exitCode !== null);
      }),
      () => `${pattern} on ${name}; stderr: ${output.stderr.join('\n')}`,
    );
  return {
    child,
    output,
    /** Its end, which must be near when this is asked for: from then on it has the deadline. */
    get ended() {
      return within(ended, () => `an end of ${command.join(' ')}`);
    },
    stdoutLine: (pattern) => line('stdout', pattern),
    stderrLine: (pattern) => line('stderr', pattern),
  };
}

export const sanitizerReport = /AddressSanitizer|LeakSanitizer|runtime error|ThreadSanitizer/;

/** Starts the server on a free port. When the test is over it is stopped, and must end well; without a
 * test, finish() does that. */
export async function startServer(t, args = [], { port = 0, ...options } = {}) {
  const process = run(['--listen', `127.0.0.1:${port}`, ...args], options);
  const banner = await process.stdoutLine(/^pricecast \S+ listens on /);
  const [url] = /http:\/\/\S+\//.exec(banner);
  const clients = [];
  const server = {
    __proto__: process,
    url,
    port: Number(new URL(url).port),
    pid: process.child.pid,
    ws: `${url.replace('http', 'ws')}ws`,
    async stop(signal = 'SIGTERM') {
      process.child.kill(signal);
      try {
        return await process.ended;
      } finally {
        process.child.kill('SIGKILL'); // unless it has ended
      }
    },
    /** Connects, and waits for the hello. Handshakes of more than 5 s are cut off by the server: one
     * that was so late because of the machine is begun again. */
    async client(query = '', options = {}) {
      for (;;) {
        const begin = performance.now();
        const client = new Client(`${server.ws}${query}`, options);
        clients.push(client);
        try {
          client.hello = await client.next('hello');
          return client;
        } catch (error) {
          if (!client.isClosed || performance.now() - begin < 4000) throw error;
        }
      }
    },
    http: (path, options) => http(server, path, options),
    replay: (command) =>
      http(server, '/api/v1/replay', { method: 'POST', body: JSON.stringify(command) }),
    /** Asks until the replay is in this state; returns the answer. */
    async untilReplay(state) {
      const looks = (async () => {
        let replay;
        do replay = (await http(server, '/api/v1/replay')).json;
        while (replay.state !== state);
        return replay;
      })();
      return within(looks, `a replay that is ${state}`);
    },
    async finish() {
      const { code, signal, stderr } = await server.stop();
      for (const client of clients) client.socket.terminate();
      assert.deepEqual(stderr.filter((text) => sanitizerReport.test(text)), []);
      assert.deepEqual({ code, signal }, { code: 0, signal: null }, stderr.join('\n'));
    },
  };
  t?.after(() => server.finish());
  return server;
}

// ---- WebSocket ----

const anyTime = new Set(['heartbeat', 'feed']);
export const streamOf = (item) => `${item.kind} ${item.source} ${item.symbol}`;

/** A WebSocket of npm's `ws`, whose messages wait in a queue until they are asked for. */
export class Client {
  constructor(url, { protocols = [], ...options } = {}) {
    this.messages = [];
    this.waiting = [];
    this.streams = new Map(); // as defined by binary frames
    this.binaryFrames = 0;
    this.socket = new WebSocket(url, protocols, { perMessageDeflate: false, ...options });
    this.socket.on('message', (data, isBinary) => {
      this.binaryFrames += isBinary;
      const message = isBinary ? decodeBinary(data, this.streams) : JSON.parse(String(data));
      if (message.type === 'define') return;
      const waiting = this.waiting.shift();
      if (waiting) waiting.resolve(message);
      else this.messages.push(message);
    });
    this.socket.on('error', (error) => {
      this.error = error;
    });
    const closed = new Promise((resolve) => {
      this.socket.on('close', (code, reason) => {
        this.isClosed = { code, reason: String(reason) };
        for (const waiting of this.waiting.splice(0)) waiting.reject(this.closedError());
        resolve(this.isClosed);
      });
    });
    this.untilClosed = () => within(closed, 'a close');
  }

  closedError() {
    return new Error(`closed: ${JSON.stringify(this.isClosed)} ${this.error ?? ''}`);
  }

  send(message) {
    const isRaw = typeof message === 'string' || Buffer.isBuffer(message);
    this.socket.send(isRaw ? message : JSON.stringify(message));
  }

  /** The next message, which must be of this type if one is given; those that may come at any time
   * are passed over. */
  async next(type) {
    let message;
    do message = await this.receive(type);
    while (anyTime.has(message.type) && type !== message.type);
    if (type) assert.equal(message.type, type, JSON.stringify(message).slice(0, 300));
    return message;
  }

  async receive(what = 'a message') {
    if (this.messages.length > 0) return this.messages.shift();
    if (this.isClosed) throw this.closedError();
    const arrived = new Promise((resolve, reject) => this.waiting.push({ resolve, reject }));
    return within(arrived, what);
  }

  /** Reads up to and with the message for which `test` is true; returns all that were read. */
  async until(test) {
    const read = [];
    do read.push(await this.receive('the message that was waited for'));
    while (!test(read.at(-1)));
    return read;
  }

  /** Says something and returns the answer, which comes before anything else of its type. */
  async ask(message, type) {
    this.send(message);
    const read = await this.until((answer) => answer.type === type);
    return read.at(-1);
  }

  /** Reads until the feed of the source has ended; returns all messages. */
  untilEnded = () => this.until(({ type, state }) => type === 'feed' && state === 'ended');

  /** Everything the server says before the answer to a ping: all that it had to say by now. */
  async drain() {
    const id = `drain-${Math.random()}`;
    this.send({ op: 'ping', id });
    const read = await this.until((message) => message.type === 'pong' && message.id === id);
    return read.slice(0, -1).filter(({ type }) => !anyTime.has(type));
  }
}

export const itemsOf = (messages, type) =>
  messages
    .filter((message) => (type ? message.type === type : message.data))
    .flatMap(({ data }) => data);

/** Fails unless every stream obeys seq == previous + 1 + skipped. Returns each stream's last item. */
export function checkSequence(items) {
  const last = new Map();
  for (const item of items) {
    const previous = last.get(streamOf(item));
    if (previous) assert.equal(item.seq, previous.seq + 1 + (item.skipped ?? 0), streamOf(item));
    last.set(streamOf(item), item);
  }
  return last;
}

// ---- HTTP ----

/** One request on a connection of its own: {status, headers, body, json}. */
export async function http(server, path, { method = 'GET', headers = {}, body } = {}) {
  const asked = request({
    host: '127.0.0.1', port: server.port, path, method, agent: false, headers: {
      ...(body === undefined ? {} : { 'Content-Length': Buffer.byteLength(body) }), ...headers,
    },
  });
  asked.on('error', () => {}); // of a body that was refused; the answer counts
  asked.end(body);
  const [answer] = await within(once(asked, 'response'), `an answer to ${method} ${path}`);
  const chunks = [];
  for await (const chunk of answer) chunks.push(chunk);
  const bytes = Buffer.concat(chunks);
  const isJson = /json/.test(answer.headers['content-type']) && bytes.length > 0;
  return {
    status: answer.statusCode,
    headers: answer.headers,
    bytes,
    body: String(bytes),
    json: isJson ? JSON.parse(String(bytes)) : undefined,
  };
}

/** Sends bytes as they are and returns all that comes until the server closes. */
export async function raw(server, ...pieces) {
  const socket = connect(server.port, '127.0.0.1');
  const chunks = [];
  socket.on('data', (chunk) => chunks.push(chunk));
  socket.on('error', () => {});
  for (const piece of pieces) socket.write(piece);
  await within(once(socket, 'close'), () => `a close; so far: ${Buffer.concat(chunks)}`);
  return String(Buffer.concat(chunks));
}
