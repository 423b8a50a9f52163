import { useApp, useValue } from './context.js';

/** What happened, in a corner, for some seconds. Errors interrupt a screen reader, the rest waits. */
export function Toasts() {
  const app = useApp();
  const toasts = useValue(app.toasts);
  return (
    <div class="toasts" aria-live="polite">
      {toasts.map(({ id, text, kind, action }) => (
        <div key={id} class={`toast ${kind}`} role={kind === 'error' ? 'alert' : undefined}>
          <p>{text}</p>
          {action && (
            <button type="button" class="link" onClick={() => { app.dismiss(id); action.run(); }}>{action.text}</button>
          )}
          <button type="button" class="icon" aria-label="Dismiss" onClick={() => app.dismiss(id)}>✕</button>
        </div>
      ))}
    </div>
  );
}
