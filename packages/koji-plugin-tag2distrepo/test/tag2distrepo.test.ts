import { existsSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { CallbackError } from '@koji/core';
import type { BuildInfo, RepoInfo, TaskInfo } from '@koji/core/api';
import { startTestHub } from '@koji/plugin-sdk/testing';
import type { TestHub } from '@koji/plugin-sdk/testing';
import * as plugin from '../src/hub.js';

const signedRpm = fileURLToPath(
  new URL('../../koji-core/test/fixtures/rpms/header-signed.rpm', import.meta.url),
);
/** The key that the rpm is signed with. */
const key = '15f712be';

let hub: TestHub;
let tagger: TestHub['admin'];
let build: BuildInfo;

beforeAll(async () => {
  hub = await startTestHub({ plugins: { tag2distrepo: plugin }, tags: ['quiet'] });
  // Who tags has no right to make repos or to write signed copies.
  tagger = await hub.login('tagger', 'tag');
  await hub.admin.call('createEmptyBuild', ['testpkg-1', '1.0', '1', null]);
  await hub.admin.upload(signedRpm, 'test', { name: 'testpkg-1-1.0-1.noarch.rpm' });
  await hub.admin.call('importRPM', ['test', 'testpkg-1-1.0-1.noarch.rpm']);
  build = (await hub.admin.call('getBuild', ['testpkg-1-1.0-1'])) as BuildInfo;
});
afterAll(() => hub.stop());

async function newTag(name: string, extra: object, arches = 'x86_64 s390x'): Promise<void> {
  await hub.admin.call('createTag', [name], { arches, extra });
  await hub.admin.call('packageListAdd', [name, 'testpkg-1', 'kojiadmin']);
}

const tag = (name: string): Promise<unknown> => tagger.call('tagBuildBypass', [name, build.id]);
const untag = (name: string): Promise<unknown> => tagger.call('untagBuildBypass', [name, build.id]);

async function tasks(): Promise<TaskInfo[]> {
  const all = await hub.admin.call('listTasks', [{ method: 'distRepo', decode: true }, { order: 'id' }]);
  return all as TaskInfo[];
}

const signedCopy = (): string =>
  path.join(hub.paths.build(build), `data/signed/${key}/noarch/testpkg-1-1.0-1.noarch.rpm`);

test('a tag that is not set up for it gets no repo', async () => {
  await hub.admin.call('packageListAdd', ['quiet', 'testpkg-1', 'kojiadmin']);
  await newTag('off', { 'tag2distrepo.enabled': false, 'tag2distrepo.keys': key });
  for (const name of ['quiet', 'off']) {
    await tag(name);
    await untag(name);
  }
  expect(await tasks()).toEqual([]);
});

test('a build that gets into a tag or leaves it is followed by a repo of unsigned rpms', async () => {
  await newTag('plain', { 'tag2distrepo.enabled': true });
  await tag('plain');
  await untag('plain');
  const made = await tasks();
  expect(made).toHaveLength(2);
  for (const { request, priority, channel_id: channel, owner } of made) {
    const [name, repoId, keys, opts] = request as [string, number, string[], Record<string, unknown>];
    const repo = (await hub.admin.call('repoInfo', [repoId, true])) as RepoInfo;
    expect(repo).toMatchObject({ tag_name: 'plain', dist: true, state: 0 });
    expect([name, keys]).toEqual(['plain', []]);
    expect(opts).toEqual({
      arch: ['x86_64', 's390x'],
      comp: null,
      delta: [],
      event: repo.create_event,
      inherit: false,
      latest: false,
      multilib: false,
      split_debuginfo: false,
      skip_missing_signatures: false,
      allow_missing_signatures: true,
    });
    expect(priority).toBe(15);
    expect(await hub.admin.call('getChannel', [channel])).toMatchObject({ name: 'createrepo' });
    expect(await hub.admin.call('getUser', [owner])).toMatchObject({ name: 'tagger' });
  }
  expect(existsSync(signedCopy())).toBe(false);
});

test('with keys the signed copies are written first, those of other keys are left alone', async () => {
  const settings = { 'tag2distrepo.enabled': true, 'tag2distrepo.inherit': true };
  await newTag('other', { ...settings, 'tag2distrepo.keys': 'aaaaaaaa' });
  await tag('other');
  expect(existsSync(signedCopy())).toBe(false);
  const chosen = { 'tag2distrepo.latest': true, 'tag2distrepo.split_debuginfo': true };
  await newTag('signed', { ...settings, ...chosen, 'tag2distrepo.keys': ` aaaaaaaa  ${key}` });
  await tag('signed');
  expect(existsSync(signedCopy())).toBe(true);
  const { request } = (await tasks()).at(-1) ?? {};
  const wanted = { inherit: true, latest: true, split_debuginfo: true, allow_missing_signatures: false };
  expect(request).toEqual(['signed', expect.any(Number), ['aaaaaaaa', key], expect.objectContaining(wanted)]);
});

test('a tag without arches, or with keys that are none, cannot be tagged into', async () => {
  const before = await tasks();
  await newTag('bare', { 'tag2distrepo.enabled': true }, '');
  await newTag('wrong', { 'tag2distrepo.enabled': true, 'tag2distrepo.keys': ['a'] });
  await expect(tag('bare')).rejects.toThrow(
    new CallbackError(
      'Error running postTag callback from tag2distrepo:\nGenericError: Tag bare has no arches configured but tag2distrepo is enabled',
    ),
  );
  await expect(tag('wrong')).rejects.toThrow(
    "tag2distrepo.keys of tag wrong must be keys with spaces between, not ['a']",
  );
  for (const name of ['bare', 'wrong']) expect(await hub.admin.call('listTagged', [name])).toEqual([]);
  expect(await tasks()).toEqual(before);
});
