import type { BuildTimes, DayCount, OwnCount, TargetCount, TaskSpan, TimesBy } from '@koji/core/api';
import { encodeCall } from '@koji/core/wire';
import * as fc from 'fast-check';
import { sql } from '../src/db/sql.js';
import { databases } from './support/databases.js';
import { asking } from './support/asking.js';
import type { Asking } from './support/asking.js';
import { faultOf, startTestHub } from './support/test-hub.js';
import type { TestHub } from './support/test-hub.js';

/** Midnight of a day long ago, so that the hub's own tasks count to none of the reports. */
const start = 1_600_041_600;

interface Took {
  owner: number;
  host: number;
  day: number;
  queue: number;
  run: number;
  state: number;
  target: string;
}

const tookByAny: fc.Arbitrary<Took[]> = fc.array(
  fc.record({
    owner: fc.integer({ min: 0, max: 1 }),
    host: fc.integer({ min: 0, max: 1 }),
    day: fc.integer({ min: 0, max: 3 }),
    queue: fc.integer({ min: 0, max: 20_000 }),
    run: fc.integer({ min: 0, max: 20_000 }),
    state: fc.constantFrom(1, 3, 4),
    target: fc.constantFrom('f44', 'f45-<candidate>', 'ü'),
  }),
  { minLength: 1, maxLength: 30 },
);

/** The values below which a half and 95 % of the values are. */
function percentiles(values: number[]): [number, number] {
  const sorted = [...values].sort((a, b) => a - b);
  const at = (share: number): number =>
    sorted[Math.min(Math.floor(sorted.length * share), sorted.length - 1)]!;
  return [at(0.5), at(0.95)];
}

function groupBy<T>(all: readonly T[], key: (one: T) => number): Map<number, T[]> {
  const groups = new Map<number, T[]>();
  for (const one of all) groups.set(key(one), [...(groups.get(key(one)) ?? []), one]);
  return groups;
}

describe.each(databases)('reports on $name', (kind) => {
  let hub: TestHub;
  let admin: Asking;
  let ids: { users: number[]; hosts: number[]; packages: number[]; event: number };

  beforeAll(async () => {
    hub = await startTestHub(kind);
    admin = await asking(hub, 'kojiadmin');
    const users: number[] = [];
    const hosts: number[] = [];
    const packages: number[] = [];
    for (const i of [1, 2]) {
      users.push(await admin('createUser', [`user${i}`]));
      hosts.push(await admin('addHost', [`host${i}`, ['x86_64']]));
      const build = await admin<number>('createEmptyBuild', [`package${i}`, '1', '1', null]);
      packages.push((await admin<{ package_id: number }>('getBuild', [build])).package_id);
    }
    ids = { users, hosts, packages, event: (await admin<{ id: number }>('getLastEvent')).id };
  });
  afterAll(() => hub.stop());

  /** Writes a build with its tasks for each, in place of those before; `host` is also the place of the package. */
  const write = (all: readonly Took[]): Promise<void> =>
    hub.database.write(async (db) => {
      await db.run(sql`DELETE FROM build WHERE task_id IS NOT NULL`);
      await db.run(sql`DELETE FROM task`);
      for (const [i, one] of all.entries()) {
        const end = start + one.day * 86_400 + 43_200;
        const [created, started] = [end - one.run - one.queue, end - one.run];
        const times = [created, started, end].map((seconds) => new Date(seconds * 1000));
        const [owner, host] = [ids.users[one.owner]!, ids.hosts[one.host]!];
        const request = encodeCall('build', ['git+https://example.com/?a=1&b=<2>#c', one.target, {}]);
        for (const [method, id] of [
          ['build', 2 * i + 1],
          ['buildArch', 2 * i + 2],
        ] as const)
          await db.run(sql`INSERT INTO task (id, state, create_time, start_time, completion_time, channel_id, host_id,
              owner, method, request, arch, weight)
            VALUES (${id}, ${one.state === 1 ? 2 : 5}, ${times[0]!}, ${times[1]!}, ${times[2]!}, 1, ${host}, ${owner},
              ${method}, ${request}, 'noarch', ${i / 4})`);
        await db.run(sql`INSERT INTO build (volume_id, pkg_id, version, release, create_event, completion_time, state,
            task_id, owner)
          VALUES (0, ${ids.packages[one.host]!}, '2', ${String(i)}, ${ids.event}, ${times[2]!}, ${one.state}, ${2 * i + 1},
            ${owner})`);
      }
    });

  it('count and measure as reading every row does', async () => {
    await fc.assert(
      fc.asyncProperty(tookByAny, fc.integer({ min: 0, max: 2 }), async (all, since) => {
        await write(all);
        const after = start + since * 86_400;
        const ended = all.filter(({ day }) => day >= since);
        const created = all.filter(
          ({ day, queue, run }) => start + day * 86_400 + 43_200 - queue - run > after,
        );
        const counted = (of: (one: Took) => number, list: readonly Took[], times: number) =>
          [...groupBy(list, of)].map(([id, group]) => [id, group.length * times]).sort();
        const countsOf = async (method: string) =>
          (await admin<OwnCount[]>(method, [after])).map(({ id, count }) => [id, count]).sort();
        expect(await countsOf('countTasksByOwner')).toEqual(
          counted((one) => ids.users[one.owner]!, created, 2),
        );
        expect(await countsOf('countTasksByHost')).toEqual(
          counted((one) => ids.hosts[one.host]!, created, 2),
        );
        const targets = await admin<TargetCount[]>('countBuildsByTarget', [after]);
        expect(Object.fromEntries(targets.map(({ name, count }) => [name, count]))).toEqual(
          Object.fromEntries(
            ['f44', 'f45-<candidate>', 'ü']
              .map((name) => [name, ended.filter(({ target }) => target === name).length] as const)
              .filter(([, count]) => count > 0),
          ),
        );
        const days = await admin<DayCount[]>('countBuildsByDay', [after]);
        expect(days.map(({ day, state, count }) => `${day} ${state} ${count}`)).toEqual(
          [...groupBy(ended, ({ day, state }) => (start / 86_400 + day) * 10 + state)]
            .sort(([a], [b]) => a - b)
            .map(([key, group]) => `${Math.floor(key / 10)} ${key % 10} ${group.length}`),
        );
        for (const [by, of] of [
          ['user', (one: Took) => ids.users[one.owner]!],
          ['host', (one: Took) => ids.hosts[one.host]!],
          ['package', (one: Took) => ids.packages[one.host]!],
        ] as [TimesBy, (one: Took) => number][]) {
          const times = await admin<BuildTimes[]>('measureBuilds', [by, after]);
          const expected = [...groupBy(ended, of)].sort(([a], [b]) => a - b);
          expect(
            times.map((one) =>
              [one.id, one.count, one.queue50, one.queue95, one.run50, one.run95].map(Math.round),
            ),
          ).toEqual(
            expected.map(([id, group]) => [
              id,
              group.length,
              ...percentiles(group.map(({ queue }) => queue)),
              ...percentiles(group.map(({ run }) => run)),
            ]),
          );
        }
        const spans = await admin<TaskSpan[]>('listTaskSpans', [after]);
        expect(spans).toHaveLength(2 * ended.length);
        expect(spans.map(({ start: from, end }) => (end ?? 0) - (from ?? 0)).sort()).toEqual(
          ended.flatMap(({ run }) => [run, run]).sort(),
        );
      }),
      { numRuns: 10 },
    );
  });

  it('builds are counted by their owner, and an unknown way to measure is refused', async () => {
    const counts = await admin<OwnCount[]>('countBuildsByOwner', [0]);
    expect(counts.find(({ name }) => name === 'kojiadmin')).toMatchObject({ count: 2 });
    expect(await faultOf(admin('measureBuilds', ['moon', 0]))).toEqual([
      1019,
      'by must be package, user or host, not moon',
    ]);
  });
});
