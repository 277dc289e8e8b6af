import { ConfigError } from '../errors.js';
import type { HubOptions } from './hub-options.js';

type DatabaseOptions = Pick<
  HubOptions,
  'Database' | 'DBConnectionString' | 'DBName' | 'DBUser' | 'DBPass' | 'DBHost' | 'DBhost' | 'DBPort'
>;

const socketFolder = '/var/run/postgresql';

/**
 * Returns the URL of the hub's database: Database if it is set, otherwise PostgreSQL from DBConnectionString or the other DB
 * options, otherwise `sqlite:koji.db`.
 *
 * @throws ConfigError if DBConnectionString can't be parsed
 */
export function databaseUrl(options: DatabaseOptions): string {
  if (options.Database) return options.Database;
  const { DBConnectionString: given, DBName, DBUser, DBPass, DBPort } = options;
  if (given) return /^postgres(ql)?:\/\//.test(given) ? given : fromWords(given);
  const host = options.DBHost ?? options.DBhost;
  if (!DBName && !DBUser && !host) return 'sqlite:koji.db';
  const port = DBPort === null ? undefined : String(DBPort);
  return postgresUrl({ dbname: DBName, user: DBUser, password: DBPass, host, port });
}

/** Returns a URL for libpq's names of its parts; other names become parameters. */
function postgresUrl(parts: Readonly<Record<string, string | null | undefined>>): string {
  const { host, port, user, password, dbname, ...others } = parts;
  const part = (text: string | null | undefined, before: string): string =>
    text ? `${before}${encodeURIComponent(text)}` : '';
  const login = user ? `${encodeURIComponent(user)}${part(password, ':')}@` : '';
  const socket = !host || host.startsWith('/') ? host || socketFolder : null;
  const server = socket === null ? `${host ?? ''}${part(port, ':')}` : '';
  const local = socket === null ? {} : { host: socket, port };
  const query = Object.entries({ ...local, ...others }).flatMap(([name, value]) =>
    value ? [`${encodeURIComponent(name)}=${encodeURIComponent(value)}`] : [],
  );
  return `postgresql://${login}${server}${part(dbname, '/')}${query.length > 0 ? `?${query.join('&')}` : ''}`;
}

// Parses libpq's other form: `name = value` separated by spaces, with single quotes around values that need them.
function fromWords(text: string): string {
  const parts: Record<string, string> = {};
  const pair = /\s*([a-z_]+)\s*=\s*(?:'((?:[^'\\]|\\.)*)'|((?:[^\s'\\]|\\.)*))(?=\s|$)\s*/gy;
  let at = 0;
  for (let match = pair.exec(text); match && at < text.length; match = pair.exec(text)) {
    at = pair.lastIndex;
    const [, name = '', quoted, plain = ''] = match;
    parts[name] = (quoted ?? plain).replace(/\\(.)/g, '$1');
  }
  if (at < text.length)
    throw new ConfigError(
      'hub.conf [hub] DBConnectionString: neither a postgresql:// URL nor name=value words',
    );
  return postgresUrl(parts);
}
