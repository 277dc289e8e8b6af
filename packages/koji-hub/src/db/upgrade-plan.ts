/** Plans an upgrade of the schema and finds obstacles, without changing anything. */
import type { Connection, Opened } from './connection.js';
import { checkSchema, schemaState } from './migrate.js';
import { describeWork } from './migrations/describe.js';
import type { StepWork } from './migrations/describe.js';
import { migrations } from './migrations/index.js';
import { recordedName } from './migrations/migration.js';
import type { Migration } from './migrations/migration.js';
import { processLock } from './locks.js';
import { id, join, sql } from './sql.js';

/** A step that is still to be done. */
export interface PlannedStep {
  readonly name: string;
  /** Whether hubs of the version before may run on. */
  readonly additive: boolean;
  readonly work: readonly (StepWork & {
    /** About how many rows are read. */
    readonly rows: number;
    /** About how long that takes. */
    readonly seconds: number;
  })[];
}

/** A hub that serves from the database just now. */
export interface ServingHub {
  readonly host: string;
  readonly pid: number;
}

/** Planned steps of an upgrade. */
export interface UpgradePlan {
  /** Steps that are done, and how many this version knows. */
  readonly done: number;
  readonly known: number;
  readonly steps: readonly PlannedStep[];
  /** Hubs that must be stopped before, since some step is not additive. */
  readonly toStop: readonly ServingHub[];
  /** Why the database can't be upgraded as it is. */
  readonly problems: readonly string[];
}

/** Rows that an index takes in a second, at the least: a disk that has other work to do. */
const rowsPerSecond = 200_000;

/**
 * Plans an upgrade.
 *
 * @throws ConfigError for a database that this version can't work on
 */
export async function planUpgrade(
  database: Opened,
  all: readonly Migration[] = migrations,
): Promise<UpgradePlan> {
  const state = await schemaState(database, all);
  checkSchema(state);
  const pending = all.filter((step) => state.pending.includes(recordedName(step)));
  // Into an empty database all goes at once.
  const isNew = state.applied.length === 0;
  const works = pending.map((step) => ({ step, work: describeWork(step, database.dialect) }));
  const tables = works.flatMap(({ work }) => work.flatMap(({ reads }) => reads ?? []));
  return database.read(async (db) => {
    const rows = isNew ? new Map<string, number>() : await countRows(db, [...new Set(tables)]);
    const steps = works.map(({ step, work }) => ({
      name: recordedName(step),
      additive: step.additive ?? false,
      work: work.map((one) => {
        const count = one.reads === null ? 0 : (rows.get(one.reads) ?? 0);
        return { ...one, rows: count, seconds: Math.ceil(count / rowsPerSecond) };
      }),
    }));
    const mustStop = !isNew && steps.some(({ additive }) => !additive);
    return {
      done: state.applied.length,
      known: all.length,
      steps,
      toStop: mustStop && state.applied.some(knowsHubs) ? await servingHubs(db) : [],
      problems: steps.length > 0 ? await findProblems(db) : [],
    };
  });
}

/** The migration that made the table of hub processes. */
const knowsHubs = (name: string): boolean => name.startsWith('hub-processes');

/** Returns about how many rows tables have; those that are missing are left out. */
async function countRows(db: Connection, tables: readonly string[]): Promise<Map<string, number>> {
  if (tables.length === 0) return new Map();
  if (db.dialect === 'postgres') {
    const rows = await db.all<{ name: string; rows: number }>(
      sql`SELECT relname AS name, CAST(CASE WHEN reltuples < 0 THEN pg_relation_size(oid) / 100 ELSE reltuples END AS integer) AS rows
          FROM pg_class WHERE relkind = 'r' AND relnamespace = CAST(current_schema() AS regnamespace)`,
    );
    return new Map(rows.map((row) => [row.name, row.rows]));
  }
  const names = await db.all<{ name: string }>(sql`SELECT name FROM sqlite_master WHERE type = 'table'`);
  const there = tables.filter((table) => names.some(({ name }) => name === table));
  if (there.length === 0) return new Map();
  // Counting would read them all.
  const counts = there.map(
    (table) => sql`SELECT ${table} AS name, coalesce(max(rowid), 0) AS rows FROM ${id(table)}`,
  );
  const rows = await db.all<{ name: string; rows: number }>(join(counts, ' UNION ALL '));
  return new Map(rows.map((row) => [row.name, row.rows]));
}

/** The hubs that serve. On SQLite, where one process serves at a time, the lock on the file tells. */
async function servingHubs(db: Connection): Promise<ServingHub[]> {
  if (db.dialect === 'sqlite') return [];
  const hubs = await db.all<ServingHub & { id: string }>(
    sql`SELECT id, host, pid FROM hub_process ORDER BY start_time, id`,
  );
  const locks = await db.all<{ lock: string }>(
    sql`SELECT CAST((CAST(classid AS bigint) << 32) | CAST(objid AS bigint) AS text) AS lock FROM pg_locks
        WHERE locktype = 'advisory' AND granted AND objsubid = 1
          AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`,
  );
  const held = new Set(locks.map(({ lock }) => lock));
  return hubs.filter((hub) => held.has(processLock(hub.id))).map(({ host, pid }) => ({ host, pid }));
}

async function findProblems(db: Connection): Promise<string[]> {
  if (db.dialect === 'sqlite') return [];
  const facts = await db.get<{ replica: boolean; may_create: boolean; owner: string; schema: string }>(
    sql`SELECT pg_is_in_recovery() AS replica, current_user AS owner, current_schema() AS schema,
          has_schema_privilege(current_schema(), 'CREATE') AS may_create`,
  );
  if (!facts) return [];
  if (facts.replica) return ['the database is a replica: name the primary server in Database of hub.conf'];
  const problems = facts.may_create
    ? []
    : [
        `${facts.owner} may not create tables in schema ${facts.schema}: GRANT CREATE ON SCHEMA ${facts.schema} TO ${facts.owner}`,
      ];
  const foreign = await db.all<{ name: string; owner: string }>(
    sql`SELECT tablename AS name, tableowner AS owner FROM pg_tables
        WHERE schemaname = current_schema() AND NOT pg_has_role(tableowner, 'USAGE') ORDER BY tablename LIMIT 3`,
  );
  return [
    ...problems,
    ...foreign.map(
      ({ name, owner }) => `table ${name} belongs to ${owner}: upgrade as ${owner}, or change its owner`,
    ),
  ];
}

/** Writes a plan for people, a line each. */
export function describeUpgrade({ done, known, steps, toStop, problems }: UpgradePlan): string[] {
  if (steps.length === 0) return [`the database is up to date: ${done} steps are done`];
  const lines = steps.flatMap(({ name, additive, work }) => [
    `${name}${additive ? ' (additive)' : ''}`,
    ...work.map(({ text, rows, seconds, blocks }) => {
      const size = rows > 0 ? `; reads about ${rows} rows, up to ${seconds} s` : '';
      return `  ${text}${size}${blocks === 'nothing' ? '' : `; blocks ${blocks} meanwhile`}`;
    }),
  ]);
  const isNew = done === 0;
  const breaking = steps.filter(({ additive }) => !additive).length;
  const outlook = isNew
    ? 'the database is empty'
    : breaking > 0
      ? `stop all hubs before: ${breaking} of these steps are not additive`
      : 'hubs of the version before may run on meanwhile';
  return [
    `${steps.length} of ${known} steps are to be done:`,
    ...lines,
    outlook,
    ...toStop.map(({ host, pid }) => `process ${pid} on ${host} serves`),
    ...problems.map((problem) => `problem: ${problem}`),
  ];
}
