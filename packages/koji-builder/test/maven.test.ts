import { RefuseTask } from '@koji/plugin-sdk';
import { runTask } from '@koji/plugin-sdk/testing';
import { ElsewhereTask } from '../src/tasks/elsewhere.js';
import { ChainMavenTask } from '../src/tasks/chainmaven.js';
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

/** Runs a chain; its builds get the names of their packages, and 1-1. */
async function chain(
  builds: Record<string, object>,
  opts: Record<string, unknown>,
  answers: Record<string, unknown> = {},
): Promise<{ result: unknown; made: readonly [string, readonly unknown[]][] }> {
  const { result, subtasks } = await runTask(ChainMavenTask, [builds, 'f44', opts], {
    subtask: () => null,
    calls: {
      getBuildTarget: target,
      getTag: { id: 3, name: 'd' },
      getPackageConfig: { blocked: false },
      getLatestBuilds: [],
      getBuild: (nvr: string) => ({ id: 9, nvr }),
      getTaskChildren: (id: number) => [{ id: id + 100, method: 'buildMaven' }],
      listBuilds: ({ taskID: id }: { taskID: number }) => [{ nvr: `made-by-${id}` }],
      'repo.request': { repo: { id: 77, create_event: 1 }, request: null },
      ...answers,
    },
  });
  return { result, made: subtasks.map(({ method, args }) => [method, args] as const) };
}

test('a chain builds each package once those that it needs are built, and tells it of them', async () => {
  const builds = {
    top: { scmurl: `${url}1`, buildrequires: ['middle'], goals: ['install'] },
    middle: { scmurl: `${url}2`, buildrequires: ['base'] },
    base: { scmurl: `${url}3`, maven_options: ['-B'] },
    rpm: { scmurl: `${url}4`, buildrequires: ['base'], type: 'wrapper' },
  };
  const { result, made } = await chain(builds, { debug: true });
  expect(made).toEqual([
    ['maven', [`${url}3`, 'f44', { maven_options: ['-B', '--debug'] }]],
    ['maven', [`${url}2`, 'f44', { deps: ['made-by-2'], maven_options: ['--debug'] }]],
    ['wrapperRPM', [`${url}4`, target, { id: 9, nvr: 'made-by-2' }, null, { repo_id: 77 }]],
    [
      'maven',
      [
        `${url}1`,
        'f44',
        { goals: ['install'], deps: ['made-by-3', 'made-by-2'], maven_options: ['--debug'] },
      ],
    ],
  ]);
  expect(result).toContain(`made-by-5 built from ${url}1`);
  const scratch = await chain({ base: builds.base, middle: builds.middle }, { scratch: true });
  expect(scratch.made[1]).toEqual(['maven', [`${url}2`, 'f44', { deps: [102], scratch: true }]]);
  expect(scratch.result).toEqual([
    `base built from ${url}3 by task 2`,
    `middle built from ${url}2 by task 3`,
  ]);
});

test('a chain takes a package that was built the same way as it is, unless that is forced', async () => {
  const base = { base: { scmurl: url, maven_options: ['-X', '-B'], profiles: ['a', 'b'] } };
  const built = (options: object) => ({
    getLatestBuilds: [{ nvr: 'base-1-1', task_id: 50 }],
    getTaskInfo: { request: [url, 'f44', options] },
  });
  const same = built({
    profiles: ['b', 'a'],
    maven_options: ['-B', '-e'],
    jvm_options: ['-Xmx1g'],
    skip_tag: true,
  });
  expect(await chain(base, {}, same)).toMatchObject({
    made: [],
    result: [`base-1-1 previously built from ${url}`],
  });
  expect((await chain(base, { force: true }, same)).made).toHaveLength(1);
  expect((await chain(base, {}, built({ profiles: ['a'], maven_options: ['-B'] }))).made).toHaveLength(1);
});

test('a chain that can not be built says why', async () => {
  const circle = { a: { scmurl: url, buildrequires: ['b'] }, b: { scmurl: url, buildrequires: ['a'] } };
  await expect(chain(circle, {})).rejects.toThrow('unable to run chain build, circular dependencies');
  const odd = chain({ a: { scmurl: url, type: 'ant' } }, {});
  await expect(odd).rejects.toThrow('unsupported build type: ant');
  await expect(chain(circle, {}, { getPackageConfig: null })).rejects.toThrow(
    'package a not in list for tag d',
  );
  await expect(chain(circle, {}, { getBuildTarget: null })).rejects.toThrow('unknown build target: f44');
  const failing = {
    'host.taskWaitResults': () => {
      throw new Error('the first one failed');
    },
  };
  await expect(chain({ a: { scmurl: url } }, {}, failing)).rejects.toThrow('the first one failed');
});

test('every task for tools of other builders is refused with the names of these tools', async () => {
  const tools: Readonly<Record<string, string>> = {
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
