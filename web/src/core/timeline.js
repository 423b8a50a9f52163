/**
 * The one clock of the screen. It stands between the client and everything that shows data: what comes
 * from the client goes in by `take()`, and what the screen shall show now comes out by `on()`, in order.
 */
import { Listeners } from '../../client/listeners.js';
import { signal } from './signal.js';

/** @param {{serverNow: () => number|undefined, wallNow: () => number}} clocks ms */
export function createTimeline({ serverNow, wallNow }) {
  const listeners = new Listeners();
  const timeline = {
    /** 'live' | 'paused' | 'shifted' | 'replay' */
    mode: signal('live'),
    behind: signal({ events: 0, ms: 0 }),
    replay: signal(null),
    take,
    on: (type, listener, options) => listeners.add(type, listener, options),
    nowUs,
  };
  let isReplay = false;
  let newestUs = NaN;
  return timeline;

  function take(entry) {
    if (entry.type === 'hello') {
      isReplay = entry.hello.mode === 'replay';
      timeline.mode.value = isReplay ? 'replay' : 'live';
    } else if (entry.type === 'reset') {
      newestUs = NaN;
    } else if (entry.type === 'items' && isReplay) {
      for (const item of entry.items) {
        const us = item.recv ?? item.ts;
        if (us !== undefined && !(us < newestUs)) newestUs = us;
      }
    }
    listeners.emit(entry.type, entry);
  }

  /** The clock of what is shown, in µs: the server's wall clock, in a replay the recorded time. */
  function nowUs() {
    return isReplay ? newestUs : (serverNow() ?? wallNow()) * 1000;
  }
}
