import { RowStream } from '@koji/core/wire';
import type { EncodedRows } from '@koji/core/wire';
import type { Connection, Row, StatementWatch } from './connection.js';
import { TransactionFailed } from './errors.js';
import { follow } from './row-plan.js';
import type { RowPlan } from './row-plan.js';
import type { Dialect, Sql, SqlValue } from './sql.js';

/** More than the lookups of one call; a multicall may have any number. */
const mostRemembered = 100;

/** Whether a statement reads without a lock, so that what was read before still holds for this transaction. */
function onlyReads(text: string): boolean {
  return (
    /^\s*(?:select|with)\b/i.test(text) && !/\b(?:insert|update|delete|for\s+share)\b|advisory/i.test(text)
  );
}

/** The text and the values of a query; null for values that have no short text. */
function memoryKey({
  text,
  values,
}: {
  readonly text: string;
  readonly values: readonly SqlValue[];
}): string | null {
  const isShort = values.every(
    (value) => value === null || ['number', 'string', 'boolean'].includes(typeof value),
  );
  return isShort ? JSON.stringify([text, ...values]) : null;
}

/** Applies a plan to rows. */
async function* followed(portions: AsyncIterable<Row[]>, plan: RowPlan): AsyncGenerator<Row[], void, void> {
  const follows = follow(plan, (column) => column);
  for await (const rows of portions) yield rows.filter(follows);
}

/** Result of a statement. */
export interface Outcome {
  readonly rows: Row[];
  /** Rows inserted, changed or deleted. */
  readonly changed: number;
  /** Whether it may have written at all. */
  readonly writes: boolean;
}

/** A driver's connection while a transaction holds it. */
export interface Handle {
  readonly dialect: Dialect;
  query(text: string, values: readonly SqlValue[], one: boolean): Promise<Outcome> | Outcome;
  /** Rows as they are read, some at a time. */
  rows(text: string, values: readonly SqlValue[]): AsyncIterable<Row[]>;
  /** Whether rows may come written as XML-RPC, which takes less time where another thread writes them. */
  readonly writes?: boolean;
  /** As {@link rows}, with a plan that was followed, as XML-RPC where they can be sent. */
  written?(text: string, values: readonly SqlValue[], plan: RowPlan): AsyncIterable<Row[] | EncodedRows>;
  command(text: string): Promise<void> | void;
  /** Results kept since the last change of the database; absent or null if unknown. */
  kept?(): Map<string, unknown> | null | Promise<Map<string, unknown>>;
  /** The typed error for one of the driver's. */
  explain(error: unknown): unknown;
}

/**
 * One transaction, the same on both databases: open until {@link finish}; failed once a statement failed outside a savepoint
 * (SQLite would continue, PostgreSQL would not, so neither does); a failed one can only be rolled back.
 */
export class Transaction implements Connection {
  wrote = false;
  private failure: { cause: unknown } | null = null;
  private ended = false;
  private savepoints = 0;
  /** Statements that wrote so far, taken back or not. */
  private writes = 0;
  /** The savepoint that reads share, and what {@link writes} was then. */
  private mark: { readonly name: string; readonly writes: number } | null = null;
  private kept: Map<string, unknown> | null = null;
  /** Results of {@link lookup} since the last statement that may have changed them. */
  private readonly memory = new Map<string, Row[]>();

  /** @param proceed runs before each statement, and throws when the transaction is to go no further */
  constructor(
    private readonly handle: Handle,
    private readonly proceed: () => void = () => undefined,
    private readonly onStatement: StatementWatch = () => undefined,
  ) {}

  get dialect(): Dialect {
    return this.handle.dialect;
  }

  async all<T extends object = Row>(query: Sql): Promise<T[]> {
    return (await this.execute(query, false)).rows as T[];
  }

  async get<T extends object = Row>(query: Sql): Promise<T | null> {
    return ((await this.execute(query, true)).rows[0] as T | undefined) ?? null;
  }

  async lookup<T extends object = Row>(query: Sql): Promise<T[]> {
    this.check();
    const key = memoryKey(query.render(this.handle.dialect));
    const rows = (key === null ? undefined : this.memory.get(key)) ?? (await this.all(query));
    if (key !== null) this.memory.set(key, rows);
    // Callers may modify a row that they get.
    return rows.map((row) => ({ ...row })) as T[];
  }

  async run(query: Sql): Promise<number> {
    return (await this.execute(query, false)).changed;
  }

  get writesRows(): boolean {
    return this.handle.writes ?? false;
  }

  iterate<T extends object = Row>(query: Sql, plan?: RowPlan): RowStream<T> {
    const { handle } = this;
    const rows = this.portions(query, (text, values) => handle.rows(text, values));
    const planned = (plan ? followed(rows, plan) : rows) as AsyncIterable<T[]>;
    if (!this.writesRows) return new RowStream(planned);
    const written = this.portions(
      query,
      (text, values) => handle.written?.(text, values, plan ?? {}) ?? handle.rows(text, values),
    );
    return new RowStream(planned, written as AsyncIterable<T[] | EncodedRows>);
  }

  private async *portions<P>(
    query: Sql,
    open: (text: string, values: readonly SqlValue[]) => AsyncIterable<P>,
  ): AsyncGenerator<P, void, void> {
    this.check();
    const { text, values } = query.render(this.handle.dialect);
    let took = 0;
    let since = performance.now();
    try {
      for await (const portion of open(text, values)) {
        took += performance.now() - since;
        yield portion;
        this.check();
        since = performance.now();
      }
      this.onStatement(query, took + performance.now() - since);
    } catch (error) {
      throw this.fail(error);
    }
  }

  async unchanged<T>(key: string, read: () => Promise<T>): Promise<T> {
    this.check();
    const kept = (this.kept ??= (await this.handle.kept?.()) ?? null);
    if (!kept) return read();
    const found = kept.get(key) as { readonly value: T } | undefined;
    if (found) return found.value;
    const value = await read();
    kept.set(key, { value });
    return value;
  }

  async savepoint<T>(work: () => Promise<T>): Promise<T> {
    this.check();
    const name = `s${++this.savepoints}`;
    const wroteBefore = this.wrote;
    await this.handle.command(`SAVEPOINT ${name}`);
    // Those made from here on end with this one, and it may take back what came after an earlier one.
    this.mark = null;
    try {
      const result = await work();
      this.check();
      await this.handle.command(`RELEASE SAVEPOINT ${name}`);
      return result;
    } catch (error) {
      if (this.ended) throw error;
      this.memory.clear();
      await this.handle.command(`ROLLBACK TO SAVEPOINT ${name}`);
      await this.handle.command(`RELEASE SAVEPOINT ${name}`);
      this.failure = null;
      this.wrote = wroteBefore;
      throw error;
    } finally {
      this.mark = null;
    }
  }

  async readpoint<T>(work: () => Promise<T>): Promise<T> {
    this.check();
    const { wrote } = this;
    const mark = this.mark?.writes === this.writes ? this.mark : await this.newMark();
    try {
      const result = await work();
      this.check();
      return result;
    } catch (error) {
      if (this.ended || (!this.failure && mark.writes === this.writes)) throw error;
      this.memory.clear();
      await this.handle.command(`ROLLBACK TO SAVEPOINT ${mark.name}`);
      this.failure = null;
      this.wrote = wrote;
      // It still exists, and nothing is written after it.
      this.mark = { name: mark.name, writes: this.writes };
      throw error;
    }
  }

  private async newMark(): Promise<{ readonly name: string; readonly writes: number }> {
    const mark = { name: `s${++this.savepoints}`, writes: this.writes };
    await this.handle.command(`SAVEPOINT ${mark.name}`);
    this.mark = mark;
    return mark;
  }

  /** Throws unless the transaction can be committed. */
  check(): void {
    if (this.ended) throw new Error('the transaction has ended: use the connection within its call only');
    if (this.failure) {
      throw new TransactionFailed('an earlier statement of this transaction failed', this.failure);
    }
    this.proceed();
  }

  /** Makes every later use an error. */
  finish(): void {
    this.ended = true;
  }

  private async execute(query: Sql, one: boolean): Promise<Outcome> {
    this.check();
    const { text, values } = query.render(this.handle.dialect);
    if (this.memory.size >= mostRemembered || !onlyReads(text)) this.memory.clear();
    const since = performance.now();
    try {
      const outcome = await this.handle.query(text, values, one);
      this.onStatement(query, performance.now() - since);
      if (outcome.writes) {
        this.wrote = true;
        this.writes += 1;
      }
      return outcome;
    } catch (error) {
      throw this.fail(error);
    }
  }

  private fail(error: unknown): unknown {
    if (error instanceof TransactionFailed || this.ended) return error;
    const explained = this.handle.explain(error);
    this.failure ??= { cause: explained };
    return explained;
  }
}
