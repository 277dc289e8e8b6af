import { setImmediate as nextTurn } from 'node:timers/promises';
import type SqliteDatabase from 'better-sqlite3';
import { ParameterError } from '@koji/core';
import { Double, double } from '@koji/core/wire';
import type { Row } from './connection.js';
import { ConstraintViolation, DatabaseError, TransactionConflict, UniqueViolation } from './errors.js';
import type { ConstraintKind } from './errors.js';
import type { SqlValue } from './sql.js';
import { textContains } from './json-contains.js';
import { clockText, epochOf, fromSqlite, timeText } from './times.js';
import { LinearRegExp } from './regexp.js';
import type { Handle, Outcome } from './transaction.js';

type Convert = (value: unknown) => unknown;

/** A prepared statement with what its columns need, found out once. */
interface Prepared {
  readonly statement: SqliteDatabase.Statement;
  readonly names: readonly string[];
  readonly converts: readonly (Convert | null)[];
  /** A row to copy: much faster than to add its columns one after the other. */
  readonly blank: Row;
}

const cachedStatements = 500;
const keptValues = 1000;
/** Rows read at a time: a millisecond or two of work. */
const portionSize = 200;

const toBool: Convert = (value) => (value === null ? null : value !== 0);
const toEpoch: Convert = (value) => {
  const seconds = epochOf(value);
  return seconds === null ? null : double(seconds);
};
const toDouble: Convert = (value) => (typeof value === 'number' ? double(value) : value);

/** One open SQLite file: prepares, binds and converts. A `streaming` one reads row by row, others materialise. */
export class SqliteHandle implements Handle {
  readonly dialect = 'sqlite';
  private readonly cache = new Map<string, Prepared>();
  /** How transactions begin and end, which every call does. */
  private readonly commands = new Map<string, SqliteDatabase.Statement>();
  /** How many statements have run. */
  statements = 0;
  private readonly open = new Set<IterableIterator<unknown>>();

  /** A reader's: what it kept, and the version of the database that it is true of. */
  readonly kept?: () => Map<string, unknown>;

  constructor(
    readonly database: SqliteDatabase.Database,
    private readonly streaming: boolean,
  ) {
    if (!streaming) return;
    const statement = database.prepare('PRAGMA data_version').pluck(true);
    let known: unknown = null;
    let kept = new Map<string, unknown>();
    this.kept = () => {
      const version = statement.get();
      if (version !== known || kept.size >= keptValues) kept = new Map();
      known = version;
      return kept;
    };
  }

  query(text: string, values: readonly SqlValue[], one: boolean): Outcome {
    this.statements += 1;
    const prepared = this.prepare(text);
    const { statement } = prepared;
    const bound = values.map(bind);
    if (!statement.reader) {
      const { changes } = statement.run(...bound);
      return { rows: [], changed: changes, writes: changes > 0 };
    }
    const writes = !statement.readonly;
    if (one && !writes) {
      const found = statement.get(...bound) as unknown[] | undefined;
      return { rows: found ? [toRow(prepared, found)] : [], changed: 0, writes };
    }
    const rows = (statement.all(...bound) as unknown[][]).map((found) => toRow(prepared, found));
    return { rows, changed: writes ? rows.length : 0, writes: writes && rows.length > 0 };
  }

  /**
   * Rows of a reader come straight from the file while other statements run beside; the writer's are read first, since
   * SQLite does not say which rows a statement meets that is stepped while another changes its table.
   */
  async *rows(text: string, values: readonly SqlValue[]): AsyncGenerator<Row[], void, void> {
    if (!this.streaming) {
      yield this.query(text, values, false).rows;
      return;
    }
    const prepared = this.prepare(text);
    // A statement being stepped can't be run again, so nobody else may find it meanwhile.
    this.cache.delete(text);
    const found = prepared.statement.iterate(...values.map(bind)) as IterableIterator<unknown[]>;
    this.open.add(found);
    try {
      let portion: Row[] = [];
      for (const row of found) {
        portion.push(toRow(prepared, row));
        if (portion.length < portionSize) continue;
        yield portion;
        portion = [];
        // Whoever gathers the rows would keep the process from everything else until the last one.
        await nextTurn();
      }
      if (portion.length > 0) yield portion;
      this.cache.set(text, prepared);
    } finally {
      this.open.delete(found);
      found.return?.();
    }
  }

  command(text: string): void {
    // A row-by-row query that nobody reads on would keep the transaction from ending.
    if (text === 'COMMIT' || text === 'ROLLBACK') {
      for (const found of this.open) found.return?.();
      this.open.clear();
    }
    if (text.startsWith('ROLLBACK') && !this.streaming) this.rollBack(text);
    else this.perform(text);
  }

  /** As in PostgreSQL, an id that was given once is never given again: whoever heard of it would take another row for it. */
  private rollBack(text: string): void {
    const given = this.givenIds();
    this.perform(text);
    const now = this.givenIds();
    const lost = [...given].filter(([table, id]) => id > (now.get(table) ?? 0));
    if (lost.length === 0) return;
    const within = this.database.inTransaction;
    if (!within) this.perform('BEGIN IMMEDIATE');
    for (const [table, id] of lost) {
      const known = this.database.prepare('UPDATE sqlite_sequence SET seq = ? WHERE name = ?').run(id, table);
      if (known.changes === 0)
        this.database.prepare('INSERT INTO sqlite_sequence (seq, name) VALUES (?, ?)').run(id, table);
    }
    if (!within) this.perform('COMMIT');
  }

  /** The last id of each table that has given one. */
  private givenIds(): Map<string, number> {
    const kept = this.database.prepare("SELECT 1 FROM sqlite_master WHERE name = 'sqlite_sequence'").get();
    if (!kept) return new Map();
    const rows = this.database.prepare('SELECT name, seq FROM sqlite_sequence').all();
    return new Map((rows as { name: string; seq: number }[]).map(({ name, seq }) => [name, seq]));
  }

  private perform(text: string): void {
    // Savepoints have numbers for names, too many to be kept.
    if (text.includes('SAVEPOINT')) return void this.database.exec(text);
    let statement = this.commands.get(text);
    if (!statement) this.commands.set(text, (statement = this.database.prepare(text)));
    statement.run();
  }

  explain(error: unknown): unknown {
    return explain(error);
  }

  private prepare(text: string): Prepared {
    const known = this.cache.get(text);
    if (known) return known;
    const statement = this.database.prepare(text);
    const columns = statement.reader ? statement.raw(true).columns() : [];
    const names = columns.map((column) => column.name.replace(/::\w+$/, ''));
    const prepared = {
      statement,
      names,
      converts: columns.map((column) => convertOf(column.name, column.type)),
      blank: Object.fromEntries(names.map((name) => [name, null])),
    };
    if (this.cache.size >= cachedStatements) {
      const oldest = this.cache.keys().next();
      if (!oldest.done) this.cache.delete(oldest.value);
    }
    this.cache.set(text, prepared);
    return prepared;
  }
}

/** Adds what our SQL uses: `koji_now()`, `koji_epoch(time)`, matching with regular expressions and JSON containment. */
export function addFunctions(database: SqliteDatabase.Database): void {
  database.function('koji_now', { deterministic: false }, clockText);
  database.function('koji_epoch', { deterministic: true }, epochOf);
  database.function('koji_json_contains', { deterministic: true }, textContains);
  database.function('koji_matches', { deterministic: true }, matcher({}));
  database.function('koji_imatches', { deterministic: true }, matcher({ ignoreCase: true }));
}

/** The longest that matching may keep the process from everything else, in milliseconds. */
const matchTime = 2000;

/** Compares with a pattern that stays the same for many rows. */
function matcher(options: { ignoreCase?: boolean }): (text: unknown, pattern: unknown) => number | null {
  let known: { pattern: string; regexp: LinearRegExp } | null = null;
  let began: number | null = null;
  return (text, pattern) => {
    if (typeof text !== 'string' || typeof pattern !== 'string') return null;
    if (known?.pattern !== pattern) known = { pattern, regexp: new LinearRegExp(pattern, options) };
    if (began === null) {
      began = performance.now();
      // A statement runs to its end without a break, so this comes when it is over.
      setImmediate(() => (began = null));
    } else if (performance.now() - began > matchTime)
      throw new ParameterError('the search takes too long: give a simpler regular expression');
    return known.regexp.test(text) ? 1 : 0;
  };
}

function convertOf(alias: string, type: string | null): Convert | null {
  if (alias.endsWith('::bool') || type === 'boolean') return toBool;
  if (alias.endsWith('::epoch')) return toEpoch;
  if (alias.endsWith('::float') || (type !== null && /^(real|float|double)/.test(type))) return toDouble;
  return type === 'datetime' ? fromSqlite : null;
}

function toRow({ names, converts, blank }: Prepared, values: readonly unknown[]): Row {
  const row: Row = { ...blank };
  for (let i = 0; i < names.length; i++) {
    const convert = converts[i];
    row[names[i] as string] = convert ? convert(values[i]) : values[i];
  }
  return row;
}

function bind(value: SqlValue): unknown {
  switch (typeof value) {
    case 'boolean':
      return value ? 1n : 0n;
    case 'number':
      // The driver binds every number as a float, which a text column would keep as `5.0`.
      return Number.isSafeInteger(value) ? BigInt(value) : value;
    case 'string':
      return value;
    case 'bigint':
      if (BigInt.asIntN(64, value) !== value) throw new ParameterError(`value "${value}" is out of range`);
      return value;
    case 'object':
      if (value === null || value instanceof Uint8Array) return value;
      if (value instanceof Double) return value.value;
      return value instanceof Date ? timeText(value) : JSON.stringify(value);
    default:
      throw new TypeError(`a query got ${typeof value} for a value`);
  }
}

const kinds: Readonly<Record<string, ConstraintKind>> = {
  SQLITE_CONSTRAINT_UNIQUE: 'unique',
  SQLITE_CONSTRAINT_PRIMARYKEY: 'unique',
  SQLITE_CONSTRAINT_ROWID: 'unique',
  SQLITE_CONSTRAINT_FOREIGNKEY: 'foreign key',
  SQLITE_CONSTRAINT_CHECK: 'check',
  SQLITE_CONSTRAINT_NOTNULL: 'not null',
};

function explain(error: unknown): unknown {
  const { code, message } = error as { code?: unknown; message?: string };
  if (typeof code !== 'string' || !code.startsWith('SQLITE_')) return error;
  // The triggers of the schema speak only of values that no column of the kind could hold.
  if (code === 'SQLITE_CONSTRAINT_TRIGGER') return new ParameterError(message, { cause: error });
  const kind = kinds[code];
  if (kind === undefined) {
    if (code.startsWith('SQLITE_BUSY'))
      return new TransactionConflict(`database: ${message}`, { cause: error });
    return new DatabaseError(`database: ${message}`, { cause: error });
  }
  const said = /failed: (.*)$/.exec(message ?? '')?.[1] ?? '';
  const columns = [...said.matchAll(/(\w+)\.(\w+)/g)];
  const place = {
    table: columns[0]?.[1] ?? '',
    columns: columns.map((column) => column[2] ?? ''),
    constraint: kind === 'check' ? said : (/^index '(.*)'$/.exec(said)?.[1] ?? ''),
  };
  return kind === 'unique' ? new UniqueViolation(place, error) : new ConstraintViolation(kind, place, error);
}
