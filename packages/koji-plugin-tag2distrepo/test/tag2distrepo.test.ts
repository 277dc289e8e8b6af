import { cp, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { named } from '@koji/core/wire';
import { context, exported } from '@koji/plugin-sdk';
import { startTestHub } from '@koji/plugin-sdk/testing';
import type { TestHub } from '@koji/plugin-sdk/testing';
import { buildRpms } from '../../../test/support/rpms.js';
import * as plugin from '../src/hub.js';

const key = '15f712be';

/** Makes the stored headers of unsigned rpms those of a key, as a signing server's import would. */
const signing = {
  signAll: exported(() => context.db.run(context.db.sql`UPDATE rpmsigs SET sigkey = ${key}`)),
};

let hub: TestHub;
let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'koji-tag2distrepo-'));
  hub = await startTestHub({ plugins: { tag2distrepo: plugin, signing }, tags: ['plain'] });
});
afterAll(async () => {
  await hub.stop();
  await rm(folder, { recursive: true, force: true });
});

const newTag = (name: string, arches: string, extra: Readonly<Record<string, unknown>>): Promise<unknown> =>
  hub.admin.createTag(name, named({ arches, extra }));

interface Task {
  readonly method: string;
  readonly request: unknown[];
  readonly priority: number;
  readonly owner: number;
}

/** The requests of all tasks that make repos of a tag. */
async function requests(tag: string): Promise<unknown[][]> {
  const tasks = (await hub.admin.call('listTasks', [{ method: 'distRepo', decode: true }])) as Task[];
  return tasks.map(({ request }) => request).filter(([of]) => of === tag);
}

test('a tag that does not ask for it gets no repo', async () => {
  await hub.addBuild('bash-5.2-1', { tags: ['plain'] });
  expect(await requests('plain')).toEqual([]);
});

test('a repo is made whenever a build gets into the tag or leaves it, also for users who may not make repos', async () => {
  await newTag('f44', 'x86_64 aarch64', { 'tag2distrepo.enabled': true, 'tag2distrepo.latest': true });
  await hub.addBuild('zsh-5.9-1', { tags: ['f44'] });
  const tagger = await hub.login('tagger', 'tag');
  await tagger.call('untagBuildBypass', ['f44', 'zsh-5.9-1']);
  const made = await requests('f44');
  expect(made).toHaveLength(2);
  for (const request of made)
    expect(request).toEqual([
      'f44',
      expect.any(Number),
      [],
      {
        arch: ['x86_64', 'aarch64'],
        comp: null,
        delta: [],
        event: expect.any(Number) as number,
        inherit: false,
        latest: true,
        multilib: false,
        split_debuginfo: false,
        skip_missing_signatures: false,
        allow_missing_signatures: true,
      },
    ]);
});

test('with keys there are signed copies first, and no unsigned rpm gets into the repo', async () => {
  const files = buildRpms(folder, ['signed']).get('signed') ?? [];
  await newTag('gold', 'x86_64', { 'tag2distrepo.enabled': true, 'tag2distrepo.keys': `${key} deadbeef` });
  const build = await hub.addBuild('signed-1-1', { files });
  await hub.admin.call('signAll');
  const rpms = await hub.admin.listBuildRPMs(build.id);
  for (const rpm of rpms) {
    const below = (sigkey: string): string =>
      path.join(hub.paths.build(build), hub.paths.sighdr(rpm, sigkey));
    await cp(below(''), below(key), { recursive: true });
  }
  await hub.admin.call('packageListAdd', ['gold', 'signed', 'kojiadmin']);
  await hub.admin.call('tagBuildBypass', ['gold', 'signed-1-1']);
  expect(await requests('gold')).toMatchObject([
    ['gold', expect.any(Number), [key, 'deadbeef'], { allow_missing_signatures: false }],
  ]);
  for (const rpm of rpms) {
    const copy = path.join(hub.paths.build(build), hub.paths.signed(rpm, key));
    expect((await readFile(copy)).length).toBeGreaterThan(0);
  }
});

test('a tag without arches can not have one, and nothing is tagged', async () => {
  await newTag('archless', '', { 'tag2distrepo.enabled': true });
  await expect(hub.addBuild('dash-0.5-1', { tags: ['archless'] })).rejects.toMatchObject({
    faultCode: 1017,
    message: expect.stringContaining(
      'Tag archless has no arches configured but tag2distrepo is enabled',
    ) as string,
  });
  expect(await hub.admin.listTagged('archless')).toEqual([]);
});
