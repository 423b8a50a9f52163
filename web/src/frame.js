/** Returns markDirty(): however often it is called, draw() runs at most once per frame. */
export function drawOncePerFrame(draw, requestFrame = requestAnimationFrame) {
  let isScheduled = false;
  return function markDirty() {
    if (isScheduled) return;
    isScheduled = true;
    requestFrame(() => {
      isScheduled = false;
      draw();
    });
  };
}
