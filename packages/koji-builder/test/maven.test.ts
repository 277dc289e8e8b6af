import { RefuseTask } from '@koji/plugin-sdk';
import { runTask } from '@koji/plugin-sdk/testing';
import { ElsewhereTask } from '../src/tasks/elsewhere.js';
import { MavenTask } from '../src/tasks/maven.js';

const url = 'git+https://git.example.com/project#main';
const target = { id: 1, name: 'f44', build_tag: 2, build_tag_name: 'b', dest_tag: 3, dest_tag_name: 'd' };
const maven = { group_id: 'org.example', artifact_id: 'thing', version: '1.0-2' };

interface Recorded {
  readonly calls: [string, unknown[]][];
  readonly failure: string | null;
}

async function run(
  options: Record<string, unknown>,
  answers: Record<string, unknown> = {},
): Promise<Recorded> {
  const calls: [string, unknown[]][] = [];
  const note =
    (name: string, answer: unknown = null) =>
    (...args: unknown[]): unknown => {
      calls.push([name, args]);
      return answer;
    };
  const results = { maven_info: maven, buildroot_id: 5, logs: [], files: {} };
  const failure = await runTask(MavenTask, [url, 'f44', options], {
    subtask: (method) =>
      method === 'buildMaven' ? { ...results, ...(answers.results as object) } : { rpms: [] },
    calls: {
      getBuildTarget: target,
      getTag: (id: number) => ({ id, name: id === 3 ? 'd' : 'b' }),
      getRepo: { id: 77 },
      getTaskInfo: (id: number) => ({ id }),
      getPackageConfig: { blocked: false },
      'host.initMavenBuild': note('initMavenBuild', { id: 9, release: '1' }),
      'host.completeMavenBuild': note('completeMavenBuild'),
      'host.moveMavenBuildToScratch': note('moveMavenBuildToScratch'),
      'host.failBuild': note('failBuild'),
      ...answers,
    },
  }).then(
    ({ subtasks }) => {
      calls.unshift(...subtasks.map(({ method, args }): [string, unknown[]] => [method, [...args]]));
      return null;
    },
    (error: unknown) => String(error),
  );
  return { calls, failure };
}

test('a Maven build is imported and tagged', async () => {
  const { calls, failure } = await run({ goals: ['install'], unknown: 1 });
  expect(failure).toBeNull();
  expect(calls.map(([name]) => name)).toEqual([
    'buildMaven',
    'tagBuild',
    'initMavenBuild',
    'completeMavenBuild',
  ]);
  expect(calls[0]?.[1]).toEqual([url, { id: 2, name: 'b' }, { goals: ['install'], repo_id: 77 }]);
  expect(calls[1]?.[1]).toEqual([3, 9, false, null, true]);
  const nvr = {
    name: 'org.example-thing',
    version: '1.0_2',
    release: null,
    epoch: null,
    package_name: 'org.example-thing',
  };
  expect(calls[2]?.[1]).toEqual([1, nvr, maven]);
  expect(calls[3]?.[1]).toEqual([
    1,
    9,
    { maven_info: maven, buildroot_id: 5, logs: [], files: {}, task_id: 2 },
    null,
  ]);
});

test('a scratch build is no build; its results may be wrapped into rpms', async () => {
  const { calls } = await run({ scratch: true, specfile: 'git+https://git.example.com/spec#main' });
  expect(calls.map(([name]) => name)).toEqual(['buildMaven', 'wrapperRPM', 'moveMavenBuildToScratch']);
  expect(calls[1]?.[1]).toMatchObject([expect.any(String), target, null, { id: 2 }, { repo_id: 77 }]);
  expect(calls[2]?.[1][2]).toEqual({ rpms: [], task_id: 3 });
});

test('what must not be built says why', async () => {
  expect((await run({}, { getBuildTarget: null })).failure).toContain('unknown build target: f44');
  expect((await run({}, { getRepo: null })).failure).toContain('no repo for tag b');
  expect((await run({}, { getPackageConfig: null })).failure).toContain(
    'package org.example-thing not in list for tag d',
  );
  const snapshot = { results: { maven_info: { ...maven, version: '1-SNAPSHOT' } } };
  expect((await run({}, snapshot)).failure).toContain(
    '-SNAPSHOT versions are only supported in scratch builds',
  );
});

test('a build that can’t be imported is failed', async () => {
  const { calls, failure } = await run(
    {},
    {
      'host.completeMavenBuild': () => {
        throw new Error('no import');
      },
    },
  );
  expect(failure).toContain('no import');
  expect(calls.map(([name]) => name)).toEqual(['initMavenBuild', 'failBuild']);
});

test('every task for tools of other builders is refused with the names of these tools', async () => {
  const tools: Readonly<Record<string, string>> = {
    appliance: 'pykickstart',
    chainmaven: 'chains of Maven builds',
    createAppliance: 'appliance-creator',
    createImage: 'ImageFactory and oz',
    createLiveCD: 'livecd-creator',
    createLiveMedia: 'livemedia-creator',
    image: 'ImageFactory and oz',
    indirectionimage: 'ImageFactory and oz',
    livecd: 'pykickstart',
    livemedia: 'pykickstart',
    vmExec: 'kojivmd',
    winbuild: 'kojivmd',
  };
  expect([...ElsewhereTask.Methods].sort()).toEqual(Object.keys(tools));
  for (const [method, tool] of Object.entries(tools)) {
    const refused = runTask(ElsewhereTask, [], { method });
    await expect(refused).rejects.toThrow(RefuseTask);
    await expect(refused).rejects.toThrow(`${method} needs a builder with `);
    await expect(refused).rejects.toThrow(tool);
  }
});
