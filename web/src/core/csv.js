/** Tables as text, for spreadsheets: exact numbers, and names that no spreadsheet takes for formulas. */

const EOL = '\r\n';

/** @param {{time: number}[]} bars */
export function barsCsv(bars) {
  const rows = bars.map(({ time, open, high, low, close, volume }) => [isoTime(time), open, high, low, close, volume ?? '']);
  return table(['time', 'open', 'high', 'low', 'close', 'volume'], rows);
}

/** @param {import('./tape.js').Entry[]} entries */
export function tradesCsv(entries) {
  const rows = entries.filter(({ item }) => item).map(({ item }) => [isoTime(item.recv ?? item.ts), item.ts ?? '', item.recv ?? '',
    safeName(item.symbol), safeName(item.source), item.price, item.size ?? '', item.side ?? '', item.seq, item.skipped ?? '']);
  return table(['time', 'ts_us', 'recv_us', 'symbol', 'source', 'price', 'size', 'side', 'seq', 'skipped'], rows);
}

/** A file's name of whatever a symbol is called. */
export function fileName(...parts) {
  return `${parts.join('-').replace(/[^\w.+-]+/g, '_').slice(0, 80)}`;
}

/** Microseconds since 1970 → ISO 8601 with all six digits. */
export function isoTime(us) {
  const date = new Date(Math.floor(us / 1000));
  if (us === undefined || Number.isNaN(date.getTime())) return '';
  const rest = String(((us % 1000) + 1000) % 1000).padStart(3, '0');
  return date.toISOString().replace('Z', `${rest}Z`);
}

function table(header, rows) {
  return [header, ...rows].map((row) => row.map(quoted).join(',')).join(EOL) + EOL;
}

function quoted(value) {
  const text = String(value);
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/** A spreadsheet would run "=…": an apostrophe in front makes it a text. */
function safeName(text) {
  return /^[=+\-@\t]/.test(text) ? `'${text}` : text;
}
