import path from 'node:path';
import { makeConfig } from '../src/config.js';
import type { Connection, Database } from '../src/db/connection.js';
import { sql } from '../src/db/sql.js';
import type { Sql } from '../src/db/sql.js';
import { openHub } from '../src/hub.js';
import type { OpenHub } from '../src/hub.js';
import { databases } from './support/databases.js';
import type { TestDatabase } from './support/databases.js';
import { grow, momentOf } from './support/growing-data.js';
import { watched } from './support/watched-database.js';

/** Named arguments, as the last ones of a call. */
const named = (values: Readonly<Record<string, unknown>>): { named: typeof values } => ({ named: values });
const page = { limit: 5, order: '-id' };
const span = { createdAfter: momentOf(100), createdBefore: momentOf(105) };
const builds = (values: object): { named: object } =>
  named({ queryOpts: { limit: 5, order: '-build_id' }, ...values });

/** Calls whose answers stay as they are while tables grow: what people, builders and web pages ask for all day. */
const calls: readonly (readonly [method: string, ...args: unknown[]])[] = [
  ['listTasks', {}, page],
  ['listTasks', { parent: 14 }],
  ['listTasks', { owner: 1002 }, page],
  ['listTasks', { owner: 1001 }, page],
  ['listTasks', { owner: 1001, state: [0, 1, 4] }, page],
  ['listTasks', { state: [0, 1, 4] }, page],
  ['listTasks', { state: [5] }, page],
  ['listTasks', { parent: null, state: [0, 1, 4] }, page],
  ['listTasks', { method: 'rareArch' }, page],
  ['listTasks', { method: 'build' }, page],
  ['listTasks', { host_id: 1 }, page],
  ['listTasks', { host_id: 2, state: [1] }],
  ['listTasks', span, page],
  ['listTasks', { completeAfter: momentOf(100), completeBefore: momentOf(105) }, page],
  ['listTasks', { startedAfter: momentOf(100), startedBefore: momentOf(105) }, page],
  ['listTasks', { createdAfter: momentOf(10) }, { limit: 5, order: '-create_time' }],
  ['listTasks', { completeAfter: momentOf(10) }, { limit: 5, order: '-completion_ts' }],
  ['listTasks', {}, { limit: 5, order: '-completion_time' }],
  ['listBuilds', 2],
  ['listBuilds', builds({})],
  ['listBuilds', named({ userID: 1002 })],
  ['listBuilds', builds({ userID: 1002 })],
  ['listBuilds', builds({ userID: 1001, state: 1 })],
  ['listBuilds', named({ createdAfter: momentOf(100), createdBefore: momentOf(105) })],
  ['listBuilds', builds({ state: 1 })],
  ['listBuilds', named({ state: 0 })],
  ['listBuilds', named({ taskID: 14 })],
  ['listBuilds', named({ packageID: 2, userID: 1001, state: 1 })],
  ['listBuilds', named({ completeAfter: momentOf(100), completeBefore: momentOf(105) })],
  ['listBuilds', named({ queryOpts: { limit: 5, order: '-completion_time' } })],
  ['listBuilds', named({ queryOpts: { limit: 5, order: '-completion_ts' } })],
  ['listBuilds', named({ pattern: 'package2-1-*' })],
  ['listBuilds', named({ prefix: 'package2', packageID: 2 })],
  ['untaggedBuilds', named({ name: 'package2' })],
  ['getAverageBuildDuration', 'package2'],
  ['buildReferences', 7],
  ['listTagged', 'child', null, true, null, true, 'package2'],
  ['listTagged', 'child', 1100, true, null, true, 'package2'],
  ['listTagged', 'big', null, false, null, false, 'package2'],
  ['getLatestBuilds', 'child', null, 'package2'],
  ['getLatestRPMS', 'child', 'package2'],
  ['listTaggedRPMS', 'child', null, true, true, 'package2'],
  ['listTaggedArchives', 'child', null, true, true, 'package2'],
  ['listPackages', 'child', null, 'package2', null, true],
  ['listPackages', null, null, 'package2'],
  ['checkTagPackage', 'child', 'package2'],
  ['listTags', 7],
  ['getFullInheritance', 'child'],
  ['getBuildConfig', 'child'],
  ['listRPMs', 7],
  ['listRPMs', named({ buildrootID: 7 })],
  ['listRPMs', named({ componentBuildrootID: 7 })],
  ['queryRPMSigs', 7],
  ['getRPM', 'package2-1-7.noarch'],
  ['listArchives', 7],
  ['listArchives', named({ buildrootID: 7 })],
  ['listArchives', named({ componentBuildrootID: 7 })],
  ['listArchives', named({ filename: 'file7.jar' })],
  ['listBuildroots', named({ hostID: 1 })],
  ['listBuildroots', named({ hostID: 2, state: [0, 1, 2] })],
  ['listBuildroots', named({ taskID: 15 })],
  ['listBuildroots', named({ rpmID: 7 })],
  ['listBuildroots', named({ archiveID: 7 })],
  ['listBuildroots', named({ repoID: 7 })],
  ['listBuildroots', named({ tagID: 2 })],
  ['getBuildrootListing', 7],
  ['queryHistory', named({ tables: ['tag_listing'], build: 7 })],
  ['queryHistory', named({ tables: ['tag_listing'], tag: 'big', build: 7 })],
  ['queryHistory', named({ tables: ['tag_listing'], tag: 'big', package: 'package2' })],
  ['queryHistory', named({ tables: ['tag_packages'], package: 'package2' })],
  ['queryHistory', named({ tables: ['tag_package_owners'], user: 'rare' })],
  ['search', 'package2', 'package', 'exact'],
  ['search', 'package20-*', 'rpm', 'glob'],
  ['search', 'PACKAGE20-1-*', 'build', 'glob'],
  ['search', 'package20-1-78', 'build', 'exact'],
  ['search', 'package20-1-78.noarch.rpm', 'rpm', 'exact'],
  ['search', '*age20', 'package', 'glob'],
  ['search', '*age20-1-78', 'build', 'glob'],
  ['search', 'p*age20-1-78*', 'build', 'glob'],
  ['search', 'AGE20-1-78$', 'build', 'regexp'],
  ['search', '*age20-1-78.no*', 'rpm', 'glob'],
  ['search', 'age20-1-78[.]', 'rpm', 'regexp'],
  ['listBuilds', named({ pattern: '*age20-1-7?' })],
  ['getLastEvent'],
  ['getLastEvent', momentOf(120)],
  ['tagLastChangeEvent', 'small'],
  ['tagLastChangeEvent', 'child'],
  ['tagFirstChangeEvent', 'big'],
  ['tagChangedSinceEvent', 1100, [1, 2]],
  ['repoInfo', 7],
  ['getRepo', 'small'],
  ['getRepo', 'big'],
  ['getActiveRepos'],
  ['repo.get', 'small'],
  ['repo.references', 7],
  [
    'repo.query',
    [
      ['tag_id', 2],
      ['state', 1],
    ],
  ],
  ['scheduler.getTaskRuns', [['task_id', 14]]],
  ['scheduler.getLogMessages', [['task_id', 14]]],
  ['scheduler.getLogMessages', [['host_id', 1]]],
  ['listHosts', named({ enabled: true })],
];

/** Those that answer all that a tag has. */
const ofWholeTags: typeof calls = [
  ['listPackages', 'small', null, null, null, true],
  [
    'listPackages',
    named({ tagID: 'small', inherited: true, queryOpts: { limit: 5, order: 'package_name' } }),
  ],
  ['listPackages', named({ tagID: 'small', inherited: true, queryOpts: { countOnly: true } })],
];

interface Plan {
  readonly 'Actual Rows': number;
  readonly 'Actual Loops': number;
  readonly 'Rows Removed by Filter'?: number;
  readonly 'Rows Removed by Join Filter'?: number;
  readonly 'Rows Removed by Index Recheck'?: number;
  readonly Plans?: readonly Plan[];
}

/** How many rows PostgreSQL touches for a query, where an index will do as well as anything. */
async function rowsTouched(db: Connection, query: Sql): Promise<number> {
  const row = await db.get(sql`EXPLAIN (ANALYZE, FORMAT JSON, TIMING OFF) ${query}`);
  const plan = row?.['QUERY PLAN'];
  const [{ Plan: top }] = (typeof plan === 'string' ? JSON.parse(plan) : plan) as [{ Plan: Plan }];
  const touched = (node: Plan): number =>
    (node['Actual Rows'] +
      (node['Rows Removed by Filter'] ?? 0) +
      (node['Rows Removed by Join Filter'] ?? 0) +
      (node['Rows Removed by Index Recheck'] ?? 0)) *
      node['Actual Loops'] +
    (node.Plans ?? []).reduce((sum, child) => sum + touched(child), 0);
  return touched(top);
}

/** Tables that stay small, or whose rows of a tag, host or user do. */
const small =
  /^(?:SCAN|SEARCH) (?:host|users|volume|btype|archivetypes|channels|permissions|repo_queue|locks)\b/;

/** The steps of SQLite's plan whose cost grows with a table: it plans without statistics, so that few rows show them. */
async function growingSteps(db: Connection, query: Sql): Promise<string[]> {
  const { text } = query.render('sqlite');
  const steps = await db.all<{ id: number; parent: number; detail: string }>(
    sql`EXPLAIN QUERY PLAN ${query}`,
  );
  const isPage = / LIMIT /.test(text);
  // Few tasks are not over, or of a short time.
  const isShort = steps.some(({ detail }) => /task_by_state|_time>\? AND \w+<\?/.test(detail));
  return steps
    .filter(({ parent, detail }) => {
      if (small.test(detail)) return false;
      // A page in the order of a key ends when it is full.
      if (detail.startsWith('SCAN '))
        return (
          !isPage &&
          !/^SCAN (?:json_each|place|reached|CONSTANT|\d|\(|\w+_(?:trigrams|words) VIRTUAL TABLE INDEX 0:M)/.test(
            detail,
          )
        );
      // Whole rows of a page are sorted last; a sort of keys before it would be of all of them.
      if (detail.includes('TEMP B-TREE FOR ORDER BY')) return isPage && parent !== 0 && !isShort;
      // The first and the last are at an end of the index.
      if (/COVERING INDEX tag_\w+_by_(?:create|revoke)_event/.test(detail)) return false;
      return /\b(?:tag_listing|tag_packages) USING [^(]*\((?:active=\? AND )?tag_id=\?\)$|USING [^(]*\(active=\?\)$/.test(
        detail,
      );
    })
    .map(({ detail }) => detail);
}

function argumentsOf(args: readonly unknown[]): [unknown[], Record<string, unknown>] {
  const last = args.at(-1);
  const isNamed = typeof last === 'object' && last !== null && 'named' in last;
  return isNamed ? [args.slice(0, -1), last.named as Record<string, unknown>] : [[...args], {}];
}

/** A result with its rows read, wherever they come one by one. */
async function readAll(value: unknown): Promise<void> {
  if (typeof value !== 'object' || value === null) return;
  if (Symbol.asyncIterator in value)
    for await (const row of value as AsyncIterable<unknown>) await readAll(row);
  else for (const part of Object.values(value)) await readAll(part);
}

describe.each(databases)('what hot calls read on $name', (kind) => {
  let made: TestDatabase;
  let open: OpenHub;
  let database: Database;
  let heard: Sql[] = [];

  beforeAll(async () => {
    made = await kind.create();
    const values = { Database: made.url, KojiDir: path.join(made.folder, 'koji'), LogLevel: 'ERROR' };
    open = await openHub(makeConfig(made.folder, values));
    ({ database } = open.hub);
    Object.assign(open.hub, { database: watched(database, (query) => heard.push(query)) });
  });
  afterAll(async () => {
    await open.closers.closeAll();
    await made.drop();
  });

  /** Identifies a call's queries by their results. */
  async function shown<T>(
    method: string,
    args: readonly unknown[],
    show: (db: Connection, query: Sql) => Promise<T>,
  ) {
    heard = [];
    await open.runOwn('test', async (call) => readAll(await call.invoke(method, ...argumentsOf(args))));
    const queries = heard.filter((query) => /^\s*(?:SELECT|WITH)/i.test(query.render(kind.dialect).text));
    expect(queries.length).toBeGreaterThan(0);
    return database.read(async (db) => {
      if (kind.dialect === 'postgres')
        for (const way of ['seqscan', 'hashjoin', 'mergejoin'])
          await db.run(sql`SELECT set_config(${`enable_${way}`}, 'off', true)`);
      const found: { text: string; shows: T }[] = [];
      for (const query of queries)
        found.push({ text: query.render(kind.dialect).text, shows: await show(db, query) });
      return found;
    });
  }

  const labelOf = ([method, ...args]: (typeof calls)[number]): string => `${method} ${JSON.stringify(args)}`;

  if (kind.dialect === 'sqlite')
    test('is found by keys, in their order, and never all that a tag has', async () => {
      await database.write((db) => grow(db, 0, 40));
      const problems: Record<string, string[]> = {};
      for (const call of [...calls, ...ofWholeTags]) {
        const [method, ...args] = call;
        const found = await shown(method, args, growingSteps);
        const isFine = (step: string): boolean =>
          ofWholeTags.includes(call) &&
          /\(active=\? AND tag_id=\?\)$|FOR ORDER BY|^SCAN numbered$/.test(step);
        const wrong = found.filter(({ shows }) => !shows.every(isFine));
        if (wrong.length > 0)
          problems[labelOf(call)] = wrong.map(({ shows, text }) => `${shows.join('; ')}: ${text}`);
      }
      expect(problems).toEqual({});
    });
  else
    test('stays the same when tables have four times as many rows', async () => {
      const touched = async (): Promise<Map<string, number>> => {
        await database.write(async (db) => {
          await db.run(
            sql`SELECT gin_clean_pending_list('rpminfo_filename_trigrams'), gin_clean_pending_list('package_name_trigrams')`,
          );
          await db.run(sql`ANALYZE`);
        });
        const sums = new Map<string, number>();
        for (const call of [...calls, ...ofWholeTags]) {
          const [method, ...args] = call;
          const found = await shown(method, args, rowsTouched);
          sums.set(
            labelOf(call),
            found.reduce((sum, { shows }) => sum + shows, 0),
          );
        }
        return sums;
      };
      await database.write((db) => grow(db, 0, 400));
      const before = await touched();
      await database.write((db) => grow(db, 400, 1600));
      const after = await touched();
      const grown = [...after].filter(([label, rows]) => rows > 1.5 * (before.get(label) ?? 0) + 60);
      expect(grown.map(([label, rows]) => `${label}: ${before.get(label)} → ${rows}`)).toEqual([]);
    });
});
