/**
 * The clock of a recording: it shows the newest recorded time that was seen and goes on from there at the
 * replay's speed, because between two events time passes in a recording as anywhere. It never goes back
 * by itself; `set()` puts it where the server says it is.
 */
const DRIFT_MS = 250; // of real time: less is how late messages are

/** @param {() => number} now monotonic ms */
export function createRecordedClock(now) {
  let atUs; // recorded
  let atMs = 0; // real
  let rate = 0; // recorded seconds a real second, 0: stands still
  let endUs = Infinity;
  return { observe, set, setRate, setEnd, clear: () => { atUs = undefined; }, us };

  function us() {
    return atUs === undefined ? undefined : Math.min(endUs, Math.round(atUs + (now() - atMs) * 1000 * rate));
  }

  /** An event of this recorded time has come. */
  function observe(timeUs) {
    const shown = us();
    if (timeUs > endUs || (shown !== undefined && timeUs <= shown)) return;
    atUs = timeUs;
    atMs = now();
  }

  /** The server's own clock: small differences are the way here and are left alone. */
  function set(timeUs) {
    const shown = us();
    const mayDifferUs = DRIFT_MS * 1000 * Math.max(rate, 1);
    if (shown !== undefined && rate > 0 && Math.abs(shown - timeUs) < mayDifferUs) return;
    atUs = timeUs;
    atMs = now();
  }

  function setRate(newRate) {
    if (newRate === rate) return;
    const shown = us();
    if (shown !== undefined) atUs = shown;
    atMs = now();
    rate = newRate;
  }

  /** No event of the recording is later; after it the clock stands. */
  function setEnd(timeUs) {
    endUs = timeUs ?? Infinity;
  }
}
