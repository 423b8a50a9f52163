/**
 * The time of the screen and the URL: a link that names a moment or a speed leads there once it is known
 * what this server and this page can do; and a screen that is not live says in the URL where it stands.
 */
import { formatClock, formatDay } from './clockwords.js';
import { formatAt, parseAt, parseSpeed } from './route.js';

const WRITE_MS = 300; // a finger on the timeline does not write with every step
const NEAR_US = 1_000_000; // is there already
const AROUND_US = 60_000_000; // that a chart shows of a moment, before and after

/**
 * @param {{route: any, timeline: any, setTimeout: Function, clearTimeout: Function, isKnown: () => boolean,
 *   toast: (toast: object) => void, showMoment: (span: {from: number, to: number}) => void}} parts
 *   `isKnown`: the server has said what it plays, and sent something
 * @returns `check()`: call now and then until a link is done with
 */
export function createTimeLink({ route, timeline, setTimeout, clearTimeout, isKnown, toast, showMoment }) {
  let wanted = route.link.peek();
  let timer;
  route.link.subscribe((link) => { wanted = link; check(); });
  for (const signal of [timeline.mode, timeline.rate, timeline.replay]) signal.subscribe(writeSoon);
  timeline.on('jump', writeSoon);
  return { check };

  function check() {
    if (!wanted || !isKnown() || (timeline.isRecorded && !timeline.replay.peek()?.state)) return;
    const [at, speed, leftAt] = [parseAt(wanted.at), parseSpeed(wanted.speed), parseAt(wanted.leftAt)];
    wanted = null;
    if (leftAt !== undefined) tellLeft(leftAt);
    else if (!timeline.isRecorded) goBack(at, speed);
    else if (timeline.hasControl) goInReplay(at, speed);
    else toast({ kind: 'warn', text: timeline.replay.peek().why || 'This page may not control the replay, so the time of the link is not shown.' });
    writeSoon();
  }

  function goInReplay(at, speed) {
    if (speed !== undefined && speed !== timeline.replay.peek().speed) timeline.setSpeed(speed);
    if (at !== undefined && !(Math.abs(timeline.recordedUs() - at) < NEAR_US)) timeline.seek(at);
  }

  function goBack(at, speed) {
    if (at === undefined) return;
    const { startMs, endMs } = timeline.window;
    const beginUs = timeline.edgeUs() - (endMs - startMs) * 1000;
    if (at >= beginUs) {
      timeline.rewindTo(at);
      if (speed !== undefined && !timeline.isFollowing) timeline.setSpeed(speed);
      return;
    }
    toast({ text: `This page has prices since ${formatClock(beginUs)} UTC; what was before is in the charts.`, action: showing(at) });
  }

  /** What was kept is gone with the page that kept it. A replay stands where it stood, or went on by the server's will. */
  function tellLeft(at) {
    if (timeline.isRecorded && (timeline.hasControl || Math.abs(timeline.recordedUs() - at) < NEAR_US)) return;
    const day = formatDay(at) === formatDay(timeline.edgeUs()) ? '' : `${formatDay(at)} `;
    toast({ text: `This page was loaded anew and shows the present. The charts may have ${day}${formatClock(at)} UTC, where it stood.`, action: showing(at) });
  }

  function showing(at) {
    return { text: 'Show', run: () => showMoment({ from: at - AROUND_US, to: at + AROUND_US }) };
  }

  function writeSoon() {
    clearTimeout(timer);
    timer = setTimeout(write, WRITE_MS);
  }

  function write() {
    if (wanted) return;
    const mode = timeline.mode.peek();
    const { state, speed: replaySpeed } = timeline.replay.peek() ?? {};
    const isAway = mode === 'paused' || mode === 'shifted';
    const us = isAway ? timeline.nowUs() : mode === 'replay' && state === 'paused' ? timeline.recordedUs() : 0;
    const speed = mode === 'shifted' ? timeline.rate.peek() : mode === 'replay' ? replaySpeed : 1;
    route.go({ params: { at: us > 0 ? formatAt(us) : '', speed: speed === undefined || speed === 1 ? '' : String(speed) } });
  }
}
