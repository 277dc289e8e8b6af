import { GenericError, TASK_STATES } from '@koji/core';
import type { HostInfo, TaskInfo } from '@koji/core/api';
import { named } from '@koji/core/wire';
import { runTask } from '@koji/plugin-sdk/testing';
import { DependantTask } from '../src/tasks/dependant.js';
import { RestartTask } from '../src/tasks/restart.js';
import { Site, alive, childrenOf, until, type RunningBuilder } from './support/site.js';

let site: Site;
let builder: RunningBuilder;

beforeAll(async () => {
  site = await Site.create({ RunInterval: '1' });
  builder = await site.startBuilder({ plugins: '' });
});
afterAll(() => site.stop());

const host = (): Promise<HostInfo> => site.session.getHost('builder', true);
const starts = (): number => site.log().split('ready as').length - 1;

/** The process of the daemon that runs now: the first one, or one that it has started. */
function daemons(): number[] {
  return childrenOf(builder.pid).filter(alive);
}

test('restartHosts restarts the builder that runs it, and continues after that', async () => {
  const id = await site.session.makeTask('restartHosts', [{ timeout: 100 }]);
  await site.reach(id, 'CLOSED');
  expect(starts()).toBe(2);
  const children = await site.session.getTaskChildren(id);
  const { id: hostId } = await host();
  expect(children.map(({ method, label }) => [method, label])).toEqual([
    ['restart', `restart ${hostId}`],
    ['restartVerify', `sleep ${hostId}`],
  ]);
  expect(await site.session.getTaskResult(children[0]?.id ?? 0)).toBe('graceful restart initiated');
  expect(alive(builder.pid)).toBe(true);
});

test('a restart waits for the tasks that run, and takes none meanwhile', async () => {
  const before = starts();
  const long = await site.session.makeTask('sleep', [3]);
  await site.reach(long, 'OPEN');
  const task = await site.session.makeTask('restart', [await host()]);
  await site.reach(task, 'CLOSED');
  const later = await site.session.makeTask('sleep', [0.01]);
  expect(starts()).toBe(before);
  await site.reach(long, 'CLOSED');
  await site.reach(later, 'CLOSED');
  expect(starts()).toBe(before + 1);
  const [closed, begun] = (await Promise.all(
    [long, later].map((id) => site.session.getTaskInfo(id)),
  )) as TaskInfo[];
  expect(Number(begun?.start_ts)).toBeGreaterThan(Number(closed?.completion_ts));
});

test('tasks of a restart say what is wrong', async () => {
  const { id } = await host();
  expect((await site.fault('restart', [{ id: id + 1 }]))[1]).toBe('Host mismatch');
  const open = await site.session.makeTask('sleep', [60]);
  expect((await site.fault('restartVerify', [open, { id }]))[1]).toMatch(
    /^Stage one restart task is (FREE|ASSIGNED|OPEN)$/,
  );
  await site.session.cancelTask(open);
  const old = await site.session.makeTask('sleep', [0.01]);
  await site.reach(old, 'CLOSED');
  expect((await site.fault('restartVerify', [old, { id }]))[1]).toMatch(
    /^Restart failed - start time is \w{3} \w{3} [ \d]\d \d\d:\d\d:\d\d \d{4}$/,
  );
  expect((await site.fault('restartHosts', [{ arches: ['s390x'] }]))[1]).toBe('No matching hosts');
  await expect(runTask(RestartTask, [{ id: 1 }], { calls: { 'host.getID': 1 } })).rejects.toThrow(
    new GenericError('restart is a task for kojid'),
  );
});

test('a task that depends on others starts its own after them', async () => {
  const first = await site.session.makeTask('sleep', [1]);
  const tasks = [
    ['sleep', [0.01], { label: 'one', priority: 15 }],
    ['sleep', [0.02]],
  ];
  const id = await site.session.makeTask('dependantTask', [[first, 999_999], tasks]);
  await site.reach(id, 'CLOSED');
  const children = await site.session.getTaskChildren(id);
  expect(children.map(({ label, state }) => [label, state])).toEqual([
    ['one', TASK_STATES.CLOSED],
    [null, TASK_STATES.CLOSED],
  ]);
  const before = await site.session.getTaskInfo(first, named({ strict: true }));
  expect(Number(children[0]?.create_ts)).toBeGreaterThanOrEqual(Number(before.completion_ts));
});

test('a task that depends on a failed one fails', async () => {
  const bad = await site.session.makeTask('sleep', ['soon']);
  await site.reach(bad, 'FAILED');
  expect((await site.fault('dependantTask', [[bad], [['sleep', [0.01]]]]))[1]).toBe(
    `Dependency ${bad} failed to complete.`,
  );
  await expect(runTask(DependantTask, [[], []])).resolves.toMatchObject({ result: null });
});

test('shutdown stops the builder, and the first process with it', async () => {
  const id = await site.session.makeTask('shutdown', []);
  await site.reach(id, 'CLOSED');
  expect(await builder.ended).toBe(0);
  await until('the last daemon is gone', () => daemons().length === 0);
  expect(await host()).toMatchObject({ ready: false });
  builder = await site.startBuilder();
  await site.result('sleep', [0.01]);
});

test('a signal for the first process stops the one that it has started', async () => {
  await site.result('restart', [await host()]);
  await until('it is ready again', () => site.log().trimEnd().split('\n').pop()?.includes('ready as'));
  const [last = 0] = daemons();
  expect(last).toBeGreaterThan(0);
  await builder.stop();
  expect(alive(last)).toBe(false);
});
