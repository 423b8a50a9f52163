/** The server's figures in words: pure. */
import { formatCount } from './format.js';
import { formatDuration } from './metrics.js';

const THIN = '\u2009';

/** 1536 → "1.5 kB" */
export function formatBytes(bytes) {
  const units = ['B', 'kB', 'MB', 'GB', 'TB'];
  let value = bytes;
  let at = 0;
  while (value >= 999.5 && at < units.length - 1) { value /= 1000; at++; }
  return `${at === 0 || value >= 100 ? Math.round(value) : Number(value.toFixed(value >= 10 ? 1 : 2))}${THIN}${units[at]}`;
}

/** A rate or a total that may be large: "412", "18.4 k", "1.2 M". */
export function formatShort(number) {
  if (number < 10 && number > 0 && !Number.isInteger(number)) return number.toFixed(1);
  if (number < 9999.5) return formatCount(number);
  const [value, unit] = number < 999_500 ? [number / 1e3, 'k'] : number < 999_500_000 ? [number / 1e6, 'M'] : [number / 1e9, 'G'];
  return `${Number(value.toFixed(value >= 100 ? 0 : 1))}${THIN}${unit}`;
}

/** ms → "4 d 3 h", "12 min", "8 s": the two largest units. */
export function formatUptime(ms) {
  const seconds = Math.floor(ms / 1000);
  const parts = [[Math.floor(seconds / 86_400), 'd'], [Math.floor(seconds / 3600) % 24, 'h'], [Math.floor(seconds / 60) % 60, 'min'], [seconds % 60, 's']];
  const first = parts.findIndex(([value]) => value > 0);
  if (first < 0) return `0${THIN}s`;
  return parts.slice(first, first + 2).filter(([value], at) => at === 0 || value > 0).map(([value, unit]) => `${value}${THIN}${unit}`).join(' ');
}

/** How a session wants to be served: "latest ≤ 10/s, every". */
export function describeDelivery({ mode, max_rate: rate, max_age_ms: age }) {
  return `${mode}${rate ? ` ≤ ${rate}/s` : ''}${age ? ` ≤ ${age} ms old` : ''}`;
}

/** Why something waits for a session, in words. */
export const VERDICTS = {
  ok: 'keeps up', client: 'does not read', network: 'network is slow', server: 'server is late',
};

/** The stages a price passes, as `freshness_us` and the histograms of /metrics name them. */
export const STAGES = [
  { name: 'source_to_ingest', title: 'Source → here', hint: 'From the time the source stamped the event to receiving it. Says as much about clocks as about networks. Not of recordings, which are of the past.' },
  { name: 'ingest_to_bus', title: 'Here → bus', hint: 'From receiving an event to publishing it inside the server: parsing and queueing. Not of recordings.' },
  { name: 'bus_to_write', title: 'Bus → socket', hint: 'From publishing an event to the write that hands it to a client, waiting for its rate or for a slow client included.' },
  { name: 'loop_lag', title: 'Thread delay', hint: 'How late a service thread gets to what is due. High values: the machine or this server has too much to do.' },
];

/**
 * The tiles, from one answer of /api/v1/status.
 * @returns {{name: string, title: string, text: string, detail: string, value: number, hint: string, isBad?: boolean}[]}
 */
export function describeStatus(status) {
  const { clients, rates, delivery, latency_us: latency, freshness_us: freshness } = status;
  const lag = freshness?.loop_lag?.p99 ?? 0;
  return [
    { name: 'sessions', title: 'Clients', value: clients.sessions, text: formatCount(clients.sessions), detail: `of ${formatCount(clients.max)} connections`,
      hint: 'WebSocket and event-stream sessions that are open now, and how many connections of all kinds this server takes.' },
    { name: 'events', title: 'Events in', value: rates.events, text: formatShort(rates.events), detail: 'a second',
      hint: 'Trades and quotes that the feeds published, a second, over the last five.' },
    { name: 'items', title: 'Updates out', value: rates.items, text: formatShort(rates.items), detail: `a second in ${formatShort(rates.frames)} messages`,
      hint: 'Updates handed to all clients together. Fewer than events times clients: rates, conflation and subscriptions leave out the rest.' },
    { name: 'bytes', title: 'Bytes out', value: rates.bytes, text: formatBytes(rates.bytes), detail: 'a second',
      hint: 'Bytes of update messages to all clients together.' },
    { name: 'latency', title: 'Latency p99', value: latency.p99, text: latency.count > 0 ? formatDuration(latency.p99 / 1e6) : '—', detail: 'bus to socket',
      hint: '99 of 100 writes left the server within this time after their oldest event was published.' },
    { name: 'slow', title: 'Slow clients', value: delivery.slow_consumers + delivery.max_age_exceeded, text: formatShort(delivery.slow_consumers + delivery.max_age_exceeded),
      detail: `${formatShort(delivery.blocked_writes)} full sockets`, isBad: delivery.slow_consumers + delivery.max_age_exceeded > 0,
      hint: 'Sessions that asked for every event, fell too far behind and get the latest of each stream since; and writes that filled a socket. Since the start.' },
    { name: 'skipped', title: 'Passed over', value: delivery.skipped, text: formatShort(delivery.skipped), detail: `${formatShort(delivery.lapped_events)} lost to overload`,
      isBad: delivery.lapped_events > 0,
      hint: 'Events left out for one client because a newer one of the same stream replaced them; and those that a thread of the server missed. Clients are told each of them as `skipped`.' },
    { name: 'lag', title: 'Thread delay p99', value: lag, text: formatDuration(lag / 1e6), detail: `${status.shards} ${status.shards === 1 ? 'thread' : 'threads'}`, isBad: lag > 50_000,
      hint: 'How late the service threads get to what is due. Above 50 ms clients would notice.' },
  ];
}

/** What a feed is doing, in a word. */
export function describeFeed({ live, link, broken, bad, bytes_read: read, bytes_total: total }) {
  if (live) return link === 'up' ? 'connected' : 'connection lost';
  if (broken) return 'breaks off';
  if (total > 0) return `${Math.min(100, Math.floor((100 * read) / total))} % read`;
  return bad > 0 ? 'runs, with bad lines' : 'runs';
}
