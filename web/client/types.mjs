// The types of the client as one file, pricecast.d.ts. Used by ../build.mjs.
import { mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ALIAS = /^export type (\w+) = import\("[^"]*"\)\.\1;$/gm; // of the same name
const ENTRY = 'pricecast';
const sources = fileURLToPath(new URL('.', import.meta.url));

/** Checks the sources, and returns their declarations after each other; only the entry's are exported.
 * @param {import('typescript')} ts */
export function declarations(ts) {
  const folder = mkdtempSync(join(tmpdir(), 'pricecast-types-'));
  try {
    const files = readdirSync(sources).filter((name) => name.endsWith('.js'));
    const options = {
      allowJs: true, checkJs: true, strict: true, noImplicitAny: false, declaration: true,
      emitDeclarationOnly: true, outDir: folder, target: ts.ScriptTarget.ES2022,
      module: ts.ModuleKind.ES2022, moduleResolution: ts.ModuleResolutionKind.Bundler,
      lib: ['lib.es2022.d.ts', 'lib.dom.d.ts', 'lib.dom.iterable.d.ts'], types: [],
    };
    const program = ts.createProgram(files.map((name) => join(sources, name)), options);
    const found = [...ts.getPreEmitDiagnostics(program), ...program.emit().diagnostics];
    if (found.length > 0) {
      const host = { getCanonicalFileName: (name) => name, getCurrentDirectory: () => sources, getNewLine: () => '\n' };
      throw new Error(ts.formatDiagnostics(found, host));
    }
    const read = (name) => readFileSync(join(folder, name.replace(/\.js$/, '.d.ts')), 'utf8');
    const inner = files.filter((name) => name !== `${ENTRY}.js`).map((name) => hide(read(name)));
    return `${[...inner, tidy(read(`${ENTRY}.js`))].join('\n')}export {};\n`;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** All is one file now: nothing is imported, and what was exported from elsewhere is at hand. */
function tidy(text) {
  return text
    .replace(/^import .*;\n/gm, '')
    .replace(/^export \{\};\n/gm, '')
    .replace(/^export (\{[^}]*\}) from .*;$/gm, 'export $1;')
    .replace(ALIAS, 'export { $1 };')
    .replace(/^    \/\*\* @internal.*\n(.*\n)*?    \S.*;\n/gm, '')
    .replace(/import\("\.\/[^"]*"\)\./g, '');
}

function hide(text) {
  return tidy(text.replace(ALIAS, '')).replace(/^export (declare )?/gm, (_, word) => word ?? '')
    .replace(/^(class|function|const)/gm, 'declare $1');
}
