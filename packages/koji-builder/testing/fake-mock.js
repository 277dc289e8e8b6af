#!/usr/bin/env node
// Imitates mock(1) for tests, without a distribution and without privileges: node fake-mock.js SETTINGS MOCK-ARGUMENTS…
// Commands "inside" run on this host, with the folders that a buildroot has put for those that they name.
import { spawnSync } from 'node:child_process';
import { appendFileSync, mkdirSync, readFileSync } from 'node:fs';
import path from 'node:path';

const [settingsFile, ...given] = process.argv.slice(2);
const settings = JSON.parse(readFileSync(settingsFile, 'utf8'));
const { config, action, args, folder } = read(given);
appendFileSync(settings.record, `${JSON.stringify({ args: given.slice(2), config })}\n`);
const { root, result } = placesOf(config);
const log = (name, text) => appendFileSync(path.join(result, name), `${text}\n`);
mkdirSync(result, { recursive: true });
process.stdout.write(`INFO: Start: ${action}\n`);
process.exit(settings.fail[action] ?? run());

function run() {
  if (action === 'init') return init();
  if (action === 'install') return install(args);
  if (action === 'chroot') return inside(args);
  log('root.log', `not imitated: ${action}`);
  return 1;
}

function read([flag, file, ...rest]) {
  if (flag !== '-r') throw new Error(`mock is asked without -r: ${[flag, file, ...rest].join(' ')}`);
  const read = { config: readFileSync(file, 'utf8'), action: null, args: [], folder: null };
  while (rest.length > 0) {
    const next = rest.shift();
    if (next === '--') return { ...read, args: rest };
    if (['--cwd', '--arch', '--target'].includes(next)) {
      const value = rest.shift();
      if (next === '--cwd') read.folder = value;
    } else if (['--init', '--install', '--chroot', '--rebuild', '--buildsrpm'].includes(next))
      read.action = next.slice(2);
    else if (!next.startsWith('--')) return { ...read, args: [next, ...rest] };
  }
  return read;
}

function placesOf(text) {
  const value = (key) => new RegExp(`^config_opts\\['${key}'\\] = '(.*)'$`, 'm').exec(text)[1];
  const top = path.join(value('basedir'), value('root'));
  return { root: path.join(top, 'root'), result: path.join(top, 'result') };
}

function init() {
  for (const below of ['builddir', 'chroot_tmpdir', 'tmp', 'etc', 'var/lib/rpm', 'var/log'])
    mkdirSync(path.join(root, below), { recursive: true });
  rpm('--initdb');
  log('root.log', 'DEBUG: making the root');
  return add(settings.packages);
}

function install(names) {
  const unknown = names.filter((name) => !(name in settings.available));
  for (const name of unknown) log('root.log', `No match for argument: ${name}`);
  return unknown.length > 0 ? 30 : add(names.map((name) => settings.available[name]));
}

function add(files) {
  if (files.length === 0) return 0;
  return rpm(
    '-i',
    '--justdb',
    '--nodeps',
    '--noscripts',
    '--nosignature',
    '--ignorearch',
    '--ignoreos',
    ...files,
  );
}

function rpm(...options) {
  const { status, stderr } = spawnSync('rpm', ['--dbpath', path.join(root, 'var/lib/rpm'), ...options]);
  if (status !== 0) log('root.log', String(stderr));
  return status === 0 ? 0 : 30;
}

function inside(words) {
  const own = words.map((word) =>
    word.replace(/(?<![\w./])\/(builddir|chroot_tmpdir)(?![\w.])/g, `${root}/$1`),
  );
  // What a root has as its shell is bash.
  const [program, ...more] = (own.length === 1 ? ['/bin/sh', '-c', ...own] : own).map((word) =>
    word === '/bin/sh' ? 'bash' : word,
  );
  const ran = spawnSync(program, more, {
    cwd: folder === null ? root : path.join(root, folder),
    env: { ...process.env, PATH: `${settings.programs}:${process.env.PATH}`, FAKE_ROOT: root },
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  return ran.status ?? 1;
}
