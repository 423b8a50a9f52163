/** Answers a page's WebSocket from a script, so that a test can show states a healthy server hides. */

const HELLO = { type: 'hello', protocol: 'pricecast.v1', server: 'pricecast/0.1.0', epoch: 'e1', mode: 'live', heartbeat_ms: 60_000 };

/** At full speed there is no clock but the events, so the page shows the times of the script. */
const REPLAY = { state: 'playing', speed: 'max', loop: false, loops: 0, events: 0, control: true };

/** What is asked over HTTP about symbols that only the script knows, unless the test answers itself. */
const NOTHING = {
  candles: ({ symbol, interval }) => ({ symbol, interval, kind: 'trade', seen: [], candles: [] }),
  stats: () => ({ stats: [] }),
  latest: () => ({ data: [] }),
};

/**
 * @param {import('playwright-core').Page} page
 * @param {(server: {say: (message: object) => void, greet: (more?: object) => void,
 *   end: (code: number, reason?: string) => void}) => void} script runs for every connection
 * @param {Record<string, (query: Record<string, string>) => object|Promise<object>>} [answers] to
 *   GET /api/v1/NAME; an answer with `status` is sent with that status
 * @returns the handle of the newest connection; `heard`: the commands of all of them; its `replay` is what the server says of its replay
 */
export async function scriptSocket(page, script, answers = {}) {
  const current = { say: () => {}, heard: [], replay: { ...REPLAY } };
  await page.route('**/api/v1/replay', (route) => route.fulfill({ json: current.replay }));
  await page.route('**/api/v1/replay/outline', (route) => route.fulfill({ json: { known: false } }));
  await page.route(/\/api\/v1\/(candles|stats|latest)\b/, async (route) => {
    const { pathname, searchParams } = new URL(route.request().url());
    const name = pathname.split('/').at(-1);
    const { status = 200, ...json } = await (answers[name] ?? NOTHING[name])(Object.fromEntries(searchParams));
    await route.fulfill({ status, json }).catch(() => {}); // the page may have given it up
  });
  await page.routeWebSocket(/\/ws$/, (socket) => {
    const say = (message) => socket.send(JSON.stringify(message));
    let isSilent = false; // a script that says how often it beats wants to be missed
    const greet = (more = {}) => {
      isSilent = 'heartbeat_ms' in more;
      say({ ...HELLO, ...more });
    };
    let isOpen = false; // the page has said something: before, it might miss an end
    let ending = () => {};
    const end = (code, reason) => {
      ending = () => socket.close({ code, reason });
      if (isOpen) ending();
    };
    socket.onMessage((text) => { // other commands are taken and not answered
      const command = JSON.parse(text);
      current.heard.push(command);
      if (command.op === 'ping' && !isSilent) say({ type: 'pong', id: command.id }); // without a clock: latency is the script's to tell
      if (isOpen) return;
      isOpen = true;
      ending();
    });
    Object.assign(current, { say, greet, end });
    script(current);
  });
  return current;
}
