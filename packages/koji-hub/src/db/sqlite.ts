import path from 'node:path';
import type SqliteDatabase from 'better-sqlite3';
import { DataSource } from 'typeorm';
import type { Connection } from './connection.js';
import type { Opened, OpenOptions } from './database.js';
import { Channels, Running } from './running.js';
import { sqliteDriver } from './sqlite-driver.js';
import { addFunctions, SqliteHandle } from './sqlite-handle.js';
import { tables } from './tables/index.js';
import { Transaction } from './transaction.js';
import { Turns } from './turns.js';

const busyMilliseconds = 10_000;

/** The driver's connection that TypeORM opened. */
function driverOf(source: DataSource): SqliteDatabase.Database {
  return (source.driver as unknown as { databaseConnection: SqliteDatabase.Database }).databaseConnection;
}

async function open(database: string, readonly: boolean): Promise<DataSource> {
  const source = new DataSource({
    type: 'better-sqlite3',
    driver: sqliteDriver(),
    database,
    readonly,
    fileMustExist: readonly,
    timeout: busyMilliseconds,
    enableWAL: !readonly,
    entities: readonly ? [] : tables('sqlite'),
    prepareDatabase: (handle: SqliteDatabase.Database) => {
      addFunctions(handle);
      // FULL, since with NORMAL a commit in WAL mode may be lost when the machine loses power.
      handle.pragma('synchronous = FULL');
    },
  });
  return source.initialize();
}

/**
 * SQLite: one writer behind a queue, because TypeORM's driver has a single query runner on which two transactions at a
 * time lose each other's rows; readers are handles of their own on the same WAL file, opened when first needed.
 */
export async function openSqlite(
  file: string,
  { folder, readers = 4, patience = 600_000 }: OpenOptions,
): Promise<Opened> {
  const name = path.resolve(folder, file);
  const source = await open(name, false);
  const writer = new SqliteHandle(driverOf(source), false);
  const running = new Running();
  const channels = new Channels();
  const pool = new ReaderPool(name, readers);
  const turns = new Turns(() => writer.statements, patience);

  return {
    dialect: 'sqlite',
    read: (work) => running.count(async () => pool.use((handle) => within(handle, 'BEGIN', work))),
    write: (work) => running.count(() => turns.take(() => within(writer, 'BEGIN IMMEDIATE', work))),
    withDataSource: (work) => running.count(() => turns.take(() => work(source))),
    notify: async (channel) => channels.tell(channel),
    listen: (heard) => channels.add(heard),
    close: () =>
      running.close(async () => {
        await pool.close();
        await source.destroy();
      }),
  };
}

async function within<T>(
  handle: SqliteHandle,
  begin: string,
  work: (db: Connection) => Promise<T>,
): Promise<T> {
  handle.command(begin);
  const transaction = new Transaction(handle);
  try {
    const result = await work(transaction);
    transaction.check();
    handle.command('COMMIT');
    return result;
  } catch (error) {
    // Some errors (a full disk) end the transaction by themselves.
    if (handle.database.inTransaction) handle.command('ROLLBACK');
    throw handle.explain(error);
  } finally {
    transaction.finish();
  }
}

/** Read-only handles, each used by one read at a time. */
class ReaderPool {
  private readonly sources: DataSource[] = [];
  private readonly free: SqliteHandle[] = [];
  private readonly waiting: ((handle: SqliteHandle) => void)[] = [];
  private opened = 0;

  constructor(
    private readonly file: string,
    private readonly most: number,
  ) {}

  async use<T>(work: (handle: SqliteHandle) => Promise<T>): Promise<T> {
    const handle = await this.take();
    try {
      return await work(handle);
    } finally {
      const next = this.waiting.shift();
      if (next) next(handle);
      else this.free.push(handle);
    }
  }

  async close(): Promise<void> {
    for (const source of this.sources.splice(0)) await source.destroy();
  }

  private async take(): Promise<SqliteHandle> {
    const free = this.free.pop();
    if (free) return free;
    if (this.opened >= this.most) return new Promise((resolve) => this.waiting.push(resolve));
    this.opened += 1;
    try {
      const source = await open(this.file, true);
      this.sources.push(source);
      return new SqliteHandle(driverOf(source), true);
    } catch (error) {
      this.opened -= 1;
      throw error;
    }
  }
}
