/**
 * Builds the dashboard into a folder that the server embeds, or serves with --web-root.
 *
 *   node web/build.mjs --modules DIR --out DIR [--watch]
 *
 * --modules is where npm put the packages of web/package.json (default: web/node_modules). Names under
 * assets/ carry a hash of their content, so they may be cached for ever. With --watch nothing is
 * minified, and open pages reload after every change.
 */
import { createRequire } from 'node:module';
import { cpSync, existsSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { declarations } from './client/types.mjs';

const HERE = dirname(fileURLToPath(import.meta.url));
const { values: options } = parseArgs({
  options: { modules: { type: 'string' }, out: { type: 'string' }, watch: { type: 'boolean', default: false } },
});
const MODULES = resolve(options.modules ?? join(HERE, 'node_modules'));
const OUT = resolve(options.out ?? join(HERE, '../build/web-root'));
const require = createRequire(join(MODULES, 'x.js'));
const { build, context } = require('esbuild');

const common = {
  bundle: true,
  format: 'esm',
  target: ['es2022'],
  legalComments: 'none',
  minify: !options.watch,
  sourcemap: options.watch ? 'linked' : false,
  nodePaths: [MODULES],
  logLevel: 'warning',
};
const page = {
  ...common,
  entryPoints: { app: join(HERE, 'src/main.jsx'), style: join(HERE, 'styles/style.css') },
  outdir: join(OUT, 'assets'),
  entryNames: '[name]-[hash]',
  chunkNames: 'c-[hash]',
  splitting: true,
  metafile: true,
  jsx: 'automatic',
  jsxImportSource: 'preact',
  define: { DEVELOPMENT: String(options.watch) },
  plugins: [{ name: 'page', setup: (steps) => {
    steps.onEnd(writePage);
    // The dashboard reads JSON, and listens instead of looping: its copy of the client goes without what it does not use.
    steps.onLoad({ filter: /client[\\/]binary\.js$/ }, () => ({ contents: 'export const decodeBinary = undefined;' }));
    steps.onLoad({ filter: /client[\\/]queue\.js$/ }, () => ({ contents: 'export const Queue = undefined;' }));
  } }],
};
const client = { ...common, entryPoints: [join(HERE, 'client/pricecast.js')], outfile: join(OUT, 'pricecast.js') };

rmSync(OUT, { recursive: true, force: true });
mkdirSync(join(OUT, 'assets'), { recursive: true });
cpSync(join(HERE, 'favicon.svg'), join(OUT, 'favicon.svg'));
writeFileSync(join(OUT, 'licences.txt'), licences());

if (options.watch) {
  await (await context(client)).watch();
  await (await context(page)).watch();
  console.log(`watching; pricecast --web-root ${OUT}`);
} else {
  await Promise.all([build(client), build(page)]);
  writeFileSync(join(OUT, 'pricecast.d.ts'), declarations(require('typescript')));
}

/** index.html names the hashed files; the last thing written, so that a page never names a missing one. */
function writePage({ metafile, errors }) {
  if (errors.length > 0 || !metafile) return;
  const outputs = Object.entries(metafile.outputs);
  const nameOf = (suffix) => `assets/${basename(outputs.find(([, { entryPoint }]) => entryPoint?.endsWith(suffix))[0])}`;
  const app = nameOf('src/main.jsx');
  const shared = metafile.outputs[outputs.find(([, { entryPoint }]) => entryPoint?.endsWith('src/main.jsx'))[0]].imports
    .filter(({ kind }) => kind === 'import-statement').map(({ path }) => `assets/${basename(path)}`);
  const wanted = new Set(outputs.map(([path]) => basename(path)));
  for (const file of readdirSync(join(OUT, 'assets'))) if (!wanted.has(file)) rmSync(join(OUT, 'assets', file));
  const html = readFileSync(join(HERE, 'index.html'), 'utf8')
    .replace('styles/style.css', nameOf('styles/style.css'))
    .replace('src/main.jsx', app)
    .replace('  <!-- preload -->\n', shared.map((path) => `  <link rel="modulepreload" href="${path}">\n`).join(''))
    .replace(/<!--.*?-->\n?/gs, '')
    .replace(/^ +/gm, options.watch ? '$&' : '');
  writeFileSync(join(OUT, 'index.html'), html);
}

/** Everything that is in the bundle and not ours, with the whole text of its licence. */
function licences() {
  const parts = ['The dashboard contains these packages.\n'];
  for (const name of ['preact', 'lightweight-charts', 'fancy-canvas']) {
    const folder = join(MODULES, name);
    const { version, license, homepage } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
    const file = readdirSync(folder).find((entry) => /^licen[cs]e/i.test(entry));
    parts.push('-'.repeat(80), `${name} ${version}, ${license}${homepage ? `, ${homepage}` : ''}\n`);
    // The notice that the licence's section 4(d) asks to pass on; the npm package leaves it out.
    if (name === 'lightweight-charts')
      parts.push('TradingView Lightweight Charts™\nCopyright (c) 2025 TradingView, Inc. https://www.tradingview.com/\n');
    if (file && existsSync(join(folder, file))) parts.push(readFileSync(join(folder, file), 'utf8'));
  }
  return parts.join('\n');
}
