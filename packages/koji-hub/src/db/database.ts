import type { DataSource } from 'typeorm';
import { ConfigError } from '@koji/core';
import type { Logger } from '@koji/core';
import type { Database } from './connection.js';
import { openSqlite } from './sqlite.js';

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
  /** Whether the data source knows the tables, which only a comparison with the schema needs. */
  readonly described?: boolean;
}

/** A database with the door that migrations use. */
export interface Opened extends Database {
  /** Runs `work` on TypeORM's own data source while no write runs beside it (on SQLite). */
  withDataSource<T>(work: (source: DataSource) => Promise<T>): Promise<T>;
}

/**
 * Opens the database of a hub: `sqlite:path`, relative to the hub's folder and made when it is not there, or
 * `postgresql://user:password@host:port/name`. Its schema is what `migrate` made of it.
 *
 * @throws ConfigError when the URL is neither, or another process serves from the file
 */
export async function openDatabase({ url, ...options }: OpenOptions & { url: string }): Promise<Opened> {
  if (url.startsWith('sqlite:') && url.length > 'sqlite:'.length) {
    return openSqlite(url.slice('sqlite:'.length), options);
  }
  if (/^postgres(ql)?:\/\//.test(url)) {
    // With its driver it takes longer to load than SQLite's, and most hubs and commands need one of the two.
    const { openPostgres } = await import('./postgres.js');
    return openPostgres(url, options);
  }
  throw new ConfigError(
    `database '${url.replace(/\/\/.*@/, '//…@')}': not 'sqlite:path' or 'postgresql://user@host:port/name'`,
  );
}
