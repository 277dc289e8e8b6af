import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { Site, childrenOf, until } from './support/site.js';

let site: Site;
beforeAll(async () => {
  site = await Site.create();
});
afterAll(() => site.stop());

test('a plugin with a problem refuses the start with every problem and exit status 1', async () => {
  const builder = site.runBuilder({ plugins: 'works syntax missing nowhere' });
  expect(await builder.ended).toBe(1);
  const text = builder.stderr();
  expect(text).toMatch(/syntax\.mjs.*syntax error/);
  expect(text).toMatch(/missing\.mjs.*not-there/);
  expect(text).toMatch(/nowhere/);
  expect(text).not.toMatch(/works\.mjs/);
});

test('a wrong password, and with --once a missing hub, refuse the start in one line', async () => {
  const wrong = site.runBuilder({ password: 'wrong' });
  expect(await wrong.ended).toBe(1);
  expect(wrong.stderr().trim()).toMatch(/^kojid: .*invalid username or password$/);
  const lonely = site.runBuilder({ server: 'http://127.0.0.1:9/kojihub' }, ['--once']);
  expect(await lonely.ended).toBe(1);
  expect(lonely.stderr().trim()).toMatch(/^kojid: no answer from http:\/\/127\.0\.0\.1:9\/kojihub: [^\n]*$/);
});

test('a path that the hub does not have refuses the start', async () => {
  const lost = site.runBuilder({ server: `${site.origin}/nowhere` });
  expect(await lost.ended).toBe(1);
  expect(lost.stderr().trim()).toMatch(/^kojid: [^\n]*404[^\n]*$/);
});

describe('a builder that starts before its hub', () => {
  const waiting = (): Promise<unknown> =>
    until('kojid waits', () =>
      /can't log in at http\S+: .*no answer from .*; retrying in \d+ s/.test(site.log()),
    );

  test('ends at once when it is told to while it waits', async () => {
    const lonely = site.runBuilder({ server: 'http://127.0.0.1:9/kojihub', retry_interval: '3000' });
    await waiting();
    lonely.signal('SIGTERM');
    expect(await lonely.ended).toBe(0);
  });

  test('waits for it, says so, and then takes tasks', async () => {
    await site.stopHub();
    const before = site.log().length;
    const builder = site.runBuilder({ retry_interval: '1', plugins: 'works' });
    await until('kojid waits', () => site.log().slice(before).includes('retrying in'));
    await site.startHub();
    await until('kojid is ready', () => site.log().slice(before).includes('ready as builder at'));
    expect(site.log().slice(before)).toMatch(/logged in at \S+ after \d+ tries/);
    await builder.stop();
  });
});

test('limits of kojid.conf hold for kojid and its tasks', async () => {
  const builder = await site.startBuilder({ RLIMIT_NOFILE: '700' });
  const of = (pid: number): string => readFileSync(`/proc/${pid}/limits`, 'utf8');
  expect([builder.pid, ...childrenOf(builder.pid)].map(of)).toEqual(
    expect.arrayContaining([expect.stringMatching(/^Max open files +700 /m)]),
  );
  expect(childrenOf(builder.pid).length).toBeGreaterThan(0);
  await builder.stop();
});

test('kojid plugins says what plugins are and bring, and with --check what is wrong', async () => {
  const good = site.kojid(['plugins'], { plugins: 'works' });
  expect(good.status).toBe(0);
  expect(good.stdout).toMatch(/^works\n {2}from .*works\.mjs\n {2}made for any version of @koji\/plugin-sdk/);
  expect(good.stdout).toContain("  brings task arguments(first, second='two', named=None)\n");
  expect(site.kojid(['plugins', '--check'], { plugins: 'works' })).toMatchObject({
    status: 0,
    stdout: 'nothing is wrong\n',
  });
  const bad = site.kojid(['plugins', '--check'], { plugins: 'works nowhere' });
  expect(bad).toMatchObject({
    status: 1,
    stdout: expect.stringContaining('plugin nowhere: is not installed') as string,
  });
});

test('kojid does not start with a log level that there is not', () => {
  const { status, stderr } = site.kojid([], { log_level: 'LOUD' });
  expect(status).not.toBe(0);
  expect(stderr).toContain('Invalid log level: LOUD; there are DEBUG, INFO, WARNING, WARN, ERROR, CRITICAL');
});

describe('a builder that waits at the hub', () => {
  beforeAll(async () => {
    await site.startBuilder({ plugins: 'works', maxjobs: '2', sleeptime: '60' });
  });
  afterAll(() => site.stopBuilders());

  test('notes what the tasks of plugins did, for kojid plugins', async () => {
    await site.reach(await site.session.makeTask('prints', ['hello']), 'CLOSED');
    await site.reach(await site.session.makeTask('throws', []), 'FAILED');
    await until('both are noted', () => {
      const { stdout } = site.kojid(['plugins'], { plugins: 'works' });
      return (
        /^ {2}ran task prints: \d+ times, [\d.]+ ms each$/m.test(stdout) &&
        /^ {2}ran task throws: \d+ times, .* failed, last 20.*: BuildError: the build is broken$/m.test(
          stdout,
        )
      );
    });
  });

  test('is notified of a new task at once, although sleeptime and RunInterval are 60', async () => {
    await sleep(500); // it is idle now
    const id = await site.session.makeTask('prints', ['hello']);
    await site.reach(id, 'CLOSED', 50);
  });

  test('runs maxjobs tasks at a time and takes the next one at once', async () => {
    const ids: number[] = [];
    for (let i = 0; i < 5; i++) ids.push(await site.session.makeTask('sleep', [0.7]));
    let most = 0;
    await until(
      'all have ended',
      async () => {
        const states = await Promise.all(ids.map((id) => site.state(id)));
        most = Math.max(most, states.filter((state) => state === 'OPEN').length);
        return states.every((state) => state === 'CLOSED');
      },
      50,
    );
    expect(most).toBe(2);
  });

  test('refuses a task whose method it has no handler for', async () => {
    const id = await site.session.makeTask('buildSomething', []);
    await until('it is refused', () =>
      site.log().includes(`refusing task ${id}: no handler for buildSomething`),
    );
    await refused(id, false);
    await site.session.cancelTask(id);
  });

  test('refuses a task that its handler does not want on this host', async () => {
    for (const [method, reason] of [
      ['picky', 'failed host check'],
      ['refuses', 'not today'],
    ] as const) {
      const id = await site.session.makeTask(method, []);
      await until('it is refused', () => site.log().includes(`task ${id} is refused: ${reason}`));
      await refused(id, true);
      await site.session.cancelTask(id);
    }
  });

  async function refused(id: number, soft: boolean): Promise<void> {
    const found = await until('the hub knows', async () => {
      const rows = await site.session.call<{ soft: boolean }[]>('scheduler.getTaskRefusals', [
        [['task_id', '=', id]],
      ]);
      return rows[0];
    });
    expect(found.soft).toBe(soft);
    expect(await site.state(id)).toBe('FREE');
  }

  test('takes nothing while its host is disabled, and asks seldom even for a task that it can not take', async () => {
    await site.session.disableHost('builder');
    await sleep(300); // a look at its tasks that began before is over
    const id = await site.session.makeTask('sleep', [0]);
    await site.session.assignTask(id, 'builder', true);
    const [before, begun] = [await calls(), Date.now()];
    await until('it has asked a few times', async () => (await calls()) >= before + 4);
    expect(Date.now() - begun).toBeGreaterThan(500);
    expect(await site.state(id)).toBe('ASSIGNED');
    await site.session.enableHost('builder');
    await site.reach(id, 'CLOSED', 50);
  });

  /** How many calls of builders that waited for news the hub has answered. */
  async function calls(): Promise<number> {
    const metrics = await (await fetch(`${site.origin}/metrics`)).text();
    return Number(
      /^koji_hub_call_seconds_count\{method="host.waitForTasks",end="ok"\} (\d+)$/m.exec(metrics)?.[1],
    );
  }
});

test('a builder that may not wait at the hub asks it for tasks', async () => {
  const polled = await Site.create({ RunInterval: '1' });
  try {
    await polled.startBuilder({ waitfortasks: 'no', sleeptime: '1', plugins: 'works' });
    expect(await polled.result('sleep', [0])).toBeNull();
    expect(await polled.result('prints', ['polled'])).toBeNull();
  } finally {
    await polled.stop();
  }
});
