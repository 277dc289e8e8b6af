import { createRequire } from 'node:module';
import type SqliteDatabase from 'better-sqlite3';
import { ConfigError, messageOf } from '@koji/core';

const require = createRequire(import.meta.url);

// better-sqlite3 13 needs Node-API 10, which Node.js 20 lacks. Version 12 aborts on Node.js 24.19 and newer where it was compiled
// for them.
const names =
  Number(process.versions['napi']) >= 10
    ? ['better-sqlite3-13', '@koji/sqlite-node20']
    : ['@koji/sqlite-node20'];

let found: { readonly name: string; readonly Driver: typeof SqliteDatabase } | null = null;

/**
 * Returns the driver for SQLite that works on this Node.js. All drivers are optional dependencies, since a hub on PostgreSQL needs none.
 *
 * @throws ConfigError when no driver could be installed
 */
export function sqliteDriver(): typeof SqliteDatabase {
  return findDriver().Driver;
}

/**
 * Returns the name of the driver's package, which threads load by themselves.
 *
 * @throws ConfigError as {@link sqliteDriver}
 */
export function sqliteDriverName(): string {
  return findDriver().name;
}

function findDriver(): NonNullable<typeof found> {
  if (found) return found;
  const problems: string[] = [];
  for (const name of names) {
    try {
      const Driver = require(name) as typeof SqliteDatabase;
      // The driver loads its compiled part only when a database is opened.
      new Driver(':memory:').close();
      return (found = { name, Driver });
    } catch (error) {
      problems.push(`${name}: ${messageOf(error).split('\n')[0] ?? ''}`);
    }
  }
  throw new ConfigError(
    `no driver for SQLite works here (${problems.join('; ')}): install python3, make and g++ and run npm install again, or set Database to a PostgreSQL url`,
  );
}
