/* The client as it is served: one module, small, and typed so that README's example compiles. */
import assert from 'node:assert/strict';
import { copyFileSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import test from 'node:test';
import { gzipSync } from 'node:zlib';
import { program, sourceDir, temporaryFolder } from '../support/server.mjs';

const GZIP_BYTES_MAX = 9000;
const built = join(dirname(program), 'web/dashboard');
const isBuilt = existsSync(join(built, 'root/pricecast.d.ts'));
if (!isBuilt) console.log('skipped: the client was not built');
const options = { skip: !isBuilt };

/** What is wrong with a program of one file that imports the client, in words. */
function complaints(t, program) {
  const folder = temporaryFolder(t);
  copyFileSync(join(built, 'root/pricecast.d.ts'), join(folder, 'pricecast.d.ts'));
  writeFileSync(join(folder, 'program.ts'), program);
  const ts = createRequire(join(built, 'npm/node_modules/x.js'))('typescript');
  const found = ts.getPreEmitDiagnostics(ts.createProgram([join(folder, 'program.ts')], {
    strict: true, noEmit: true, target: ts.ScriptTarget.ES2022, module: ts.ModuleKind.ES2022,
    moduleResolution: ts.ModuleResolutionKind.Bundler, lib: ['lib.es2022.d.ts', 'lib.dom.d.ts'], types: [],
  }));
  return found.map(({ messageText, file, start }) =>
    `${ts.flattenDiagnosticMessageText(messageText, ' ')}: ${file?.text.slice(start, start + 60)}`);
}

test('it is one small module', options, () => {
  const code = readFileSync(join(built, 'root/pricecast.js'));
  assert.doesNotMatch(String(code), /\b(import|from) ?["']/);
  const bytes = gzipSync(code, { level: 9 }).length;
  assert.ok(bytes <= GZIP_BYTES_MAX, `${bytes} bytes`);
});

test("README's example compiles", options, (t) => {
  const readme = readFileSync(join(sourceDir, 'README.md'), 'utf8');
  const [, example] = /```js\n(import \{ connect \} from '\/pricecast\.js';\n.*?)```/s.exec(readme);
  assert.deepEqual(complaints(t, example.replace("'/pricecast.js'", "'./pricecast.js'")), []);
});

test('the types allow what is there, and nothing else', options, (t) => {
  assert.deepEqual(complaints(t, `
    import { connect, Feed, FeedError, PROTOCOL, type Gap, type Item, type State, type Subscribed } from './pricecast.js';
    const feed: Feed = connect(async () => 'ws://h/ws', { codec: 'binary', signal: new AbortController().signal, attemptsMax: 3 });
    const off: () => void = feed.on('state', ({ from, to, attempt, retryAt }) => { const state: State = to; void [state, from, attempt, retryAt]; });
    feed.on('gap', (gap: Gap) => { if (gap.reason === 'sequence') gap.symbol.length; else gap.awayMs.toFixed(); });
    const subscription = feed.subscribe({ symbols: ['A'], mode: 'every', maxRate: 3 });
    subscription.on('batch', ({ items, epoch }) => { const item: Item | undefined = items[0]; void [item?.bid_size?.length, epoch.length]; });
    const { pending }: Subscribed = await subscription.ready;
    for await (const { items, isSnapshot } of subscription.batches({ buffer: 10, overflow: 'error' })) void [items, isSnapshot, pending];
    const { state, speed } = await feed.replay.seek('50%');
    const error: FeedError | undefined = await feed.closed;
    void [off, state === 'paused', speed === 'max', error?.retryable, PROTOCOL, (await feed.candles('A', { interval: '1d' })).candles[0]?.open.length];
    // @ts-expect-error no such event
    feed.on('nothing', () => {});
    // @ts-expect-error no such policy
    subscription.items({ overflow: 'block' });
    // @ts-expect-error the feed's own
    subscription.take({ items: [], isSnapshot: false, epoch: '' });
    // @ts-expect-error no such interval
    feed.candles('A', { interval: '2s' });
  `), []);
});
