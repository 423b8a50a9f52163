/**
 * The screen's one clock. Everything that shows data listens here and not to the feed, so that all of it
 * shows the same instant: now, a moment that was held, or one that was gone back to.
 *
 * What comes is kept (history.js) and, as long as the screen *follows*, passed on at once. A screen that
 * does not follow has a *head*, a place in what was kept: it stands (`paused`) or moves on at `rate`
 * (`shifted`). Where the server replays a recording and lets this page control it, pausing and going
 * elsewhere is the server's business, and the screen goes on following; where it does not, the screen
 * can still pause and go back by itself.
 *
 * Two kinds of time: `ms` is monotonic, of arrivals; `us` is the screen's clock, microseconds since 1970:
 * the server's wall clock, or recorded time in a replay.
 *
 * @typedef {'live'|'paused'|'shifted'|'replay'} Mode `replay`: follows a recording
 */
import { createDensity } from './density.js';
import { createHistory } from './history.js';
import { createRecordedClock } from './recordedclock.js';
import { createReplayControl, describeRefusal, nextSpeed } from './replay.js';
import { signal } from './signal.js';
import { Listeners } from '../../client/listeners.js';

const TICK_MS = 50;
const BEHIND_MS = 250;
const ALL_EVENTS_MAX = 5000; // more are caught up with by their newest values alone
const EDGE_MS = 300; // nearer to now than this is now
const BACK_MS = 1000; // a step back

/**
 * @param {object} parts
 * @param {any} parts.feed the client's Feed
 * @param {() => number} [parts.now] monotonic ms @param {() => number} [parts.wallNow] ms since 1970
 * @param {(fire: () => void, ms: number) => any} [parts.setTimeout] @param {(id: any) => void} [parts.clearTimeout]
 * @param {() => boolean} [parts.isHidden] nobody looks
 * @param {{bytes?: number, chunkBytes?: number}} [parts.limits] of what is kept
 */
export function createTimeline({
  feed, now = () => performance.now(), wallNow = () => Date.now(),
  setTimeout = (fire, ms) => globalThis.setTimeout(fire, ms), clearTimeout = (id) => globalThis.clearTimeout(id),
  isHidden = () => globalThis.document?.hidden ?? false, limits,
}) {
  const listeners = new Listeners();
  const history = createHistory(limits);
  const density = createDensity();
  const edgeClock = createRecordedClock(now); // of what comes, in a replay
  const shownClock = createRecordedClock(now); // of the head, in a replay
  const control = createReplayControl({ feed, setTimeout, clearTimeout, isHidden, onView });
  const mode = signal('live');
  const behind = signal({ events: 0, ms: 0 });
  const rate = signal(1); // of a shifted head
  const marks = signal(null); // {from, to}: the part of a recording that is played again and again
  const notice = signal(null); // the last refusal: {text}
  let isRecorded = false;
  let cursor = null; // of the head; null: the screen follows
  let headMs = 0;
  let frozenUs = 0;
  let movedMs = 0; // when the head was moved the last time
  let timer;
  let marksTimer;

  return {
    take, nowUs, edgeUs, recordedUs, mode, behind, rate, marks, notice, replay: control.view, outline: control.outline, density, history,
    pause, resume, toggle, continueFromHere, rewindTo, rewindToMs, backToLive, seek, seekBy, step, setSpeed, changeSpeed,
    setLoop, setMarks, toggleLoop, goToStart, goToEnd, refresh: () => control.refresh(), wake,
    /** Listens to what the screen shall show: the types that `take()` gets, and `jump`. */
    on: (type, listener, options) => listeners.add(type, listener, options),
    /** Does the screen show what comes? */
    get isFollowing() { return cursor === null; },
    /** Is it a recording that the server plays? */
    get isRecorded() { return isRecorded; },
    /** Seconds of the screen's clock a second; 0 while it stands, Infinity where it is no clock. */
    get speed() {
      if (mode.peek() === 'paused') return 0;
      const shift = cursor === null ? 1 : rate.peek();
      const { state, speed } = control.view.peek() ?? {};
      if (!isRecorded || speed === undefined) return shift;
      return speed === 'max' ? Infinity : state === 'playing' ? speed * shift : 0;
    },
    /** May this page say how the recording is played? */
    get hasControl() { return isRecorded && (control.view.peek()?.mayControl ?? false); },
    /** What can be gone back to, and where the head is. @returns {{startMs: number, headMs: number, endMs: number}} */
    get window() {
      const endMs = now();
      return { startMs: history.startMs ?? endMs, headMs: cursor ? headMs : endMs, endMs };
    },
    /** @returns {number} the wall clock at a monotonic ms of the window */
    wallMsAt: (ms) => serverMs() - (now() - ms),
  };

  // ---- what comes, and what is shown ----

  /** @param {{type: string, [field: string]: any}} entry */
  function take(entry) {
    if (entry.type === 'hello') onHello(entry.hello);
    else if (entry.type === 'reset') edgeClock.clear();
    else if (entry.type === 'items' && isRecorded) observe(entry.items);
    const atMs = now();
    const before = history.events;
    history.push(entry, atMs, edgeUs());
    if (history.events > before) density.add(atMs, history.events - before);
    if (cursor === null) dispatch(entry);
    if (isRecorded && (entry.type === 'feed' || entry.type === 'reset')) control.refresh();
  }

  function onHello({ mode: world, isNewEpoch }) {
    const wasRecorded = isRecorded;
    isRecorded = world === 'replay';
    if (isRecorded) control.watch();
    else control.unwatch();
    if (isRecorded !== wasRecorded || isNewEpoch) edgeClock.clear();
    if (isRecorded !== wasRecorded) setMarks(null);
    if (cursor === null) mode.value = isRecorded ? 'replay' : 'live';
  }

  function observe(items) {
    if (control.view.peek()?.rebased) return;
    for (const { recv, ts } of items) {
      const us = recv ?? ts;
      if (us !== undefined) edgeClock.observe(us);
    }
  }

  function onView({ state, speed, clock, position, to, exact }) {
    edgeClock.setEnd(exact ? to : undefined);
    edgeClock.setRate(state === 'playing' && speed !== 'max' ? speed : 0);
    if (clock !== undefined) edgeClock.set(clock);
    else if (state === 'paused' && position !== undefined) edgeClock.observe(position);
  }

  function dispatch(entry) {
    listeners.emit(entry.type, entry);
  }

  // ---- clocks ----

  function serverMs() {
    return feed.serverNow() ?? wallNow();
  }

  /** What the clock says where the newest data is. */
  function edgeUs() {
    const { rebased, position, from } = control.view.peek() ?? {};
    if (!isRecorded || rebased) return Math.round(serverMs() * 1000);
    return edgeClock.us() ?? position ?? from ?? 0;
  }

  /** The screen's clock, µs since 1970. */
  function nowUs() {
    if (cursor === null) return edgeUs();
    if (mode.peek() === 'paused') return frozenUs;
    return isRecorded ? (shownClock.us() ?? frozenUs) : Math.round(edgeUs() - (now() - headMs) * 1000);
  }

  /** Where the replay is in recorded time, which the screen's clock is not where it is rebased. */
  function recordedUs() {
    return cursor === null ? (edgeClock.us() ?? control.view.peek()?.from ?? 0) : nowUs();
  }

  // ---- this screen alone ----

  function setMode(value) {
    mode.value = value;
    clearTimeout(timer);
    if (cursor !== null) tick();
    else behind.value = { events: 0, ms: 0 };
  }

  /** Time goes on for a head that moves; one that stands only falls behind. */
  function tick() {
    clearTimeout(timer);
    if (cursor === null) return;
    if (mode.peek() === 'shifted' && !isHidden()) advance();
    if (cursor === null) return;
    showBehind();
    timer = setTimeout(tick, mode.peek() === 'shifted' ? TICK_MS : BEHIND_MS);
  }

  function showBehind() {
    const events = Math.max(0, history.events - cursor.events);
    const ms = now() - headMs;
    if (behind.peek().events !== events || Math.abs(behind.peek().ms - ms) > 200) behind.value = { events, ms };
  }

  function advance() {
    const atMs = now();
    headMs += (atMs - movedMs) * rate.peek();
    movedMs = atMs;
    if (headMs >= atMs) {
      backToLive();
      return;
    }
    if (history.isLost(cursor)) { // more came than is kept
      rewindToMs(history.startMs);
      return;
    }
    deliver(headMs);
  }

  /** Shows what came until then: all of it, or its outcome where that is more than eyes could follow. */
  function deliver(untilMs) {
    const target = untilMs === Infinity ? history.end() : history.cursorAt(untilMs);
    const events = target.events - cursor.events;
    if (history.isLost(cursor)) {
      establish(target, 'forward', events);
    } else if (events <= ALL_EVENTS_MAX) {
      history.read(cursor, { untilMs, take: show });
    } else {
      const fromUs = nowUs();
      history.read(cursor, { untilMs, take: show, notesOnly: true });
      if (cursor.clockUs) shownClock.observe(cursor.clockUs);
      dispatch({ type: 'jump', kind: 'forward', fromUs, toUs: untilMs === Infinity ? edgeUs() : nowUs(), events });
      dispatch({ type: 'items', items: history.stateAt(cursor).items, isSnapshot: true });
    }
  }

  /** Shows how things stood at the target, as if nothing had been shown before. */
  function establish(target, kind, events) {
    const fromUs = nowUs();
    cursor = target;
    const { items, feeds, hello } = history.stateAt(target);
    const toUs = kind === 'forward' ? edgeUs() : frozenUs;
    dispatch({ type: 'jump', kind, fromUs, toUs, events });
    dispatch({ type: 'reset', reason: 'rewind', epoch: hello?.hello?.epoch ?? '' });
    for (const entry of feeds) dispatch(entry);
    dispatch({ type: 'items', items, isSnapshot: true });
  }

  function show(entry, atMs, clockUs) {
    if (entry.type === 'reset') shownClock.clear();
    shownClock.observe(clockUs);
    dispatch(entry);
  }

  function hold() {
    frozenUs = nowUs();
    headMs = now();
    cursor = history.end();
    setMode('paused');
  }

  /** Stops the screen, or the replay where this page may. */
  function pause() {
    if (mode.peek() === 'paused') return;
    if (mode.peek() === 'shifted') {
      frozenUs = nowUs();
      setMode('paused');
    } else if (mode.peek() === 'replay' && hasControl()) {
      command((replay) => replay.pause(), { state: 'paused' }).then((refusal) => { if (refusal && cursor === null) hold(); });
    } else {
      hold();
    }
  }

  /** Goes on: at now, whatever came meanwhile. A replay goes on from where it stands. */
  function resume() {
    if (cursor !== null) backToLive();
    else if (isRecorded) command((replay) => replay.resume(), { state: 'playing' });
  }

  function toggle() {
    const state = control.view.peek()?.state;
    if (mode.peek() === 'paused' || (mode.peek() === 'replay' && hasControl() && state === 'paused')) resume();
    else if (mode.peek() === 'replay' && hasControl() && state === 'ended') goToStart();
    else pause();
  }

  /** Goes on from the moment that is held: the screen is then as far behind as it is now. */
  function continueFromHere() {
    if (mode.peek() !== 'paused') return resume();
    movedMs = now();
    rate.value = 1;
    startShownClock();
    return setMode('shifted');
  }

  function startShownClock() {
    const speed = control.view.peek()?.speed;
    shownClock.clear();
    shownClock.set(frozenUs);
    shownClock.setRate(isRecorded && typeof speed === 'number' ? speed * rate.peek() : 0);
  }

  /** The screen shows what comes, again. */
  function backToLive() {
    if (cursor === null) return;
    const followed = isRecorded ? 'replay' : 'live';
    if (mode.peek() === 'paused') mode.value = followed; // what was held back counts as news, for alerts too
    deliver(Infinity);
    cursor = null;
    setMode(followed);
  }

  /** Goes back to a moment of the window, and on from there unless the screen stands. @param {number} ms */
  function rewindToMs(ms) {
    if (history.startMs === undefined) return;
    const endMs = now();
    if (ms >= endMs - EDGE_MS) {
      if (mode.peek() !== 'paused') backToLive();
      else { backToLive(); hold(); }
      return;
    }
    const isPaused = mode.peek() === 'paused';
    const target = Math.max(ms, history.startMs);
    cursor = history.cursorAt(target);
    headMs = target;
    movedMs = endMs;
    frozenUs = isRecorded ? (cursor.clockUs ?? edgeUs()) : Math.round(edgeUs() - (endMs - target) * 1000);
    mode.value = isPaused ? 'paused' : 'shifted'; // listeners that ask shall hear where they are
    startShownClock();
    establish(cursor, 'rewind', 0);
    setMode(mode.peek());
  }

  /** @param {number} us of the screen's clock */
  function rewindTo(us) {
    if (hasControl()) return seek(us);
    return rewindToMs(now() - (edgeUs() - us) / 1000);
  }

  // ---- the server's replay ----

  function hasControl() {
    return isRecorded && (control.view.peek()?.mayControl ?? true);
  }

  async function command(call, hope) {
    const refusal = await control.act(call, hope);
    if (refusal) notice.value = { text: describeRefusal(refusal) };
    return refusal;
  }

  /** @param {number|string} to µs, "+30s", "-2m", "50%" */
  async function seek(to) {
    if (!isRecorded) return typeof to === 'number' ? rewindTo(to) : undefined;
    if (cursor !== null) backToLive();
    const refusal = await control.seek(to, { state: control.view.peek()?.state === 'paused' ? 'paused' : 'seeking' });
    if (refusal) notice.value = { text: describeRefusal(refusal) };
    return refusal;
  }

  /** @param {number} seconds of recorded time, or of what is kept */
  function seekBy(seconds) {
    if (cursor === null && hasControl()) return seek(`${seconds < 0 ? '-' : '+'}${Math.abs(seconds)}s`);
    return rewindToMs((cursor === null ? now() : headMs) + seconds * 1000);
  }

  /** One event on (of a screen that stands: what came next), or a second back. @param {1|-1} direction */
  function step(direction) {
    if (cursor === null && hasControl()) {
      if (direction < 0) return seekBy(-BACK_MS / 1000);
      return stepReplay();
    }
    if (mode.peek() !== 'paused') pause();
    if (direction < 0) return rewindToMs(headMs - BACK_MS);
    let hasItems = false;
    while (!hasItems && history.read(cursor, { limit: 1, take: (entry, atMs, clockUs) => {
      headMs = atMs;
      frozenUs = Math.max(frozenUs, clockUs);
      hasItems = entry.type === 'items' && entry.items.length > 0;
      show(entry, atMs, clockUs);
    } }) > 0);
    showBehind();
    return hasItems;
  }

  async function stepReplay() {
    if (control.view.peek()?.state === 'playing') {
      const refusal = await command((replay) => replay.pause(), { state: 'paused' });
      if (refusal) return hold();
    }
    return command((replay) => replay.step(1), {});
  }

  /** @param {number|'max'} speed of the replay, or of a shifted head */
  function setSpeed(speed) {
    if (cursor !== null) {
      rate.value = speed === 'max' ? 100 : speed;
      return undefined;
    }
    return hasControl() ? command((replay) => replay.speed(speed), { speed }) : undefined;
  }

  /** @param {1|-1} direction */
  function changeSpeed(direction) {
    const speed = cursor !== null ? rate.peek() : control.view.peek()?.speed;
    return speed === undefined ? undefined : setSpeed(nextSpeed(speed, direction));
  }

  function setLoop(loop) {
    return command((replay) => replay.loop(loop), { loop });
  }

  function toggleLoop() {
    return setLoop(!control.view.peek()?.loop);
  }

  function goToStart() {
    if (cursor === null && hasControl()) return seek('0%');
    return rewindToMs(history.startMs ?? now());
  }

  function goToEnd() {
    return cursor === null && hasControl() ? seek('100%') : backToLive();
  }

  /** Plays from one recorded µs to another, again and again; null ends that. */
  function setMarks(range) {
    clearTimeout(marksTimer);
    marks.value = range && range.to > range.from ? range : null;
    if (marks.peek()) watchMarks();
  }

  function watchMarks() {
    marksTimer = setTimeout(() => {
      if (!marks.peek()) return;
      const { from, to } = marks.peek();
      const isPlaying = cursor === null && ['playing', 'ended'].includes(control.view.peek()?.state);
      const us = edgeUs();
      if (isPlaying && (us >= to || us < from - 1_000_000)) seek(from).then(watchMarks);
      else watchMarks();
    }, TICK_MS);
  }

  /** Somebody looks again. */
  function wake() {
    if (isRecorded) control.refresh();
    if (cursor !== null) tick();
  }
}
