#!/usr/bin/env node
// Imitates mock(1) for tests, without a distribution and without privileges: node fake-mock.js SETTINGS MOCK-ARGUMENTS…
// Commands "inside" run on this host, with the folders that a buildroot has put for those that they name.
import { spawnSync } from 'node:child_process';
import {
  appendFileSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';

const [settingsFile, ...given] = process.argv.slice(2);
const settings = JSON.parse(readFileSync(settingsFile, 'utf8'));
const { config, action, args, folder, target, spec, sources } = read(given);
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
  if (action === 'rebuild') return rebuild(args[0]);
  if (action === 'buildsrpm') return pack();
  log('root.log', `not imitated: ${action}`);
  return 1;
}

function read([flag, file, ...rest]) {
  if (flag !== '-r') throw new Error(`mock is asked without -r: ${[flag, file, ...rest].join(' ')}`);
  const read = { config: readFileSync(file, 'utf8'), action: null, args: [], folder: null };
  while (rest.length > 0) {
    const next = rest.shift();
    if (next === '--') return { ...read, args: rest };
    if (['--cwd', '--arch', '--target', '--spec', '--sources'].includes(next)) {
      const value = rest.shift();
      if (next === '--cwd') read.folder = value;
      else read[next.slice(2)] = value;
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
  for (const below of ['builddir', 'chroot_tmpdir', 'tmp', 'etc', settings.database, 'var/log'])
    mkdirSync(path.join(root, below), { recursive: true });
  mkdirSync(path.join(root, 'usr/bin'), { recursive: true });
  for (const { name } of readdirSync(settings.programs, { withFileTypes: true }).filter((one) =>
    one.isFile(),
  ))
    copyFileSync(path.join(settings.programs, name), path.join(root, 'usr/bin', name));
  writeMacros();
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
  const { status, stderr } = spawnSync('rpm', ['--dbpath', path.join(root, settings.database), ...options]);
  if (status !== 0) log('root.log', String(stderr));
  return status === 0 ? 0 : 30;
}

/** Writes those macros of the configuration that say something about packages, as mock does. */
function writeMacros() {
  const lines = [...config.matchAll(/^config_opts\['macros'\]\['(%[a-z]\w*)'\] = '(.*)'$/gm)];
  const text = lines.map(([, name, value]) => `${name} ${value}\n`).join('');
  writeFileSync(path.join(root, 'builddir/.rpmmacros'), text);
}

/** Runs rpmbuild of this host in a folder of the root, without regard for what is installed. */
function rpmbuild(top, ...words) {
  const { status, stdout, stderr } = spawnSync(
    'rpmbuild',
    ['--define', `_topdir ${top}`, '--nodeps', '--target', target, ...words],
    { encoding: 'utf8', env: { ...process.env, HOME: path.join(root, 'builddir') } },
  );
  log('build.log', `${stdout}${stderr}`);
  return status === 0 ? 0 : 1;
}

function rebuild(srpm) {
  const top = path.join(root, 'builddir/build');
  mkdirSync(top, { recursive: true });
  const unpacked = spawnSync('rpm', ['--define', `_topdir ${top}`, '-i', srpm]);
  if (unpacked.status !== 0) log('build.log', String(unpacked.stderr));
  const [file] = readdirSync(path.join(top, 'SPECS'));
  const status = rpmbuild(top, '-ba', path.join(top, 'SPECS', file));
  if (status === 0) collect(top);
  return status;
}

function pack() {
  const top = path.join(root, 'builddir/build');
  const status = rpmbuild(top, '--define', `_sourcedir ${sources}`, '-bs', spec);
  if (status === 0) collect(top);
  return status;
}

function collect(top) {
  for (const kind of ['RPMS', 'SRPMS'])
    for (const file of existsSync(path.join(top, kind))
      ? readdirSync(path.join(top, kind), { recursive: true })
      : [])
      if (file.endsWith('.rpm'))
        copyFileSync(path.join(top, kind, file), path.join(result, path.basename(file)));
}

function inside(words) {
  const own = words.map((word) =>
    word.replace(/(?<![\w./])\/(builddir|chroot_tmpdir)(?![\w.])/g, `${root}/$1`),
  );
  // The root's shell is bash.
  const [program, ...more] = (own.length === 1 ? ['/bin/sh', '-c', ...own] : own).map((word) =>
    word === '/bin/sh' ? 'bash' : ofRoot(word),
  );
  const ran = spawnSync(program, more, {
    cwd: folder === null ? root : path.join(root, folder),
    env: {
      ...process.env,
      PATH: `${settings.programs}:${settings.inside}:${process.env.PATH}`,
      FAKE_ROOT: root,
      HOME: path.join(root, 'builddir'),
    },
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  return ran.status ?? 1;
}

/** A program that the root has, when it is called by its place in it. */
function ofRoot(word) {
  const own = /^\/(?:usr\/)?s?bin\/([^/]+)$/.exec(word)?.[1];
  return own !== undefined && existsSync(path.join(settings.programs, own)) ? own : word;
}
