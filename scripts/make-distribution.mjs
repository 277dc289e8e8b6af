#!/usr/bin/env node
// Makes a small rpm distribution out of the packages that this Debian or Ubuntu machine has installed, for tests of real
// builds without a network: node scripts/make-distribution.mjs [--compiler] FOLDER
//
//   FOLDER/ARCH/*.rpm, FOLDER/ARCH/repodata   a repository that dnf installs from, with groups
//   FOLDER/comps.xml                          its groups `build` and `srpm-build`
//   FOLDER/groups.json                        the same, {group: [names]}, to make them in a tag
//
// Files are copied as they are now, so the packages are no more than this machine's programs under Fedora's names.
// With --compiler there are gcc, make and what makes debuginfo packages, 137 packages instead of 70.
// --more FILE names a JSON file with further packages for either: `seeds` (Debian's names; what is not installed is left out),
// `provides` ({Debian's name: [names in Fedora]}), `groups` ({group: [further names]}) and `macros` (lines for /etc/rpm/macros).
import { execFileSync } from 'node:child_process';
import {
  constants,
  copyFileSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  readlinkSync,
} from 'node:fs';
import { renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { machine } from 'node:os';
import { parseArgs } from 'node:util';

const common =
  'base-files base-passwd bash bzip2 coreutils cpio dash diffutils file findutils gawk grep gzip hostname libc-bin make mawk patch rpm sed tar unzip xz-utils';
const seeds = {
  tiny: common.split(' '),
  compiler:
    `${common} gcc libc6-dev login ncurses-base passwd debugedit elfutils dwz zstd util-linux perl-base debianutils`.split(
      ' ',
    ),
};
const dropped = {
  compiler:
    'apt dpkg libapt-pkg6.0 debian-archive-keyring debconf init-system-helpers perl libperl5.36 perl-modules-5.36'.split(
      ' ',
    ),
  tiny: [],
};
dropped.tiny = [...dropped.compiler, 'debugedit', 'elfutils', 'binutils', 'libicu72x'];

/** The names that packages have in Fedora; groups and BuildRequires use them. */
const renamed = {
  passwd: 'shadow-utils',
  rpm: 'rpm-build',
  'rpm-common': 'rpm',
  'xz-utils': 'xz',
  'base-files': 'redhat-release',
  debianutils: 'which',
  libc6: 'glibc',
  'libc6-dev': 'glibc-devel',
  'linux-libc-dev': 'kernel-headers',
  'base-config': 'redhat-rpm-config',
};
const provided = {
  libc6: ['glibc-common', 'rtld(GNU_HASH)'],
  'libc6-dev': ['glibc-headers'],
  'rpm-common': ['rpm-libs'],
  'base-files': ['system-release', 'filesystem', 'setup', 'basesystem'],
  'base-config': ['info'],
};
/** Files that Debian expects essential packages to contain. */
const needed = {
  compiler: {
    rpm: ['debugedit', 'elfutils', 'dwz', 'file', 'patch', 'zstd'],
    'base-files': ['util-linux'],
    gcc: ['libc6-dev'],
  },
  tiny: { rpm: ['file', 'patch'] },
};
const always = {
  'base-files':
    'bash coreutils dash sed grep findutils libc-bin diffutils hostname base-config perl-base'.split(' '),
  libc6: ['base-config'],
};
const merged = ['bin', 'sbin', 'lib', 'lib64', 'lib32', 'libx32'];
const groups = {
  tiny: {
    build:
      'bash coreutils cpio diffutils findutils grep gzip make patch redhat-release redhat-rpm-config rpm-build sed tar unzip xz',
    'srpm-build': 'bash make redhat-release redhat-rpm-config rpm-build',
  },
  compiler: {
    build:
      'bash bzip2 coreutils cpio diffutils findutils gcc grep gzip make patch redhat-release redhat-rpm-config rpm-build sed shadow-utils tar unzip util-linux which xz',
    'srpm-build': 'bash make redhat-release redhat-rpm-config rpm-build shadow-utils',
  },
};
const macros = {
  tiny: ['%_dbpath /var/lib/rpm', '%_buildshell /bin/bash', '%_binary_payload w6.gzdio'],
  // Macros of redhat-rpm-config that Debian's rpm lacks.
  compiler: [
    '%_dbpath /var/lib/rpm',
    '%_buildshell /bin/bash',
    '%_binary_payload w6.gzdio',
    '%_enable_debug_packages 1',
    '%_include_minidebuginfo 0',
    '%_debugsource_packages 1',
    '%_debuginfo_subpackages 1',
    ...(existsSync('/usr/bin/dwz')
      ? ['%_find_debuginfo_dwz_opts --run-dwz --dwz-low-mem-die-limit 10000000 --dwz-max-die-limit 10000000']
      : []),
    '%_unique_build_ids 1',
    '%_unique_debug_names 1',
    '%_unique_debug_srcs 1',
    '%install %{?_enable_debug_packages:%{?buildsubdir:%{debug_package}}}\\',
    '%%install\\',
    '%{nil}',
    '%make_build %{__make} %{_make_output_sync} %{?_smp_mflags}',
  ],
};

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { compiler: { type: 'boolean' }, more: { type: 'string' } },
});
const [given] = positionals;
if (given === undefined || positionals.length > 1) {
  process.stderr.write('usage: node scripts/make-distribution.mjs [--compiler] [--more FILE] FOLDER\n');
  process.exit(2);
}
const kind = values.compiler ? 'compiler' : 'tiny';
const more = {
  ...{ seeds: [], provides: {}, groups: {}, macros: [] },
  ...(values.more === undefined ? {} : JSON.parse(readFileSync(values.more, 'utf8'))),
};
const wanted = [...seeds[kind], ...more.seeds];
const isDropped = (name) => dropped[kind].includes(name) && !wanted.includes(name);
const left = new RegExp(
  [
    '^/usr/share/(doc|man|locale|info|i18n|lintian|bug|zoneinfo|bash-completion)/',
    ...(more.seeds.includes('perl') ? [] : ['^/usr/share/perl/5[^/]*/(unicore|pod|Pod)/']),
    '/lib(asan|tsan|lsan|ubsan|hwasan)[^/]*\\.a$',
    '^/usr/lib/[^/]+-linux-gnu/gconv/',
    '^/(lib/systemd|dev|proc|sys|run|tmp|var/cache|var/log)/',
    '^/usr/bin/(sh|awk)$',
  ].join('|'),
);
const folder = path.resolve(given);
const work = path.join(folder, 'work');
const root = path.join(work, 'root');
const arch = machine();

/** The installed packages by name. */
function readPackages() {
  const found = new Map();
  for (const block of readFileSync('/var/lib/dpkg/status', 'utf8').split('\n\n')) {
    const lines = block.replace(/\n\s+/g, ' ').split('\n');
    const fields = Object.fromEntries(
      lines.map((line) => line.split(/: (.*)/s)).map(([key, value]) => [key, value]),
    );
    if (fields.Status?.endsWith(' installed')) found.set(fields.Package, fields);
  }
  return found;
}

const packages = readPackages();
const providers = new Map();
for (const [name, { Provides = '' }] of packages)
  for (const one of Provides.split(/,\s*/).filter(Boolean)) {
    const word = one.split(/[\s:]/)[0];
    providers.set(word, [...(providers.get(word) ?? []), name]);
  }

/** The installed packages that one depends on; of alternatives the first that is installed. */
function dependenciesOf(name) {
  const fields = packages.get(name) ?? {};
  const all = [fields.Depends, fields['Pre-Depends']].filter(Boolean).join(', ').split(/,\s*/);
  return all.flatMap((one) => {
    for (const alternative of one.split('|')) {
      const word = alternative.trim().split(/[\s:]/)[0] ?? '';
      const found = packages.has(word) ? word : providers.get(word)?.[0];
      if (found !== undefined) return isDropped(found) ? [] : [found];
    }
    return [];
  });
}

function selectPackages() {
  const selected = new Set();
  const queue = wanted.filter((name) => packages.has(name));
  for (let name = queue.pop(); name !== undefined; name = queue.pop()) {
    if (selected.has(name)) continue;
    selected.add(name);
    queue.push(...dependenciesOf(name));
  }
  return [...selected].sort();
}

const nameOf = (name) => (name === 'mawk' && !packages.has('gawk') ? 'gawk' : (renamed[name] ?? name));
/** A path where /bin, /lib and the like are links into /usr. */
const canonical = (file) =>
  merged.includes(file.split('/')[1]) && file.split('/').length > 2 ? `/usr${file}` : file;
const owned = new Set();

/** Copies a file to the folder that rpmbuild packs; returns its line in %files, or null for what is not packed. */
function stage(file) {
  const stat = lstatSync(file);
  const to = root + file;
  const mode = (stat.mode & 0o7777).toString(8).padStart(4, '0');
  const quoted = `"${file.replaceAll('%', '%%')}"`;
  if (stat.isDirectory()) {
    mkdirSync(to, { recursive: true });
    return `%dir %attr(${mode},root,root) ${quoted}`;
  }
  mkdirSync(path.dirname(to), { recursive: true });
  if (stat.isSymbolicLink()) {
    link(readlinkSync(file), file);
    return quoted;
  }
  if (!stat.isFile()) return null;
  copyFileSync(file, to, constants.COPYFILE_FICLONE);
  return `%attr(${mode},root,root) ${quoted}`;
}

function exists(file) {
  return lstatSync(file, { throwIfNoEntry: false }) !== undefined;
}

function link(target, file) {
  if (!exists(root + file)) symlinkSync(target, root + file);
}

function filesOf(name) {
  const lists = [name, `${name}:${packages.get(name).Architecture}`].map(
    (one) => `/var/lib/dpkg/info/${one}.list`,
  );
  const list = lists.find(exists);
  if (list === undefined) throw new Error(`no list of files of the package ${name}`);
  const lines = [];
  for (const listed of readFileSync(list, 'utf8').split('\n')) {
    const file = canonical(listed);
    if (listed === '' || listed === '/.' || left.test(file) || !exists(file)) continue;
    const stat = lstatSync(file);
    if (stat.isSymbolicLink() && merged.includes(file.slice(1))) continue;
    if (owned.has(file) && !stat.isDirectory()) continue;
    owned.add(file);
    const line = stage(file);
    if (line !== null) lines.push(line);
  }
  return lines;
}

/** Files that the scripts of Debian's packages create, and that every root must have. */
function baseFiles() {
  const lines = [];
  const put = (file, text) => {
    mkdirSync(path.dirname(root + file), { recursive: true });
    rmSync(root + file, { force: true });
    writeFileSync(root + file, text);
    lines.push(`%attr(0644,root,root) ${file}`);
  };
  for (const name of merged)
    if (lstatSync(`/${name}`, { throwIfNoEntry: false })?.isSymbolicLink()) {
      link(readlinkSync(`/${name}`), `/${name}`);
      lines.push(`/${name}`);
    }
  put('/etc/passwd', 'root:x:0:0:root:/root:/bin/bash\nnobody:x:65534:65534:nobody:/:/usr/sbin/nologin\n');
  put('/etc/group', 'root:x:0:\ntty:x:5:\nmail:x:8:\nnogroup:x:65534:\nutmp:x:43:\nshadow:x:42:\n');
  put('/etc/nsswitch.conf', 'passwd: files\ngroup: files\nhosts: files dns\n');
  // Where rpm's %{_libdir} is; Debian's loader looks elsewhere.
  put('/etc/ld.so.conf.d/lib64.conf', '/usr/lib64\n');
  put('/etc/rpm/macros', `${[...macros[kind], ...more.macros].join('\n')}\n`);
  mkdirSync(`${root}/usr/bin`, { recursive: true });
  link('bash', '/usr/bin/sh');
  lines.push('/usr/bin/sh');
  owned.add('/usr/bin/sh');
  const folders =
    '/dev /proc /sys /tmp /var/tmp /run /root /var/lib/rpm /var/cache /var/log /etc/rpm /usr/lib64 /usr/lib32 /usr/libx32';
  for (const place of folders.split(' ')) {
    mkdirSync(root + place, { recursive: true });
    if (!owned.has(place))
      lines.push(`%dir %attr(${place.endsWith('tmp') ? '1777' : '0755'},root,root) ${place}`);
  }
  lines.push(...alternatives());
  execFileSync('ldconfig', ['-r', root], { stdio: ['ignore', 'ignore', 'pipe'] });
  return [...lines, '/etc/ld.so.cache'];
}

function alternatives() {
  const lines = [];
  const add = (target, file) => {
    mkdirSync(path.dirname(root + file), { recursive: true });
    link(target, file);
    lines.push(file);
    owned.add(file);
  };
  for (const name of readdirSync('/etc/alternatives')) {
    const file = `/etc/alternatives/${name}`;
    if (!lstatSync(file).isSymbolicLink() || !owned.has(canonical(readlinkSync(file)))) continue;
    add(readlinkSync(file), file);
    for (const place of ['/usr/bin', '/usr/sbin']) {
      const command = `${place}/${name}`;
      if (!exists(command) || owned.has(command) || !lstatSync(command).isSymbolicLink()) continue;
      if (readlinkSync(command) === file) add(file, command);
    }
  }
  return lines;
}

function versionOf(text) {
  const [, epoch = null, rest = text] = /^(\d+):(.*)$/.exec(text) ?? [];
  const dash = rest.lastIndexOf('-');
  const version = dash < 0 ? rest : rest.slice(0, dash);
  return { epoch, version: version.replaceAll('-', '.'), release: dash < 0 ? '1' : rest.slice(dash + 1) };
}

function providesOf(name, lines, names) {
  const own = [
    ...(provided[name] ?? []),
    ...(more.provides[name] ?? []),
    ...(nameOf(name) === name ? [] : [name]),
  ];
  const { Provides = '' } = packages.get(name);
  const virtual = Provides.split(/,\s*/).map((one) => one.split(' ')[0]);
  const byFile = lines.flatMap((line) => {
    const command = /"?\/usr\/(s?bin)\/([^"]+)"?$/.exec(line);
    const library = /"\/usr\/lib\/[^/]+-linux-gnu\/(lib[^"/]+\.so\.[0-9.]+)"/.exec(line);
    return [
      ...(command ? [`/${command[1]}/${command[2]}`] : []),
      ...(library ? [`${library[1]}()(64bit)`] : []),
      ...moduleOf(line),
    ];
  });
  const all = [...own, ...virtual.filter((one) => /^[a-z0-9.+-]+$/.test(one)), ...byFile];
  return [...new Set(all)].filter((one) => !names.has(one));
}

/** The provides that Fedora's packages have for Perl modules and files of pkg-config, for one file. */
function moduleOf(line) {
  const perl = /"\/usr\/(?:share|lib\/[^/]+-linux-gnu)\/perl(?:5|-base|\/[\d.]+)\/([^"]+)\.pm"/.exec(
    line,
  )?.[1];
  const config = /\/pkgconfig\/([^"/]+)\.pc"/.exec(line)?.[1];
  return [
    ...(perl ? [`perl(${perl.replaceAll('/', '::')})`] : []),
    ...(config ? [`pkgconfig(${config})`] : []),
  ];
}

function specOf(selected, files) {
  const names = new Set(selected.map(nameOf));
  const head = `Name: distribution
Version: 1
Release: 1
Summary: Packages of this machine
License: see each package
AutoReqProv: no
%define __os_install_post %{nil}
%define __spec_install_pre %{___build_pre}
%define _binary_payload w1.gzdio
%define _build_id_links none
%define _unpackaged_files_terminate_build 0
%description
Packages of this machine.
`;
  const parts = selected.map((name) => {
    const { Version, Description = name, Architecture } = packages.get(name);
    const { epoch, version, release } = versionOf(Version);
    const requires = new Set([
      ...dependenciesOf(name),
      ...(needed[kind][name] ?? []),
      ...(always[name] ?? []),
    ]);
    writeFileSync(path.join(work, `files.${name}`), `${files.get(name).join('\n')}\n`);
    return [
      `%package -n ${nameOf(name)}`,
      `Summary: ${Description.split('  ')[0].slice(0, 70).replaceAll('%', '%%')}`,
      `Version: ${version}`,
      `Release: ${release}`,
      ...(epoch === null ? [] : [`Epoch: ${epoch}`]),
      ...(Architecture === 'all' ? ['BuildArch: noarch'] : []),
      'AutoReq: no',
      `AutoProv: ${/^(lib|zlib)/.test(name) ? 'yes' : 'no'}`,
      ...providesOf(name, files.get(name), names).map((one) => `Provides: ${one}`),
      ...[...requires]
        .filter((one) => one !== name && selected.includes(one))
        .map((one) => `Requires: ${nameOf(one)}`),
      `%description -n ${nameOf(name)}`,
      name,
      `%files -n ${nameOf(name)} -f ${work}/files.${name}`,
    ].join('\n');
  });
  return `${head}${parts.join('\n')}\n`;
}

/** The names of a group's packages. */
const namesIn = (group) => [
  ...groups[kind][group].split(' '),
  ...(more.groups[group] ?? []).filter((name) => packages.has(name)).map(nameOf),
];

function comps() {
  const parts = Object.keys(groups[kind]).map((id) => {
    const entries = namesIn(id).map((name) => `      <packagereq type="mandatory">${name}</packagereq>`);
    return `  <group>
    <id>${id}</id><name>${id}</name><description/><default>false</default><uservisible>true</uservisible>
    <packagelist>
${entries.join('\n')}
    </packagelist>
  </group>`;
  });
  return `<?xml version="1.0" encoding="UTF-8"?>\n<comps>\n${parts.join('\n')}\n</comps>\n`;
}

function build(selected, files) {
  const spec = path.join(work, 'distribution.spec');
  writeFileSync(spec, specOf(selected, files));
  const log = path.join(folder, 'build.log');
  const define = (name, value) => ['--define', `${name} ${value}`];
  try {
    const said = execFileSync(
      'rpmbuild',
      [
        ...[
          '-bb',
          '--noprep',
          ...define('_topdir', work),
          ...define('_rpmfilename', '%%{NAME}-%%{VERSION}-%%{RELEASE}.%%{ARCH}.rpm'),
        ],
        ...['--buildroot', root, spec],
      ],
      { encoding: 'utf8', maxBuffer: 1 << 28, stdio: ['ignore', 'pipe', 'pipe'] },
    );
    writeFileSync(log, said);
  } catch (error) {
    writeFileSync(log, `${error.stdout}${error.stderr}`);
    throw new Error(`rpmbuild failed; see ${log}`, { cause: error });
  }
}

function main() {
  rmSync(folder, { recursive: true, force: true });
  const repo = path.join(folder, arch);
  for (const place of [root, repo]) mkdirSync(place, { recursive: true });
  const selected = selectPackages();
  const missing = wanted.filter((name) => !packages.has(name));
  const files = new Map(selected.map((name) => [name, filesOf(name)]));
  packages.set('base-config', {
    Version: '1-1',
    Architecture: 'any',
    Description: 'links, accounts and macros',
  });
  files.set('base-config', baseFiles());
  const all = [...selected, 'base-config'].sort();
  build(all, files);
  for (const file of readdirSync(path.join(work, 'RPMS')))
    renameSync(path.join(work, 'RPMS', file), path.join(repo, file));
  rmSync(work, { recursive: true, force: true });
  writeFileSync(path.join(folder, 'comps.xml'), comps());
  const lists = Object.keys(groups[kind]).map((id) => [id, namesIn(id)]);
  writeFileSync(path.join(folder, 'groups.json'), `${JSON.stringify(Object.fromEntries(lists), null, 2)}\n`);
  execFileSync('createrepo_c', ['-q', '-g', path.join(folder, 'comps.xml'), repo]);
  console.log(`${all.length} packages in ${repo}`);
  if (missing.length > 0) console.log(`not installed on this machine, so left out: ${missing.join(', ')}`);
}

main();
