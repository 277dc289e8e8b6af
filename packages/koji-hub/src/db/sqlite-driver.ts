import { createRequire } from 'node:module';
import type SqliteDatabase from 'better-sqlite3';
import { ConfigError, messageOf } from '@koji/core';

const require = createRequire(import.meta.url);

// 13 needs Node-API 10, which Node.js 20 has not; 12 aborts on Node.js 24.19 and newer where it was compiled for them.
const names =
  Number(process.versions['napi']) >= 10 ? ['better-sqlite3-13', 'better-sqlite3'] : ['better-sqlite3'];

let found: { readonly name: string; readonly Driver: typeof SqliteDatabase } | null = null;

/**
 * The driver for SQLite that works on this Node.js. Both are optional dependencies, so that a hub on PostgreSQL needs none.
 *
 * @throws ConfigError when none could be installed
 */
export function sqliteDriver(): typeof SqliteDatabase {
  return findDriver().Driver;
}

/**
 * The name of its package, for threads.
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
      // It loads what was compiled for this machine when it is used first.
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
