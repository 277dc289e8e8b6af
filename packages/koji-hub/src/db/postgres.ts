import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { DataSource } from 'typeorm';
import type { Logger } from '@koji/core';
import type { Connection } from './connection.js';
import type { Opened, OpenOptions } from './database.js';
import { PostgresHandle, Statements, typesWith } from './postgres-handle.js';
import { Channels, Running } from './running.js';
import { tables } from './tables/index.js';
import { Transaction } from './transaction.js';

// Koji's answers show times in UTC, and fromPostgres() reads this form only.
const session = '-c timezone=UTC -c datestyle=ISO -c client_min_messages=warning';
const notifications = 'koji';

/** PostgreSQL: a pool; reads see one snapshot, writes are READ COMMITTED as Koji's are. */
export async function openPostgres(url: string, { log, connections = 10 }: OpenOptions): Promise<Opened> {
  const types = typesWith(pg.types);
  const source = await new DataSource({
    type: 'postgres',
    url,
    entities: tables('postgres'),
    poolSize: connections,
    poolErrorHandler: (error: unknown) => log?.warn('an idle connection to the database broke', error),
    extra: { types, options: session },
  }).initialize();
  const pool = (source.driver as unknown as { master: pg.Pool }).master;
  const statements = new Statements();
  const running = new Running();
  const channels = new Channels();
  const ears = new Ears(url, channels, log);

  const within = async <T>(begin: string, work: (db: Connection) => Promise<T>): Promise<T> => {
    const client = await pool.connect();
    const handle = new PostgresHandle(client, statements);
    const transaction = new Transaction(handle);
    let broken: Error | undefined;
    // Without a listener a connection that breaks between two statements would end the process.
    const onError = (error: Error): void => void (broken = error);
    client.on('error', onError);
    try {
      await handle.command(begin);
      const result = await work(transaction);
      transaction.check();
      await handle.command('COMMIT');
      return result;
    } catch (error) {
      await handle.command('ROLLBACK').catch((failure: unknown) => (broken ??= failure as Error));
      throw handle.explain(error);
    } finally {
      transaction.finish();
      client.off('error', onError);
      client.release(broken);
    }
  };

  return {
    dialect: 'postgres',
    read: (work) => running.count(() => within('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY', work)),
    write: (work) => running.count(() => within('BEGIN ISOLATION LEVEL READ COMMITTED', work)),
    withDataSource: (work) => running.count(() => work(source)),
    notify: async (channel) => {
      channels.tell(channel);
      await running.count(() =>
        pool.query('SELECT pg_notify($1, $2)', [notifications, `${ears.self} ${channel}`]),
      );
    },
    listen: (heard) => {
      ears.start();
      return channels.add(heard);
    },
    close: () =>
      running.close(async () => {
        await ears.stop();
        await source.destroy();
      }),
  };
}

/**
 * The connection that hears what other processes tell. Waiting to be started, then listening; when it breaks it is
 * opened again, and `*` is told, since anything may have been missed meanwhile.
 */
class Ears {
  /** Marks what this process told itself, and so heard already. */
  readonly self = randomUUID();
  private readonly stopping = new AbortController();
  private running: Promise<void> | null = null;

  constructor(
    private readonly url: string,
    private readonly channels: Channels,
    private readonly log: Logger | undefined,
  ) {}

  start(): void {
    this.running ??= this.run();
  }

  async stop(): Promise<void> {
    this.stopping.abort();
    await this.running;
  }

  private async run(): Promise<void> {
    const { signal } = this.stopping;
    for (let delay = 100, again = false; !signal.aborted; again = true) {
      try {
        await this.hear(again, () => (delay = 100));
      } catch (error) {
        this.log?.warn('the connection that hears other hubs broke; opening it again', error);
      }
      await sleep(delay, undefined, { signal }).catch(() => undefined);
      delay = Math.min(delay * 2, 5000);
    }
  }

  /** Listens until the connection ends; throws why, or returns when stopped. */
  private async hear(again: boolean, connected: () => void): Promise<void> {
    const { signal } = this.stopping;
    const client = new pg.Client({ connectionString: this.url, keepAlive: true });
    const ended = new Promise<void>((resolve, reject) => {
      client.on('error', reject);
      client.on('end', () => (signal.aborted ? resolve() : reject(new Error('the server ended it'))));
      signal.addEventListener('abort', () => resolve(), { once: true });
    });
    ended.catch(() => undefined);
    client.on('notification', ({ payload = '' }) => {
      const space = payload.indexOf(' ');
      if (payload.slice(0, space) !== this.self) this.channels.tell(payload.slice(space + 1));
    });
    try {
      await client.connect();
      await client.query(`LISTEN ${notifications}`);
      connected();
      if (again) this.channels.tell('*');
      await ended;
    } finally {
      await client.end().catch(() => undefined);
    }
  }
}
