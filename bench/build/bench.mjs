// How much longer a noarch package takes from git to a tag than by plain rpmbuild, and where that time goes.
import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { loadavg } from 'node:os';
import path from 'node:path';
import { siteFolder, startBuildSite } from '../../scripts/build-site.mjs';

const limit = 3;
const rounds = Number(process.env.BENCH_ROUNDS ?? 15);

const files = (release) => ({
  'words.spec': `Name: words
Version: 1.0
Release: ${release}%{?dist}
Summary: A script
License: MIT
BuildArch: noarch
Source0: words
%description
Prints words.
%prep
%setup -q -c -T
cp %{SOURCE0} .
%install
install -D -m 755 words %{buildroot}%{_bindir}/words
%files
%{_bindir}/words
`,
  words: '#!/bin/bash\necho "\${1:-hello} world"\n',
});

function writeFiles(folder, release) {
  mkdirSync(folder, { recursive: true });
  for (const [name, text] of Object.entries(files(release))) writeFileSync(path.join(folder, name), text);
}

/** Seconds that rpmbuild of this machine takes for a source package and a package. */
function plainBuild(sources, topdir) {
  const define = (name, value) => ['--define', `${name} ${value}`];
  const words = [
    '-ba',
    ...define('_topdir', topdir),
    ...define('_sourcedir', sources),
    ...define('_dbpath', topdir),
  ];
  const before = performance.now();
  const { status, stderr } = spawnSync('rpmbuild', [...words, path.join(sources, 'words.spec')], {
    encoding: 'utf8',
  });
  if (status !== 0) throw new Error(stderr);
  return (performance.now() - before) / 1000;
}

/** Seconds of the processor that a process and those of its children that have ended took. */
function processorTime({ pid }) {
  const fields = readFileSync(`/proc/${pid}/stat`, 'latin1').split(') ')[1].split(' ');
  return fields.slice(11, 15).reduce((sum, ticks) => sum + Number(ticks), 0) / 100;
}

/** When a step in a buildroot ended, in seconds since 1970; the last one that fits. */
function finished(text, pattern) {
  const lines = text.split('\n').filter((line) => pattern.test(line));
  return Date.parse(lines.at(-1).split(' ')[0]) / 1000;
}

/** The parts of a build by name, in seconds. */
async function partsOf({ session, file, log }, id, asked) {
  const task = await session.call('getTaskInfo', [id]);
  const children = await session.call('getTaskChildren', [id, true]);
  const times = async (label) => {
    const { id: child } = children.find((one) => one.label === label);
    const about = await session.call('getTaskInfo', [child]);
    const [root] = label === 'tag' ? [] : await session.call('listBuildroots', [], { taskID: child });
    const place = root && `work/roots/${root.tag_name}-${root.id}-${root.repo_id}/result/state.log`;
    return {
      from: about.create_ts,
      start: about.start_ts,
      end: about.completion_ts,
      steps: place ? log(place) : '',
    };
  };
  const [srpm, arch, tag] = [await times('srpm'), await times('noarch'), await times('tag')];
  const marks = [
    ['tasks wait for the builder', task.start_ts],
    ['policies, repo, first subtask', srpm.from],
    ['tasks wait for the builder', srpm.start],
    ['buildroots', finished(srpm.steps, /Finish: uname/)],
    // Programs of the checkout run outside of the buildroot.
    ['checkout', finished(srpm.steps, /Start: rpmbuild/)],
    ['rpmbuild', finished(srpm.steps, /Finish: rpmbuild/)],
    ['upload and end of tasks', srpm.end],
    ['build begins at the hub', arch.from],
    ['tasks wait for the builder', arch.start],
    ['buildroots', finished(arch.steps, /Finish: uname/)],
    ['rpmbuild', finished(arch.steps, /Finish: rpmbuild/)],
    ['upload and end of tasks', arch.end],
    ['import', tag.from],
    ['tasks wait for the builder', tag.start],
    ['tag', tag.end],
    ['end of the build', task.completion_ts],
  ];
  const parts = {};
  let before = asked;
  for (const [name, at] of marks) {
    parts[name] = (parts[name] ?? 0) + at - before;
    before = at;
  }
  return { parts, seconds: task.completion_ts - asked };
}

async function build(site, folder, release) {
  writeFiles(folder, release);
  const url = site.git.commit(`words${release}`, folder);
  const asked = Date.now() / 1000;
  const id = await site.session.call('build', [url, 'f44']);
  if ((await site.ended(id)) !== 2)
    throw new Error(`build ${id} failed:\n${site.log('kojid.log').slice(-4000)}`);
  return partsOf(site, id, asked);
}

const median = (values) => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)];
const show = (name, seconds) => console.log(`${name.padEnd(30)} ${seconds.toFixed(2).padStart(7)} s`);

const folder = siteFolder('bench-build');
let site = null;
try {
  site = await startBuildSite({ folder });
  const kojid = await site.startBuilder();
  await site.session.call('packageListAdd', ['f44', 'words', 'kojiadmin']);
  const source = site.file('source');
  const first = await build(site, source, 0);
  const load = loadavg()[0];
  const plain = [];
  const ours = [];
  const before = [site.hubProcess, kojid].map(processorTime);
  for (let i = 1; i <= rounds; i++) {
    ours.push(await build(site, source, i));
    plain.push(plainBuild(source, site.file('plain')));
  }
  const [hub, builder] = [site.hubProcess, kojid].map((one, i) => (processorTime(one) - before[i]) / rounds);
  const overheads = ours.map(({ seconds }, i) => seconds - plain[i]);
  console.log(
    `a noarch package from git to its tag, back end sandbox, ${rounds} builds one after the other; ` +
      `load of this machine at the start ${load.toFixed(1)}\n`,
  );
  show('first build, repo and bases too', first.seconds);
  show('koji build, median', median(ours.map(({ seconds }) => seconds)));
  show('rpmbuild -ba, median', median(plain));
  const over = median(overheads);
  console.log(
    `${'overhead, median'.padEnd(30)} ${over.toFixed(2).padStart(7)} s  ${(over / limit).toFixed(2)} of the limit of ${limit} s`,
  );
  show('overhead, least', Math.min(...overheads));
  show('overhead, most', Math.max(...overheads));
  console.log('\nwhere the time goes, medians');
  for (const name of Object.keys(ours[0].parts))
    show(`  ${name}`, median(ours.map(({ parts }) => parts[name])));
  console.log('\nprocessor time of a build');
  show('  hub', hub);
  show('  kojid and what it runs', builder);
  if (over > limit) process.exitCode = 1;
} finally {
  await site?.stop();
  rmSync(folder, { recursive: true, force: true });
}
