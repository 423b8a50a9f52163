// Upstreams for tests of live sources: WebSocket servers on this machine that say what a test tells
// them, and ways to write lines to a server.
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { createWriteStream, readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { connect } from 'node:net';
import { join } from 'node:path';
import { WebSocketServer } from 'ws';
import { temporaryFolder, within } from './server.mjs';

/** A WebSocket server; connections are taken one after the other with connection(). */
export class Upstream {
  static async start(t, { port = 0, tls, ...options } = {}) {
    const upstream = new Upstream();
    upstream.http = tls ? createTlsServer(tls) : createServer();
    upstream.sockets = new WebSocketServer({ server: upstream.http, ...options });
    upstream.waiting = [];
    upstream.arrived = [];
    upstream.sockets.on('connection', (socket, request) => upstream.take(socket, request));
    upstream.http.listen(port, '127.0.0.1');
    await once(upstream.http, 'listening');
    upstream.port = upstream.http.address().port;
    upstream.url = `${tls ? 'wss' : 'ws'}://127.0.0.1:${upstream.port}`;
    t.after(() => upstream.stop());
    return upstream;
  }

  take(socket, request) {
    const connection = new Connection(socket, request);
    const waiting = this.waiting.shift();
    if (waiting) waiting(connection);
    else this.arrived.push(connection);
  }

  /** The next connection, past or to come. */
  async connection(what = 'a connection to the upstream') {
    if (this.arrived.length > 0) return this.arrived.shift();
    return within(new Promise((resolve) => this.waiting.push(resolve)), what);
  }

  stop() {
    for (const socket of this.sockets.clients) socket.terminate();
    this.sockets.close();
    this.http.close();
    this.http.closeAllConnections();
  }
}

class Connection {
  constructor(socket, request) {
    this.socket = socket;
    this.url = request.url;
    this.headers = request.headers;
    this.messages = [];
    this.waiting = [];
    socket.on('message', (data) => {
      const waiting = this.waiting.shift();
      if (waiting) waiting(String(data));
      else this.messages.push(String(data));
    });
  }

  /** The next message of the client's, parsed. */
  async said() {
    const text =
      this.messages.shift() ??
      (await within(new Promise((resolve) => this.waiting.push(resolve)), 'a message upstream'));
    return JSON.parse(text);
  }

  send(message) {
    this.socket.send(typeof message === 'string' ? message : JSON.stringify(message));
  }

  drop() {
    this.socket.terminate();
  }
}

/** A certificate made out to `name` by itself: {cert, key, file}. */
export function selfSigned(t, name) {
  const folder = temporaryFolder(t);
  const [file, keyFile] = [join(folder, 'cert.pem'), join(folder, 'key.pem')];
  execFileSync('openssl', [
    'req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days',
    '2', '-subj', `/CN=${name}`, '-addext', `subjectAltName=DNS:${name}`, '-keyout', keyFile, '-out',
    file,
  ], { stdio: 'ignore' });
  return { cert: readFileSync(file), key: readFileSync(keyFile), file };
}

/** Makes a server's standard input something to write to: {options, input} for startServer(). */
export function standardInput(t) {
  const path = join(temporaryFolder(t), 'fifo');
  execFileSync('mkfifo', [path]);
  const input = createWriteStream(path);
  input.on('error', () => {}); // the reader may have gone
  const wrap = ['sh', '-c', 'path=$1; shift; exec "$@" <"$path"', 'sh', path];
  return { options: { wrap }, input };
}

/** A connection to a line source: a path or a port. */
export async function lineSocket(t, target) {
  const socket = typeof target === 'number' ? connect(target, '127.0.0.1') : connect(target);
  await once(socket, 'connect');
  t.after(() => socket.destroy());
  return socket;
}

/** Writes items, a line each. */
export const writeLines = (to, ...items) => {
  for (const item of items) to.write(`${JSON.stringify(item)}\n`);
};

/** The status of the server's only, or first, feed, once `test` is true of it. */
export async function feedStatus(server, test = () => true) {
  const look = async () => {
    for (;;) {
      const { json } = await server.http('/api/v1/status');
      if (test(json.feeds[0])) return json.feeds[0];
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  };
  return within(look(), `a status for which ${test} is true`);
}
