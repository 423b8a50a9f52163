import { formatCount } from '../core/format.js';
import { useApp, useValue } from './context.js';

/** What the data is and what is wrong with it; the strip takes its place when the connection needs words. */
export function Info() {
  const app = useApp();
  const { note, detail, action } = useValue(app.connection);
  const { text, clock } = useValue(app.data);
  const problems = useValue(app.problems);
  return (
    <section class="info" aria-label="The data and the connection">
      <p class="mode">
        <span id="badge" class="badge">{text}</span>
        <span id="clock" class="clock">{clock && `recorded ${clock}`}</span>
      </p>
      <p id="problems" class="problems" title={problems.join('\n')}>{problems.join(' · ')}</p>
      <Calming />
      <Server />
      <div class="strip">
        <p><span id="note">{note}</span> <span id="detail" class="detailNote">{detail}</span></p>
        <button id="action" type="button" class="button" hidden={!action} onClick={() => app.feed.retry()}>{action}</button>
      </div>
    </section>
  );
}

/** The page asks for less than it could, and says so. */
function Calming() {
  const app = useApp();
  const { level, hz } = useValue(app.interest.calm);
  const { eventsPerS } = useValue(app.counts);
  if (level === 0) return <p id="calming" class="calming" hidden />;
  return (
    <p id="calming" class="calming" title="More comes than this page can show smoothly. What is out of sight is updated less often; nothing waits and grows old.">
      <span class="badge">Calming</span> {hz === 1 ? 'once' : `${hz} times`} a second · {formatCount(eventsPerS)}/s in
    </p>
  );
}

function Server() {
  const { server, mode, epoch } = useValue(useApp().server);
  return (
    <p class="server" title={epoch && `epoch ${epoch}`}>
      <span id="server">{server ? `${server} · ${mode}` : ''}</span>
    </p>
  );
}
