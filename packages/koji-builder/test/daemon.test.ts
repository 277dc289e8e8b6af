import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { Site, alive, childrenOf, until } from './support/site.js';

let site: Site;
let files = 0;
beforeAll(async () => {
  site = await Site.create();
});
afterEach(() => site.stopBuilders());
afterAll(() => site.stop());

const freshFile = (): string => site.path(`file${++files}`);
const read = (file: string): string => {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
};

describe('a builder that is asked to stop', () => {
  test('lets a short task end and frees a long one', async () => {
    const builder = await site.startBuilder({ shutdowntimeout: '2' });
    const short = await site.session.makeTask('sleep', [1]);
    const long = await site.session.makeTask('sleep', [600]);
    await site.reach(short, 'OPEN');
    await site.reach(long, 'OPEN');
    await until('both sleep', () => site.log().includes('sleeping for 600'));
    const pids = childrenOf(builder.pid);
    builder.signal('SIGTERM');
    expect(await builder.ended).toBe(0);
    expect(await site.state(short)).toBe('CLOSED');
    expect(await site.state(long)).toBe('FREE');
    expect(pids.length).toBeGreaterThan(1);
    expect(pids.filter(alive)).toEqual([]);
    await site.session.cancelTask(long);
  });

  test('a second time waits for nobody', async () => {
    const builder = await site.startBuilder({ shutdowntimeout: '600' });
    const long = await site.session.makeTask('sleep', [600]);
    await site.reach(long, 'OPEN');
    builder.signal('SIGTERM');
    await sleep(300);
    const before = Date.now();
    builder.signal('SIGTERM');
    expect(await builder.ended).toBe(0);
    expect(Date.now() - before).toBeLessThan(60_000);
    expect(await site.state(long)).toBe('FREE');
    await site.session.cancelTask(long);
  });

  test('frees tasks that got the signal too, instead of failing them', async () => {
    const builder = await site.startBuilder();
    const long = await site.session.makeTask('sleep', [600]);
    await site.reach(long, 'OPEN');
    await until('it sleeps', () => site.log().includes(`running task ${long} `));
    const tasks = childrenOf(builder.pid);
    builder.signal('SIGTERM');
    for (const pid of tasks) process.kill(pid, 'SIGTERM');
    expect(await builder.ended).toBe(0);
    expect(await site.state(long)).toBe('FREE');
    await site.session.cancelTask(long);
  });

  test('stops although the hub is down', async () => {
    const builder = await site.startBuilder({ shutdowntimeout: '1', retry_interval: '600' });
    await site.stopHub();
    try {
      await sleep(200);
      const before = Date.now();
      builder.signal('SIGTERM');
      expect(await builder.ended).toBe(0);
      expect(Date.now() - before).toBeLessThan(60_000);
    } finally {
      await site.startHub();
    }
  });
});

test('canceling a task kills everything that it started, also what ignores SIGTERM', async () => {
  const builder = await site.startBuilder({ plugins: 'works' });
  const file = freshFile();
  const id = await site.session.makeTask('stubborn', [file]);
  const pids = JSON.parse(await until('it runs', () => read(file))) as number[];
  expect(pids.every(alive)).toBe(true);
  await site.session.cancelTask(id);
  await until('all are gone', () => !pids.some(alive), 10);
  expect(site.log()).toContain(`killing task ${id}: it was canceled`);
  expect(alive(builder.pid)).toBe(true);
  expect(await site.result('sleep', [0])).toBeNull();
  expect(await site.state(id)).toBe('CANCELED');
});

test("the processes of a killed builder's tasks die with it, and the next one runs them again", async () => {
  const builder = await site.startBuilder({ plugins: 'works' });
  const file = freshFile();
  const id = await site.session.makeTask('twice', [file]);
  const pid = Number(await until('it runs', () => read(file)));
  const all = childrenOf(builder.pid);
  expect(all).toContain(pid);
  builder.signal('SIGKILL');
  expect(await builder.ended).toBe('SIGKILL');
  await until('they are gone', () => !all.some(alive), 5);
  await site.startBuilder({ plugins: 'works' });
  await site.reach(id, 'CLOSED');
  expect(await site.session.getTaskResult(id)).toBe('second run');
});

test('more processes wait while tasks come fast; they cost no task when killed, and die with their builder', async () => {
  const builder = await site.startBuilder({ maxjobs: '20' });
  await until('one waits', () => childrenOf(builder.pid).length > 0);
  const ids: number[] = [];
  for (let i = 0; i < 8; i++) ids.push(await site.session.makeTask('sleep', [0]));
  for (const id of ids) await site.reach(id, 'CLOSED');
  await until('several wait', () => childrenOf(builder.pid).length > 1);
  // The oldest one may be that of a task which has told its end, and is about to go.
  const isMissed = (): boolean => {
    const [oldest] = childrenOf(builder.pid);
    if (oldest !== undefined) spawnSync('kill', ['-KILL', String(oldest)]); // unless it has just gone
    return site.log().includes('the spare process ended: task process was killed by SIGKILL');
  };
  await until('a waiting one is missed', isMissed);
  expect(await site.result('sleep', [0])).toBeNull();
  const waiting = await until('others wait', () => {
    const pids = childrenOf(builder.pid);
    return pids.length > 0 ? pids : null;
  });
  builder.signal('SIGKILL');
  expect(await builder.ended).toBe('SIGKILL');
  await until('they are gone', () => !waiting.some(alive));
});

const startsLoaded = (pid: number): boolean => read(`/proc/${pid}/cmdline`).includes('--snapshot-blob');

test('processes of tasks soon start with everything loaded, unless there are plugins', async () => {
  const before = site.log().length;
  const builder = await site.startBuilder();
  const [pid = 0] = await until('a loaded one waits', () => {
    const pids = childrenOf(builder.pid).filter(startsLoaded);
    return pids.length > 0 ? pids : null;
  });
  expect(await site.result('sleep', [0])).toBeNull();
  await until('it ran the task', () => !alive(pid));
  // A module that is loaded late, and a fault.
  await expect(site.result('tagNotification', [])).rejects.toThrow('tagNotification');
  builder.signal('SIGTERM');
  expect(await builder.ended).toBe(0);
  expect(site.log().slice(before)).not.toContain('start slowly');
  const other = await site.startBuilder({ plugins: 'works' });
  await until('another one waits', () => childrenOf(other.pid).length > 0);
  expect(await site.result('sleep', [0])).toBeNull();
  expect(childrenOf(other.pid).some(startsLoaded)).toBe(false);
});

test('with spare_processes = 0 each task starts its own process', async () => {
  const builder = await site.startBuilder({ spare_processes: '0' });
  expect(await site.result('sleep', [0])).toBeNull();
  await until('none is left', () => childrenOf(builder.pid).length === 0);
  expect(await site.result('sleep', [0])).toBeNull();
});

test('folders of tasks that ended while no builder ran are removed by the next one', async () => {
  const last = site.path('work', 'tasks', '9999', '9999');
  const others = [site.path('work', 'tasks', '77', '10077'), site.path('work', 'tasks', '5', '5')];
  for (const folder of [last, ...others]) {
    mkdirSync(folder, { recursive: true });
    writeFileSync(`${folder}/left`, 'by a task');
  }
  // No folder of any task.
  const strange = site.path('work', 'tasks', '5', 'notes');
  mkdirSync(strange);
  await site.startBuilder();
  await until('they are gone', () => ![last, ...others].some(existsSync));
  expect(existsSync(strange)).toBe(true);
});

test('a task process that could not be notified of the end of its builder is killed by the next one', async () => {
  const builder = await site.startBuilder({ plugins: 'works' });
  const file = freshFile();
  const id = await site.session.makeTask('blocked', [file]);
  const pid = Number(await until('it runs', () => read(file)));
  builder.signal('SIGKILL');
  await builder.ended;
  await site.startBuilder({ plugins: 'works' });
  await until('it is gone', () => !alive(pid));
  await site.reach(id, 'CLOSED');
  expect(await site.session.getTaskResult(id)).toBe('second run');
});

test('of two builders with one login the later one takes over and the earlier one stops', async () => {
  const file = freshFile();
  const earlier = await site.startBuilder({ plugins: 'works' });
  const id = await site.session.makeTask('twice', [file]);
  const pid = Number(await until('it runs', () => read(file)));
  const later = await site.startBuilder({ plugins: 'works' });
  expect(await earlier.ended).toBe(1);
  expect(earlier.stderr()).toMatch(/^kojid: Cannot get exclusive session$/m);
  expect(alive(pid)).toBe(false);
  await site.reach(id, 'CLOSED');
  expect(await site.session.getTaskResult(id)).toBe('second run');
  expect(await site.result('sleep', [0])).toBeNull();
  expect(alive(later.pid)).toBe(true);
});

test('a builder whose session was ended logs in again and continues', async () => {
  const file = freshFile();
  await site.startBuilder({ plugins: 'works', sleeptime: '1' });
  const id = await site.session.makeTask('twice', [file]);
  await until('it runs', () => read(file));
  const sessions = await site.session.call<{ id: number; exclusive: boolean | null }[]>('getSessionInfo', [
    true,
    'builder',
  ]);
  for (const { id: session, exclusive } of sessions) if (exclusive) await site.session.logout(session);
  await site.reach(id, 'CLOSED');
  expect(await site.session.getTaskResult(id)).toBe('second run');
});

test('a task outlives a restart of the hub, and the builder continues', async () => {
  const builder = await site.startBuilder();
  const id = await site.session.makeTask('sleep', [2]);
  await site.reach(id, 'OPEN');
  await until('it sleeps', () => site.log().includes('sleeping for 2 seconds'));
  const before = site.log().length;
  await site.stopHub();
  await until('kojid misses the hub', () => site.log().includes('retrying', before));
  await site.startHub();
  await site.reach(id, 'CLOSED');
  expect(await site.result('sleep', [0])).toBeNull();
  expect(alive(builder.pid)).toBe(true);
  expect(site.log()).not.toMatch(new RegExp(`task ${id}: `));
});
