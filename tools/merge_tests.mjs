// Writes one CTestTestfile.cmake that lists the tests of several build trees, so that a single
// ctest runs and counts them all.
//
// usage: node merge_tests.mjs OUT DIR=LABEL…
//
// Of each DIR it takes the tests that have a label matching LABEL, and puts the tree's name before
// theirs, "tsan: …", to tell them apart. Where LABEL is "." it takes all, under their own names.
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { basename } from 'node:path';

/** The tests of a build tree as ctest knows them: name, command and properties. */
function listTests(dir, label) {
  const args = ['--test-dir', dir, '--show-only=json-v1'];
  if (label !== '.') args.push('-L', label);
  return JSON.parse(execFileSync('ctest', args, { maxBuffer: 64 << 20 })).tests;
}

/** A CMake bracket argument: nothing inside is special. */
function quote(value) {
  const items = [value].flat().map((item) => String(item).replaceAll(';', '\\;'));
  const text = items.join(';');
  let mark = '=';
  while (text.includes(`]${mark}]`)) mark += '=';
  return `[${mark}[${text}]${mark}]`;
}

function writeTest(prefix, { name, command, properties }) {
  const quotedName = quote(prefix + name);
  const words = command ?? ['NOT-BUILT'];
  const lines = [`add_test(${[quotedName, ...words.map(quote)].join(' ')})`];
  for (const { name: property, value } of properties ?? []) {
    const text = typeof value === 'boolean' ? (value ? 'ON' : 'OFF') : value;
    lines.push(`set_tests_properties(${quotedName} PROPERTIES ${property} ${quote(text)})`);
  }
  return lines.join('\n');
}

const [out, ...trees] = process.argv.slice(2);
const lines = trees.flatMap((tree) => {
  const [dir, label] = tree.split('=');
  const prefix = label === '.' ? '' : `${basename(dir)}: `;
  return listTests(dir, label).map((test) => writeTest(prefix, test));
});
writeFileSync(out, `${lines.join('\n')}\n`);
