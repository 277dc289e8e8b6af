import { existsSync } from 'node:fs';
import path from 'node:path';
import { ConfigError, logFormatter, logLevelNamed } from '@koji/core';
import { hubOptions, readHubConfig, readOidcSettings, readOptions } from '@koji/core/config';
import type { HubConfig, HubOptions } from '@koji/core/config';
import { parseConfiguredSubject } from './auth/distinguished-names.js';

/** The folder that a hub makes for itself when nobody wrote a configuration. */
export const embeddedFolder = 'koji';

/**
 * Finds the configuration of a hub: the given file, otherwise ./hub.conf, otherwise the one in ./koji that `koji-hub init` or
 * an earlier start created, otherwise null.
 */
export function findConfig(given: string, folder?: string): HubConfig;
export function findConfig(given: string | undefined, folder?: string): HubConfig | null;
export function findConfig(given: string | undefined, folder = process.cwd()): HubConfig | null {
  if (given !== undefined) return readHubConfig({ file: path.resolve(folder, given) });
  const file = ['hub.conf', path.join(embeddedFolder, 'hub.conf')]
    .map((name) => path.join(folder, name))
    .find((name) => existsSync(name));
  return file === undefined ? null : readHubConfig({ file });
}

/** A configuration made of values, as hub.conf would have them; relative paths start at `folder`. */
export function makeConfig(
  folder: string,
  values: Readonly<Record<string, string>> = {},
  policies: Readonly<Record<string, string>> = {},
): HubConfig {
  const file = path.join(folder, 'hub.conf');
  const options = readOptions(hubOptions, new Map(Object.entries(values)), { file, section: 'hub' });
  return { options, policies: new Map(Object.entries(policies)), file };
}

/** Where a hub's relative paths start. */
export function folderOf({ file }: HubConfig): string {
  return path.dirname(path.resolve(file));
}

/** The root of the file store. */
export function storeOf(config: HubConfig): string {
  return path.resolve(folderOf(config), config.options.KojiDir ?? '/mnt/koji');
}

/** The url of the database: option `Database`, else Koji's own options for PostgreSQL, else a SQLite file. */
export function databaseUrl(options: HubOptions): string {
  const { Database, DBConnectionString, DBName, DBUser, DBPass, DBPort } = options;
  const host = options.DBHost ?? options.DBhost;
  if (Database !== null) return Database;
  if (DBConnectionString !== null) return urlOfConnectionString(DBConnectionString);
  if (DBName === null) return 'sqlite:koji.db';
  return postgresUrl({
    dbname: DBName,
    user: DBUser,
    password: DBPass,
    host,
    port: DBPort === null ? null : String(DBPort),
  });
}

interface PostgresPlace {
  readonly dbname: string;
  readonly user?: string | null | undefined;
  readonly password?: string | null | undefined;
  /** A name, an address, or the folder of a socket. */
  readonly host?: string | null | undefined;
  readonly port?: string | null | undefined;
}

function postgresUrl({ dbname, user, password, host, port }: PostgresPlace): string {
  const login = user
    ? `${encodeURIComponent(user)}${password ? `:${encodeURIComponent(password)}` : ''}@`
    : '';
  const at = port ? `:${port}` : '';
  const name = encodeURIComponent(dbname);
  if (host && !host.startsWith('/')) return `postgresql://${login}${host}${at}/${name}`;
  const socket = host ?? '/var/run/postgresql';
  return `postgresql://${login}${port ? `localhost${at}` : ''}/${name}?host=${encodeURIComponent(socket)}`;
}

/** libpq's `key=value` form, or a url. */
function urlOfConnectionString(text: string): string {
  if (/^postgres(ql)?:/.test(text)) return text;
  const pairs = [...text.matchAll(/(\w+)\s*=\s*(?:'((?:[^'\\]|\\.)*)'|(\S+))/g)];
  const values = Object.fromEntries(
    pairs.map(([, key = '', quoted, bare = '']) => [key, quoted?.replace(/\\(.)/g, '$1') ?? bare]),
  );
  const { dbname } = values;
  if (!dbname) throw new ConfigError(`DBConnectionString = '…': no dbname in it`);
  return postgresUrl({ ...values, dbname });
}

/** The contents of LogLevel: a level for all loggers (`koji`), and `logger:level` for some. */
function saidLevels(text: string): { readonly logger: string; readonly level: string }[] {
  return text
    .split(/\s+/)
    .filter(Boolean)
    .map((word) => {
      const at = word.indexOf(':');
      const logger = word.slice(0, Math.max(at, 0));
      // All names begin with `koji`, which may be left out.
      const parts = logger.startsWith('koji') ? [logger] : ['koji', ...logger.split('.').filter(Boolean)];
      return { logger: parts.join('.'), level: word.slice(at + 1) };
    });
}

/** Levels of loggers by name; of several that are said for one, the last counts. */
export function logLevels({ LogLevel, KojiDebug }: HubOptions): ReadonlyMap<string, string> {
  const levels = new Map([['koji', 'warn']]);
  for (const { logger, level } of saidLevels(LogLevel)) levels.set(logger, logLevelNamed(level));
  if (KojiDebug) levels.set('koji', 'debug');
  return levels;
}

/** Problems of a configuration that can be told without opening anything. */
export function checkOptions({ options, file }: HubConfig): string[] {
  const problems: string[] = [];
  const said = (name: string): string => `${file} [hub] ${name}`;
  if (options.Workers < 1) problems.push(`${said('Workers')} = ${options.Workers}: at least 1`);
  if (options.Workers > 1 && !databaseUrl(options).startsWith('postgres'))
    problems.push(
      `${said('Workers')} = ${options.Workers}: several processes need a PostgreSQL database, see Database`,
    );
  for (const name of ['RepoInterval', 'MaxRepoDeletes'] as const)
    if (options[name] < 1) problems.push(`${said(name)} = ${options[name]}: at least 1`);
  if (options.LongReads < 1) problems.push(`${said('LongReads')} = ${options.LongReads}: at least 1`);
  if (options.DatabaseConnections < options.LongReads + 3)
    problems.push(
      `${said('DatabaseConnections')} = ${options.DatabaseConnections}: at least three more than LongReads (${options.LongReads})`,
    );
  if (options.UserHeader !== null && options.TrustedProxies.length === 0)
    problems.push(
      `${said('UserHeader')} = '${options.UserHeader}': name the proxies that may send it in TrustedProxies`,
    );
  problems.push(...loginProblems(options, said));
  for (const name of ['LoginTimeout', 'LoginLifetime'] as const)
    if (options[name] < 1) problems.push(`${said(name)} = ${options[name]}: at least 1`);
  if (options.TokenLifetime < 0)
    problems.push(`${said('TokenLifetime')} = ${options.TokenLifetime}: 0 or more`);
  problems.push(...readOidcSettings(options, { file, section: 'hub' }).problems);
  if (options.SessionRenewalTimeout < 0) problems.push(`${said('SessionRenewalTimeout')}: less than 0`);
  for (const { level } of saidLevels(options.LogLevel))
    try {
      logLevelNamed(level);
    } catch (error) {
      problems.push(`${said('LogLevel')}: ${(error as Error).message}`);
    }
  try {
    logFormatter(options.LogFormat);
  } catch (error) {
    problems.push(`${said('LogFormat')}: ${(error as Error).message}`);
  }
  for (const name of ['RegexNameInternal', 'RegexUserName'] as const) {
    try {
      new RegExp(options[name]);
    } catch (error) {
      problems.push(`${said(name)} = '${options[name]}': ${(error as Error).message}`);
    }
  }
  return problems;
}

/** Problems of the options for TLS, certificates and proxy headers. */
function loginProblems(options: HubOptions, said: (name: string) => string): string[] {
  const problems: string[] = [];
  const needs = (name: keyof HubOptions, other: keyof HubOptions, remedy: string): void => {
    const value = options[other];
    const isUnset = value === null || (Array.isArray(value) && value.length === 0);
    if (options[name] !== null && isUnset)
      problems.push(`${said(name)} = '${String(options[name])}': ${remedy}`);
  };
  needs('TLSCertificate', 'TLSKey', 'name the file with its key in TLSKey');
  for (const name of ['TLSKey', 'TLSChain', 'TLSClientCA'] as const)
    needs(name, 'TLSCertificate', 'name the certificate of the hub in TLSCertificate');
  needs('TLSClientCRL', 'TLSClientCA', 'name the authorities in TLSClientCA');
  for (const name of ['ClientVerifyHeader', 'ClientDNHeader', 'PrincipalHeader'] as const)
    needs(name, 'TrustedProxies', 'name the proxies that may send it in TrustedProxies');
  needs(
    'ClientDNHeader',
    'ClientVerifyHeader',
    'name the header with the result of the check in ClientVerifyHeader',
  );
  needs('ClientVerifyHeader', 'ClientDNHeader', 'name the header with the subject in ClientDNHeader');
  for (const text of options.ProxyDNs.split('|').map((one) => one.trim()))
    if (text !== '' && parseConfiguredSubject(text) === null)
      problems.push(
        `${said('ProxyDNs')}: '${text}' is no DN, such as CN=koji-web,O=Example or /O=Example/CN=koji-web`,
      );
  return problems;
}

/** Returns a line for each setting that is allowed but probably a mistake. */
export function configWarnings({ options, file }: HubConfig): string[] {
  const { GSSAPIKeytab, PrincipalHeader, AllowedKrbRealms, LoginCreatesUser } = options;
  if (PrincipalHeader === null && GSSAPIKeytab === null) return [];
  if (AllowedKrbRealms !== '*' || !LoginCreatesUser) return [];
  const why = 'a principal of any realm that the KDC trusts logs in as the user of its name; name the realms';
  return [`${file} [hub] AllowedKrbRealms = '*': ${why}`];
}

/** The text of a new hub.conf. */
export function newConfigText(store: string): string {
  const lines = [
    '[hub]',
    '# Where the hub answers.',
    'Listen = 127.0.0.1:8080',
    '# A SQLite file beside this one; for PostgreSQL: postgresql://USER:PASSWORD@HOST:PORT/NAME',
    'Database = sqlite:koji.db',
    '# The file store.',
    `KojiDir = ${store}`,
    '',
    '[policy]',
    '',
  ];
  return lines.join('\n');
}
