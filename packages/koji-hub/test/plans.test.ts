import path from 'node:path';
import { api } from '@koji/core/api';
import type { Method } from '@koji/core/api';
import { encodeCall } from '@koji/core/wire';
import { makeConfig } from '../src/config.js';
import type { Connection } from '../src/db/connection.js';
import { sql } from '../src/db/sql.js';
import type { Sql } from '../src/db/sql.js';
import { openHub } from '../src/hub.js';
import type { OpenHub } from '../src/hub.js';
import { runScheduler } from '../src/scheduler/run.js';
import { databases } from './support/databases.js';
import type { TestDatabase } from './support/databases.js';
import { watched } from './support/watched-database.js';

/** Tables that grow without limit, or to tens of thousands of rows. */
const big = [
  'archiveinfo',
  'build',
  'buildroot',
  'buildroot_listing',
  'events',
  'package',
  'rpminfo',
  'rpmsigs',
  'sessions',
  'standard_buildroot',
  'tag_listing',
  'tag_packages',
  'task',
];

/** Named arguments, as the last ones of a call. */
const named = (values: Readonly<Record<string, unknown>>): { named: typeof values } => ({ named: values });

function argumentsOf(args: readonly unknown[]): [unknown[], Record<string, unknown>] {
  const last = args.at(-1);
  const isNamed = typeof last === 'object' && last !== null && 'named' in last;
  return isNamed ? [args.slice(0, -1), last.named as Record<string, unknown>] : [[...args], {}];
}

/** The big tables that a query reads from end to end. */
async function scans(db: Connection, query: Sql): Promise<string[]> {
  if (!/^\s*(SELECT|WITH|UPDATE|DELETE)/i.test(query.render(db.dialect).text)) return [];
  return db.dialect === 'sqlite' ? sqliteScans(db, query) : postgresScans(db, query);
}

async function sqliteScans(db: Connection, query: Sql): Promise<string[]> {
  const { text } = query.render('sqlite');
  // Reading the first rows by the key alone is not a scan.
  if (/ LIMIT /.test(text) && !/\bWHERE\b/.test(text)) return [];
  const names = new Map<string, string>(
    [...text.matchAll(/\b(?:FROM|JOIN|UPDATE)\s+([a-z_]+)(?:\s+(?:AS\s+)?([a-z_]+))?/gi)].flatMap(
      ([, table = '', alias = table]) =>
        [
          [alias, table],
          [table, table],
        ] as const,
    ),
  );
  const rows = await db.all<{ detail: string }>(sql`EXPLAIN QUERY PLAN ${query}`);
  return rows.flatMap(({ detail }) => {
    const table = names.get(/^SCAN (\S+)/.exec(detail)?.[1] ?? '');
    return table !== undefined && big.includes(table) ? [detail] : [];
  });
}

interface Plan {
  readonly 'Node Type': string;
  readonly 'Relation Name'?: string;
  readonly 'Index Cond'?: string;
  readonly Plans?: readonly Plan[];
}

async function postgresScans(db: Connection, query: Sql): Promise<string[]> {
  // Then a scan is what is left when no index would do, however few rows there are.
  await db.run(sql`SET LOCAL enable_seqscan = off`);
  const row = await db.get<Record<string, unknown>>(sql`EXPLAIN (FORMAT JSON) ${query}`);
  const plan = row?.['QUERY PLAN'];
  const [{ Plan: top }] = (typeof plan === 'string' ? JSON.parse(plan) : plan) as [{ Plan: Plan }];
  const found: string[] = [];
  const look = (node: Plan): void => {
    const { 'Node Type': type, 'Relation Name': table } = node;
    if (table !== undefined && big.includes(table) && type === 'Seq Scan') found.push(`${type} ${table}`);
    node.Plans?.forEach(look);
  };
  look(top);
  return found;
}

/** Enough rows that an index is worth its while, written in bulk. */
async function fill(db: Connection): Promise<void> {
  const numbers = (count: number): Sql =>
    db.dialect === 'postgres'
      ? sql`SELECT i FROM generate_series(1, ${count}::int) AS numbers(i)`
      : sql`WITH RECURSIVE numbers(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM numbers WHERE i < ${count}) SELECT i FROM numbers`;
  const count = 2000;
  const request = Buffer.from(encodeCall('build', [])).toString();
  await db.run(sql`INSERT INTO users (name, status, usertype) VALUES ('owner', 0, 0)`);
  await db.run(sql`INSERT INTO events (time) SELECT CURRENT_TIMESTAMP FROM (${numbers(count)}) AS n`);
  await db.run(sql`INSERT INTO package (name) SELECT 'package' || i FROM (${numbers(count)}) AS n`);
  await db.run(sql`INSERT INTO tag (name) SELECT 'tag' || i FROM (${numbers(400)}) AS n`);
  await db.run(
    sql`INSERT INTO tag_config (tag_id, create_event, creator_id, active) SELECT id, 1, 1, TRUE FROM tag`,
  );
  await db.run(
    sql`INSERT INTO tag_inheritance (tag_id, parent_id, priority, create_event, creator_id, active)
        SELECT id, id + 1, 0, 1, 1, TRUE FROM tag WHERE id < 4`,
  );
  await db.run(
    sql`INSERT INTO task (state, method, request, arch, channel_id, owner, create_time, priority)
        SELECT 2, 'build', ${request}, 'noarch', 1, 1, CURRENT_TIMESTAMP, 20 FROM (${numbers(count)}) AS n`,
  );
  await db.run(
    sql`INSERT INTO build (volume_id, pkg_id, version, release, epoch, create_event, completion_time, task_id, owner, state)
        SELECT 0, id, '1', '1', NULL, 1, CURRENT_TIMESTAMP, id, 1, 1 FROM package`,
  );
  await db.run(
    sql`INSERT INTO tag_packages (package_id, tag_id, blocked, extra_arches, create_event, creator_id, active)
        SELECT id, 1 + id % 400, FALSE, NULL, 1, 1, TRUE FROM package`,
  );
  await db.run(
    sql`INSERT INTO tag_package_owners (package_id, tag_id, owner, create_event, creator_id, active)
        SELECT id, 1 + id % 400, 1, 1, 1, TRUE FROM package`,
  );
  await db.run(
    sql`INSERT INTO tag_listing (build_id, tag_id, create_event, creator_id, active)
        SELECT id, 1 + id % 400, 1, 1, TRUE FROM build`,
  );
  await db.run(
    sql`INSERT INTO rpminfo (build_id, name, version, release, arch, draft, external_repo_id, payloadhash, size, buildtime)
        SELECT id, 'package' || id, '1', '1', 'noarch', FALSE, 0, '00', 1, 1 FROM build`,
  );
}

/** Calls that people and builders make all day. */
const hot: readonly (readonly [method: string, ...args: unknown[]])[] = [
  ['getTag', 'tag1'],
  ['getTagID', 'tag1'],
  ['getPackage', 'package7'],
  ['getUser', 'owner'],
  ['getBuild', 7],
  ['getBuild', 'package7-1-1'],
  ['listBuilds', 7],
  ['listBuildRPMs', 7],
  ['getRPM', 7],
  ['getRPM', 'package7-1-1.noarch'],
  ['listRPMs', 7],
  ['queryRPMSigs', 7],
  ['listTags', 7],
  ['getFullInheritance', 1],
  ['listPackages', 1, null, null, null, true],
  ['listPackages', null, null, 'package7'],
  ['checkTagPackage', 'tag8', 'package7'],
  ['listTagged', 1, null, true],
  ['listTagged', 1, null, true, null, true, 'package7'],
  ['getLatestBuilds', 1, null, 'package7'],
  ['getLatestRPMS', 1, 'package7'],
  ['listTaggedRPMS', 1],
  ['getTaskInfo', 7, true],
  ['getTaskChildren', 7],
  ['getTaskDescendents', 7],
  ['listTasks', { parent: 7 }],
  ['listTasks', { owner: 1, state: [0] }, { limit: 5, order: '-id' }],
  ['listBuildroots', null, null, null, null, 7],
  ['getBuildroot', 7],
  ['listArchives', 7],
  ['queryHistory', named({ tables: ['tag_listing'], build: 7 })],
  ['queryHistory', named({ tables: ['tag_listing'], tag: 7, active: true })],
  ['listBuilds', named({ userID: 1, queryOpts: { limit: 5, order: '-build_id' } })],
  ['tagChangedSinceEvent', 5, [1, 2]],
  ['getLastEvent'],
  ['getEvent', 5],
];

/** All methods of access `lookup`, with arguments that find something or nothing. */
const lookups: readonly (readonly [method: string, ...args: unknown[]])[] = [
  ['getArchive', 1],
  ['getMavenArchive', 1],
  ['getWinArchive', 1],
  ['getImageArchive', 1],
  ['getBuildroot', 7],
  ['getBuild', 7],
  ['getBuild', 'package7-1-1'],
  ['findBuildID', 'package7-1-1'],
  ['getChannel', 'default'],
  ['getExternalRepo', 'none'],
  ['getEvent', 5],
  ['getHost', 'none'],
  ['getLastHostUpdate', 1],
  ['getBuildNotification', 1],
  ['getBuildNotificationBlock', 1],
  ['getPackageID', 'package7'],
  ['repoInfo', 1],
  ['repo.checkRequest', 1],
  ['getRPM', 7],
  ['getRPM', 'package7-1-1.noarch'],
  ['getTag', 'tag7'],
  ['getTag', 7, false, 5],
  ['getBuildTarget', 'none'],
  ['getBuildTarget', 1, 5],
  ['getTaskInfo', 7, true],
  ['getTaskInfo', [6, 7], true],
  ['getTaskRequest', 7],
  ['getTaskResult', 7],
  ['taskFinished', 7],
  ['getBuildType', 7],
  ['getMavenBuild', 7],
  ['getWinBuild', 7],
  ['getImageBuild', 7],
  ['getUser', 'owner'],
  ['getUser', 1, false, true, true],
  ['getUserPerms', 'owner'],
  ['getVolume', 'DEFAULT'],
];
/** Those that ask about their caller's session only. */
const ownLookups = ['getLoggedInUser', 'getSessionInfo', 'hasPerm', 'host.getID', 'host.isEnabled'];

/** Tables that SQLite scans or sorts without a key. */
async function unkeyed(db: Connection, query: Sql): Promise<string[]> {
  const { text } = query.render('sqlite');
  if (!/^\s*(SELECT|WITH)/i.test(text)) return [];
  const rows = await db.all<{ detail: string }>(sql`EXPLAIN QUERY PLAN ${query}`);
  return rows.map(({ detail }) => detail).filter((detail) => /^SCAN (?!json_each|CONSTANT|\d)/.test(detail));
}

test('the table of lookups has each method of that access', () => {
  const declared = Object.entries(api as Readonly<Record<string, Method>>);
  const names = declared.filter(([, { access }]) => access === 'lookup').map(([name]) => name);
  expect([...new Set([...lookups.map(([name]) => name), ...ownLookups])].sort()).toEqual(names.sort());
});

describe.each(databases)('plans of queries on $name', (kind) => {
  let database: TestDatabase;
  let open: OpenHub;
  let queries: Sql[] = [];

  beforeAll(async () => {
    database = await kind.create();
    const values = {
      Database: database.url,
      KojiDir: path.join(database.folder, 'koji'),
      LogLevel: 'ERROR',
    };
    open = await openHub(makeConfig(database.folder, values));
    await open.hub.database.write(fill);
    // SQLite plans without statistics, as in a hub.
    if (kind.dialect === 'postgres') await open.hub.database.write((db) => db.run(sql`ANALYZE`));
    Object.assign(open.hub, { database: watched(open.hub.database, (query) => queries.push(query)) });
  });

  afterAll(async () => {
    await open.closers.closeAll();
    await database.drop();
  });

  const scanned = async (work: () => Promise<unknown>, look = scans): Promise<string[]> => {
    queries = [];
    await work();
    const asked = queries;
    expect(asked.length).toBeGreaterThan(0);
    return open.hub.database.read(async (db) => {
      const found: string[] = [];
      for (const query of asked)
        for (const scan of await look(db, query)) found.push(`${scan}: ${query.render(kind.dialect).text}`);
      return found;
    });
  };

  test('the watch sees a scan', async () => {
    const query = sql`SELECT id FROM build WHERE source = ${'7'}`;
    expect(await scanned(() => open.hub.database.read((db) => db.all(query)))).toHaveLength(1);
  });

  test('a run of the scheduler reads no big table from end to end', async () => {
    expect(await scanned(() => open.runOwn('test', (call) => runScheduler(call, 'forced')))).toEqual([]);
  });

  test.each(lookups.map(([method, ...args]) => ({ method, args })))(
    '$method $args finds its rows by keys',
    async ({ method, args }) => {
      const call = () => open.runOwn('test', (own) => own.invoke(method, args)).catch(() => undefined);
      const found = await scanned(call, kind.dialect === 'sqlite' ? unkeyed : scans);
      expect(found).toEqual([]);
    },
  );

  test.each(hot.map(([method, ...args]) => ({ method, args })))(
    '$method $args reads no big table from end to end',
    async ({ method, args }) => {
      expect(
        await scanned(() => open.runOwn('test', (call) => call.invoke(method, ...argumentsOf(args)))),
      ).toEqual([]);
    },
  );
});
