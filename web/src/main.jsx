/** The browser's side of the app: connection, storage, clocks, and the first drawing. */
import { render } from 'preact';
import { connect } from '../client/pricecast.js';
import { createApp } from './core/app.js';
import { createFrame } from './hot/frame.js';
import { AppContext } from './app/context.js';
import { Shell } from './app/Shell.jsx';

const PATIENCE_MS = 60;

const socketUrl = new URL('ws', location.href);
socketUrl.protocol = location.protocol === 'https:' ? 'wss:' : 'ws:';
socketUrl.search = socketUrl.hash = '';

const app = createApp({
  feed: connect(socketUrl.href),
  frame: createFrame(),
  storage: storageOrNull(),
  page: window,
  socketUrl: socketUrl.href,
  now: () => performance.now(),
  wallNow: () => Date.now(),
});
// Drawing keeps the browser busy for a while. A server that is near has answered before, so that the first
// thing seen is prices; one that is far away is not waited for.
let drawing = setTimeout(draw, PATIENCE_MS);
const stopWaiting = app.timeline.on('items', () => {
  stopWaiting();
  clearTimeout(drawing);
  drawing = setTimeout(draw);
});
app.start();

function draw() {
  stopWaiting();
  render(<AppContext.Provider value={app}><Shell /></AppContext.Provider>, document.getElementById('app'));
}

/** Browsers may refuse even to name it. */
function storageOrNull() {
  try {
    return window.localStorage;
  } catch {
    return null;
  }
}
