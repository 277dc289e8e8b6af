import { GenericError, ParameterError } from '@koji/core';
import { dict } from '@koji/core/api';
import type { HistoryRow, QueryOpts } from '@koji/core/api';
import { Double } from '@koji/core/wire';
import type { Call } from '../../call.js';
import type { VersionedTable } from '../history/history.js';
import { lookupName } from '../values/lookup.js';
import type { NamedTable } from '../values/lookup.js';
import { boolColumn, epochColumn, stream } from '../../db/rows.js';
import type { TypedColumn } from '../../db/rows.js';
import { id, join, sql } from '../../db/sql.js';
import type { Sql } from '../../db/sql.js';
import { timeText } from '../../db/times.js';
import { getBuild } from '../builds/builds.js';
import { toEvent, truthy } from '../values/convert.js';
import { historyTables } from '../history/tables.js';
import type { HistorySubject, HistoryTable } from '../history/tables.js';
import { readJson } from '../values/json.js';
import { momentIn } from '../history/moments.js';
import { plain, repr } from '../values/repr.js';
import { getUser } from '../users/users.js';

type Columns = Record<string, Sql | TypedColumn>;

const ofEveryTable: Columns = {
  create_ts: epochColumn(sql`created.time`),
  revoke_ts: epochColumn(sql`revoked.time`),
  creator_name: sql`creator.name`,
  revoker_name: sql`revoker.name`,
};

const ofBuild: Columns = {
  name: sql`package.name`,
  version: sql`build.version`,
  release: sql`build.release`,
  epoch: sql`build.epoch`,
  'build.state': sql`build.state`,
};

/**
 * Returns the rows of versioned tables that match every condition; each table is read when its turn comes.
 *
 * @param given names of tables; null for all of them
 * @param conditions by name, in the order in which they were given; unknown names are ignored
 * @throws GenericError for an unknown table or object, ParameterError for a condition of a wrong type
 */
export async function queryHistory(
  call: Call,
  given: unknown,
  conditions: Readonly<Record<string, unknown>>,
): Promise<Record<string, AsyncIterable<HistoryRow> | HistoryRow[]>> {
  const { queryOpts = null, ...wanted } = conditions;
  if (queryOpts !== null && !dict.is(queryOpts))
    throw new ParameterError('queryHistory(): queryOpts must be dict | null');
  const read = conditionReader(call, wanted);
  const answer: Record<string, AsyncIterable<HistoryRow> | HistoryRow[]> = {};
  for (const name of readTables(given)) {
    const narrowed = await narrow(name, wanted, read);
    if (narrowed) answer[name] = await rowsOf(call, name, narrowed, queryOpts as QueryOpts | null);
  }
  return answer;
}

function readTables(given: unknown): VersionedTable[] {
  if (given === null) return (Object.keys(historyTables) as VersionedTable[]).sort();
  // A text is a list of its characters in Koji, none of which is a table: the first is told.
  const names: unknown[] | null =
    typeof given === 'string' ? Array.from(given.slice(0, 2)) : Array.isArray(given) ? given : null;
  if (!names) throw new ParameterError(`queryHistory(): tables must be list(str) | null, not ${repr(given)}`);
  const unknown = names.find((name) => typeof name !== 'string' || !Object.hasOwn(historyTables, name));
  if (unknown !== undefined) throw new GenericError(`No such history table: ${plain(unknown)}`);
  return names as VersionedTable[];
}

function rowsOf(
  call: Call,
  name: VersionedTable,
  { where, columns }: Condition,
  opts: QueryOpts | null,
): Promise<AsyncIterable<HistoryRow> | HistoryRow[]> {
  const table: HistoryTable = historyTables[name];
  const own = ['active', 'create_event', 'creator_id', 'revoke_event', 'revoker_id', ...table.columns];
  const names = Object.entries(table.names).map(
    ([label, named]) => [label.replace('.name', '_named'), label, ...named] as const,
  );
  const joins = names.map(
    ([as, , other, column]) =>
      sql` LEFT JOIN ${id(other)} AS ${id(as)} ON ${id(`${as}.id`)} = ${id(`${name}.${column}`)}`,
  );
  const builds = sql` JOIN build ON build.id = tag_listing.build_id JOIN package ON package.id = build.pkg_id`;
  return stream<HistoryRow>(call.db, {
    columns: {
      ...Object.fromEntries(own.map((column) => [column, id(`${name}.${column}`)])),
      ...Object.fromEntries(names.map(([as, label]) => [label, id(`${as}.name`)])),
      ...ofEveryTable,
      ...(name === 'tag_listing' ? ofBuild : {}),
      ...columns,
    },
    from: sql`${id(name)}
      JOIN events AS created ON created.id = ${id(`${name}.create_event`)}
      LEFT JOIN events AS revoked ON revoked.id = ${id(`${name}.revoke_event`)}
      JOIN users AS creator ON creator.id = ${id(`${name}.creator_id`)}
      LEFT JOIN users AS revoker ON revoker.id = ${id(`${name}.revoker_id`)}
      ${join(joins, '')}${name === 'tag_listing' ? builds : sql``}`,
    where,
    opts,
    ...(name === 'external_repo_data'
      ? {
          transform: (row: HistoryRow) => ({
            ...row,
            data: readJson(row.data, 'Invalid external repo data'),
          }),
        }
      : {}),
  });
}

/** A condition's effect on a table, with columns that show how it was met. */
interface Condition {
  readonly where: readonly Sql[];
  readonly columns: Columns;
}

/** Null when the table knows nothing of what the condition is about. */
type ReadCondition = (table: VersionedTable, name: string, value: unknown) => Promise<Condition | null>;

async function narrow(
  table: VersionedTable,
  wanted: Readonly<Record<string, unknown>>,
  read: ReadCondition,
): Promise<Condition | null> {
  const where: Sql[] = [];
  const columns: Columns = {};
  for (const [name, value] of Object.entries(wanted)) {
    const condition = await read(table, name, value);
    if (!condition) return null;
    where.push(...condition.where);
    Object.assign(columns, condition.columns);
  }
  return { where, columns };
}

/** Reads conditions; a thing that one names is looked up once, and only when a table knows of such things. */
function conditionReader(call: Call, wanted: Readonly<Record<string, unknown>>): ReadCondition {
  const found = new Map<string, number | string | null>();
  const lookedUp = async (
    subject: HistorySubject | 'editor',
    value: unknown,
  ): Promise<number | string | null> => {
    if (!found.has(subject)) found.set(subject, await lookUps[subject](call, value));
    return found.get(subject) ?? null;
  };
  return async (table, name, value) => {
    const plainCondition = Object.hasOwn(plainConditions, name) ? plainConditions[name] : undefined;
    if (plainCondition) return plainCondition(table, value);
    if (name === 'editor') return byEditor(await lookedUp('editor', value));
    if (!Object.hasOwn(lookUps, name)) return { where: [], columns: {} };
    const subject = name as HistorySubject;
    const subjects = historyTables[table].subjects[subject];
    if (!subjects) return null;
    const thing =
      table === 'group_package_listing' && subject === 'package'
        ? plain(value)
        : await lookedUp(subject, value);
    // A package has fewer builds than most tags have.
    if (table === 'tag_listing' && subject === 'tag' && Object.hasOwn(wanted, 'package') && thing !== null)
      return { where: [sql`(tag_listing.tag_id + 0) = ${thing}`], columns: {} };
    return { where: [isAny(table, subjects, thing)], columns: {} };
  };
}

function isAny(table: string, columns: readonly string[], thing: number | string | null): Sql {
  if (thing === null) return sql`1 = 0`;
  const each = columns.map(
    (column) => sql`${id(column.includes('.') ? column : `${table}.${column}`)} = ${thing}`,
  );
  return join(each, ' OR ');
}

type LookUp = (call: Call, value: unknown) => Promise<number | string | null>;

const named =
  (table: NamedTable): LookUp =>
  async (call, value) =>
    (await lookupName(call, table, value, { strict: true })).id;

// As in Koji, an unknown host or channel matches nothing, whereas other unknown objects cause a fault.
const maybeNamed =
  (table: NamedTable): LookUp =>
  async (call, value) =>
    (await lookupName(call, table, value))?.id ?? null;

const userId: LookUp = async (call, value) => (await getUser(call, value, { principals: false })).id;

const lookUps: Readonly<Record<HistorySubject | 'editor', LookUp>> = {
  tag: named('tag'),
  build: async (call, value) => (await getBuild(call, value)).id,
  host: maybeNamed('host'),
  channel: maybeNamed('channels'),
  package: named('package'),
  user: userId,
  editor: userId,
  permission: named('permissions'),
  cg: named('content_generator'),
  external_repo: named('external_repo'),
  build_target: named('build_target'),
  group: named('groups'),
  xkey: (_call, value) => Promise.resolve(plain(value)),
};

function byEditor(editor: number | string | null): Condition {
  return either(['_created_by', sql`creator.id = ${editor}`], ['_revoked_by', sql`revoker.id = ${editor}`]);
}

/** A condition on a row's creation or its revocation; the columns show which of them met it. */
function either(created: readonly [string, Sql], revoked: readonly [string, Sql]): Condition {
  return {
    where: [sql`${created[1]} OR ${revoked[1]}`],
    columns: { [created[0]]: boolColumn(created[1]), [revoked[0]]: boolColumn(revoked[1]) },
  };
}

const plainConditions: Readonly<Record<string, (table: VersionedTable, value: unknown) => Condition>> = {
  active(table, value) {
    if (value === null) return { where: [], columns: {} };
    const column = id(`${table}.active`);
    return { where: [truthy(value) ? sql`${column} = TRUE` : sql`${column} IS NULL`], columns: {} };
  },
  after(_table, value) {
    const time = timeOf('after', value);
    return either(
      ['_created_after', sql`created.time > ${time}`],
      ['_revoked_after', sql`revoked.time > ${time}`],
    );
  },
  before(_table, value) {
    const time = timeOf('before', value);
    return either(
      ['_created_before', sql`created.time < ${time}`],
      ['_revoked_before', sql`revoked.time < ${time}`],
    );
  },
  afterEvent(table, value) {
    const event = toEvent(value);
    return either(
      ['_created_after_event', sql`${id(`${table}.create_event`)} > ${event}`],
      ['_revoked_after_event', sql`${id(`${table}.revoke_event`)} > ${event}`],
    );
  },
  beforeEvent(table, value) {
    const event = toEvent(value);
    return either(
      ['_created_before_event', sql`${id(`${table}.create_event`)} < ${event}`],
      ['_revoked_before_event', sql`${id(`${table}.revoke_event`)} < ${event}`],
    );
  },
};

function timeOf(name: string, value: unknown): string {
  const isNumber = typeof value === 'number' || value instanceof Double;
  const seconds = isNumber ? Number(value) : momentIn(value);
  // Both databases can write the years 1 to 9999 only in the form that times are compared in.
  if (seconds === null || !(seconds >= -62135596800 && seconds < 253402300800))
    throw new ParameterError(
      `queryHistory(): ${name} is no time: ${repr(value)}; give epoch seconds or YYYY-MM-DD HH:MM:SS`,
    );
  return timeText(seconds);
}
