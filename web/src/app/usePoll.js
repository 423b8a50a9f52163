/** Asking the server again and again, only while somebody looks and it is there. */
import { useLayoutEffect, useState } from 'preact/hooks';

/**
 * @template T
 * @param {any} app @param {(signal: AbortSignal) => Promise<T>} ask @param {number} everyMs
 * @returns {{value: T|undefined, error: any, retry: () => void}} the last answer stays while an error is told;
 *   a refusal (403) ends the asking
 */
export function usePoll(app, ask, everyMs) {
  const [state, setState] = useState({ value: undefined, error: null });
  const [turn, setTurn] = useState(0);
  useLayoutEffect(() => {
    const abort = new AbortController();
    const { document } = app.page;
    let timer;
    let isAsking = false;
    const isDue = () => !document.hidden && (app.feed.state === 'live' || app.feed.state === 'stalled');
    const run = async () => {
      clearTimeout(timer);
      if (isAsking || abort.signal.aborted) return;
      let isRefused = false;
      if (isDue()) {
        isAsking = true;
        try {
          const value = await ask(abort.signal);
          if (!abort.signal.aborted) setState({ value, error: null });
        } catch (error) {
          isRefused = error?.status === 403;
          if (!abort.signal.aborted && isDue()) setState(({ value }) => ({ value, error }));
        }
        isAsking = false;
      }
      if (!isRefused && !abort.signal.aborted) timer = setTimeout(run, everyMs);
    };
    const off = app.feed.on('state', ({ from, to }) => { if (to === 'live' && from !== to) queueMicrotask(run); });
    document.addEventListener('visibilitychange', run);
    run();
    return () => {
      abort.abort();
      off();
      clearTimeout(timer);
      document.removeEventListener('visibilitychange', run);
    };
  }, [turn]);
  return { ...state, retry: () => setTurn(turn + 1) };
}
