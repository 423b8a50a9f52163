/* What is asked of the server, and when it is less. */
import assert from 'node:assert/strict';
import test from 'node:test';
import { createInterest } from '../../web/src/core/interest.js';

function fakeFeed() {
  const subscriptions = [];
  return {
    subscriptions,
    subscribe({ symbols, ...topic }) {
      const subscription = {
        symbols: [...symbols], topic, isClosed: false,
        update(more) { this.topic = { ...this.topic, ...more }; },
        add(more) { this.symbols.push(...more.filter((name) => !this.symbols.includes(name))); },
        remove(gone) { this.symbols = this.symbols.filter((name) => !gone.includes(name)); },
        close() { this.isClosed = true; },
      };
      subscriptions.push(subscription);
      return subscription;
    },
  };
}

function start() {
  const feed = fakeFeed();
  let hidden = false;
  const interest = createInterest({ feed, isHidden: () => hidden });
  const open = () => feed.subscriptions.filter(({ isClosed }) => !isClosed);
  const judge = (share, seconds, items = 20_000) => { for (let at = 0; at < seconds; at++) interest.judge(share, items); };
  return { interest, open, judge, all: feed.subscriptions[0], hide: (value) => { hidden = value; interest.follow(); } };
}

test('a page that keeps up gets everything at full rate', () => {
  const { interest, open, all, judge } = start();
  interest.look(['A', 'B']);
  interest.open('C');
  judge(0.15, 100);
  assert.deepEqual([all.symbols, all.topic.maxRate, interest.calm.value.level], [['*'], 20, 0]);
  assert.deepEqual(open().slice(1).map(({ symbols, topic }) => [symbols[0], topic.kinds[0], topic.mode]), [['C', 'quote', 'latest'], ['C', 'trade', 'every']]);
});

test('a busy page asks for half, and then for the rows in view apart from the rest', () => {
  const { interest, open, all, judge } = start();
  interest.look(['A', 'B']);
  interest.open('C');
  judge(0.5, 2);
  assert.deepEqual([all.topic.maxRate, open().length, interest.calm.value.level], [10, 3, 1]);
  judge(0.5, 2);
  const near = open().at(-1);
  assert.deepEqual([all.topic.maxRate, near.symbols, near.topic.maxRate], [5, ['A', 'B'], 10]);
  interest.look(['B', 'C', 'D']); // C is the open one and has subscriptions of its own
  assert.deepEqual([...near.symbols].sort(), ['B', 'D']);
  judge(0.9, 20);
  assert.equal(all.topic.maxRate, 1);
});

test('a page that is slow though little comes does not ask for less: that would not help', () => {
  const { interest, judge } = start();
  judge(0.9, 100, 500);
  assert.equal(interest.calm.value.level, 0);
});

test('one busy second is not enough, and rest brings everything back, slowly', () => {
  const { interest, all, judge } = start();
  judge(0.9, 1);
  judge(0.1, 1);
  judge(0.9, 1);
  assert.equal(interest.calm.value.level, 0);
  judge(0.9, 1);
  assert.equal(interest.calm.value.level, 1);
  judge(0.01, 14);
  assert.equal(all.topic.maxRate, 10);
  judge(0.01, 1);
  assert.deepEqual([all.topic.maxRate, interest.calm.value.level], [20, 0]);
});

test('a hidden page gets one update a second of everything, and all again when it is shown', () => {
  const { interest, open, all, judge, hide } = start();
  judge(0.9, 4);
  interest.look(['A']);
  hide(true);
  assert.deepEqual([all.topic.maxRate, open().length], [1, 1]);
  hide(false);
  assert.deepEqual([all.topic.maxRate, open().length], [5, 2]);
});

test('the tape has every trade of what it is asked for, and leaves it', () => {
  const { interest, open } = start();
  interest.tape(['A', 'B-*']);
  assert.deepEqual([open()[1].symbols, open()[1].topic.mode, open()[1].topic.kinds], [['A', 'B-*'], 'every', ['trade']]);
  interest.tape(null);
  assert.equal(open().length, 1);
});
