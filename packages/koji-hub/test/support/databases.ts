import { createHash, randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { copyFile, mkdtemp, rename, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { openDatabase } from '../../src/db/database.js';
import type { Opened } from '../../src/db/database.js';
import { migrate } from '../../src/db/migrate.js';
import { migrations } from '../../src/db/migrations/index.js';
import type { Dialect } from '../../src/db/sql.js';

/** A database of a test's own, with the hub's tables in it. */
export interface TestDatabase {
  /** For `Database =` in a hub's configuration. */
  readonly url: string;
  /** An empty folder, also the one that a SQLite url is relative to. */
  readonly folder: string;
  /** Opens it, `described` for a comparison with the tables; {@link drop} closes what is still open. */
  open(options?: { described?: boolean }): Promise<Opened>;
  drop(): Promise<void>;
}

/** One kind of database: `describe.each(databases)('on $name', ({ create }) => …)`. */
export interface DatabaseKind {
  readonly name: string;
  readonly dialect: Dialect;
  /** Makes a database: with the tables, or an empty one. */
  readonly create: (options?: { empty?: boolean }) => Promise<TestDatabase>;
}

const schema = createHash('sha256').update(JSON.stringify(migrations)).digest('hex').slice(0, 12);
const server = process.env.KOJI_TEST_POSTGRES;

const sqlite: DatabaseKind = {
  name: 'SQLite',
  dialect: 'sqlite',
  async create({ empty = false } = {}) {
    const folder = await mkdtemp(path.join(os.tmpdir(), 'koji-db-'));
    if (!empty) await copyFile(await sqliteTemplate(), path.join(folder, 'koji.db'));
    return testDatabase('sqlite:koji.db', folder, async () => undefined);
  },
};

const postgres: DatabaseKind = {
  name: 'PostgreSQL',
  dialect: 'postgres',
  async create({ empty = false } = {}) {
    const folder = await mkdtemp(path.join(os.tmpdir(), 'koji-db-'));
    const name = `koji_test_${randomBytes(6).toString('hex')}`;
    const template = empty ? 'template0' : await postgresTemplate();
    await asAdmin((client) => createFrom(client, name, template));
    return testDatabase(postgresUrl(name), folder, () =>
      asAdmin(async (client) => {
        await client.query(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`);
      }),
    );
  },
};

/** SQLite, and PostgreSQL where KOJI_TEST_POSTGRES names a server (`postgresql://user@host:port/`). */
export const databases: readonly DatabaseKind[] = server ? [sqlite, postgres] : [sqlite];

/** For what only PostgreSQL has, several hub processes among it; without a server these tests are skipped. */
export function describeOnPostgres(name: string, tests: (kind: DatabaseKind) => void): void {
  (server ? describe : describe.skip)(`${name} on ${postgres.name}`, () => tests(postgres));
}

function testDatabase(url: string, folder: string, remove: () => Promise<void>): TestDatabase {
  const opened: Opened[] = [];
  return {
    url,
    folder,
    async open({ described = false } = {}) {
      const database = await openDatabase({ url, folder, described });
      opened.push(database);
      return database;
    },
    async drop() {
      for (const database of opened) await database.close();
      await remove();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** A migrated file that all test processes copy; the first one creates it. */
async function sqliteTemplate(): Promise<string> {
  const file = path.join(os.tmpdir(), `koji-template-${schema}.db`);
  if (existsSync(file)) return file;
  const folder = await mkdtemp(path.join(os.tmpdir(), 'koji-db-'));
  const database = await openDatabase({ url: 'sqlite:koji.db', folder });
  await migrate(database);
  await database.close();
  await rename(path.join(folder, 'koji.db'), file);
  await rm(folder, { recursive: true });
  return file;
}

function postgresUrl(name: string): string {
  const url = new URL(server ?? '');
  url.pathname = `/${name}`;
  return url.href;
}

async function asAdmin<T>(work: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client(postgresUrl('postgres'));
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}

let madeTemplate: Promise<string> | undefined;

function postgresTemplate(): Promise<string> {
  madeTemplate ??= asAdmin(async (client) => {
    const name = `koji_template_${schema}`;
    await client.query(`SELECT pg_advisory_lock(hashtext('${name}'))`);
    const { rowCount } = await client.query('SELECT 1 FROM pg_database WHERE datname = $1', [name]);
    if (rowCount) return name;
    await client.query(`DROP DATABASE IF EXISTS ${name}_new`);
    await client.query(`CREATE DATABASE ${name}_new`);
    const database = await openDatabase({ url: postgresUrl(`${name}_new`), folder: os.tmpdir() });
    await migrate(database);
    await database.close();
    await client.query(`ALTER DATABASE ${name}_new RENAME TO ${name}`);
    return name;
  });
  return madeTemplate;
}

// A template is refused while somebody looks at it, which a copy by another test process counts as.
async function createFrom(client: pg.Client, name: string, template: string): Promise<void> {
  const { rows } = await client.query<{ version: number }>(
    `SELECT current_setting('server_version_num')::int AS version`,
  );
  // A copy of files takes a third of the processor time of one that is logged block by block; before 15 there is no other.
  const strategy = (rows[0]?.version ?? 0) >= 150_000 ? ' STRATEGY file_copy' : '';
  for (let attempt = 1; ; attempt++) {
    try {
      await client.query(`CREATE DATABASE ${name} TEMPLATE ${template}${strategy}`);
      return;
    } catch (error) {
      if ((error as pg.DatabaseError).code !== '55006' || attempt === 50) throw error;
      await sleep(50 * Math.random() * attempt);
    }
  }
}
