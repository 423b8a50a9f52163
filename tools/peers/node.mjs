// Node.js with the package ws: a loop over all clients.
import { createRequire } from 'node:module';
import { hello, run, subscribed } from './stream.mjs';

const { WebSocketServer } = createRequire(`${process.cwd()}/`)('ws');
const server = new WebSocketServer({
  host: '127.0.0.1', port: 0, backlog: 4096, perMessageDeflate: false, clientTracking: false,
});
const audience = new Set();
server.on('listening', () => console.log(`http://127.0.0.1:${server.address().port}/`));
server.on('connection', (ws) => {
  ws.on('error', () => {});
  ws.on('close', () => audience.delete(ws));
  ws.on('message', () => {
    audience.add(ws);
    ws.send(subscribed);
  });
  ws.send(hello);
});
run((topic, text) => {
  const bytes = Buffer.from(text);
  for (const ws of audience) ws.send(bytes, { binary: false });
});
