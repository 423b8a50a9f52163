/**
 * The figures of the last 24 hours, for the rows of the list: asked for now and then, and shown only on a
 * screen that is not earlier than they are. What is known too late waits until the clock is there; after
 * the screen went back only the price that changes count from stays, which was there before.
 */
const ASK_MS = 30_000;

/**
 * @param {{feed: any, timeline: any, store: any, now: () => number}} parts `now`: monotonic ms
 * @returns `check()`: call now and then
 */
export function createDays({ feed, timeline, store, now }) {
  let askedAt = -Infinity;
  let shown = null; // {us, stats}
  let waiting = null; // what is later than the screen
  let world = 0; // answers of another one are not taken

  timeline.on('reset', ({ reason }) => { if (reason === 'rewind') goBack(); else forget(); });
  timeline.on('hello', ({ hello }) => { if (hello.isNewEpoch) forget(); });
  return { check };

  function forget() {
    world++;
    shown = null;
    waiting = null;
    askedAt = -Infinity;
    store.forgetDays();
  }

  function goBack() {
    waiting = shown ?? waiting;
    shown = null;
    store.forgetDays(timeline.nowUs());
    release();
  }

  function isPast() {
    const mode = timeline.mode.peek();
    return mode === 'paused' || mode === 'shifted';
  }

  function check() {
    release();
    if (feed.state === 'live' && store.rows.size > 0 && !waiting && now() - askedAt >= ASK_MS) ask();
  }

  function release() {
    if (!waiting || (isPast() && waiting.us > timeline.nowUs())) return;
    shown = waiting;
    waiting = null;
    store.applyStats(shown.stats);
  }

  async function ask() {
    askedAt = now();
    const asked = world;
    try {
      const { stats } = await feed.get('stats');
      if (asked !== world) return;
      waiting = { us: timeline.edgeUs(), stats };
      release();
    } catch {
      // then changes count from the first price seen here, and the next try is in a while
    }
  }
}
