/**
 * The server's replay as this page sees and controls it. What is asked for shows at once and is marked
 * as asked (`busy`) until the server has said so; when it refuses, the state is again what it last said.
 *
 * The server tells pauses, ends and seeks by itself (`feed`, `reset`); the rest is looked up now and
 * then, only while somebody looks.
 *
 * @typedef {object} ReplayView
 * @property {'waiting'|'playing'|'paused'|'seeking'|'ended'} state
 * @property {number|'max'} speed
 * @property {boolean} loop
 * @property {number} [position] @property {number} [clock] @property {number} [percent]
 * @property {number} [from] @property {number} [to] recorded µs, where the server knows them
 * @property {boolean} [rebased] items do not have recorded times
 * @property {boolean} busy something was asked and is not answered
 * @property {boolean} mayControl false when the server has refused this page
 * @property {string} why in words
 */
import { signal } from './signal.js';

const POLL_PLAYING_MS = 1000;
const POLL_RESTING_MS = 4000;
const OUTLINE_TRIES = 20; // a large file takes a moment to be looked through
const OUTLINE_MS = 500;

export const SPEEDS = [0.1, 0.25, 0.5, 1, 2, 5, 10, 25, 50, 100, 'max'];

/** The next speed up or down from any. @param {number|'max'} speed @param {1|-1} direction */
export function nextSpeed(speed, direction) {
  const rank = (value) => (value === 'max' ? Infinity : value);
  const others = SPEEDS.filter((value) => (direction > 0 ? rank(value) > rank(speed) : rank(value) < rank(speed)));
  return (direction > 0 ? others[0] : others.at(-1)) ?? speed;
}

/** Why the server did not do it, in words for people. */
export function describeRefusal(error) {
  if (error?.status === 403) return 'This server lets only pages on its own machine control the replay.';
  if (error?.status === 409) return 'There is no recording to do that with.';
  if (error?.code === 'network') return 'The server did not answer.';
  return `The server refused: ${error?.message ?? error}`;
}

/**
 * @param {object} parts
 * @param {any} parts.feed
 * @param {(fire: () => void, ms: number) => any} parts.setTimeout @param {(id: any) => void} parts.clearTimeout
 * @param {() => boolean} parts.isHidden
 * @param {(view: ReplayView) => void} parts.onView whenever it is another
 */
export function createReplayControl({ feed, setTimeout, clearTimeout, isHidden, onView }) {
  const view = signal(/** @type {ReplayView|null} */ (null));
  let confirmed = null;
  let wanted = {}; // what was asked and is not answered
  let commands = 0; // under way
  let asked = 0; // all so far: an answer to a question of before says nothing about after
  let mayControl = true;
  let why = '';
  let isWatching = false;
  let timer;
  const outline = signal(/** @type {{from: number, to: number, exact: boolean, activity: number[]}|null} */ (null));
  let outlineTimer;
  let nextSeek = null; // the last place that was asked for while another seek was under way
  let isSeeking = false;

  return { view, outline, watch, unwatch, refresh, act, seek };

  /** From now on it is a replay that is shown. */
  function watch() {
    isWatching = true;
    mayControl = true;
    why = '';
    refresh();
    learnOutline(OUTLINE_TRIES);
  }

  function isConnected() {
    return feed.state === undefined || feed.state === 'live' || feed.state === 'stalled';
  }

  async function learnOutline(tries) {
    clearTimeout(outlineTimer);
    await null;
    if (!isConnected()) return; // the next hello asks again
    const answer = await feed.get('replay/outline').catch(() => null); // an older server, or one that went away
    if (!isWatching) return;
    if (answer?.known) outline.value = answer;
    else if (tries > 1) outlineTimer = setTimeout(() => learnOutline(tries - 1), OUTLINE_MS);
  }

  function unwatch() {
    isWatching = false;
    clearTimeout(timer);
    clearTimeout(outlineTimer);
    outline.value = null;
    confirmed = null;
    view.value = null;
  }

  async function refresh() {
    clearTimeout(timer);
    await null; // hello comes a moment before the feed is live
    if (!isWatching) return;
    if (!isConnected()) { // a server that is away is not asked
      schedule();
      return;
    }
    const number = asked;
    try {
      const state = await feed.replay.state();
      if (isWatching && number === asked) learn(state);
    } catch {
      // The connection's own state says that the server is away.
    }
    schedule();
  }

  function schedule() {
    clearTimeout(timer);
    if (!isWatching) return;
    timer = setTimeout(() => (isHidden() ? schedule() : refresh()),
      confirmed?.state === 'playing' ? POLL_PLAYING_MS : POLL_RESTING_MS);
  }

  function learn(state) {
    confirmed = state;
    if (state.control === false) {
      mayControl = false;
      why = describeRefusal({ status: 403 });
    } else if (state.control === true) {
      mayControl = true;
      why = '';
    }
    show();
  }

  function show() {
    if (!confirmed && commands === 0) return;
    view.value = { ...confirmed, ...wanted, busy: commands > 0, mayControl, why };
    onView(view.peek());
  }

  /**
   * @param {(replay: any) => Promise<any>} call @param {Partial<ReplayView>} hope what it shall lead to
   * @returns {Promise<unknown>} the refusal, or undefined when it was done
   */
  async function act(call, hope) {
    commands++;
    asked++;
    wanted = { ...wanted, ...hope };
    show();
    let refusal;
    try {
      const state = await call(feed.replay);
      if (commands === 1) confirmed = state;
      mayControl = true;
      why = '';
    } catch (error) {
      refusal = error;
      if (error?.status === 403) mayControl = false;
      why = describeRefusal(error);
    }
    commands--;
    asked++;
    if (commands === 0 || refusal) wanted = {};
    if (isWatching) show();
    schedule();
    return refusal;
  }

  /** Of seeks that follow one another fast, as a finger drags, only the last ones are sent. */
  async function seek(to, hope = {}) {
    if (isSeeking) {
      nextSeek?.superseded();
      return new Promise((done) => { nextSeek = { to, hope, done, superseded: () => done(undefined) }; });
    }
    isSeeking = true;
    const refusal = await act((replay) => replay.seek(to), hope);
    isSeeking = false;
    if (nextSeek) {
      const next = nextSeek;
      nextSeek = null;
      next.done(await seek(next.to, next.hope));
    }
    return refusal;
  }
}
