// What the servers of the comparison send: updates as pricecast's clients get them, each stamped
// with the moment it was due, on a schedule that does not wait for anybody. Arguments of every
// program here: RATE (updates a second) BATCH (updates in a frame) BYTES (of a frame) TOPICS (1: all
// goes to everybody; more: each update to the subscribers of its topic, and a round of all topics
// is published at once) and, for publish.mjs, where to.
const [rate, batch, bytes, topics] = process.argv.slice(2, 6).map(Number);
export const destination = process.argv.slice(6);
export const hello = JSON.stringify({
  type: 'hello', protocol: 'pricecast.v1', server: 'peer', epoch: '1', mode: 'live', heartbeat_ms: 5000,
});
export const subscribed = JSON.stringify({
  type: 'subscribed', id: 1, symbols: [], pending: [], rejected: [], total: 1,
});

const head = '{"type":"update","data":[';
const periodMs = 1000 / rate;
const startMs = performance.timeOrigin + performance.now();
const seqs = new Float64Array(topics);
let sent = 0;

function item(topic, length) {
  const ts = Math.round((startMs + periodMs * ++sent) * 1000);
  const text = `{"kind":"quote","symbol":"S${topic}","source":"peer","seq":${++seqs[topic]},"ts":${ts},"pad":"`;
  return text + '0'.repeat(Math.max(0, length - text.length - 2)) + '"}';
}

function frame(topic) {
  const length = Math.floor((bytes - 4 - head.length - 2 - (batch - 1)) / batch);
  const items = [];
  for (let i = 0; i < batch; i++) items.push(item(topic, length));
  return `${head}${items.join(',')}]}`;
}

/** Calls publish(topic, text) for each frame when it is due: with topics, a round at a time. */
export function run(publish) {
  const perTick = topics > 1 ? topics : 1;
  const everyMs = periodMs * batch * perTick;
  let tick = 0;
  (function step() {
    const nowMs = performance.timeOrigin + performance.now();
    while (startMs + everyMs * (tick + 1) <= nowMs) {
      tick++;
      for (let topic = 0; topic < perTick; topic++) publish(topic, frame(topic));
    }
    setTimeout(step, startMs + everyMs * (tick + 1) - performance.timeOrigin - performance.now());
  })();
}

export const hasTopics = topics > 1;
