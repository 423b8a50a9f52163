/**
 * One animation frame for the whole page: whatever was marked since the last one draws, once, in the order
 * in which the drawers came. How long that took is told to whoever asks, which is how the page notices
 * that it has too much to do.
 */

/** @param {{requestFrame?: (draw: (at: number) => void) => void, now?: () => number}} [browser] */
export function createFrame({ requestFrame = (draw) => requestAnimationFrame(draw), now = () => performance.now() } = {}) {
  const drawers = new Set();
  const watchers = new Set();
  let isScheduled = false;
  return { add, watch };

  /** @param {(now: number) => void} draw @returns {{mark: () => void, end: () => void}} */
  function add(draw) {
    const drawer = { draw, isMarked: false };
    drawers.add(drawer);
    return {
      mark() {
        drawer.isMarked = true;
        schedule();
      },
      end: () => drawers.delete(drawer),
    };
  }

  /** @param {(workMs: number) => void} listener after every frame that drew @returns {() => void} */
  function watch(listener) {
    watchers.add(listener);
    return () => watchers.delete(listener);
  }

  function schedule() {
    if (isScheduled) return;
    isScheduled = true;
    requestFrame(draw);
  }

  function draw() {
    isScheduled = false;
    const startedAt = now();
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
