// Bun's own WebSocket server: publish() to topics.
import { hasTopics, hello, run, subscribed } from './stream.mjs';

const server = Bun.serve({
  hostname: '127.0.0.1',
  port: 0,
  fetch: (request, self) => (self.upgrade(request) ? undefined : new Response('', { status: 400 })),
  websocket: {
    perMessageDeflate: false,
    idleTimeout: 0,
    open(ws) {
      ws.send(hello);
    },
    message(ws, text) {
      for (const symbol of hasTopics ? JSON.parse(text).symbols : ['S0']) ws.subscribe(symbol);
      ws.send(subscribed);
    },
  },
});
console.log(`http://127.0.0.1:${server.port}/`);
run((topic, text) => server.publish(`S${topic}`, text));
