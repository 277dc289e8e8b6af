import { pauseWhenDue, ParameterError } from '@koji/core';
import { Double, EncodedRows } from '@koji/core/wire';
import type { Row } from './connection.js';
import {
  ConstraintViolation,
  DatabaseError,
  DatabaseUnavailable,
  TransactionConflict,
  UniqueViolation,
} from './errors.js';
import type { ConstraintKind } from './errors.js';
import type { RowPlan } from './row-plan.js';
import type { SqlValue } from './sql.js';
import type { BoundValue, Column, Engine, Outset, Portion, Statement } from './sqlite-engine.js';
import { rowColumns } from './sqlite-rows.js';
import { timeText } from './times.js';
import type { Handle, Outcome } from './transaction.js';

type Convert = (value: unknown) => unknown;

/** How to make rows of a statement's values, found out once. */
interface Shape {
  readonly names: readonly string[];
  readonly converts: readonly (Convert | null)[];
  /** A row to copy: much faster than to add its columns one after the other. */
  readonly blank: Row;
}

const cachedShapes = 1000;
const keptValues = 1000;

/** A SQLite connection: binds values and makes rows, wherever its statements run. */
export class SqliteHandle implements Handle {
  readonly dialect = 'sqlite';
  private readonly shapes = new Map<string, Shape>();
  private known: { readonly version: number | null; readonly values: Map<string, unknown> };
  /** How many statements have run. */
  statements = 0;

  constructor(
    readonly engine: Engine,
    /** Whether it only reads, so that what it read stays true until others write. */
    private readonly reads: boolean,
  ) {
    this.known = { version: null, values: new Map() };
  }

  query(text: string, values: readonly SqlValue[], one: boolean): Outcome | Promise<Outcome> {
    const outset = this.run(text, values, one ? 'one' : 'all');
    return outset instanceof Promise
      ? outset.then((first) => this.gather(text, first))
      : this.outcome(this.shapeOf(text, outset), outset);
  }

  async *rows(text: string, values: readonly SqlValue[]): AsyncGenerator<Row[], void, void> {
    const outset = await this.run(text, values, 'some');
    const shape = this.shapeOf(text, outset);
    for await (const { rows } of this.portions(outset)) yield rows.map((row) => toRow(shape, row));
  }

  get writes(): boolean {
    return this.engine.writes;
  }

  async *written(
    text: string,
    values: readonly SqlValue[],
    plan: RowPlan,
  ): AsyncGenerator<Row[] | EncodedRows, void, void> {
    const outset = await this.run(text, values, 'some', plan);
    const shape = this.shapeOf(text, outset);
    for await (const { rows, written } of this.portions(outset))
      yield written ? new EncodedRows(written.bytes, written.count) : rows.map((row) => toRow(shape, row));
  }

  command(text: string): Promise<void> | void {
    return this.engine.command(text);
  }

  kept(): Map<string, unknown> | null | Promise<Map<string, unknown>> {
    if (!this.reads) return null;
    const version = this.engine.version();
    return version instanceof Promise ? version.then((now) => this.keptAt(now)) : this.keptAt(version);
  }

  explain(error: unknown): unknown {
    return explain(error);
  }

  private keptAt(version: number): Map<string, unknown> {
    const { known } = this;
    if (version !== known.version || known.values.size >= keptValues)
      this.known = { version, values: new Map() };
    return this.known.values;
  }

  private run(
    text: string,
    values: readonly SqlValue[],
    rows: Statement['rows'],
    written?: RowPlan,
  ): Outset | Promise<Outset> {
    this.statements += 1;
    const statement = { text, values: values.map(bind), rows, describe: !this.shapes.has(text) };
    return this.engine.run(written ? { ...statement, written } : statement);
  }

  private shapeOf(text: string, { columns }: Outset): Shape {
    const known = this.shapes.get(text);
    if (known) return known;
    const shape = shapeOf(columns ?? []);
    if (this.shapes.size >= cachedShapes) this.shapes.clear();
    this.shapes.set(text, shape);
    return shape;
  }

  private outcome(shape: Shape, { rows, changed }: Outset): Outcome {
    return { rows: rows.map((row) => toRow(shape, row)), changed, writes: changed > 0 };
  }

  private async gather(text: string, outset: Outset): Promise<Outcome> {
    const shape = this.shapeOf(text, outset);
    if (outset.over) return this.outcome(shape, outset);
    const rows: Row[] = [];
    for await (const portion of this.portions(outset)) {
      for (const row of portion.rows) rows.push(toRow(shape, row));
      const pause = pauseWhenDue();
      if (pause) await pause;
    }
    return { rows, changed: outset.changed, writes: outset.changed > 0 };
  }

  /** The portions of a statement; the next one is read while a portion is used. */
  private async *portions({ cursor, ...first }: Outset): AsyncGenerator<Portion, void, void> {
    let portion: Portion = first;
    try {
      while (!portion.over) {
        const next = this.engine.next(cursor);
        // The error is unnoticed if the previous rows are not read to the end.
        next.catch(() => undefined);
        yield portion;
        portion = await next;
      }
      if (portion.rows.length > 0 || portion.written) yield portion;
    } finally {
      if (!portion.over) this.engine.close(cursor);
    }
  }
}

function shapeOf(columns: readonly Column[]): Shape {
  const made = rowColumns(columns);
  const names = made.map(({ name }) => name);
  return {
    names,
    converts: made.map(({ convert }) => convert),
    blank: Object.fromEntries(names.map((name) => [name, null])),
  };
}

function toRow({ names, converts, blank }: Shape, values: readonly unknown[]): Row {
  const row: Row = { ...blank };
  for (let i = 0; i < names.length; i++) {
    const convert = converts[i];
    row[names[i] as string] = convert ? convert(values[i]) : values[i];
  }
  return row;
}

function bind(value: SqlValue): BoundValue {
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
  if (code === 'KOJI_PATTERN') return new ParameterError(message, { cause: error });
  if (code === 'KOJI_THREAD') return new DatabaseUnavailable(`database: ${message}`, { cause: error });
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
