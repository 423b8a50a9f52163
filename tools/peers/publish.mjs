// Feeds a broker: by NATS' protocol (nats PORT) or by HTTP POST to nchan (nchan PORT).
import { connect } from 'node:net';
import { destination, hasTopics, run } from './stream.mjs';

const [kind, port] = destination;
const socket = connect(Number(port), '127.0.0.1');
socket.setNoDelay(true);
socket.on('error', () => process.exit(1));
socket.on('close', () => process.exit(0));
socket.on('data', (text) => {
  if (kind === 'nats' && String(text).includes('PING')) socket.write('PONG\r\n');
});
const put = {
  nats: (topic, text) => `PUB ${hasTopics ? `S${topic}` : 'S0'} ${text.length}\r\n${text}\r\n`,
  nchan: (topic, text) =>
    `POST /pub HTTP/1.1\r\nHost: x\r\nContent-Length: ${text.length}\r\n\r\n${text}`,
}[kind];
socket.once('connect', () => {
  if (kind === 'nats') socket.write('CONNECT {"verbose":false,"pedantic":false}\r\n');
  run((topic, text) => socket.write(put(topic, text)));
});
