import { ConfigError } from '@koji/core';
import type { OpenOptions, Opened } from './connection.js';
import { openSqlite } from './sqlite.js';

export type { OpenOptions, Opened } from './connection.js';

/**
 * Opens the database of a hub: `sqlite:path`, relative to the hub's folder and created if it is missing, or
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
