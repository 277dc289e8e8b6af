import { appendFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { ClientSession } from '../src/index.js';
import { useHub } from './support/hub.js';
import type { RealHub } from './support/hub.js';
import { StandIn } from './support/stand-in.js';

const rpms = fileURLToPath(new URL('../../koji-core/test/fixtures/rpms', import.meta.url));
let hub: RealHub;
let admin: ClientSession;
const ids: Record<string, number> = {};

const { koji, failed } = useHub(async (opened) => {
  ({ hub, admin } = opened);
  await appendFile(join(hub.folder, 'koji.conf'), 'weburl = https://web.example/koji/\n');
  for (const tag of ['f44', 'f44-updates', 'f44-build', 'other']) ids[tag] = await admin.createTag(tag);
  const link = (parent: string, priority: number, filter = '') => ({
    parent_id: ids[parent]!,
    priority,
    maxdepth: null,
    intransitive: false,
    noconfig: false,
    pkg_filter: filter,
  });
  await admin.setInheritanceData(ids['f44-build']!, [
    link('f44-updates', 0),
    link('f44', 10),
    link('other', 20, '^kernel'),
  ]);
  for (const name of ['bash', 'zsh', 'dash']) await admin.packageListAdd('f44', name, 'kojiadmin');
  await admin.packageListAdd('other', 'bash', 'kojiadmin');
  for (const release of ['1', '2', '3'])
    ids[`bash${release}`] = await admin.createEmptyBuild('bash', '5.2', release, null);
  await admin.createEmptyBuild('zsh', '5.9', '1', null);
  await admin.packageListAdd('f44-updates', 'bash', 'kojiadmin');
  await admin.tagBuildBypass('f44', 'bash-5.2-1');
  await admin.tagBuildBypass('f44-updates', 'bash-5.2-2');
  await admin.tagBuildBypass('f44', 'zsh-5.9-1');
  await admin.tagBuildBypass('other', 'bash-5.2-3');
  await admin.packageListAdd('other', 'ksh', 'kojiadmin');
  await admin.createEmptyBuild('ksh', '1', '1', null);
  await admin.tagBuildBypass('other', 'ksh-1-1');
});

/** Times differ from run to run. */
const timeless = (text: string): string => text.replace(/\w{3} \w{3} [ \d]\d [\d:]{8} \d{4}/g, 'TIME');

describe('why', () => {
  test('tells where a build comes from and what hides it', async () => {
    expect(timeless(await koji('why', 'bash-5.2-1', '--tag=f44-build')))
      .toBe(`bash-5.2-1 is in f44-build: inherited from f44.
It is not the latest: bash-5.2-2 is in f44-updates, which comes before f44 in the inheritance.

Inheritance, in the order of search:
  f44-build: does not have the build
  f44-updates: does not have the build
  f44: tagged TIME by kojiadmin
  other: does not have the build, only packages that match '^kernel'

History:
  TIME tagged into f44 by kojiadmin
`);
    expect(await koji('why', 'zsh-5.9-1', '--tag=f44')).toMatch(
      /^zsh-5.9-1 is in f44: tagged into it\.\nIt is the latest build of zsh there\.\n/,
    );
  });

  test('tells the same as JSON', async () => {
    const time = expect.any(Number) as number;
    const link = { tagged: null, tagged_by: null, blocked: false, pkg_filter: null };
    expect(JSON.parse(await koji('why', '--json', 'bash-5.2-1', '--tag=f44-build'))).toEqual({
      nvr: 'bash-5.2-1',
      tag: 'f44-build',
      in_tag: true,
      from_tag: 'f44',
      latest: false,
      latest_nvr: 'bash-5.2-2',
      latest_from_tag: 'f44-updates',
      reason: 'is in f44-updates, which comes before f44 in the inheritance',
      inheritance: [
        { tag: 'f44-build', ...link },
        { tag: 'f44-updates', ...link },
        { tag: 'f44', ...link, tagged: time, tagged_by: 'kojiadmin' },
        { tag: 'other', ...link, pkg_filter: '^kernel' },
      ],
      other_tags: [],
      history: [{ event: time, time, text: 'tagged into f44', user: 'kojiadmin' }],
    });
    expect(JSON.parse(await koji('why', '--json=in_tag,reason', 'ksh-1-1', '-t', 'f44-build'))).toEqual({
      in_tag: false,
      reason: "the inheritance takes only packages that match '^kernel'",
    });
  });

  test('tells why a tag does not have a build: filtered, untagged, blocked, never there', async () => {
    expect(await koji('why', 'ksh-1-1', '-t', 'f44-build')).toContain(
      "ksh-1-1 is not in f44-build: the inheritance takes only packages that match '^kernel'.\n",
    );
    const elsewhere = await koji('why', 'bash-5.2-3', '-t', 'f44');
    expect(elsewhere).toContain('\nLatest there: bash-5.2-1, tagged into f44\n');
    expect(elsewhere).toContain('neither this tag nor any tag it inherits from has it.');
    expect(elsewhere).toContain('\nOther tags that have it: other\n');
    await admin.untagBuildBypass('f44', 'zsh-5.9-1');
    expect(timeless(await koji('why', 'zsh-5.9-1', '-t', 'f44-build'))).toMatch(
      /^zsh-5.9-1 is not in f44-build: it was untagged from f44\.\n[^]*TIME untagged from f44 by kojiadmin\n$/,
    );
    await admin.tagBuildBypass('f44', 'zsh-5.9-1');
    await admin.packageListBlock('f44', 'zsh');
    const blocked = timeless(await koji('why', 'zsh-5.9-1', '-t', 'f44-build'));
    expect(blocked).toContain('zsh-5.9-1 is not in f44-build: package zsh is blocked in f44.\n');
    expect(blocked).toContain('f44: tagged TIME by kojiadmin, blocks the package\n');
    expect(blocked).toContain('TIME zsh blocked in f44 by kojiadmin\n');
    await admin.packageListUnblock('f44', 'zsh');
  });

  test('refuses a build or a tag that does not exist', async () => {
    expect(await failed('why', 'bash-0-0', '--tag=f44')).toEqual([1, 'No such build: bash-0-0\n']);
    expect(await failed('why', 'bash-5.2-1', '--tag=f45')).toEqual([1, 'No such tag: f45\n']);
    expect(await failed('why', 'bash-5.2-1')).toEqual([2, 'Please specify a tag with --tag\n']);
  });
});

describe('diff-tags', () => {
  test('shows builds and packages that differ between two tags', async () => {
    expect(await koji('diff-tags', 'f44', 'f44-updates')).toBe(`--- f44
+++ f44-updates

Builds:
  ~ bash 5.2-1 -> 5.2-2
  - zsh 5.9-1

Packages:
  - dash (owner kojiadmin)
  - zsh (owner kojiadmin)
`);
    expect(JSON.parse(await koji('diff-tags', '--json', 'f44', 'f44-updates'))).toEqual([
      { part: 'build', change: 'changed', name: 'bash', before: '5.2-1', after: '5.2-2' },
      { part: 'build', change: 'removed', name: 'zsh', before: '5.9-1', after: null },
      { part: 'package', change: 'removed', name: 'dash', before: '(owner kojiadmin)', after: null },
      { part: 'package', change: 'removed', name: 'zsh', before: '(owner kojiadmin)', after: null },
    ]);
    expect(JSON.parse(await koji('diff-tags', '--json', 'f44', 'f44'))).toEqual([]);
    expect(await koji('diff-tags', '--builds', '--all', '--no-inherit', 'f44', 'f44')).toBe(
      '--- f44\n+++ f44\nNo differences\n',
    );
  });

  test('shows how a tag changed since a time', async () => {
    const { ts } = (await admin.getLastEvent())!;
    // An event counts from the moment after it.
    const since = String(Number(ts) + 0.001);
    await admin.untagBuildBypass('other', 'bash-5.2-3');
    await admin.packageListBlock('other', 'bash');
    expect(timeless(await koji('diff-tags', '--since', since, 'other'))).toBe(`--- other at TIME
+++ other

Builds:
  - bash 5.2-3

Packages:
  ~ bash (owner kojiadmin) -> (owner kojiadmin, blocked)
`);
  });

  test('refuses one tag without a time, and a tag that does not exist', async () => {
    expect((await failed('diff-tags', 'f44'))[0]).toBe(2);
    expect((await failed('diff-tags', '--since=now', 'f44', 'f45'))[0]).toBe(2);
    expect(await failed('diff-tags', 'f44', 'f45')).toEqual([1, 'No such tag: f45\n']);
    expect(await failed('diff-tags', '--since=20 years ago', 'f44')).toEqual([
      1,
      expect.stringContaining('No event before '),
    ]);
  });
});

describe('diff-builds', () => {
  test('shows rpms, files, dependencies and changelog that differ', async () => {
    const files = ['pkgc-1.2-3.src.rpm', 'nomd5-1.0-1.src.rpm', 'nomd5-1.0-1.noarch.rpm'];
    await koji('import', ...files.map((name) => join(rpms, name)));
    const found = await koji('diff-builds', 'pkgc-1.2-3', 'nomd5-1.0-1');
    expect(found).toMatch(/^--- pkgc-1\.2-3\n\+\+\+ nomd5-1\.0-1\n\nRpms:\n {2}\+ nomd5\.noarch\n/);
    expect(await koji('diff-builds', 'nomd5-1.0-1', 'nomd5-1.0-1')).toContain('No differences\n');
    expect(await koji('diff-builds', '--only=deps,files', 'pkgc-1.2-3', 'nomd5-1.0-1')).toContain(
      'No differences',
    );
  });

  test('compares the rpms that both builds have, as far as a build says something new', async () => {
    const build = (id: number) => ({ id, nvr: `a-${id}-1`, version: String(id), release: '1' });
    const rpm = (id: number, name: string, from: number) => ({
      ...{ id, name, arch: 'x86_64', version: String(from), release: '1', buildroot_id: from },
    });
    const file = (name: string, mode: number) => ({ name, mode, user: 'root', group: 'root' });
    const answers: Record<string, (param: unknown) => unknown> = {
      getBuild: (nvr) => build(Number(String(nvr).split('-')[1])),
      listRPMs: (named) => {
        const { buildID = 0, componentBuildrootID = 0 } = named as Record<string, number>;
        if (componentBuildrootID) return [rpm(0, 'gcc', componentBuildrootID)];
        return [rpm(buildID, 'a', buildID), ...(buildID === 2 ? [rpm(3, 'a-libs', 2)] : [])];
      },
      listRPMFiles: (id) => [
        file('/usr/bin/a', id === 1 ? 0o755 : 0o4755),
        file(`/usr/share/a${String(id)}`, 0o644),
      ],
      getRPMDeps: (id) => [
        { name: 'libc.so', version: id === 1 ? '2.3' : '2.4', flags: 12, type: 0 },
        { name: 'a', version: `${String(id)}-1`, flags: 8, type: 1 },
      ],
      getChangelogEntries: (named) => [
        ...((named as { buildID: number }).buildID === 2
          ? [{ date: '2026-11-02 12:00:00', date_ts: 2, author: 'Bob - 2-1', text: '- new' }]
          : []),
        { date: '2026-11-01 12:00:00', date_ts: 1, author: 'Al - 1-1', text: '- old' },
      ],
    };
    const standIn = await StandIn.start(({ method, params }) => {
      if (method !== 'multiCall') return { value: 1 };
      const calls = params[0] as { methodName: string; params: unknown[] }[];
      return { value: calls.map((call) => [answers[call.methodName]?.(call.params[0]) ?? null]) };
    });
    const found = await koji('-s', standIn.url, 'diff-builds', 'a-1-1', 'a-2-1');
    const rows = await koji(
      '-s',
      standIn.url,
      'diff-builds',
      '--json',
      '--only=files,changelog',
      'a-1-1',
      'a-2-1',
    );
    await standIn.stop();
    const mode = { before: '(mode 0755, root:root)', after: '(mode 4755, root:root)' };
    expect((JSON.parse(rows) as unknown[]).slice(0, 1)).toEqual([
      { part: 'files', rpm: 'a.x86_64', change: 'changed', name: '/usr/bin/a', ...mode },
    ]);
    expect((JSON.parse(rows) as unknown[]).slice(3)).toEqual([
      {
        part: 'changelog',
        rpm: null,
        change: 'added',
        name: '2026-11-02 12:00:00 Bob - 2-1',
        before: null,
        after: '- new',
      },
    ]);
    expect(found).toBe(`--- a-1-1
+++ a-2-1

Rpms:
  + a-libs.x86_64

Files of a.x86_64:
  ~ /usr/bin/a (mode 0755, root:root) -> (mode 4755, root:root)
  - /usr/share/a1 (mode 0644, root:root)
  + /usr/share/a2 (mode 0644, root:root)

Dependencies of a.x86_64:
  ~ require libc.so >= 2.3 -> 2.4

Buildroots 1 and 2:
  ~ gcc.x86_64 1-1 -> 2-1

Changelog:
* Mon Nov 02 2026 Bob - 2-1
- new
`);
  });

  test('refuses a build or a part that does not exist', async () => {
    expect(await failed('diff-builds', 'bash-5.2-1', 'bash-0-0')).toEqual([1, 'No such build: bash-0-0\n']);
    expect((await failed('diff-builds', '--only=colour', 'bash-5.2-1', 'bash-5.2-2'))[1]).toContain(
      'No such part: colour.',
    );
    expect((await failed('diff-builds', 'bash-5.2-1'))[0]).toBe(2);
  });
});

test('open prints the pages of things by name and id, and refuses what does not exist', async () => {
  const task = await admin.makeTask('sleep', [1]);
  expect(await koji('open', 'build', 'bash-5.2-1', String(ids['bash2']))).toBe(
    `https://web.example/koji/buildinfo?buildID=${ids['bash1']}\n` +
      `https://web.example/koji/buildinfo?buildID=${ids['bash2']}\n`,
  );
  expect(await koji('open', 'tag', 'f44')).toBe(`https://web.example/koji/taginfo?tagID=${ids['f44']}\n`);
  expect(await koji('open', 'task', String(task))).toBe(`https://web.example/koji/taskinfo?taskID=${task}\n`);
  const user = await admin.getUser('kojiadmin');
  expect(await koji('open', '--print', 'user', 'kojiadmin')).toContain(`/userinfo?userID=${user!.id}\n`);
  expect(await failed('open', 'tag', 'f45')).toEqual([1, 'No such tag: f45\n']);
  expect(await failed('open', 'task', 'f45')).toEqual([1, 'No such task: f45\n']);
  expect((await failed('open', 'colour', 'red'))[0]).toBe(2);
  expect(await failed('open', 'tag')).toEqual([2, 'Please specify a kind and a name\n']);
});
