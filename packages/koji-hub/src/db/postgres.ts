import { randomUUID } from 'node:crypto';
import { setImmediate as setImmediately, setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import type { Logger } from '@koji/core';
import type { Connection, Opened, OpenOptions, ReadOptions } from './connection.js';
import { DatabaseUnavailable } from './errors.js';
import { Gate } from './gate.js';
import { PostgresHandle, readInTurns, Statements, typesWith } from './postgres-handle.js';
import type { Beginning } from './postgres-handle.js';
import { claimLock, lockHeld, processLock } from './locks.js';
import { Channels, Running } from './running.js';
import { tables } from './tables/index.js';
import { Transaction } from './transaction.js';
import { DataSource } from './typeorm.js';

// Koji's answers show times in UTC, and fromPostgres() reads this form only.
const session = '-c timezone=UTC -c datestyle=ISO -c client_min_messages=warning';
const notifications = 'koji';

const snapshot: Beginning = {
  name: 'snapshot',
  text: 'BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY',
  onlyIfNeeded: false,
};
/** For reads that each see the moment at which they begin. */
const lookups: Beginning = { ...snapshot, onlyIfNeeded: true };
const write: Beginning = { name: 'write', text: 'BEGIN ISOLATION LEVEL READ COMMITTED', onlyIfNeeded: false };

/** Connections that neither long reads nor writes, which may wait for locks, take. */
const keptForLookups = 2;

/** PostgreSQL: a pool; reads see one snapshot, writes are READ COMMITTED as Koji's are. */
export async function openPostgres(
  url: string,
  { log, connections = 10, longReads = 4, described = false, onStatement }: OpenOptions,
): Promise<Opened> {
  const types = typesWith(pg.types);
  const source = await new DataSource({
    type: 'postgres',
    url,
    entities: described ? tables('postgres') : [],
    poolSize: connections,
    poolErrorHandler: (error: unknown) => log?.warn('an idle connection to the database broke', error),
    // A new connection has no plans, so its first calls take several times as long. Therefore existing connections are kept.
    extra: { types, options: session, onConnect: readInTurns, idleTimeoutMillis: 0, keepAlive: true },
  }).initialize();
  const pool = (source.driver as unknown as { master: pg.Pool }).master;
  const statements = new Statements();
  const running = new Running();
  const channels = new Channels();
  const ears = new Ears(url, channels, log);
  const others = new Teller(pool);

  const long = new Gate(longReads);
  const notForLookups = new Gate(Math.max(1, connections - keptForLookups));

  const within = async <T>(
    beginning: Beginning,
    work: (db: Connection) => Promise<T>,
    check?: () => void,
  ): Promise<T> => {
    const client = await pool.connect().catch((cause: unknown) => {
      throw new DatabaseUnavailable('the database cannot be reached', { cause });
    });
    const handle = new PostgresHandle(client, { statements, types }, beginning);
    return transact(client, handle, new Transaction(handle, check, onStatement), work);
  };

  return {
    dialect: 'postgres',
    read: (work, { long: isLong = false, snapshot: isOneMoment = true, check }: ReadOptions = {}) => {
      const read = () => within(isOneMoment ? snapshot : lookups, work, check);
      return running.count(() => (isLong ? long.use(() => notForLookups.use(read)) : read()));
    },
    write: (work) => running.count(() => notForLookups.use(() => within(write, work))),
    withDataSource: (work) => running.count(() => work(source)),
    notify: async (channel) => {
      channels.tell(channel);
      await running.count(() => others.tell(`${ears.self} ${channel}`));
    },
    listen: (heard) => {
      ears.start();
      return channels.add(heard);
    },
    attend: (id) => ears.hold(processLock(id)),
    claim: (name) => ears.claim(claimLock(name)),
    isClaimed: (name) => ears.isClaimed(claimLock(name)),
    use: () => ({
      used: pool.totalCount - pool.idleCount,
      idle: pool.idleCount,
      waiting: pool.waitingCount + long.waits + notForLookups.waits,
    }),
    settled: () => undefined,
    close: () =>
      running.close(async () => {
        await ears.stop();
        await source.destroy();
      }),
  };
}

/** Runs work in a transaction on a connection of the pool, and gives the connection back. */
async function transact<T>(
  client: pg.PoolClient,
  handle: PostgresHandle,
  transaction: Transaction,
  work: (db: Connection) => Promise<T>,
): Promise<T> {
  let broken: Error | undefined;
  // Without a listener a connection that breaks between two statements would end the process.
  const onError = (error: Error): void => void (broken = error);
  client.on('error', onError);
  try {
    transaction.check();
    const result = await work(transaction);
    transaction.check();
    await handle.command('COMMIT');
    return result;
  } catch (error) {
    await handle.command('ROLLBACK').catch((failure: unknown) => (broken ??= failure as Error));
    if (broken) throw new DatabaseUnavailable('the connection to the database broke', { cause: error });
    throw handle.explain(error);
  } finally {
    transaction.finish();
    client.off('error', onError);
    client.release(broken);
  }
}

/** Tells other processes, in one statement of all that is told in one turn of the event loop. */
class Teller {
  private waiting: { readonly messages: string[]; readonly told: Promise<void> } | null = null;

  constructor(private readonly pool: pg.Pool) {}

  async tell(message: string): Promise<void> {
    if (this.waiting) this.waiting.messages.push(message);
    else this.waiting = this.gather(message);
    await this.waiting.told;
  }

  private gather(first: string): { readonly messages: string[]; readonly told: Promise<void> } {
    const messages = [first];
    const told = setImmediately().then(async () => {
      this.waiting = null;
      const text = 'SELECT pg_notify($1, message) FROM unnest($2::text[]) AS message';
      await this.pool.query({ name: 'tell', text, values: [notifications, messages] });
    });
    return { messages, told };
  }
}

/**
 * The connection that hears what other processes tell, and holds the lock that shows that this one lives. Waiting to be
 * started, then listening; when it breaks it is opened again, and `*` is told, since anything may have been missed meanwhile.
 */
class Ears {
  /** Marks what this process told itself, and so heard already. */
  readonly self = randomUUID();
  private readonly stopping = new AbortController();
  private running: Promise<void> | null = null;
  private client: pg.Client | null = null;
  private lock: string | null = null;
  private locked: () => void = () => undefined;
  private readonly claims = new Set<string>();
  private turn: Promise<unknown> = Promise.resolve();

  constructor(
    private readonly url: string,
    private readonly channels: Channels,
    private readonly log: Logger | undefined,
  ) {}

  start(): void {
    this.running ??= this.run();
  }

  /** Resolves when the lock is held; it is taken again whenever the connection broke. */
  async hold(lock: string): Promise<void> {
    const held = new Promise<void>((resolve) => (this.locked = resolve));
    this.lock = lock;
    this.start();
    // One that is being opened takes the lock itself, and one that breaks is opened again.
    if (this.client) await this.takeLock(this.client).catch(() => undefined);
    await held;
  }

  /** Takes a lock that no other process has; null when one has. It is taken again when the connection broke. */
  async claim(lock: string): Promise<(() => Promise<void>) | null> {
    const { rows } = await this.ask<{ taken: boolean }>('SELECT pg_try_advisory_lock($1) AS taken', lock);
    if (rows[0]?.taken !== true) return null;
    this.claims.add(lock);
    return async () => {
      this.claims.delete(lock);
      // A connection that broke has given it up.
      await this.ask('SELECT pg_advisory_unlock($1)', lock).catch(() => undefined);
    };
  }

  async isClaimed(lock: string): Promise<boolean> {
    const { text } = lockHeld(lock).render('postgres');
    const { rows } = await this.ask(text, lock);
    return rows.length > 0;
  }

  private async ask<Row extends pg.QueryResultRow>(text: string, lock: string): Promise<pg.QueryResult<Row>> {
    const { client } = this;
    if (!client) throw new DatabaseUnavailable('the connection that holds locks is being opened');
    return this.inTurn<Row>(client, text, lock).catch((cause: unknown) => {
      throw new DatabaseUnavailable('the connection that holds locks broke', { cause });
    });
  }

  /** A connection takes one query at a time. */
  private inTurn<Row extends pg.QueryResultRow>(
    client: pg.Client,
    text: string,
    lock: string,
  ): Promise<pg.QueryResult<Row>> {
    const answer = this.turn.then(() => client.query<Row>(text, [lock]));
    this.turn = answer.catch(() => undefined);
    return answer;
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

  private async takeLock(client: pg.Client): Promise<void> {
    if (this.lock === null) return;
    await this.inTurn(client, 'SELECT pg_advisory_lock($1)', this.lock);
    this.locked();
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
      for (const lock of this.claims) await client.query('SELECT pg_try_advisory_lock($1)', [lock]);
      this.client = client;
      await this.takeLock(client);
      connected();
      if (again) this.channels.tell('*');
      await ended;
    } finally {
      this.client = null;
      await client.end().catch(() => undefined);
    }
  }
}
