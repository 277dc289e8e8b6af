import type { Duplex } from 'node:stream';
import type pg from 'pg';
import { GenericError, ParameterError } from '@koji/core';
import { Double, double } from '@koji/core/wire';
import type { Row } from './connection.js';
import {
  ConstraintViolation,
  DatabaseError,
  DatabaseUnavailable,
  TransactionConflict,
  UniqueViolation,
} from './errors.js';
import type { ConstraintKind } from './errors.js';
import { mapInTurns } from './in-turns.js';
import { hasPrepared, readPortal, runWhole } from './postgres-portal.js';
import type { BoundValue, PortalQuery } from './postgres-portal.js';
import type { SqlValue } from './sql.js';
import { fromPostgres, timeText } from './times.js';
import type { Handle, Outcome } from './transaction.js';

const fetchSize = 1000;
const namedStatements = 1000;

const whole = (text: string): number | bigint => {
  const number = Number(text);
  return Number.isSafeInteger(number) ? number : BigInt(text);
};
const float = (text: string): unknown => double(text.endsWith('nfinity') ? Number(text) : parseFloat(text));

/** How values are read, by PostgreSQL's type number; others stay text. */
const parsers: Readonly<Record<number, (text: string) => unknown>> = {
  16: (text) => text === 't',
  20: whole,
  21: Number,
  23: Number,
  26: Number,
  700: float,
  701: float,
  1114: fromPostgres,
  1184: fromPostgres,
  1700: (text) => (/^-?\d+$/.test(text) ? whole(text) : float(text)),
};

type GetParser = (oid: number, format?: 'text' | 'binary') => (value: string) => unknown;

/** Type parsers for one of our connections; the driver's global ones are not changed. */
export function typesWith(defaults: pg.CustomTypesConfig): pg.CustomTypesConfig {
  const asText = new Set([114, 3802, 1082, 1083, 1266]);
  const usual = defaults.getTypeParser as GetParser;
  const own: GetParser = (oid, format) => {
    if (format === 'binary') return usual(oid, format);
    return parsers[oid] ?? (asText.has(oid) ? String : usual(oid, 'text'));
  };
  return { getTypeParser: own as pg.CustomTypesConfig['getTypeParser'] };
}

/** Bytes that one read of a socket brings at most. */
const longestPiece = 65_536;

/**
 * Lets other work run between the pieces in which a connection brings a long answer. By itself Node.js hands on up to 32 of
 * them in a row, and the driver makes rows of each at once.
 */
export function readInTurns(client: pg.ClientBase): void {
  const { stream } = (client as unknown as { readonly connection: { readonly stream: Duplex } }).connection;
  stream.on('data', (piece: Buffer) => {
    if (piece.length < longestPiece) return;
    stream.pause();
    setImmediate(() => stream.resume());
  });
}

interface Known {
  readonly name: string | null;
  readonly writes: boolean;
  /** Whether it means something in a transaction only. */
  readonly isLocal: boolean;
}

/** Data about a statement's text: its kind, and its name on the server once it has been used twice. */
export class Statements {
  private readonly known = new Map<string, Known | null>();
  private named = 0;

  meet(text: string): Known {
    const found = this.known.get(text);
    if (found) return found;
    // `FOR UPDATE` only locks.
    const writes = /\b(?:insert\s+into|(?<!\bfor\s+)update|delete\s+from|nextval|setval|get_event)\b/i.test(
      text,
    );
    const isLocal = /^\s*set\s+local\b|\bfor\s+(?:update|share|no\s+key|key\s+share)\b/i.test(text);
    if (found === undefined) {
      if (this.known.size < 10 * namedStatements) this.known.set(text, null);
      return { name: null, writes, isLocal };
    }
    // Names live on the server as long as a connection does, so their number has an end. The server refuses to run a named `SELECT *`
    // again after a newer hub has added a column.
    const isNamed = this.named < namedStatements && !/^\s*SELECT\s+\*/i.test(text);
    const name = isNamed ? `k${++this.named}` : null;
    const known = { name, writes, isLocal };
    this.known.set(text, known);
    return known;
  }
}

/** How a transaction begins. */
export interface Beginning {
  /** The name of its statement on the server. */
  readonly name: string;
  readonly text: string;
  /** Whether statements that only read need none. */
  readonly onlyIfNeeded: boolean;
}

/** One connection of the pool while a transaction holds it. */
export class PostgresHandle implements Handle {
  readonly dialect = 'postgres';
  private portals = 0;

  /** @param later how the transaction begins, which waits for its first statement; null once it has begun */
  constructor(
    private readonly client: pg.PoolClient,
    private readonly parts: { readonly statements: Statements; readonly types: pg.CustomTypesConfig },
    private later: Beginning | null,
  ) {}

  async query(text: string, values: readonly SqlValue[]): Promise<Outcome> {
    const { name, writes, isLocal } = this.parts.statements.meet(text);
    const bound = await bindAll(values);
    // A read-only transaction starts even for a statement that writes, so that the database refuses the statement.
    const begins = writes || isLocal || this.later?.onlyIfNeeded === false;
    const begin = begins ? (this.takePrepared() ?? (await this.begin())) : null;
    if (begin !== null) {
      const { rows, count } = await runWhole(this.client, { ...this.asked(text, name, bound), begin });
      return { rows, changed: count, writes: writes && count > 0 };
    }
    const result = await this.client.query<Row>({ text, values: bound, ...(name === null ? {} : { name }) });
    const changed = result.rowCount ?? 0;
    return { rows: result.rows, changed, writes: writes && changed > 0 };
  }

  /** Rows in portions, so that other statements of the transaction run in between. */
  async *rows(text: string, values: readonly SqlValue[]): AsyncGenerator<Row[], void, void> {
    const { name } = this.parts.statements.meet(text);
    const bound = await bindAll(values);
    yield* readPortal(this.client, {
      ...this.asked(text, name, bound),
      portal: `p${++this.portals}`,
      most: fetchSize,
      begin: this.takePrepared() ?? (await this.begin()),
    });
  }

  private asked(
    text: string,
    name: string | null,
    values: readonly BoundValue[],
  ): Pick<PortalQuery, 'text' | 'name' | 'values' | 'parserOf'> {
    const parserOf = (type: number) => (this.parts.types.getTypeParser as GetParser)(type, 'text');
    return { text, name: name ?? '', values, parserOf };
  }

  async command(text: string): Promise<void> {
    if (this.later !== null) {
      if (text === 'COMMIT' || text === 'ROLLBACK') return;
      await this.begin();
    }
    const { command } = await this.client.query(text);
    if (text === 'COMMIT' && command === 'ROLLBACK') {
      throw new DatabaseError('database: the commit was turned into a rollback');
    }
  }

  explain(error: unknown): unknown {
    return explain(error);
  }

  /** Begins by a statement that the connection then has prepared. */
  private async begin(): Promise<null> {
    const { later } = this;
    this.later = null;
    if (later !== null) await this.client.query({ name: later.name, text: later.text });
    return null;
  }

  /**
   * Returns what begins the transaction if it can go ahead of the next statement in the same trip; null where it has begun or
   * is not prepared. The statement must be sent before anything else runs.
   */
  private takePrepared(): string | null {
    const { later } = this;
    if (later === null || !hasPrepared(this.client, later.name)) return null;
    this.later = null;
    return later.name;
  }
}

function bind(value: Exclude<SqlValue, readonly unknown[]> | undefined): BoundValue {
  if (value === undefined) throw new TypeError('a query got undefined for a value');
  if (value instanceof Date) return timeText(value);
  return value instanceof Double ? String(value.value) : value;
}

/** Values as the driver takes them. Lists become text here, in turns: the driver would stop all else for a long one. */
async function bindAll(values: readonly SqlValue[]): Promise<BoundValue[]> {
  const bound: BoundValue[] = [];
  for (const value of values) bound.push(isList(value) ? await arrayText(value) : bind(value));
  return bound;
}

function isList(value: SqlValue): value is readonly (number | string)[] {
  return Array.isArray(value);
}

async function arrayText(values: readonly (number | string)[]): Promise<string> {
  const element = (value: number | string): string =>
    typeof value === 'number' ? String(value) : `"${value.replace(/["\\]/g, '\\$&')}"`;
  return `{${(await mapInTurns(values, element)).join(',')}}`;
}

const kinds: Readonly<Record<string, ConstraintKind>> = {
  '23505': 'unique',
  '23503': 'foreign key',
  '23514': 'check',
  '23502': 'not null',
};

function explain(error: unknown): unknown {
  const { code, message, table, constraint, column, detail } = error as Partial<pg.DatabaseError>;
  if (typeof code !== 'string' || !/^[0-9A-Z]{5}$/.test(code)) return error;
  const kind = kinds[code];
  if (kind !== undefined) {
    const key = /^Key \((.*?)\)=/.exec(detail ?? '')?.[1]?.split(', ') ?? [];
    const columns = (column === undefined ? key : [column]).map((name) => name.replaceAll('"', ''));
    const place = { table: table ?? '', columns, constraint: constraint ?? '' };
    return kind === 'unique'
      ? new UniqueViolation(place, error)
      : new ConstraintViolation(kind, place, error);
  }
  if (code === '40001' || code === '40P01') {
    return new TransactionConflict(`database: ${message ?? code}`, { cause: error });
  }
  // Class 22: a value that no column of the kind could hold, so the caller's mistake.
  if (code.startsWith('22')) return new ParameterError(message, { cause: error });
  // Connection failures, a server that stops or starts, and one without a free connection.
  if (/^(?:08...|57P0[123]|53300)$/.test(code))
    return new DatabaseUnavailable(`database: ${message ?? code}`, { cause: error });
  if (code === '57014')
    return new GenericError(`the query takes too long: ${message ?? code}`, { cause: error });
  return new DatabaseError(`database: ${message ?? code}`, { cause: error });
}
