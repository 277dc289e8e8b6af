import { spawnSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, readFileSync, readdirSync, symlinkSync } from 'node:fs';
import path from 'node:path';
import { gunzipSync } from 'node:zlib';
import type { RepoInfo } from '@koji/core/api';
import { named } from '@koji/core/wire';
import { runTask } from '@koji/plugin-sdk/testing';
import { CreaterepoTask } from '../src/tasks/createrepo.js';
import { NewRepoTask } from '../src/tasks/new-repo.js';
import { Site, until } from './support/site.js';
import { buildRpm } from '../../koji-plugin-rpm2maven/test/support/rpms.js';

let site: Site;
const rpms: Record<string, string[]> = {};

beforeAll(async () => {
  site = await Site.create({ RunInterval: '1' });
  mkdirSync(site.path('rpms'));
  for (const name of ['inner', 'later', 'outer'])
    rpms[name] = buildRpm(site.path('rpms'), name, { install: 'true', files: '' });
  await site.session.createTag('f44', null, 'x86_64 i686');
  for (const name of ['inner', 'later']) {
    for (const file of rpms[name] ?? []) {
      await site.session.upload(file, 'test');
      await site.session.importRPM('test', path.basename(file));
    }
    await site.session.packageListAdd('f44', name, 'kojiadmin');
  }
  await site.session.tagBuildBypass('f44', 'inner-1.0-1');
  await site.session.addHostToChannel('builder', 'createrepo');
  await site.startBuilder();
});
afterAll(() => site.stop());

let count = 0;
async function newTag(): Promise<string> {
  const name = `build-${(count += 1)}`;
  await site.session.createTag(name, 'f44', 'x86_64 i686');
  return name;
}

async function makeRepo(
  tag: string,
  options: Record<string, unknown> = {},
): Promise<{ id: number; task: number }> {
  const task = await site.session.newRepo(tag, named(options));
  await site.reach(task, 'CLOSED');
  const [id] = (await site.session.getTaskResult(task)) as [number, number];
  expect(await site.session.repoInfo(id)).toMatchObject({ state: 1, tag_name: tag, task_id: task });
  return { id, task };
}

const below = (tag: string, id: number, ...names: string[]): string =>
  site.path('koji/repos', tag, String(id), ...names);
const dataOf = (folder: string, kind: string): string => {
  const file = readdirSync(folder).find((name) => name.includes(kind) && name.endsWith('.gz')) ?? '';
  return gunzipSync(readFileSync(path.join(folder, file))).toString();
};
const packagesIn = (folder: string): string[] =>
  [...dataOf(folder, 'primary.xml').matchAll(/<name>(.*)<\/name>/g)].map(([, name = '']) => name).sort();
async function logOf(task: number, arch: string, name: string): Promise<string> {
  const children = await site.session.call<{ id: number; label: string }[]>('getTaskChildren', [task]);
  const child = children.find(({ label }) => label === arch);
  return String(await site.session.readTaskOutput(child?.id ?? 0, name));
}

test('a repo has metadata of what the tag has, for each arch', async () => {
  const tag = await newTag();
  const { id, task } = await makeRepo(tag);
  for (const arch of ['x86_64', 'i386']) {
    expect(packagesIn(below(tag, id, arch, 'repodata'))).toEqual(['inner']);
    expect(readFileSync(below(tag, id, arch, 'repodata/repomd.xml'), 'utf8')).toContain('type="primary"');
    expect(await logOf(task, arch, 'createrepo.log')).toMatch(
      /^\$ createrepo_c --error-exit-val -vd -o .* -i .*pkglist/,
    );
  }
});

test('a repo has packages of another volume, at addresses that lead to them', async () => {
  const tag = await newTag();
  await site.session.packageListAdd(tag, 'later', 'kojiadmin');
  await site.session.tagBuildBypass(tag, 'later-1.0-1');
  mkdirSync(site.path('storage'));
  mkdirSync(site.path('koji/vol'), { recursive: true });
  symlinkSync(site.path('storage'), site.path('koji/vol/second'));
  await site.session.addVolume('second');
  await site.session.changeBuildVolume('later-1.0-1', 'second');
  const { id } = await makeRepo(tag);
  const primary = dataOf(below(tag, id, 'x86_64', 'repodata'), 'primary.xml');
  const places = [...primary.matchAll(/<location href="(.*?)"/g)].map(([, place = '']) => place).sort();
  expect(places).toEqual([
    'toplink/packages/inner/1.0/1/noarch/inner-1.0-1.noarch.rpm',
    'toplink/vol/second/packages/later/1.0/1/noarch/later-1.0-1.noarch.rpm',
  ]);
  for (const [i, name] of ['inner', 'later'].entries()) {
    const answer = await fetch(`${site.origin}/kojifiles/repos/${tag}/${id}/x86_64/${places[i]}`);
    expect(Buffer.from(await answer.arrayBuffer())).toEqual(readFileSync(rpms[name]?.[1] ?? ''));
  }
  await site.session.changeBuildVolume('later-1.0-1', 'DEFAULT');
});

test('an arch without content has an empty repo that says so', async () => {
  await site.session.createTag('nothing', null, 'x86_64');
  const { id } = await makeRepo('nothing');
  expect(packagesIn(below('nothing', id, 'x86_64/repodata'))).toEqual([]);
  expect(existsSync(below('nothing', id, 'x86_64/repodata/EMPTY_REPO'))).toBe(true);
});

test('what is right of an older repo is used again: the tag’s own, a hinted one, a parent’s', async () => {
  const tag = await newTag();
  const first = await makeRepo(tag);
  expect(await logOf(first.task, 'x86_64', 'createrepo.log')).not.toContain('--update');
  const second = await makeRepo(tag);
  expect(await logOf(second.task, 'x86_64', 'createrepo.log')).toContain('--update --skip-stat');
  expect(packagesIn(below(tag, second.id, 'x86_64/repodata'))).toEqual(['inner']);
  await site.session.createTag(`${tag}-child`, tag, 'x86_64');
  expect(await logOf((await makeRepo(`${tag}-child`)).task, 'x86_64', 'createrepo.log')).toContain(
    '--update',
  );
  await site.session.createTag(`${tag}-other`, null, 'x86_64');
  await site.session.editTag2(`${tag}-other`, named({ extra: { 'repo.oldrepo_hint': ['gone', tag] } }));
  await site.session.packageListAdd(`${tag}-other`, 'inner', 'kojiadmin');
  await site.session.tagBuildBypass(`${tag}-other`, 'inner-1.0-1');
  expect(await logOf((await makeRepo(`${tag}-other`)).task, 'x86_64', 'createrepo.log')).toContain(
    '--update',
  );
});

test('options are those that are asked for, today and in the old form', async () => {
  const tag = await newTag();
  const { id } = await makeRepo(tag, { src: true });
  expect(packagesIn(below(tag, id, 'x86_64/repodata'))).toEqual(['inner', 'inner']);
  const task = await site.session.makeTask('newRepo', [tag, null, null, null, null, { separate_src: true }]);
  await site.reach(task, 'CLOSED');
  const [other] = (await site.session.getTaskResult(task)) as [number];
  expect(packagesIn(below(tag, other, 'src/repodata'))).toEqual(['inner']);
  expect((await site.fault('newRepo', [tag, null, true, null, null, { src: true }]))[1]).toContain(
    'opts parameter cannot be combined with legacy options',
  );
});

test('external repos are merged in, and the repo says what came from where', async () => {
  const outside = site.path('outside/x86_64');
  mkdirSync(outside, { recursive: true });
  copyFileSync(rpms.outer?.[1] ?? '', path.join(outside, 'outer-1.0-1.noarch.rpm'));
  const made = spawnSync('createrepo_c', ['-q', outside], { encoding: 'utf8' });
  expect([made.status, made.stderr]).toEqual([0, '']);
  await site.session.createExternalRepo('outside', `file://${site.path('outside')}/$arch/`);
  await site.session.createTag('merged', 'f44', 'x86_64 i686');
  await site.session.addExternalRepoToTag('merged', 'outside', 10, named({ arches: 'x86_64' }));
  const { id, task } = await makeRepo('merged');
  expect(packagesIn(below('merged', id, 'x86_64/repodata'))).toEqual(['inner', 'outer']);
  expect(packagesIn(below('merged', id, 'i386/repodata'))).toEqual(['inner']);
  expect(dataOf(below('merged', id, 'x86_64/repodata'), 'origin')).toMatch(
    new RegExp(`outer-1.0-1.noarch\\s+file://${site.path('outside')}/x86_64/`),
  );
  expect(await logOf(task, 'x86_64', 'mergerepos.log')).toMatch(
    /^\$ mergerepo_c --koji -b .*blocklist -a x86_64/,
  );
  await site.session.createExternalRepo('elsewhere', 'file:///nowhere/');
  await site.session.addExternalRepoToTag('merged', 'elsewhere', 20, named({ merge_mode: 'bare' }));
  const failing = await site.session.newRepo('merged');
  await site.reach(failing, 'FAILED');
  await expect(site.session.getTaskResult(failing)).rejects.toThrow('Found multiple merge modes');
});

test('a request for a repo is met when the hub looks through its queue', async () => {
  const tag = await newTag();
  const task = await site.session.makeTask('waitrepo', [tag]);
  await until('the task has what it waited for', async () => {
    await site.session.call('repo.checkQueue');
    return (await site.state(task)) === 'CLOSED';
  });
  expect(await site.session.getTaskResult(task)).toMatchObject({ tag_name: tag, state: 1 });
});

test('metadata of an arch that has not changed is copied when kojid.conf says so', async () => {
  const tag = await newTag();
  const first = await makeRepo(tag);
  await site.stopBuilders();
  await site.startBuilder({ copy_old_repodata: 'yes' });
  const second = await makeRepo(tag);
  const about = JSON.parse(readFileSync(below(tag, second.id, 'repo.json'), 'utf8')) as object;
  expect(about).toMatchObject({ cloned_from_repo_id: first.id, cloned_archs: ['i386', 'x86_64'] });
  for (const arch of ['x86_64', 'i386'])
    expect(readFileSync(below(tag, second.id, arch, 'repodata/repomd.xml'), 'utf8')).toBe(
      readFileSync(below(tag, first.id, arch, 'repodata/repomd.xml'), 'utf8'),
    );
  await site.session.tagBuildBypass('f44', 'later-1.0-1');
  const third = await makeRepo(tag);
  expect(packagesIn(below(tag, third.id, 'x86_64/repodata'))).toEqual(['inner', 'later']);
});

test('a builder that does not see the files of the hub leaves repos to others', async () => {
  const repo: Partial<RepoInfo> = { id: 5, state: 0, tag_name: 'f44', tag_id: 1 };
  const calls = { repoInfo: repo, getTag: { id: 1, name: 'f44', extra: {} } };
  const options = { topdir: '/nowhere' };
  const message = 'No access to repos dir /nowhere/repos';
  await expect(runTask(CreaterepoTask, [5, 'x86_64', null], { calls, options })).rejects.toThrow(message);
  await expect(runTask(NewRepoTask, ['f44'], { calls, options })).rejects.toThrow(message);
  const ready = { repoInfo: { ...repo, state: 1 } };
  await expect(runTask(CreaterepoTask, [5, 'x86_64', null], { calls: ready, options })).rejects.toThrow(
    'Repo 5 not in INIT state (got READY)',
  );
});
