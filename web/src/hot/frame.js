/**
 * One animation frame for the whole page: whatever was marked since the last one draws, once, in the order
 * in which the drawers came. How long that took is told to whoever asks, which is how the page notices
 * that it has too much to do.
 *
 * News come at any time; they are drawn about thirty times a second, because what a frame costs is mostly the
 * browser's own work, and no eye reads faster. What the reader does is answered in the next frame.
 */

const PACE_MS = 25; // every second frame of a screen that shows sixty

/**
 * @param {{requestFrame?: (draw: (at: number) => void) => void, now?: () => number,
 *   setTimeout?: (fire: () => void, ms: number) => any, clearTimeout?: (id: any) => void}} [browser]
 */
export function createFrame({
  requestFrame = (draw) => requestAnimationFrame(draw), now = () => performance.now(),
  setTimeout = (fire, ms) => globalThis.setTimeout(fire, ms), clearTimeout = (id) => globalThis.clearTimeout(id),
} = {}) {
  const drawers = new Set();
  const watchers = new Set();
  let isRequested = false;
  let timer;
  let drawnAt = -Infinity;
  return { add, watch };

  /**
   * @param {(now: number) => void} draw
   * @param {() => void} [prepare] the next frame is the one that draws it: for what draws in a frame of its own,
   *   and shall in the same. Called again when it is marked again before.
   * @returns {{mark: () => void, markNews: () => void, end: () => void}}
   */
  function add(draw, prepare) {
    const drawer = { draw, prepare, isMarked: false };
    drawers.add(drawer);
    return {
      mark: () => mark(drawer, 0),
      markNews: () => mark(drawer, PACE_MS),
      end: () => drawers.delete(drawer),
    };
  }

  /** @param {(workMs: number) => void} listener after every frame that drew @returns {() => void} */
  function watch(listener) {
    watchers.add(listener);
    return () => watchers.delete(listener);
  }

  function mark(drawer, paceMs) {
    drawer.isMarked = true;
    if (isRequested) {
      drawer.prepare?.();
      return;
    }
    const waitMs = drawnAt + paceMs - now();
    if (waitMs <= 0) request();
    else timer ??= setTimeout(request, waitMs);
  }

  function request() {
    clearTimeout(timer);
    timer = undefined;
    isRequested = true;
    requestFrame(draw);
    for (const drawer of drawers) if (drawer.isMarked) drawer.prepare?.();
  }

  function draw() {
    isRequested = false;
    const startedAt = now();
    drawnAt = startedAt;
    for (const drawer of drawers) {
      if (!drawer.isMarked) continue;
      drawer.isMarked = false;
      try {
        drawer.draw(startedAt);
      } catch (error) {
        console.error('pricecast: a drawing failed', error); // the others go on
      }
    }
    const workMs = now() - startedAt;
    for (const watcher of watchers) watcher(workMs);
  }
}
