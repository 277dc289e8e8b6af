/**
 * Rows of a statement in portions, by the extended protocol of PostgreSQL: a portal of the transaction, which other statements
 * may run beside. Unlike a cursor made by `DECLARE`, its statement can be a prepared one, and an answer of one portion is
 * one trip.
 */
import type pg from 'pg';
import type { Row } from './connection.js';

/** The parts of the driver's connection used here; its types omit how it tracks prepared statements. */
interface Wire {
  readonly parsedStatements: Readonly<Record<string, string>>;
  parse(query: { readonly text: string; readonly name: string; readonly types: readonly number[] }): void;
  bind(config: {
    readonly portal: string;
    readonly statement: string;
    readonly values: readonly (string | Buffer | null)[];
  }): void;
  describe(message: { readonly type: 'P'; readonly name: string }): void;
  execute(config: { readonly portal: string; readonly rows: number }): void;
  close(message: { readonly type: 'P'; readonly name: string }): void;
}

interface Field {
  readonly name: string;
  readonly dataTypeID: number;
}

/** How rows are made of values, known from the first portion on. */
interface Shape {
  readonly names: readonly string[];
  readonly parsers: readonly ((text: string) => unknown)[];
  /** A row to copy: faster than to add its columns one after the other. */
  readonly blank: Row;
}

/** A value as the driver takes it. */
export type BoundValue = null | string | number | bigint | boolean | Uint8Array;

/** A statement whose rows are wanted in portions. */
export interface PortalQuery {
  readonly text: string;
  /** Its name on the server; empty for one that is not kept. */
  readonly name: string;
  readonly values: readonly BoundValue[];
  /** A name that no other portal of the transaction has; empty for one whose rows all come at once. */
  readonly portal: string;
  /** Rows of a portion; 0 for all. */
  readonly most: number;
  /** The prepared statement that begins the transaction, to be sent ahead of it in the same trip. */
  readonly begin?: string | null;
  readonly parserOf: (type: number) => (text: string) => unknown;
}

/** A message to the server and the handling of its answer, in the driver's format. */
abstract class Message implements pg.Submittable {
  /** By these the driver knows what a connection has prepared. */
  readonly name: string;
  readonly text: string;
  private settle: { readonly resolve: () => void; readonly reject: (error: unknown) => void } | null = null;

  constructor(protected readonly query: PortalQuery) {
    this.name = query.name;
    this.text = query.text;
  }

  /** Sends it, and resolves once the server is ready for the next. */
  async on(client: pg.ClientBase): Promise<void> {
    const done = new Promise<void>((resolve, reject) => (this.settle = { resolve, reject }));
    client.query(this);
    await done;
  }

  submit(connection: pg.Connection): null {
    connection.stream.cork();
    try {
      this.write(connection as unknown as Wire);
      connection.sync();
    } finally {
      connection.stream.uncork();
    }
    return null;
  }

  handleError(error: unknown): void {
    this.settle?.reject(error);
  }

  handleReadyForQuery(): void {
    this.settle?.resolve();
  }

  protected abstract write(connection: Wire): void;
}

/** The next rows of a portal; the first ones open it. */
class Portion extends Message {
  readonly rows: Row[] = [];
  /** How many rows the statement answered or changed. */
  count = 0;
  /** Whether the portal has more. */
  suspended = false;
  /** Why a row could not be read. */
  private failure: { readonly cause: unknown } | null = null;

  constructor(
    query: PortalQuery,
    private shape: Shape | null = null,
  ) {
    super(query);
  }

  following(): Portion {
    return new Portion(this.query, this.shape);
  }

  handleRowDescription({ fields }: { readonly fields: readonly Field[] }): void {
    const names = fields.map(({ name }) => name);
    this.shape = {
      names,
      parsers: fields.map(({ dataTypeID }) => this.query.parserOf(dataTypeID)),
      blank: Object.fromEntries(names.map((name) => [name, null])),
    };
  }

  handleDataRow({ fields }: { readonly fields: readonly (string | null)[] }): void {
    if (this.failure) return;
    try {
      this.rows.push(toRow(this.shape as Shape, fields));
    } catch (cause) {
      this.failure = { cause };
    }
  }

  handlePortalSuspended(): void {
    this.suspended = true;
  }

  /** The last of several statements, which is the one that was asked for, sets the count. */
  handleCommandComplete({ text }: { readonly text: string }): void {
    this.count = Number(/\d+$/.exec(text)?.[0] ?? 0);
  }

  override handleReadyForQuery(): void {
    if (this.failure) this.handleError(this.failure.cause);
    else super.handleReadyForQuery();
  }

  protected write(connection: Wire): void {
    const { text, name, values, portal, most, begin = null } = this.query;
    if (this.shape === null) {
      if (begin !== null) {
        connection.bind({ portal: '', statement: begin, values: [] });
        connection.execute({ portal: '', rows: 0 });
      }
      if (name === '' || connection.parsedStatements[name] === undefined)
        connection.parse({ text, name, types: [] });
      connection.bind({ portal, statement: name, values: values.map(asText) });
      connection.describe({ type: 'P', name: portal });
    }
    connection.execute({ portal, rows: most });
  }
}

/** Ends a portal that has more rows than were wanted. */
class Close extends Message {
  protected write(connection: Wire): void {
    connection.close({ type: 'P', name: this.query.portal });
  }
}

/** Runs a statement, of which all rows come at once. */
export async function runWhole(
  client: pg.ClientBase,
  query: Omit<PortalQuery, 'portal' | 'most'>,
): Promise<{ readonly rows: Row[]; readonly count: number }> {
  const portion = new Portion({ ...query, portal: '', most: 0 });
  await portion.on(client);
  return portion;
}

/** Whether a connection has prepared a statement. */
export function hasPrepared(client: pg.ClientBase, name: string): boolean {
  return (client as unknown as { readonly connection: Wire }).connection.parsedStatements[name] !== undefined;
}

/** Reads the rows of a statement, a portion at a time; a loop may stop early. */
export async function* readPortal(
  client: pg.ClientBase,
  query: PortalQuery,
): AsyncGenerator<Row[], void, void> {
  let portion = new Portion(query);
  let open = false;
  try {
    for (;;) {
      await portion.on(client);
      open = portion.suspended;
      yield portion.rows;
      if (!portion.suspended) return;
      portion = portion.following();
    }
  } catch (error) {
    // A failed transaction has closed it already, and refuses to be asked.
    open = false;
    throw error;
  } finally {
    if (open) await new Close(query).on(client).catch(() => undefined);
  }
}

function toRow({ names, parsers, blank }: Shape, values: readonly (string | null)[]): Row {
  const row: Row = { ...blank };
  for (let i = 0; i < names.length; i++) {
    const value = values[i];
    if (value !== null && value !== undefined) row[names[i] as string] = parsers[i]?.(value);
  }
  return row;
}

function asText(value: BoundValue): string | Buffer | null {
  if (value === null || typeof value === 'string') return value;
  if (value instanceof Uint8Array) return Buffer.from(value.buffer, value.byteOffset, value.byteLength);
  return String(value);
}
