/**
 * An open SQLite file: prepares statements, steps through their rows and runs commands, with values as the driver has them.
 * It runs in the hub's own thread or in one for itself, so that it imports nothing that takes long to load.
 */
import { setImmediate as nextTurn } from 'node:timers/promises';
import type SqliteDatabase from 'better-sqlite3';
import { textContains } from './json-contains.js';
import { LinearRegExp, PatternError } from './regexp.js';
import type { RowPlan } from './row-plan.js';
import { clockText, epochOf } from './times.js';

/** A value as the driver binds it. */
export type BoundValue = null | number | bigint | string | Uint8Array;

/** A column of an answer: the name that the statement gave it, and the type of the column that it comes from. */
export interface Column {
  readonly name: string;
  readonly type: string | null;
}

/** A statement to run. */
export interface Statement {
  readonly text: string;
  readonly values: readonly BoundValue[];
  /** Rows to return at once: the first, all, or a portion of them, which `next` continues. */
  readonly rows: 'one' | 'all' | 'some';
  /** Whether to describe the columns. */
  readonly describe: boolean;
  /** Changes of each row before an engine that writes XML-RPC writes it; absent for unchanged rows. */
  readonly written?: RowPlan;
}

/** Rows of a running statement, and whether these were the last ones. */
export interface Portion {
  readonly rows: readonly (readonly unknown[])[];
  readonly over: boolean;
  /** The rows as XML-RPC, and their number, in place of the rows themselves. */
  readonly written?: { readonly bytes: Uint8Array<ArrayBuffer>; readonly count: number };
}

/** First answer to a statement. */
export interface Outset extends Portion {
  /** By which to ask for what follows, unless it is over. */
  readonly cursor: number;
  readonly columns: readonly Column[] | null;
  /** Rows inserted, changed or deleted. */
  readonly changed: number;
}

type Eventual<T> = T | Promise<T>;

/** An open SQLite file, in this thread or in another one. */
export interface Engine {
  /** Whether it can write rows; see {@link Statement.written}. */
  readonly writes: boolean;
  /** Runs a statement. */
  run(statement: Statement): Eventual<Outset>;
  /** Reads on; what is closed is over. */
  next(cursor: number): Promise<Portion>;
  /** Gives up what `run` left open. */
  close(cursor: number): void;
  /** Begins and ends transactions and savepoints. A `ROLLBACK` of one that has ended by itself does nothing. */
  command(text: string): Eventual<void>;
  /** Tells apart what was read before and after a change of the database by others. */
  version(): Eventual<number>;
}

/** A prepared statement with what its columns are. */
interface Prepared {
  readonly statement: SqliteDatabase.Statement;
  readonly columns: readonly Column[];
}

interface Cursor {
  readonly rows: Iterator<unknown[]>;
  /** For statements that are stepped row by row: keeps them for the next use. */
  readonly keep?: () => void;
}

const cachedStatements = 500;
/** Rows of a portion: a millisecond or two of work. */
const portionRows = 200;
/** Characters of a portion, at most one row more. */
const portionLength = 262_144;

/** An open SQLite file in this thread. A `streaming` one reads row by row, others read all rows first. */
export class LocalEngine implements Engine {
  private readonly cache = new Map<string, Prepared>();
  /** How transactions begin and end, which every call does. */
  private readonly commands = new Map<string, SqliteDatabase.Statement>();
  private readonly cursors = new Map<number, Cursor>();
  readonly writes = false;
  private lastCursor = 0;
  private dataVersion: SqliteDatabase.Statement | null = null;

  constructor(
    readonly database: SqliteDatabase.Database,
    private readonly streaming: boolean,
  ) {}

  run({ text, values, rows, describe }: Statement): Outset {
    const prepared = this.prepare(text);
    const { statement } = prepared;
    const columns = describe ? prepared.columns : null;
    if (!statement.reader) {
      const { changes } = statement.run(...values);
      return { rows: [], over: true, cursor: 0, columns, changed: changes };
    }
    if (rows === 'one' && statement.readonly) {
      const row = statement.get(...values) as unknown[] | undefined;
      return { rows: row ? [row] : [], over: true, cursor: 0, columns, changed: 0 };
    }
    if (rows === 'some' && this.streaming) return this.step(text, prepared, { values, columns });
    const found = statement.all(...values) as unknown[][];
    const changed = statement.readonly ? 0 : found.length;
    if (rows !== 'some') return { rows: found, over: true, cursor: 0, columns, changed };
    return { ...this.begin({ rows: found.values() }), columns, changed };
  }

  async next(cursor: number): Promise<Portion> {
    // Collecting all rows would block the thread until the last one.
    await nextTurn();
    return this.portion(cursor);
  }

  /** As {@link next}, at once. */
  portion(cursor: number): Portion {
    const open = this.cursors.get(cursor);
    if (!open) return { rows: [], over: true };
    const rows: unknown[][] = [];
    let over = false;
    for (let length = 0; rows.length < portionRows && length < portionLength;) {
      const next = open.rows.next();
      if (next.done) {
        over = true;
        break;
      }
      rows.push(next.value);
      for (const value of next.value)
        if (typeof value === 'string' || value instanceof Uint8Array) length += value.length;
    }
    if (over) {
      this.cursors.delete(cursor);
      open.keep?.();
    }
    return { rows, over };
  }

  close(cursor: number): void {
    this.cursors.get(cursor)?.rows.return?.();
    this.cursors.delete(cursor);
  }

  command(text: string): void {
    // A row-by-row query that nobody reads on would keep the transaction from ending.
    if (text === 'COMMIT' || text === 'ROLLBACK')
      for (const cursor of this.cursors.keys()) this.close(cursor);
    // Some errors (a full disk) end the transaction by themselves.
    if (text === 'ROLLBACK' && !this.database.inTransaction) return;
    if (text.startsWith('ROLLBACK') && !this.streaming) this.rollBack(text);
    else this.perform(text);
  }

  version(): number {
    this.dataVersion ??= this.database.prepare('PRAGMA data_version').pluck(true);
    return this.dataVersion.get() as number;
  }

  /**
   * Rows of a reader come straight from the file while other statements run concurrently; the writer's are read first, since
   * SQLite does not say which rows a statement meets that is stepped while another changes its table.
   */
  private step(
    text: string,
    prepared: Prepared,
    { values, columns }: { values: Statement['values']; columns: Outset['columns'] },
  ): Outset {
    // A statement being stepped can't be run again, so nobody else may find it meanwhile.
    this.cache.delete(text);
    const rows = prepared.statement.iterate(...values) as IterableIterator<unknown[]>;
    const begun = this.begin({ rows, keep: () => void this.cache.set(text, prepared) });
    return { ...begun, columns, changed: 0 };
  }

  private begin(open: Cursor): Portion & { cursor: number } {
    const cursor = ++this.lastCursor;
    this.cursors.set(cursor, open);
    try {
      return { ...this.portion(cursor), cursor };
    } catch (error) {
      this.close(cursor);
      throw error;
    }
  }

  /** As in PostgreSQL, an id is never reused, because a client that saw it would mistake another row for it. */
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

  private prepare(text: string): Prepared {
    const known = this.cache.get(text);
    if (known) return known;
    const statement = this.database.prepare(text);
    const columns = statement.reader ? statement.raw(true).columns() : [];
    const prepared = { statement, columns: columns.map(({ name, type }) => ({ name, type })) };
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

/** The longest that a statement may match without a break, in milliseconds. */
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
      throw new PatternError('the search takes too long: give a simpler regular expression');
    return known.regexp.test(text) ? 1 : 0;
  };
}
