/** Answers a page's WebSocket from a script, so that a test can show states a healthy server hides. */

const HELLO = { type: 'hello', protocol: 'pricecast.v1', server: 'pricecast/0.1.0', epoch: 'e1', mode: 'live', heartbeat_ms: 60_000 };

/** At full speed there is no clock but the events, so the page shows the times of the script. */
const REPLAY = { state: 'playing', speed: 'max', loop: false, loops: 0, events: 0, control: true };

/**
 * @param {import('playwright-core').Page} page
 * @param {(server: {say: (message: object) => void, greet: (more?: object) => void,
 *   end: (code: number, reason?: string) => void}) => void} script runs for every connection
 * @returns the handle of the newest connection; its `replay` is what the server says of its replay
 */
export async function scriptSocket(page, script) {
  const current = { say: () => {}, replay: { ...REPLAY } };
  await page.route('**/api/v1/replay', (route) => route.fulfill({ json: current.replay }));
  await page.route('**/api/v1/replay/outline', (route) => route.fulfill({ json: { known: false } }));
  await page.routeWebSocket(/\/ws$/, (socket) => {
    const say = (message) => socket.send(JSON.stringify(message));
    const greet = (more) => say({ ...HELLO, ...more });
    const end = (code, reason) => socket.close({ code, reason });
    socket.onMessage(() => {}); // commands are taken and not answered
    Object.assign(current, { say, greet, end });
    script(current);
  });
  return current;
}
