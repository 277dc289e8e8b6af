// The last part of the quickstart: a package from a local git repository, built and installed by what this machine has.
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { machine } from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { freePort } from './ports.mjs';
import { root } from './setup.mjs';

const have = (program) => spawnSync('sh', ['-c', `command -v ${program}`], { stdio: 'ignore' }).status === 0;
const isRoot = process.getuid?.() === 0;
/** Where Debian and Ubuntu list what is installed, which a small distribution is made of. */
const hasPackages = existsSync('/var/lib/dpkg/status');
const nvr = 'hello-1.0-1';

const files = {
  'hello.spec': `Name: hello
Version: 1.0
Release: 1
Summary: A first package
License: MIT
BuildArch: noarch
Source0: hello.sh
%description
Says hello.
%install
install -D -m 755 %{SOURCE0} %{buildroot}%{_bindir}/hello
%files
%{_bindir}/hello
`,
  'hello.sh': '#!/bin/bash\necho "hello from an rpm that Koji built"\n',
};

/** The packages of a buildroot where they come from a repo of Fedora or its kin. */
const rpmGroups = {
  build:
    'bash bzip2 coreutils cpio diffutils findutils gawk grep gzip patch redhat-rpm-config rpm-build sed shadow-utils system-release tar unzip util-linux which xz',
  'srpm-build': 'bash redhat-rpm-config rpm-build shadow-utils system-release',
};

/**
 * Determines how packages can be built here.
 *
 * @param rootsdir where buildroots will be
 * @param options.repo an rpm repository for buildroots, with `$arch`; null to use what a Debian or Ubuntu machine has installed
 * @param options.mockpath the program mock
 * @returns the back end (null if there is none), and what keeps this machine from more
 */
export async function findBackend(rootsdir, { repo = null, mockpath = '/usr/bin/mock' } = {}) {
  const programs = {
    git: 'git',
    rpmbuild: 'rpm (rpm-build on Fedora)',
    createrepo_c: 'createrepo-c',
    mergerepo_c: 'createrepo-c',
  };
  const lacking = Object.keys(programs).filter((name) => !have(name));
  if (lacking.length > 0) {
    const packages = [...new Set(lacking.map((name) => programs[name]))].join(', ');
    return {
      backend: null,
      lacks: [`to build packages, install ${packages} and start this again with a new folder`],
    };
  }
  const lacks = [];
  // As `buildroot_backend = auto` chooses, but mock is left out unless it works.
  for (const name of existsSync(mockpath) ? ['mock', 'sandbox'] : ['sandbox']) {
    const problem = await problemWith(name, { rootsdir, repo, mockpath });
    if (problem === null) return { backend: name, lacks };
    const what = name === 'mock' ? 'by mock' : 'in a clean buildroot';
    lacks.push(`to build ${what}, mend this: ${problem}`);
  }
  return { backend: 'host', lacks };
}

async function problemWith(name, { rootsdir, repo, mockpath }) {
  if (!hasPackages && repo === null)
    return (
      'packages for the buildroot come from a Debian or Ubuntu machine, which this is not, or from an rpm repository: ' +
      'start this with a new folder and --repo URL'
    );
  if (!isRoot) return 'the quickstart was not started by root';
  const built = (file) => import(pathToFileURL(path.join(root, 'packages', file)).href);
  const { problemOf } = await built('koji-builder/dist/buildroot/needs.js');
  const { kojidOptions, readOptions } = await built('koji-core/dist/config/index.js');
  const options = readOptions(kojidOptions, new Map(), { file: 'kojid.conf', section: 'kojid' });
  return problemOf(name, { ...options, rootsdir, mockpath });
}

/** Builds a package unless it is built, and installs it. */
export async function showBuild({ file, koji, show, title, state, until, repeatable }) {
  const { backend, lacks, url, repo = null } = state;
  const hint = () => lacks.forEach((lack) => show(`    ${lack}`));
  title(`a package from a git repository, built by the back end ${backend ?? '(there is none)'}`);
  if (!backend) return hint();
  const isClean = backend !== 'host';
  const distribution = isRoot && repo === null && hasPackages && (isClean || have('dnf'));
  const packages = repo ?? (distribution ? `file://${file('distribution')}/$arch/` : null);
  const known = repeatable(/No such build/, () => koji(['buildinfo', nvr], { quiet: true }));
  if (!/COMPLETE/.test(known)) {
    // mock makes accounts in its roots with programs that the smaller distribution lacks.
    if (distribution)
      makeDistribution(file('distribution'), { show, words: backend === 'mock' ? ['--compiler'] : [] });
    const groups = distribution ? file('distribution', 'groups.json') : null;
    prepareTags({ koji, repeatable, packages: isClean ? packages : null, groups });
    await buildFromGit({ file, koji, until });
  }
  koji(['list-tagged', 'quick']);
  hint();
  if (!isRoot || packages === null || !have('dnf')) {
    show('    to install it into an empty root, dnf and root are needed, and Debian, Ubuntu or --repo URL');
    return;
  }
  install({ file, koji, show, url, packages });
}

function makeDistribution(folder, { show, words }) {
  show('a small distribution is made of packages that this machine has');
  execute(process.execPath, [path.join(root, 'scripts/make-distribution.mjs'), ...words, folder]);
}

function prepareTags({ koji, repeatable, packages, groups }) {
  const once = (args) => repeatable(/already/, () => koji(args, { quiet: true }));
  once(['add-tag', 'quick', '--arches', machine()]);
  once(['add-tag', 'quick-build', '--parent', 'quick', '--arches', machine()]);
  once(['add-target', 'quick', 'quick-build', 'quick']);
  once(['add-pkg', '--owner', 'admin', 'quick', 'hello']);
  once(['add-host-to-channel', 'builder.localhost', 'createrepo']);
  if (packages === null) return;
  once(['add-external-repo', '--tag', 'quick-build', '--priority', '10', 'machine', packages]);
  const lists = groups === null ? rpmGroups : JSON.parse(readFileSync(groups, 'utf8'));
  for (const [group, list] of Object.entries(lists)) {
    const names = typeof list === 'string' ? list.split(' ') : list;
    once(['add-group', 'quick-build', group]);
    once(['add-group-pkg', 'quick-build', group, ...names]);
  }
}

async function buildFromGit({ file, koji, until }) {
  const folder = file('git', 'hello.git');
  rmSync(file('git'), { recursive: true, force: true });
  const tree = file('git', 'tree');
  mkdirSync(tree, { recursive: true });
  for (const [name, text] of Object.entries(files)) writeFileSync(path.join(tree, name), text);
  const git = (...args) =>
    execute('git', [
      '-C',
      tree,
      '-c',
      'user.name=Quickstart',
      '-c',
      'user.email=quickstart@localhost',
      ...args,
    ]);
  git('init', '-q', '-b', 'main');
  git('add', '-A');
  git('commit', '-q', '-m', 'A first package');
  execute('git', ['clone', '-q', '--bare', tree, folder]);
  const port = await freePort();
  const words = [
    'daemon',
    '--export-all',
    '--listen=127.0.0.1',
    `--port=${port}`,
    `--base-path=${file('git')}`,
  ];
  // In a group of its own: git starts another program.
  const daemon = spawn('git', words, { stdio: 'ignore', detached: true });
  try {
    const url = `git://127.0.0.1:${port}/hello.git`;
    await until('git daemon answering', () => spawnSync('git', ['ls-remote', url]).status === 0, 60);
    koji(['build', '--wait', 'quick', `${url}#main`]);
  } finally {
    process.kill(-daemon.pid, 'SIGTERM');
  }
}

function install({ file, koji, show, url, packages }) {
  const installroot = path.join(file('client'), 'root');
  if (!existsSync(path.join(installroot, 'usr/bin/hello')))
    fillRoot({ file, koji, show, url, packages, installroot });
  show(`$ chroot ${installroot} hello`);
  show(`    ${execute('chroot', [installroot, '/usr/bin/hello']).trim()}`);
}

function fillRoot({ file, koji, show, url, packages, installroot }) {
  koji(['dist-repo', '--wait', '--allow-missing-signatures', 'quick']);
  const client = file('client');
  rmSync(client, { recursive: true, force: true });
  mkdirSync(client, { recursive: true });
  writeFileSync(path.join(client, '.rpmmacros'), '%_dbpath /var/lib/rpm\n');
  const repos = {
    quick: `${url}/kojifiles/repos-dist/quick/latest/${machine()}/`,
    machine: packages.replaceAll('$arch', machine()),
  };
  const sections = Object.entries(repos).map(
    ([name, place]) => `[${name}]\nname=${name}\nbaseurl=${place}\n`,
  );
  const config = path.join(client, 'dnf.conf');
  writeFileSync(
    config,
    `[main]\ngpgcheck=0\nreposdir=/nonexistent\nvarsdir=/nonexistent\n${sections.join('')}`,
  );
  show(`$ dnf --installroot=${installroot} install bash hello`);
  const fixed = [
    '-y',
    '-q',
    `--config=${config}`,
    `--installroot=${installroot}`,
    '--releasever=1',
    '--disableplugin=*',
  ];
  execute('dnf', [...fixed, 'install', 'bash', 'hello'], { ...process.env, HOME: client });
}

/** Runs a program and returns what it prints; throws unless it ends well. */
function execute(program, args, env = process.env) {
  const done = spawnSync(program, args, { encoding: 'utf8', env });
  if (done.status === 0) return done.stdout;
  throw new Error(`${program} ${args.join(' ')} ended with ${done.status}: ${done.stderr || done.error}`);
}
