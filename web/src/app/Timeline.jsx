/** The clock of the page and its controls: pause, delay, rewind, and all of a replay. */
import { useLayoutEffect, useRef, useState } from 'preact/hooks';
import { describeClock, formatClock, formatDay, formatSpan, formatSpeed } from '../core/clockwords.js';
import { timeMarks } from '../core/density.js';
import { formatCount } from '../core/format.js';
import { SPEEDS } from '../core/replay.js';
import { createScrubber, placeAt } from '../hot/scrubber.js';
import { Icon } from './icons.jsx';
import { useApp, useValue } from './context.js';

const CLOCK_MS = 100;
const SHIFT_SPEEDS = [0.25, 0.5, 1, 2, 5, 10, 25];
const MARK_PX = 96;

export function Timeline() {
  const app = useApp();
  const { timeline } = app;
  const clock = useClockWords(app);
  useTimelineKeys(app);
  useNotices(app);
  const [isOpen, setOpen] = useState(false);
  const { mode } = clock;
  return (
    <>
      <Intro />
      <section class={isOpen ? 'timeline open' : 'timeline'} aria-label="Timeline" data-standing={clock.isStanding || undefined}>
        <div class="transport" role="group" aria-label="Playback">
          {timeline.hasControl && <Button name="start" label="To the beginning" keys="Home" extra run={() => timeline.goToStart()} />}
          <Button name="back" label="One second back" keys="," extra run={() => timeline.step(-1)} />
          <PlayButton />
          <Button name="step" label={timeline.hasControl ? 'One event on' : 'The next update'} keys="." extra run={() => step(app)} />
          {timeline.isRecorded && timeline.hasControl && <LoopButton />}
          {(timeline.isRecorded || mode === 'shifted') && <Speed />}
        </div>
        <Scrubber />
        <Edge words={clock} />
        <button type="button" class="icon more" aria-expanded={isOpen} aria-label="All timeline controls" onClick={() => setOpen(!isOpen)}>
          <Icon name={isOpen ? 'down' : 'up'} />
        </button>
      </section>
    </>
  );
}

/** What the screen shows, in words, and spoken when it becomes something else. */
export function useClockWords(app) {
  const { timeline } = app;
  const mode = useValue(timeline.mode);
  const behind = useValue(timeline.behind);
  const rate = useValue(timeline.rate);
  const replay = useValue(timeline.replay);
  const { state: connection } = useValue(app.connection);
  const { isRecorded, hasControl } = timeline;
  return { mode, replay, ...describeClock({ mode, behind, rate, replay, isRecorded, hasControl, connection }) };
}

function wordsNow({ timeline: { mode, behind, rate, replay, isRecorded, hasControl }, connection }) {
  return describeClock({ mode: mode.peek(), behind: behind.peek(), rate: rate.peek(), replay: replay.peek(), isRecorded, hasControl,
    connection: connection.peek().state });
}

function Button({ name, label, keys, run, extra = false, pressed, disabled }) {
  return (
    <button type="button" class={extra ? 'icon extra' : 'icon'} aria-label={label} title={keys ? `${label} (${keys})` : label}
      aria-keyshortcuts={keys} aria-pressed={pressed} disabled={disabled} onClick={run}><Icon name={name} /></button>
  );
}

function PlayButton() {
  const app = useApp();
  const { mode, replay } = useClockWords(app);
  const stands = mode === 'paused' || (mode === 'replay' && app.timeline.hasControl && ['paused', 'ended'].includes(replay?.state));
  const label = !stands ? 'Pause' : replay?.state === 'ended' && mode === 'replay' ? 'Play again' : mode === 'paused' ? 'Resume at now' : 'Play';
  return (
    <button type="button" id="play" class="icon play" aria-label={label} title={`${label} (Space)`} aria-keyshortcuts="Space"
      aria-busy={replay?.busy || undefined} onClick={() => app.timeline.toggle()}>
      <Icon name={stands ? 'play' : 'pause'} />
    </button>
  );
}

function LoopButton() {
  const app = useApp();
  const replay = useValue(app.timeline.replay);
  return <Button name="loop" label="Begin again at the end" keys="r" extra pressed={replay?.loop ?? false} run={() => app.timeline.toggleLoop()} />;
}

function Speed() {
  const app = useApp();
  const { timeline } = app;
  const mode = useValue(timeline.mode);
  const replay = useValue(timeline.replay);
  const rate = useValue(timeline.rate);
  const isLocal = mode === 'shifted' || mode === 'paused';
  const speed = isLocal ? rate : (replay?.speed ?? 1);
  const mayChange = isLocal || timeline.hasControl;
  const known = isLocal ? SHIFT_SPEEDS : SPEEDS;
  const choices = known.includes(speed) ? known : [...known, speed].sort((a, b) => rank(a) - rank(b));
  return (
    <label class="speed extra" title="Speed ([ and ])">
      <span class="unseen">Speed</span>
      <select id="speed" value={String(speed)} disabled={!mayChange}
        onChange={({ currentTarget: { value } }) => timeline.setSpeed(value === 'max' ? 'max' : Number(value))}>
        {choices.map((choice) => <option key={choice} value={String(choice)}>{formatSpeed(choice)}</option>)}
      </select>
    </label>
  );
}

const formatBack = (ms) => `\u2212${formatSpan(ms)}`;
const rank = (speed) => (speed === 'max' ? Infinity : speed);

/** How far from now, and the way back. */
function Edge({ words }) {
  const app = useApp();
  const { timeline } = app;
  const { mode, pill, detail } = words;
  const connection = useValue(app.connection);
  const isAway = mode === 'paused' || mode === 'shifted';
  return (
    <div class="edge">
      <p class="when"><ClockText /></p>
      {isAway ? (
        <p class="away">
          <span id="behind" class="behind" title={`${pill}, ${detail}`}>{detail}</span>
          {mode === 'paused' && (
            <button type="button" id="fromHere" class="link" title="Go on from this moment, as far behind as now (Shift+Space)"
              onClick={() => timeline.continueFromHere()}>Continue here</button>
          )}
          <button type="button" id="toLive" class="button primary" title="Back to now (L)" onClick={() => timeline.backToLive()}>
            {timeline.isRecorded ? 'Catch up' : 'Back to live'}
          </button>
        </p>
      ) : (
        <p class="away">{connection.state !== 'live' ? <span key="lost" class="lost" title={connection.note}>{connection.pill}</span>
          : mode === 'live' ? <span key="live" class="live">Live</span> : <span key="recorded" class="recorded" title={detail}>{pill}</span>}
          {mode === 'replay' && !timeline.hasControl && <span class="locked" title={words.replay?.why}><Icon name="lock" />view only</span>}
          <MarksButton />
        </p>
      )}
    </div>
  );
}

function MarksButton() {
  const app = useApp();
  const marks = useValue(app.timeline.marks);
  if (!marks) return null;
  return (
    <button type="button" class="link" title="Play on to the end" onClick={() => app.timeline.setMarks(null)}>
      Repeats {formatSpan((marks.to - marks.from) / 1000)} <span aria-hidden="true">✕</span><span class="unseen">, stop that</span>
    </button>
  );
}

/** Written ten times a second, so not by the framework. */
function ClockText() {
  const app = useApp();
  const element = useRef();
  useLayoutEffect(() => {
    const { timeline } = app;
    const [day, time] = [...element.current.children].map((child) => child.appendChild(app.page.document.createTextNode('')));
    const drawer = app.frame.add(() => {
      const us = timeline.nowUs();
      const isKnown = us > 0;
      const isFine = timeline.mode.peek() !== 'live';
      write(time, isKnown ? `${formatClock(us, isFine)} UTC` : '');
      write(day, isKnown && timeline.isRecorded ? formatDay(us) : '');
    });
    const timer = app.page.setInterval(() => { if (!app.page.document.hidden) drawer.mark(); }, CLOCK_MS);
    drawer.mark();
    return () => { drawer.end(); app.page.clearInterval(timer); };
  }, []);
  return <span ref={element} id="screenClock" class="clockText"><span class="day" /> <span class="time" /></span>;
}

function write(node, text) {
  if (node.nodeValue !== text) node.nodeValue = text;
}

function Scrubber() {
  const app = useApp();
  const { timeline } = app;
  const box = useRef();
  const canvas = useRef();
  const tip = useRef();
  const scale = useRef();
  const scrubber = useRef();
  const mode = useValue(timeline.mode);
  useValue(timeline.replay);
  const isLocked = mode === 'replay' && !timeline.hasControl;
  useLayoutEffect(() => {
    scrubber.current = createScrubber({ app, canvas: canvas.current, onDraw: describe });
    return () => scrubber.current.end();
  }, []);

  function describe(layout, width) {
    const element = box.current;
    const { pill, spoken } = wordsNow(app);
    const text = `${formatClock(timeline.nowUs())} UTC, ${pill || spoken}`;
    setAttribute(element, 'aria-valuenow', String(Math.round(layout.head * 1000)));
    setAttribute(element, 'aria-valuetext', text);
    drawScale(layout, width);
  }

  /** A few times under the bar; they move with it. */
  function drawScale(layout, width) {
    const element = scale.current;
    const isBack = layout.kind === 'window' && timeline.isRecorded; // of a recording no wall clock is shown
    const [fromMs, toMs] = layout.kind === 'recording' ? [layout.from / 1000, layout.to / 1000] : isBack ? [-layout.span, 0]
      : layout.kind === 'window' ? [timeline.wallMsAt(layout.endMs - layout.span), timeline.wallMsAt(layout.endMs)] : [0, 0];
    const { marks, stepMs } = toMs > fromMs ? timeMarks(fromMs, toMs, Math.max(1, Math.floor(width / MARK_PX))) : { marks: [], stepMs: 0 };
    const edge = MARK_PX / 3 / Math.max(1, width); // a time is written whole or not at all
    while (element.children.length < marks.length) element.append(app.page.document.createElement('span'));
    for (let at = 0; at < element.children.length; at++) {
      const child = element.children[at];
      const mark = marks[at];
      const part = (mark - fromMs) / (toMs - fromMs);
      child.hidden = mark === undefined || part < edge || part > 1 - edge;
      if (child.hidden) continue;
      const text = isBack ? formatBack(-mark) : stepMs >= 86_400_000 ? formatDay(mark * 1000) : formatClock(mark * 1000).slice(0, stepMs % 60_000 === 0 ? 5 : 8);
      if (child.textContent !== text) child.textContent = text;
      child.style.transform = `translateX(${part * 100}%)`;
    }
  }

  const partOf = (event) => {
    const { left, width } = canvas.current.getBoundingClientRect();
    return Math.min(1, Math.max(0, (event.clientX - left) / width));
  };

  function showTip(part) {
    const { layout } = scrubber.current;
    const place = placeAt(layout, part);
    const isWindow = layout.kind === 'window';
    tip.current.textContent = typeof place === 'string' ? place
      : !isWindow ? formatClock(place)
        : timeline.isRecorded ? formatBack(layout.endMs - place) : formatClock(timeline.wallMsAt(place) * 1000);
    tip.current.style.left = `${part * 100}%`;
  }

  function go(part) {
    const { layout } = scrubber.current;
    const place = placeAt(layout, Math.max(part, layout.known[0]));
    if (layout.kind === 'window') timeline.rewindToMs(place);
    else timeline.seek(place);
    scrubber.current.mark();
  }

  function onPointerDown(event) {
    if (event.button !== 0) return;
    box.current.focus({ preventScroll: true });
    if (isLocked) { app.toast({ kind: 'warn', text: timeline.replay.peek()?.why || 'This page may not control the replay.' }); return; }
    const { layout } = scrubber.current;
    const isMarking = event.shiftKey && layout.kind === 'recording';
    const from = partOf(event);
    let last = from;
    let isDue = false;
    box.current.setPointerCapture(event.pointerId);
    if (!isMarking) go(from);
    const onMove = (move) => {
      last = partOf(move);
      if (isMarking) scrubber.current.setSelection([from, last]);
      else if (!isDue) { // at most once a frame
        isDue = true;
        app.page.requestAnimationFrame(() => { isDue = false; go(last); });
      }
    };
    const onUp = () => {
      box.current.removeEventListener('pointermove', onMove);
      scrubber.current.setSelection(null);
      if (!isMarking) return;
      const [a, b] = [placeAt(layout, Math.min(from, last)), placeAt(layout, Math.max(from, last))];
      if (b > a) { timeline.setMarks({ from: a, to: b }); timeline.seek(a); }
    };
    box.current.addEventListener('pointermove', onMove);
    box.current.addEventListener('lostpointercapture', onUp, { once: true });
  }

  function onKeyDown(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const far = event.shiftKey ? 6 : 1;
    const jumps = { ArrowLeft: -5 * far, ArrowRight: 5 * far, ArrowDown: -5 * far, ArrowUp: 5 * far, PageDown: -60, PageUp: 60 };
    if (event.key in jumps) timeline.seekBy(jumps[event.key]);
    else if (event.key === ' ') { if (event.shiftKey) timeline.continueFromHere(); else timeline.toggle(); }
    else if (event.key === 'Home') timeline.goToStart();
    else if (event.key === 'End') timeline.goToEnd();
    else if ((event.key === 'a' || event.key === 'b') && timeline.hasControl) mark(event.key);
    else if (event.key === 'Delete' || event.key === 'Backspace') timeline.setMarks(null);
    else return;
    event.preventDefault();
  }

  /** The beginning and the end of what shall be repeated, where the head is. */
  function mark(side) {
    const outline = timeline.outline.peek();
    if (!outline) return;
    const { from = outline.from, to = outline.to } = timeline.marks.peek() ?? {};
    const us = timeline.recordedUs();
    timeline.setMarks(side === 'a' ? { from: us, to: to > us ? to : outline.to } : { from: from < us ? from : outline.from, to: us });
  }

  return (
    <div class="scrub">
      <div ref={box} id="scrubber" class="track" role="slider" tabIndex={0} aria-label={timeline.isRecorded ? 'Position in the recording' : 'Time'}
        aria-valuemin={0} aria-valuemax={1000} aria-valuenow={1000} aria-disabled={isLocked || undefined}
        title={isLocked ? undefined : timeline.isRecorded ? 'Click or drag to go there; Shift and drag to repeat a part' : undefined}
        onPointerDown={onPointerDown} onKeyDown={onKeyDown}
        onPointerMove={(event) => { const part = partOf(event); scrubber.current.setHover(part); showTip(part); }}
        onPointerLeave={() => scrubber.current.setHover(null)}>
        <canvas ref={canvas} aria-hidden="true" />
        <span ref={tip} class="tip" aria-hidden="true" />
      </div>
      <div ref={scale} class="scale" aria-hidden="true" />
    </div>
  );
}

function setAttribute(element, name, value) {
  if (element.getAttribute(name) !== value) element.setAttribute(name, value);
}

/** Once, for somebody who sees this for the first time. */
function Intro() {
  const app = useApp();
  const seen = useValue(app.settings.seenIntro);
  const { text } = useValue(app.data);
  if (seen) return null;
  const what = text && text !== 'Live data' ? ` ${text}.` : ''; // known later than the rest: where nothing stands behind it
  return (
    <p class="intro">
      <span><span class="keys">Press <kbd>/</kbd> to search, <kbd>Space</kbd> to pause. </span>Drag the timeline to go back,
        or <a href={app.route.href({ view: 'connect' })}>connect your own code</a>.{what}</span>
      <button type="button" class="icon" aria-label="Dismiss this hint" onClick={() => { app.settings.seenIntro.value = true; }}><Icon name="close" /></button>
    </p>
  );
}

// ---- keys and words ----

function step(app) {
  const { timeline } = app;
  if (timeline.step(1) === false) app.say('Nothing newer yet');
}

function useTimelineKeys(app) {
  useLayoutEffect(() => {
    const { timeline } = app;
    const group = 'Timeline';
    const hasSpeed = () => timeline.hasControl || timeline.mode.peek() === 'shifted';
    return app.keys.add(
      { key: 'r', title: 'Begin a replay again at its end, or not', group, when: () => timeline.hasControl, run: () => timeline.toggleLoop() },
      { key: 'l', title: 'Back to live', group, run: () => (timeline.isFollowing ? timeline.isRecorded && timeline.resume() : timeline.backToLive()) },
      { key: ']', title: 'Faster', group, when: hasSpeed, run: () => timeline.changeSpeed(1) },
      { key: '[', title: 'Slower', group, when: hasSpeed, run: () => timeline.changeSpeed(-1) },
      { key: '.', title: 'Step on: the next event', group, run: () => step(app) },
      { key: ',', title: 'Step back: one second', group, run: () => timeline.step(-1) },
      { key: 'Shift+Space', title: 'Go on from the moment that is shown', group, run: () => timeline.continueFromHere() },
      { key: 'Space', title: 'Pause, or go on at now', group, run: () => timeline.toggle() },
    );
  }, []);
}

/** Refusals become toasts; a new kind of time is spoken. */
function useNotices(app) {
  useLayoutEffect(() => {
    const { timeline } = app;
    let last = '';
    const speak = () => {
      const { spoken } = wordsNow(app);
      if (last !== '' && spoken !== last && !timeline.replay.peek()?.busy) app.say(spoken);
      if (!timeline.replay.peek()?.busy) last = spoken;
    };
    const ends = [
      timeline.mode.subscribe(speak),
      timeline.replay.subscribe(speak),
      timeline.notice.subscribe(({ text }) => app.toast({ kind: 'warn', text })),
      timeline.on('jump', ({ kind, events }) => {
        if (kind === 'forward' && events > 0) app.say(`${formatCount(events)} updates passed over`);
      }),
    ];
    speak();
    return () => { for (const end of ends) end(); };
  }, []);
}
