import { randomBytes } from 'node:crypto';
import pg from 'pg';

/** A database for a {@link System}: its settings for hub.conf, and how to remove it. */
export interface TestDatabase {
  readonly setting: string;
  remove(): Promise<void>;
}

const server = process.env.KOJI_TEST_POSTGRES;

/** The databases to run on: SQLite, and PostgreSQL when the test runner has started one. */
export const databases: readonly { readonly name: string; readonly create: () => Promise<TestDatabase> }[] = [
  {
    name: 'sqlite',
    create: () => Promise.resolve({ setting: 'sqlite:koji.db', remove: () => Promise.resolve() }),
  },
  ...(server === undefined ? [] : [{ name: 'postgres', create: () => createOn(server) }]),
];

async function createOn(url: string): Promise<TestDatabase> {
  const name = `koji_system_${randomBytes(4).toString('hex')}`;
  const administer = async (statement: string): Promise<void> => {
    const client = new pg.Client(`${url}postgres`);
    await client.connect();
    await client.query(statement);
    await client.end();
  };
  await administer(`CREATE DATABASE ${name}`);
  return { setting: `${url}${name}`, remove: () => administer(`DROP DATABASE ${name} WITH (FORCE)`) };
}
