import { useLayoutEffect, useRef } from 'preact/hooks';
import { createQuotePanel } from '../hot/quotePanel.js';
import { useApp } from './context.js';
import { useSymbol } from './symbol.js';

/** Bid and ask, the day, and how far to trust them. Figures are written by hot/quotePanel.js. */
export function Quote() {
  const app = useApp();
  const view = useSymbol();
  const root = useRef();
  useLayoutEffect(() => view.onDraw(createQuotePanel(root.current, { app, view })), []);
  return (
    <section ref={root} class="quote" aria-label="Quote">
      <Side name="Bid" side="bid" />
      <Side name="Ask" side="ask" />
      <dl class="facts">
        <dt>Spread</dt>
        <dd><span class="tag" data-cell="crossed" /><span data-cell="spread" /> <span class="muted" data-cell="points" /></dd>
        <dt>Mid</dt>
        <dd data-cell="mid" />
      </dl>
      <div class="dayRange">
        <p class="dayHead"><span>Range</span><span class="muted" data-cell="range" /></p>
        <div class="dayTrack" aria-hidden="true"><i data-mark hidden /></div>
        <p class="dayEnds"><span><span class="unseen">Low </span><span data-cell="low" /></span><span><span class="unseen">High </span><span data-cell="high" /></span></p>
      </div>
      <dl class="facts">
        <dt>Open</dt>
        <dd data-cell="open" />
        <dt>Volume</dt>
        <dd data-cell="volume" />
        <dt title="The average of the trades this page has seen, weighed by size">VWAP</dt>
        <dd><span data-cell="vwap" /><small class="muted" data-cell="vwapOf" /></dd>
        <dt>Updates/s</dt>
        <dd><span data-cell="rate" /><small class="muted" data-cell="skipped" /></dd>
        <dt title="The number of the last event of each stream">Sequence</dt>
        <dd><span data-cell="tradeSeq" /><small class="muted" data-cell="quoteSeq" /></dd>
        <dt title="The time the source gave, UTC">Source time</dt>
        <dd><span data-cell="source" /></dd>
        <dt title="When the server received it, or it was recorded, UTC">Received</dt>
        <dd><span data-cell="received" /><small class="muted"><span data-cell="delay" /> <span data-cell="date" /></small></dd>
      </dl>
    </section>
  );
}

function Side({ name, side }) {
  return (
    <div class={`quoteSide ${side}`}>
      <i data-bar={side} aria-hidden="true" />
      <span class="quoteName">{name}</span>
      <span class="quotePrice" data-price={side} />
      <span class="quoteSize"><span class="unseen">size </span><span data-cell={`${side}Size`} /></span>
    </div>
  );
}
