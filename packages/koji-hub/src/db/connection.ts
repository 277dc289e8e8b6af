import type { DataSource } from 'typeorm';
import type { Logger } from '@koji/core';
import type { RowStream } from '@koji/core/wire';
import type { RowPlan } from './row-plan.js';
import type { Dialect, Sql } from './sql.js';

/** A row as the driver gave it: booleans are booleans, whole floats are Double, times are Koji's text. */
export type Row = Record<string, unknown>;

/** One transaction (or snapshot) of the database; belongs to one call and ends with it. */
export interface Connection {
  readonly dialect: Dialect;
  /** Whether anything was written in it so far. */
  readonly wrote: boolean;
  /** All rows. */
  all<T extends object = Row>(query: Sql): Promise<T[]>;
  /** The first row, or null. */
  get<T extends object = Row>(query: Sql): Promise<T | null>;
  /**
   * As {@link all}, but the same query is answered as before in this transaction, unless something was written or locked
   * since: for what several parts of a call each look up.
   */
  lookup<T extends object = Row>(query: Sql): Promise<T[]>;
  /** Runs a statement; the number of rows it changed. */
  run(query: Sql): Promise<number>;
  /** Rows as they are read, never all in memory. */
  iterate<T extends object = Row>(query: Sql, plan?: RowPlan): RowStream<T>;
  /** Whether {@link iterate} takes less time than {@link all} for rows that are only sent. */
  readonly writesRows: boolean;
  /**
   * Returns the result of `read`, or its earlier result under this key if nobody has written to the database since. If checking
   * that would be expensive, as on PostgreSQL or within a write, it is read again. The result must not be modified.
   */
  unchanged<T>(key: string, read: () => Promise<T>): Promise<T>;
  /** Runs `work` in a savepoint: if it throws, its changes are undone and the transaction continues. */
  savepoint<T>(work: () => Promise<T>): Promise<T>;
  /**
   * As {@link savepoint}, for work that is not expected to write: works in a row share one savepoint for as long as nothing
   * was written, so that each saves two statements.
   */
  readpoint<T>(work: () => Promise<T>): Promise<T>;
}

/** Called with the duration of a statement when it is finished, without the time spent waiting for the reader of its rows. */
export type StatementWatch = (query: Sql, milliseconds: number) => void;

/** The connections of a process, and the number of waiting transactions. */
export interface DatabaseUse {
  readonly used: number;
  readonly idle: number;
  readonly waiting: number;
}

/** How to read. */
export interface ReadOptions {
  /**
   * Whether it may take long, as what reads more than a few rows by their keys. Of these few run at a time, so that others
   * find a connection; on SQLite they run in threads of their own.
   */
  readonly long?: boolean;
  /**
   * Whether all of it sees one moment, as it does unless told otherwise. Without, each statement on PostgreSQL sees the moment
   * at which it begins, as in Koji, and the two trips that begin and end a transaction are saved.
   */
  readonly snapshot?: boolean;
  /** Runs before each statement, and throws when the read is to go no further. */
  readonly check?: () => void;
}

/** The database: one writer at a time on SQLite with readers beside it, a pool on PostgreSQL. */
export interface Database {
  readonly dialect: Dialect;
  /** Runs `work` on a read-only snapshot. */
  read<T>(work: (db: Connection) => Promise<T>, options?: ReadOptions): Promise<T>;
  /** Runs `work` in a transaction that commits when it resolves and rolls back when it throws. */
  write<T>(work: (db: Connection) => Promise<T>): Promise<T>;
  /**
   * Resolves once everything that a read has seen so far is durable, which must be awaited before anybody learns of it; undefined if it is.
   * On PostgreSQL nothing is seen before.
   */
  settled(): Promise<void> | undefined;
  /** Tells waiters of a channel, in this process and every other on the same database, that something happened. */
  notify(channel: string): Promise<void>;
  /** Hears {@link notify}; call the result to stop. */
  listen(heard: (channel: string) => void): () => void;
  /**
   * Lets other processes see that this one lives, by 16 hexadecimal digits of its own, until it closes the database or ends
   * in any other way; see `claimEnded` in locks.ts.
   */
  attend(id: string): Promise<void>;
  /**
   * Claims a name for this process without a transaction, until the result is called or the process ends in whatever way.
   * Claims of one process do not exclude each other.
   *
   * @returns null when another process has it
   */
  claim(name: string): Promise<(() => Promise<void>) | null>;
  /** Whether a process has claimed a name. On SQLite, where one process serves at a time, none has. */
  isClaimed(name: string): Promise<boolean>;
  /** The current use by this process. */
  use(): DatabaseUse;
  close(): Promise<void>;
}

/** How to open a database. */
export interface OpenOptions {
  /** Where a relative SQLite path starts. */
  readonly folder: string;
  readonly log?: Logger;
  /** Long reads at a time. */
  readonly longReads?: number;
  /** Other reads at a time on SQLite. */
  readonly readers?: number;
  /** Milliseconds after which a write on SQLite gives up to wait for one that does nothing. */
  readonly patience?: number;
  /** Whether the process is a hub that serves, of which SQLite has one at a time. */
  readonly serves?: boolean;
  /** Connections of the pool on PostgreSQL. */
  readonly connections?: number;
  readonly onStatement?: StatementWatch;
  /** Whether the data source knows the tables, which only a comparison with the schema needs. */
  readonly described?: boolean;
}

/** A database with the door that migrations use. */
export interface Opened extends Database {
  /** Runs `work` on TypeORM's own data source while no write runs beside it (on SQLite). */
  withDataSource<T>(work: (source: DataSource) => Promise<T>): Promise<T>;
}
