import { encodeCall } from '@koji/core/wire';
import { sql } from '../src/db/sql.js';
import { databases } from './support/databases.js';
import { headersOf, loginAs, post, startRawHub, valueOf } from './support/raw-hub.js';
import type { Outcome, RawHub } from './support/raw-hub.js';

const count = 1500;
const request = encodeCall('build', ['a & b', 'é']);

describe.each(databases)('Long lists on $name', (kind) => {
  let hub: RawHub;
  let session: Record<string, string>;

  beforeAll(async () => {
    hub = await startRawHub(kind);
    session = headersOf(await loginAs(hub, 'root'));
    for (const tag of ['base', 'top']) await call('createTag', [tag]);
    await hub.database.write(async (db) => {
      const row = await db.get<{ event: number; user: number; base: number; top: number }>(
        sql`SELECT (SELECT max(id) FROM events) AS event, (SELECT id FROM users WHERE name = 'root') AS "user",
          (SELECT id FROM tag WHERE name = 'base') AS base, (SELECT id FROM tag WHERE name = 'top') AS top`,
      );
      if (!row) throw new Error('no tags');
      const { event, user, base, top } = row;
      const numbers = sql`WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ${count})`;
      await db.run(sql`INSERT INTO tag_inheritance (tag_id, parent_id, priority, noconfig, intransitive, pkg_filter,
          create_event, creator_id) VALUES (${top}, ${base}, 0, FALSE, FALSE, '', ${event}, ${user})`);
      await db.run(sql`INSERT INTO package (id, name) ${numbers} SELECT i, 'p<&>é-' || i FROM n`);
      for (const tag of [base, top]) {
        // Every third package is in both tags; every fifth is blocked in the upper one.
        const some = tag === top ? sql`WHERE id % 3 = 0` : sql``;
        await db.run(sql`INSERT INTO tag_packages (create_event, package_id, tag_id, creator_id, blocked)
          SELECT ${event}, id, ${tag}, ${user}, ${tag === top ? sql`id % 5 = 0` : sql`FALSE`} FROM package ${some}`);
        await db.run(sql`INSERT INTO tag_package_owners (create_event, package_id, tag_id, owner, creator_id)
          SELECT ${event}, id, ${tag}, ${user}, ${user} FROM package ${some}`);
      }
      await db.run(sql`INSERT INTO build (volume_id, pkg_id, version, release, epoch, create_event, start_time,
          completion_time, state, owner)
        SELECT 0, id, '1', r, NULL, ${event}, '2026-01-02 03:04:05.000000+00:00', '2026-01-02 03:04:06.125000+00:00', 1, ${user}
        FROM package, (SELECT '1' AS r UNION ALL SELECT '2') AS releases`);
      await db.run(sql`INSERT INTO tag_listing (create_event, build_id, tag_id, creator_id)
        SELECT ${event}, id, ${base}, ${user} FROM build`);
      await db.run(sql`INSERT INTO task (state, create_time, method, request, owner, arch, priority, weight, channel_id, label)
        ${numbers} SELECT 2, '2026-01-02 03:04:05.000000+00:00', 'build', ${request}, ${user}, CASE WHEN i % 2 = 0 THEN 'é' || i ELSE 'noarch' END, 20, 1.0, 1, NULL FROM n`);
    });
  });
  afterAll(() => hub.drop());

  const call = (method: string, params: readonly unknown[]): Promise<Outcome> =>
    post(hub.api, method, params, session);
  const rowsOf = async <T>(method: string, options: Readonly<Record<string, unknown>>): Promise<T[]> =>
    valueOf(await call(method, [{ ...options, __starstar: true }])) as T[];
  async function callJson(method: string, params: unknown): Promise<unknown> {
    const answer = await fetch(`${hub.api}/json`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json', ...session },
      body: JSON.stringify({ jsonrpc: '2.0', id: 1, method, params }),
    });
    return ((await answer.json()) as { result: unknown }).result;
  }

  // JSON is written row by row in any case.
  it.each<[string, Readonly<Record<string, unknown>>]>([
    ['listTagged', { tag: 'top', inherit: true }],
    ['listTagged', { tag: 'top', inherit: true, latest: 1 }],
    ['listTagged', { tag: 'base', package: 'p<&>é-7' }],
    ['listPackages', { tagID: 'top', inherited: true }],
    ['listPackages', { tagID: 'top', inherited: true, with_blocked: false }],
    ['listPackages', { tagID: 'base', with_owners: false }],
    ['listTasks', { opts: {} }],
    ['listTasks', { opts: {}, queryOpts: { limit: 10, order: '-id' } }],
    ['listTasks', { opts: { decode: true }, queryOpts: { limit: 10 } }],
  ])('%s(%j) is the same as XML-RPC and as JSON', async (method, options) => {
    const rows = await rowsOf(method, options);
    expect(rows.length).toBeGreaterThan(0);
    expect(JSON.parse(JSON.stringify(rows))).toEqual(await callJson(method, options));
  });

  it('gives a package by the nearest entry, and the builds of what is not blocked', async () => {
    const rows = await rowsOf<{ package_id: number; tag_name: string }>('listPackages', {
      tagID: 'top',
      inherited: true,
    });
    expect(rows.map((row) => row.package_id)).toEqual([
      ...Array.from({ length: count }, (_, i) => i + 1).filter((id) => id % 3 === 0),
      ...Array.from({ length: count }, (_, i) => i + 1).filter((id) => id % 3 !== 0),
    ]);
    expect(rows.every((row) => row.tag_name === (row.package_id % 3 === 0 ? 'top' : 'base'))).toBe(true);
    const builds = await rowsOf<{ nvr: string; package_id: number; completion_time: string }>('listTagged', {
      tag: 'top',
      inherit: true,
      latest: true,
    });
    expect(builds).toHaveLength(count - count / 15);
    expect(builds.every(({ nvr, package_id: id }) => nvr === `p<&>é-${id}-1-2`)).toBe(true);
    expect(builds[0]?.completion_time).toBe('2026-01-02 03:04:06.125000+00:00');
  });

  it('a row that cannot be sent is named', async () => {
    const first = (await call('listTasks', [{}, { order: 'id' }])) as { value: { id: number }[] };
    const at = 301;
    const id = first.value[at]?.id ?? 0;
    const setArch = (arch: string): Promise<number> =>
      hub.database.write((db) => db.run(sql`UPDATE task SET arch = ${arch} WHERE id = ${id}`));
    await setArch('a\x01');
    try {
      const { fault } = (await call('listTasks', [{}, { order: 'id' }])) as { fault: [number, string] };
      expect(fault[1]).toContain(`value[${at}].arch: the character U+0001`);
    } finally {
      await setArch('a');
    }
  });
});
