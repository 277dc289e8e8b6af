import path from 'node:path';
import type SqliteDatabase from 'better-sqlite3';
import type { DataSource as TypeOrmSource } from 'typeorm';
import type { Connection, Opened, OpenOptions, ReadOptions, StatementWatch } from './connection.js';
import { Gate } from './gate.js';
import { Channels, Running } from './running.js';
import { sqliteDriver } from './sqlite-driver.js';
import { addFunctions, LocalEngine } from './sqlite-engine.js';
import { SqliteHandle } from './sqlite-handle.js';
import { lockSqlite } from './sqlite-lock.js';
import { LogSync } from './sqlite-sync.js';
import { ThreadEngine } from './sqlite-threads.js';
import { tables } from './tables/index.js';
import { Transaction } from './transaction.js';
import { Turns } from './turns.js';
import { DataSource } from './typeorm.js';

const busyMilliseconds = 10_000;

/** The driver's connection that TypeORM opened. */
function driverOf(source: TypeOrmSource): SqliteDatabase.Database {
  return (source.driver as unknown as { databaseConnection: SqliteDatabase.Database }).databaseConnection;
}

async function openWriter(database: string, described: boolean): Promise<TypeOrmSource> {
  const source = new DataSource({
    type: 'better-sqlite3',
    driver: sqliteDriver(),
    database,
    timeout: busyMilliseconds,
    enableWAL: true,
    entities: described ? tables('sqlite') : [],
    prepareDatabase: (handle: SqliteDatabase.Database) => {
      addFunctions(handle);
      // With NORMAL a commit in WAL mode may be lost when the machine loses power, until LogSync has synced it.
      handle.pragma('synchronous = NORMAL');
    },
  });
  return source.initialize();
}

/**
 * SQLite: one writer behind a queue, because TypeORM's driver has a single query runner, on which two concurrent transactions
 * lose each other's rows. Readers are separate connections to the same WAL file, opened on first use. Long reads run in
 * threads, see docs/decisions/0007-long-reads.md.
 */
export async function openSqlite(
  file: string,
  {
    folder,
    readers = 4,
    longReads = 4,
    patience = 600_000,
    serves = false,
    described = false,
    onStatement,
  }: OpenOptions,
): Promise<Opened> {
  const name = path.resolve(folder, file);
  const unlock = serves ? lockSqlite(name) : () => undefined;
  const source = await openWriter(name, described).catch((error: unknown) => {
    unlock();
    throw error;
  });
  const writer = new SqliteHandle(new LocalEngine(driverOf(source), false), false);
  const running = new Running();
  const channels = new Channels();
  const lookups = new ReaderPool(readers, () => openReader(name));
  const threads = new ReaderPool(longReads, () => openThread(name));
  const turns = new Turns(() => writer.statements, patience);
  const log = new LogSync(name);
  const durably = async <T>(work: () => Promise<T>): Promise<T> => {
    const result = await turns.take(work);
    await log.sync();
    return result;
  };

  return {
    dialect: 'sqlite',
    read: (work, { long = false, check }: ReadOptions = {}) =>
      running.count(() =>
        (long ? threads : lookups).use((handle) =>
          within(handle, { begin: 'BEGIN', check, onStatement }, work),
        ),
      ),
    write: (work) =>
      running.count(() => durably(() => within(writer, { begin: 'BEGIN IMMEDIATE', onStatement }, work))),
    settled: () => log.settled(),
    withDataSource: (work) => running.count(() => durably(() => work(source))),
    notify: async (channel) => channels.tell(channel),
    listen: (heard) => channels.add(heard),
    attend: () => Promise.resolve(),
    claim: () => Promise.resolve(() => Promise.resolve()),
    isClaimed: () => Promise.resolve(false),
    use: () => ({
      used: lookups.used + threads.used + Math.min(turns.all, 1),
      idle: lookups.idle + threads.idle + (turns.all > 0 ? 0 : 1),
      waiting: lookups.waits + threads.waits + Math.max(turns.all - 1, 0),
    }),
    close: () =>
      running.close(async () => {
        await lookups.close();
        await threads.close();
        await log.close();
        await source.destroy();
        unlock();
      }),
  };
}

/** How a transaction begins, and who watches it. */
interface Beginning {
  readonly begin: string;
  readonly check?: (() => void) | undefined;
  readonly onStatement: StatementWatch | undefined;
}

async function within<T>(
  handle: SqliteHandle,
  { begin, check, onStatement }: Beginning,
  work: (db: Connection) => Promise<T>,
): Promise<T> {
  const transaction = new Transaction(handle, check, onStatement);
  try {
    transaction.check();
    await handle.command(begin);
    const result = await work(transaction);
    transaction.check();
    await handle.command('COMMIT');
    return result;
  } catch (error) {
    await rollBack(handle);
    throw handle.explain(error);
  } finally {
    transaction.finish();
  }
}

async function rollBack(handle: SqliteHandle): Promise<void> {
  try {
    await handle.command('ROLLBACK');
  } catch {
    // The caller needs the original error.
  }
}

/** A connection that reads. */
interface Reader {
  readonly handle: SqliteHandle;
  /** Whether it can be used no more. */
  readonly broken: boolean;
  /** Lets the process end, or not, while nobody uses it. */
  hold(isUsed: boolean): void;
  close(): Promise<void>;
}

async function openReader(file: string): Promise<Reader> {
  const options = { readonly: true, fileMustExist: true, timeout: busyMilliseconds };
  const database = new (sqliteDriver())(file, options);
  addFunctions(database);
  return {
    handle: new SqliteHandle(new LocalEngine(database, true), true),
    broken: false,
    hold: () => undefined,
    close: async () => void database.close(),
  };
}

async function openThread(file: string): Promise<Reader> {
  const engine = await ThreadEngine.open(file, busyMilliseconds);
  return {
    handle: new SqliteHandle(engine, true),
    get broken() {
      return engine.broken;
    },
    hold: (isUsed) => engine.hold(isUsed),
    close: () => engine.end(),
  };
}

/** Connections that read, each used by one read at a time, opened when first needed. */
class ReaderPool {
  private readonly free: Reader[] = [];
  private readonly gate: Gate;

  constructor(
    most: number,
    private readonly open: () => Promise<Reader>,
  ) {
    this.gate = new Gate(most);
  }

  get used(): number {
    return this.gate.used;
  }

  get idle(): number {
    return this.free.length;
  }

  get waits(): number {
    return this.gate.waits;
  }

  use<T>(work: (handle: SqliteHandle) => Promise<T>): Promise<T> {
    return this.gate.use(async () => {
      const reader = this.free.pop() ?? (await this.open());
      reader.hold(true);
      try {
        return await work(reader.handle);
      } finally {
        reader.hold(false);
        if (!reader.broken) this.free.push(reader);
      }
    });
  }

  /** Closes all of them, once nobody uses any. */
  async close(): Promise<void> {
    for (const reader of this.free.splice(0)) await reader.close();
  }
}
