// What tools/run and tools/test promise before the first line of our own code runs. They are tried
// on a tree of their own, whose "server" is a script, with stand-ins for the package tools.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import {
  chmodSync, cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync,
  rmSync, symlinkSync, writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, beforeEach, test } from 'node:test';
import { fileURLToPath } from 'node:url';

const sources = fileURLToPath(new URL('../../', import.meta.url));
const work = mkdtempSync(join(tmpdir(), 'pricecast-scripts-'));
const tree = join(work, 'a tree'); // with a space, as people have them
const bin = join(work, 'bin');
after(() => rmSync(work, { recursive: true }));

function writeProgram(path, text) {
  rmSync(path, { force: true });
  writeFileSync(path, `#!/bin/bash\n${text}\n`);
  chmodSync(path, 0o755);
}

// A PATH with everything this system has, but for what a test puts in its place.
const standIn = (name, text) => writeProgram(join(bin, name), text);
const where = (name) =>
  process.env.PATH.split(':').map((dir) => join(dir, name)).find(existsSync);
const remove = (name) => rmSync(join(bin, name), { force: true });

before(() => {
  mkdirSync(join(tree, 'tools'), { recursive: true });
  for (const name of readdirSync(join(sources, 'tools')))
    if (/^(run|test|bench|lib\.sh|peers)$/.test(name))
      cpSync(join(sources, 'tools', name), join(tree, 'tools', name), { recursive: true });
  writeFileSync(
    join(tree, 'CMakeLists.txt'),
    `cmake_minimum_required(VERSION 3.22)
project(pricecast VERSION 1.2.3 LANGUAGES NONE)
file(WRITE "\${CMAKE_BINARY_DIR}/pricecast" [=[#!/bin/sh
echo "pid $$" "in $PWD" "$@"
]=])
execute_process(COMMAND chmod +x "\${CMAKE_BINARY_DIR}/pricecast")
`,
  );
});

beforeEach(() => {
  rmSync(bin, { recursive: true, force: true });
  rmSync(join(tree, 'build'), { recursive: true, force: true });
  mkdirSync(bin);
  const taken = new Set();
  for (const dir of process.env.PATH.split(':').filter(existsSync))
    for (const name of readdirSync(dir))
      if (!taken.has(name)) {
        taken.add(name);
        symlinkSync(join(dir, name), join(bin, name));
      }
  // Nothing is missing, unless a test says otherwise.
  standIn('dpkg-query', 'echo installed');
  standIn('pkg-config', 'exit 0');
  standIn('cc', 'cat >/dev/null');
  standIn('apt-get', `echo "$@" >>"${work}/apt-get.log"; exit 1`);
  rmSync(join(work, 'apt-get.log'), { force: true });
});

function script(name, args = [], cwd = work) {
  const run = spawnSync(join(tree, 'tools', name), args, {
    cwd, encoding: 'utf8', env: { ...process.env, PATH: bin },
  });
  return { ...run, lines: run.stderr.split('\n').slice(0, -1) };
}

const aptGetCalls = () =>
  existsSync(join(work, 'apt-get.log'))
    ? readFileSync(join(work, 'apt-get.log'), 'utf8').trim().split('\n')
    : [];

test('run builds once, then starts the server in its place', () => {
  const first = script('run', ['--listen', 'a b']);
  assert.deepEqual(first.lines, ['building into build/']);
  assert.equal(first.stdout, `pid ${first.pid} in ${work} --listen a b\n`);
  const second = script('run');
  assert.deepEqual(second.lines, []);
  assert.equal(second.stdout, `pid ${second.pid} in ${work} --loop\n`);
  assert.deepEqual(aptGetCalls(), []);
});

test('run works through a link, and in a tree that was moved', () => {
  script('run');
  symlinkSync(join(tree, 'tools', 'run'), join(work, 'link'));
  renameSync(tree, `${tree} moved`);
  try {
    const moved = spawnSync(join(`${tree} moved`, 'tools', 'run'), {
      encoding: 'utf8', env: { ...process.env, PATH: bin },
    });
    assert.equal(moved.stderr, 'building into build/\n');
    assert.equal(moved.status, 0);
  } finally {
    renameSync(`${tree} moved`, tree);
  }
  const linked = spawnSync(join(work, 'link'), { env: { ...process.env, PATH: bin } });
  assert.equal(linked.status, 0);
});

test('what is missing is named, with its reason, and installed', () => {
  remove('gzip');
  remove('cmake');
  remove('sudo');
  standIn('apt-cache', 'printf "x:\\n  Installed: (none)\\n  Candidate: 1\\n"');
  standIn('apt-get', `echo "$@" >>"${work}/apt-get.log"; ln -s "${where('true')}" "${bin}/gzip"
    ln -s "${where('cmake')}" "${bin}/cmake"`);
  const { status, lines } = script('run');
  if (process.getuid() !== 0) {
    assert.equal(status, 1);
    assert.match(lines.at(-1), /only root may install, and there is no sudo; install it by hand/);
    return;
  }
  assert.equal(status, 0, lines.join('\n'));
  assert.deepEqual(lines, [
    'installing with apt-get:',
    '  cmake                    configures the build',
    '  gzip                     packs the dashboard into the server',
    'building into build/',
  ]);
  assert.deepEqual(aptGetCalls(), [
    '-q -y -o DPkg::Lock::Timeout=300 install --no-install-recommends cmake gzip',
  ]);
});

const asRoot = { skip: process.getuid() !== 0 };
test('package lists are read only when they do not know a package', asRoot, () => {
  remove('gzip');
  standIn('apt-cache', `candidate='(none)'
    if test -e "${work}/updated"; then candidate=1; fi
    printf "x:\\n  Candidate: $candidate\\n"`);
  standIn('apt-get', `echo "$@" >>"${work}/apt-get.log"
    case "$*" in *update) touch "${work}/updated" ;; *) ln -s "${where('true')}" "${bin}/gzip" ;; esac`);
  const { status, lines } = script('run');
  assert.equal(status, 0, lines.join('\n'));
  assert.deepEqual(aptGetCalls().map((call) => call.split(' ')[4]), ['update', 'install']);
  assert.equal(lines[0], 'reading the package lists (apt-get update)');
});

test('without apt-get it says what to install by hand', () => {
  remove('apt-get');
  remove('gzip');
  standIn('pkg-config', 'exit 1');
  standIn('dpkg-query', 'exit 1');
  const { status, stdout, lines } = script('run');
  assert.equal(status, 1);
  assert.equal(stdout, '');
  assert.equal(lines[0], 'tools/run: this is missing (by its Debian name):');
  for (const name of ['libwebsockets-dev', 'libwebsockets-evlib-uv', 'libuv1-dev', 'gzip'])
    assert.ok(lines.some((line) => line.startsWith(`  ${name} `)), name);
  assert.match(lines.at(-1), /there is no apt-get here; install it by hand, then start again/);
});

test('a build that fails shows why', () => {
  const cmake = join(tree, 'CMakeLists.txt');
  const text = readFileSync(cmake, 'utf8');
  writeFileSync(cmake, `${text}message(FATAL_ERROR "the reason")\n`);
  const { status, stderr } = script('run');
  writeFileSync(cmake, text);
  assert.equal(status, 1);
  assert.match(stderr, /the reason/);
  assert.match(stderr, /tools\/run: this failed: cmake /);
  assert.equal(script('run').status, 0); // half a configuration does not stand in the way
});

test('each script answers --help and --version, and refuses what it does not know', () => {
  for (const name of ['run', 'test', 'bench']) {
    const help = script(name, ['--help']);
    assert.equal(help.status, 0);
    assert.ok(help.stdout.startsWith(`usage: tools/${name} `));
    assert.equal(script(name, ['--version']).stdout, 'pricecast 1.2.3\n');
  }
  const cases = [
    ['test', ['-x'], 'unknown argument -x: allowed are -L LABEL and --help'],
    ['test', ['-L'], '-L has no value: allowed is a label'],
    ['bench', ['--rounds', '0'], '--rounds 0: allowed is a whole number from 1'],
    ['bench', ['--only', 'idle,x'], '--only x: allowed are broadcast, batched, own-sets, stalled, half-load, idle'],
    ['bench', ['x'], 'unknown argument x: allowed are --rounds, --seconds, --clients, --idle, --only, --no-peers and --help'],
  ];
  for (const [name, args, message] of cases) {
    const { status, lines } = script(name, args);
    assert.equal(status, 2);
    assert.deepEqual(lines, [`tools/${name}: ${message}`]);
  }
});
