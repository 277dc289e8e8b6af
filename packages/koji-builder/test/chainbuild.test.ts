import { runTask } from '@koji/plugin-sdk/testing';
import { ChainBuildTask } from '../src/tasks/chainbuild.js';

const url = (name: string): string => `git+https://git.example.com/${name}#main`;

async function run(srcs: string[][], opts: Record<string, unknown> = {}): Promise<unknown[]> {
  const made: unknown[] = [];
  let builds = 0;
  await runTask(ChainBuildTask, [srcs, 'f44', opts], {
    calls: {
      getBuildTarget: (name: string) => (name === 'f44' ? { build_tag_name: 'f44-build' } : null),
      'host.subtask': (method: string, args: unknown[], _parent: number, { label }: { label: string }) => {
        made.push([method, label, args]);
        return 100 + made.length;
      },
      'host.taskWait': () => [[], []],
      'host.taskWaitResults': () => [],
      listBuilds: () => [{ nvr: `made-1-${(builds += 1)}` }],
    },
  });
  return made;
}

test('each group waits for a repo with the builds of the one before', async () => {
  expect(
    await run([[url('a'), 'named-1-1'], [url('b'), url('c')], ['other-1-1'], [url('d')]], { x: 1 }),
  ).toEqual([
    ['build', 'build 0,0', [url('a'), 'f44', { x: 1 }]],
    ['waitrepo', 'wait 1', ['f44-build', null, ['named-1-1', 'made-1-1']]],
    ['build', 'build 1,0', [url('b'), 'f44', { x: 1 }]],
    ['build', 'build 1,1', [url('c'), 'f44', { x: 1 }]],
    ['waitrepo', 'wait 2', ['f44-build', null, ['made-1-2', 'made-1-3']]],
    ['waitrepo', 'wait 3', ['f44-build', null, ['other-1-1']]],
    ['build', 'build 3,0', [url('d'), 'f44', { x: 1 }]],
  ]);
});

test('a scratch build and an unknown target are refused', async () => {
  await expect(run([[url('a')]], { scratch: true })).rejects.toThrow(
    '--scratch is not allowed with chain-builds',
  );
  await expect(runTask(ChainBuildTask, [[], 'f45'], { calls: { getBuildTarget: null } })).rejects.toThrow(
    'unknown build target: f45',
  );
});
