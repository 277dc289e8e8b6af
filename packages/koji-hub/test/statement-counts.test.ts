import { jest } from '@jest/globals';
import type { TaggedBuild } from '@koji/core/api';
import { EncodedRows, encodeCall } from '@koji/core/wire';
import type { Row } from '../src/db/connection.js';
import { PostgresHandle } from '../src/db/postgres-handle.js';
import { sql } from '../src/db/sql.js';
import { SqliteHandle } from '../src/db/sqlite-handle.js';
import { databases } from './support/databases.js';
import { asking } from './support/asking.js';
import type { Asking } from './support/asking.js';
import { startTestHub } from './support/test-hub.js';
import type { TestHub } from './support/test-hub.js';

/** How many statements the busiest handle ran: the call's own one, a beat of the hub beside it has another. */
function ownStatements(handles: readonly unknown[]): number {
  const counts = new Map<unknown, number>();
  for (const handle of handles) counts.set(handle, (counts.get(handle) ?? 0) + 1);
  return Math.max(0, ...counts.values());
}

describe.each(databases)('statements of a call on $name', (kind) => {
  let hub: TestHub;
  let admin: Asking;

  /** A chain of tags below `name`, and packages with a tagged build each, spread over the chain. */
  async function fill(name: string, { ancestors, packages }: { ancestors: number; packages: number }) {
    const { id: root } = await admin<{ id: number }>('getTag', [name]);
    await hub.database.write(async (db) => {
      const base = 1000 * root;
      const { id: pkg } = (await db.get<{ id: number }>(
        sql`SELECT coalesce(max(id), 0) AS id FROM package`,
      ))!;
      const { id: event } = (await db.get<{ id: number }>(sql`SELECT max(id) AS id FROM events`))!;
      const { id: user } = (await db.get<{ id: number }>(
        sql`SELECT id FROM users WHERE name = 'kojiadmin'`,
      ))!;
      const numbers = (most: number) =>
        sql`WITH RECURSIVE numbers(n) AS (
              SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < ${most}) `;
      const stamp = sql`${event}, ${user}`;
      const at = sql`CASE n % (${ancestors} + 1) WHEN 0 THEN ${root} ELSE ${base} + n % (${ancestors} + 1) END`;
      await db.run(sql`INSERT INTO tag (id, name) ${numbers(ancestors)}
        SELECT ${base} + n, ${name} || '-' || n FROM numbers`);
      await db.run(sql`INSERT INTO tag_config (tag_id, arches, locked, maven_support, maven_include_all, create_event, creator_id)
        ${numbers(ancestors)} SELECT ${base} + n, '', FALSE, FALSE, FALSE, ${stamp} FROM numbers`);
      await db.run(sql`INSERT INTO tag_inheritance
        (tag_id, parent_id, priority, intransitive, noconfig, pkg_filter, create_event, creator_id)
        ${numbers(ancestors)} SELECT CASE n WHEN 1 THEN ${root} ELSE ${base} + n - 1 END, ${base} + n, 0, FALSE, FALSE, '', ${stamp} FROM numbers`);
      await db.run(sql`INSERT INTO package (id, name) ${numbers(packages)}
        SELECT ${pkg} + n, ${name} || '-p' || n FROM numbers`);
      await db.run(sql`INSERT INTO build (id, volume_id, pkg_id, version, release, create_event, state, owner, completion_time)
        ${numbers(packages)} SELECT ${pkg} + n, 0, ${pkg} + n, '1', '1', ${event}, 1, ${user}, ${new Date()} FROM numbers`);
      await db.run(sql`INSERT INTO tag_packages (package_id, tag_id, blocked, extra_arches, create_event, creator_id)
        ${numbers(packages)} SELECT ${pkg} + n, ${at}, FALSE, '', ${stamp} FROM numbers`);
      await db.run(sql`INSERT INTO tag_package_owners (package_id, tag_id, owner, create_event, creator_id)
        ${numbers(packages)} SELECT ${pkg} + n, ${at}, ${user}, ${stamp} FROM numbers`);
      await db.run(sql`INSERT INTO tag_listing (build_id, tag_id, create_event, creator_id)
        ${numbers(packages)} SELECT ${pkg} + n, ${at}, ${stamp} FROM numbers`);
    });
  }

  beforeAll(async () => {
    // Only the call itself must be counted, so the scheduler's clock is stopped.
    hub = await startTestHub(kind, { RunInterval: '3600' });
    admin = await asking(hub, 'kojiadmin');
    for (const name of ['small', 'large']) await admin('createTag', [name]);
    await fill('small', { ancestors: 3, packages: 30 });
    await fill('large', { ancestors: 300, packages: 30_000 });
  });
  afterAll(() => hub.stop());

  it.each<[string, (tag: string) => [unknown[], object], number, number]>([
    ['getFullInheritance', (tag) => [[tag], {}], 3, 300],
    ['listPackages', (tag) => [[], { tagID: tag, inherited: true }], 30, 30_000],
    ['listTagged', (tag) => [[tag], { inherit: true }], 30, 30_000],
    ['listTagged', (tag) => [[tag], { inherit: true, latest: true }], 30, 30_000],
    ['getLatestBuilds', (tag) => [[tag], {}], 30, 30_000],
  ])('are as many for a large tag as for a small one: %s', async (method, argsFor, few, many) => {
    const handle = kind.dialect === 'postgres' ? PostgresHandle : SqliteHandle;
    const all = jest.spyOn(handle.prototype, 'query');
    const streamed = jest.spyOn(handle.prototype, 'rows');
    const ask = async (tag: string): Promise<{ answers: number; statements: number }> => {
      all.mockClear();
      streamed.mockClear();
      const [args, named] = argsFor(tag);
      const rows = await hub.anonymous(method, args, named);
      const statements = ownStatements([...all.mock.contexts, ...streamed.mock.contexts]);
      return { answers: (rows as TaggedBuild[]).length, statements };
    };
    try {
      const small = await ask('small');
      const large = await ask('large');
      expect([small.answers, large.answers]).toEqual([few, many]);
      expect(small.statements).toBeGreaterThan(0);
      expect(large.statements).toBe(small.statements);
    } finally {
      all.mockRestore();
      streamed.mockRestore();
    }
  });

  test('history reaches its caller while the rest of it is still in the database', async () => {
    type Rows = (...args: unknown[]) => AsyncIterable<Row[] | EncodedRows>;
    const isPostgres = kind.dialect === 'postgres';
    const name = isPostgres ? 'rows' : 'written';
    const methods = (isPostgres ? PostgresHandle : SqliteHandle).prototype as unknown as Record<string, Rows>;
    const read = methods[name] as Rows;
    let count = 0;
    let begun = (): void => undefined;
    const callerHasBegun = new Promise<void>((resolve) => {
      begun = resolve;
    });
    const spy = jest.spyOn(methods, name).mockImplementation(async function* (this: unknown, ...args) {
      for await (const rows of read.apply(this, args)) {
        count += rows instanceof EncodedRows ? rows.count : rows.length;
        if (count > 15_000) await callerHasBegun;
        yield rows;
      }
    });
    try {
      const answer = await fetch(hub.url, {
        method: 'POST',
        headers: { 'Content-Type': 'text/xml' },
        body: encodeCall('queryHistory', [['tag_packages']]),
      });
      const chunks = answer.body!.getReader();
      const first = await chunks.read();
      expect(Buffer.from(first.value ?? []).toString()).toContain('<name>tag_packages</name>');
      expect(count).toBeLessThan(30_030);
      begun();
      while (!(await chunks.read()).done);
      expect(count).toBe(30_030);
    } finally {
      begun();
      spy.mockRestore();
    }
  });

  test('history within another call is whole', async () => {
    const [one] = await admin<[{ tag_config: unknown[] }][]>('multiCall', [
      [{ methodName: 'queryHistory', params: [['tag_config'], { tag: 'small', __starstar: true }] }],
    ]);
    expect(one![0].tag_config).toMatchObject([{ 'tag.name': 'small' }]);
    expect(await admin('count', ['queryHistory', ['tag_config', 'tag_extra']])).toBe(2);
  });
});
