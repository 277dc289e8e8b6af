import { existsSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { TASK_STATES } from '@koji/core';
import { planCleanup } from '../src/buildroot/cleanup.js';
import { fakeMock } from '../src/testing/index.js';
import type { FakeMock } from '../src/testing/index.js';
import { Site, until } from './support/site.js';

describe('what becomes of a buildroot', () => {
  const options = {
    buildroot_basic_cleanup_delay: 120,
    buildroot_final_cleanup_delay: 86_400,
    failed_buildroot_lifetime: 14_400,
  };
  const now = 1_000_000;
  const planOf = ({
    retired = 0,
    changed = retired as number | null,
    state = 'CLOSED',
    space = true,
    known = true,
  }) =>
    planCleanup(
      { id: 5, changed: changed === null ? null : now - changed },
      {
        known: new Map(known ? [[5, { retire_ts: retired < 0 ? null : now - retired, task_id: 7 }]] : []),
        taskStates: new Map([[7, TASK_STATES[state as keyof typeof TASK_STATES]]]),
        now,
        hasSpace: space,
      },
      options,
    );

  test.each<[string, string, Parameters<typeof planOf>[0]]>([
    ['expired a moment ago', 'keep', { retired: 120 }],
    ['expired for a while', 'empty', { retired: 121 }],
    ['expired for a while, changed later', 'keep', { retired: 1000, changed: 60 }],
    ['expired for a while, without a root', 'keep', { retired: 1000, changed: null }],
    ['expired for a day', 'remove', { retired: 86_401 }],
    ['expired for a day, without a root', 'remove', { retired: 86_401, changed: null }],
    ['of a failed task', 'keep', { retired: 14_399, state: 'FAILED' }],
    ['of a failed task, without room', 'empty', { retired: 14_399, state: 'FAILED', space: false }],
    ['of a failed task, after its time', 'empty', { retired: 14_401, state: 'FAILED' }],
    ['of a cancelled task', 'empty', { retired: 200, state: 'CANCELED' }],
    ['in use', 'keep', { retired: -1, changed: 90_000 }],
    ['of which the hub knows nothing', 'keep', { retired: 90_000, known: false }],
  ])('%s: %s', (_, action, facts) => {
    expect(planOf(facts)).toBe(action);
  });
});

describe('a kojid with buildroots', () => {
  let site: Site;
  let mock: FakeMock;
  beforeAll(async () => {
    site = await Site.create();
    mock = await fakeMock(site.path());
    await site.session.createTag('f44-build', null, 'x86_64');
  });
  afterAll(() => site.stop());

  const start = (options: Record<string, number> = {}) => {
    const given = Object.entries(options).map(([name, value]) => [name, String(value)]);
    return site.startBuilder({
      plugins: 'rooter',
      ...mock.options,
      ...(Object.fromEntries(given) as object),
    });
  };
  const told = (line: RegExp) => until(`kojid says ${line.source}`, () => line.test(site.log()), 60);

  test('uploads the logs, keeps what a failed task left, and puts it away in time', async () => {
    let builder = await start();
    const id = await site.session.makeTask('root', ['f44-build', 'fails']);
    await site.reach(id, 'FAILED');
    const logs = (await site.session.call<string[]>('listTaskOutput', [id])).sort();
    expect(logs).toEqual(['mock_config.log', 'mock_output.log', 'root.log']);
    const output = String(await site.session.readTaskOutput(id, 'mock_output.log'));
    expect(output.match(/^INFO: Start: \w+$/gm)).toEqual([
      'INFO: Start: init',
      'INFO: Start: chroot',
      'INFO: Start: chroot',
    ]);
    await builder.stop();
    const [name = ''] = readdirSync(mock.options.mockdir);
    const root = path.join(mock.options.mockdir, name, 'root');

    builder = await start({ buildroot_basic_cleanup_delay: 0, buildroot_final_cleanup_delay: 0 });
    await told(/expiring buildroot \d+: task \d+ has ended/);
    await builder.stop();
    expect(existsSync(path.join(root, 'builddir/made'))).toBe(true);

    builder = await start({ buildroot_basic_cleanup_delay: 0, failed_buildroot_lifetime: 0 });
    await told(/buildroot \d+ is emptied/);
    await builder.stop();
    expect(readdirSync(root)).toEqual([]);
    expect(readdirSync(mock.options.mockconfigdir)).toEqual([`${name}.cfg`]);

    await start({ buildroot_final_cleanup_delay: 0, failed_buildroot_lifetime: 0 });
    await told(/buildroot \d+ is removed/);
    expect([readdirSync(mock.options.mockdir), readdirSync(mock.options.mockconfigdir)]).toEqual([[], []]);
  });
});
