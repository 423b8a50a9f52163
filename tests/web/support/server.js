/** The real server as a child process, on a port of its own choosing that a restart keeps. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';

const ARGS = ['--feed', 'sim:?symbols=20&rate=200&seed=1'];

/** @param {string} program @param {string[]} [args] @returns once it has printed its URL */
export async function startServer(program, args = ARGS) {
  let child;
  const server = { url: '', kill: () => end('SIGKILL'), stop: () => end('SIGTERM'), restart, signal: (name) => child.kill(name) };
  await run('127.0.0.1:0');
  return server;

  async function run(listen) {
    child = spawn(program, ['--listen', listen, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
    server.url = await Promise.race([findUrl(child.stdout), findUrl(child.stderr), failure(child)]);
  }

  async function restart() {
    await run(new URL(server.url).host);
  }

  async function end(signal) {
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, 'exit');
    child.kill(signal);
    await ended;
  }
}

/** Which of the two streams carries it is the server's business; both are drained to the end. */
function findUrl(stream) {
  return new Promise((found) => {
    createInterface({ input: stream }).on('line', (line) => {
      const url = line.match(/https?:\/\/[^\s"]+/)?.[0];
      if (url) found(new URL('/', url).href);
    });
  });
}

async function failure(child) {
  const [result] = await Promise.race([once(child, 'exit'), once(child, 'error')]);
  throw new Error(`the server did not start: ${result}`);
}
