import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { access, constants, mkdir, rename, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { ConfigError, GenericError, USERTYPES, makeLogger, messageOf } from '@koji/core';
import { readHubConfig } from '@koji/core/config';
import type { HubConfig } from '@koji/core/config';
import type { LoadedPlugin } from '@koji/plugin-sdk/host';
import { Gssapi } from './auth/gssapi.js';
import { hashPassword } from './auth/passwords.js';
import { checkOptions, databaseUrl, folderOf, newConfigText, storeOf } from './config.js';
import { openDatabase } from './db/database.js';
import type { Opened } from './db/database.js';
import { history } from './domain/history/history.js';
import { lookupName } from './domain/values/lookup.js';
import { checkSchema, migrate, schemaState } from './db/migrate.js';
import { planUpgrade } from './db/upgrade-plan.js';
import type { UpgradePlan } from './db/upgrade-plan.js';
import { sql } from './db/sql.js';
import { createUser, findUser, userPerms } from './domain/users/users.js';
import { compose, openHub, ownMethodNames } from './hub.js';
import { dropPluginTables, listPluginTables, migratePlugins, missingSteps } from './db/plugin-tables.js';
import type { PluginTableFacts } from './db/plugin-tables.js';
import { findPlugins } from './plugins.js';
import type { RunningCall } from './server/running-call.js';
import { tlsProblems } from './server/tls.js';

/** A login that was just made; its password is shown once and kept nowhere. */
export interface NewLogin {
  readonly user: string;
  readonly password: string;
}

/**
 * Makes a hub in a folder: configuration, database, file store and an admin. After an interruption it can be repeated:
 * hub.conf comes last, and until then a mark says that the database is of an unfinished one.
 */
export async function init(
  folder: string,
  password = randomBytes(12).toString('base64url'),
): Promise<NewLogin & { file: string }> {
  await mkdir(folder, { recursive: true });
  const file = path.join(folder, 'hub.conf');
  const mark = path.join(folder, '.koji-init');
  if (existsSync(file))
    throw new ConfigError(
      `${file} already exists: start it with koji-hub --config ${file}; koji-hub user passwd sets passwords`,
    );
  const text = newConfigText('store');
  const unfinished = existsSync(mark);
  await writeFile(mark, text, { mode: 0o640 });
  // The values of the file to come, read from where it will be.
  const config = { ...readHubConfig({ file: mark }), file };
  if (unfinished)
    await withHub(config, 'init', (call) => putUser(call, 'admin', { password, permissions: ['admin'] }));
  else {
    await addUser(config, { name: 'admin', password, admin: true }).catch(async (error: unknown) => {
      await rm(mark);
      throw error;
    });
  }
  await rename(mark, file);
  return { file, user: 'admin', password };
}

/** Returns a configuration without plugins and policies: commands change rows and files only, and need none that loads. */
export function plainConfig(config: HubConfig): HubConfig {
  return {
    ...config,
    policies: new Map<string, string>(),
    options: { ...config.options, Plugins: [] },
  };
}

/** Runs work of a command in a transaction of its own. */
export async function withHub<T>(
  config: HubConfig,
  name: string,
  work: (call: RunningCall) => Promise<T>,
): Promise<T> {
  const open = await openHub(plainConfig(config));
  try {
    return await open.runOwn(name, work);
  } finally {
    await open.closers.closeAll();
  }
}

/** Adds a user with a password, generated if none is given; `admin` grants that permission. */
export function addUser(
  config: HubConfig,
  {
    name,
    password = randomBytes(12).toString('base64url'),
    admin,
  }: { name: string; password?: string; admin: boolean },
): Promise<NewLogin> {
  return withHub(config, 'user add', async (call) => {
    if (await findUser(call, { name })) throw new GenericError(`user already exists: ${name}`);
    const id = await createUser(call, { name });
    await setPassword(call, id, password);
    if (admin) await grant(call, id, 'admin');
    return { user: name, password };
  });
}

/** Gives a user another password; sessions stay. */
export function changePassword(config: HubConfig, name: string, password: string): Promise<void> {
  return withHub(config, 'user passwd', async (call) => {
    const user = await findUser(call, { name });
    if (!user) throw new GenericError(`No such user: ${name}`);
    if (user.usertype === USERTYPES.GROUP) throw new GenericError(`${name} is a group`);
    await setPassword(call, user.id, password);
  });
}

/** Options of {@link putUser}. */
interface NewUser {
  readonly password: string;
  readonly permissions: readonly string[];
  /** Hashes the password; tests have a quick way. */
  readonly hash?: (password: string) => Promise<string>;
}

/** Creates a user, or gives an existing one this password and additionally these permissions. */
export async function putUser(
  call: RunningCall,
  name: string,
  { password, permissions, hash = hashPassword }: NewUser,
): Promise<void> {
  const id = (await findUser(call, { name }))?.id ?? (await createUser(call, { name }));
  await setPassword(call, id, password, hash);
  for (const permission of permissions) await grant(call, id, permission);
}

async function setPassword(
  call: RunningCall,
  userId: number,
  password: string,
  hash: (password: string) => Promise<string> = hashPassword,
): Promise<void> {
  if (password === '') throw new GenericError('a password must not be empty');
  const stored = await hash(password);
  await call.db.run(sql`UPDATE users SET password = ${stored} WHERE id = ${userId}`);
}

/** Grants a permission to a user. */
export function grantPermission(config: HubConfig, name: string, permission: string): Promise<void> {
  return withHub(config, 'user grant', async (call) => {
    const user = await findUser(call, { name });
    if (!user) throw new GenericError(`No such user: ${name}`);
    await grant(call, user.id, permission);
  });
}

async function grant(call: RunningCall, userId: number, permission: string): Promise<void> {
  const perm = await lookupName(call, 'permissions', permission);
  if (!perm) throw new GenericError(`No such permission: ${permission}`);
  if ((await userPerms(call, userId, false)).includes(perm.name)) return;
  await history(call, { userId }).insert('user_perms', { user_id: userId, perm_id: perm.id });
}

/**
 * Says how a policy comes to its decision, rule by rule.
 *
 * @param data what the policy is asked about, such as `tag`, `build`, `user_id`; names and ids are looked up in the database
 * @throws GenericError for a policy that refers to itself, or data that a test can't do without
 */
export async function explainPolicy(
  config: HubConfig,
  name: string,
  data: Readonly<Record<string, unknown>>,
): Promise<string[]> {
  const open = await openHub(config);
  try {
    const found = await open.runOwn('policy explain', (call) => open.hub.policies.explain(call, name, data));
    if (found.source === null) {
      const { MissingPolicyOk: ok } = config.options;
      return [`no policy ${name}: MissingPolicyOk = ${ok ? 'yes allows' : 'no denies'} what asks for it`];
    }
    const lines = found.tried.map(({ policy, line, text, depth, failed, reached }) => {
      const why = failed === null ? 'all conditions hold' : `not ${failed}`;
      const outcome = reached ? 'reached' : 'passed over';
      return `${policy} line ${line}: ${'  '.repeat(depth)}${text}  [${outcome}: ${why}]`;
    });
    const { decision } = found;
    return [
      `policy ${name}, ${found.source === 'default' ? 'as it is without rules in hub.conf' : 'from hub.conf'}`,
      ...lines,
      decision
        ? `line ${decision.line} decides: ${decision.action}`
        : 'no rule decides, which denies where a yes or no is asked for',
    ];
  } finally {
    await open.closers.closeAll();
  }
}

/** The result of {@link planMigration}: the steps of the hub's tables, and those of plugins by name. */
export type MigrationPlan = UpgradePlan & { readonly plugins: readonly string[] };

/** Plans what {@link migrateDatabase} is going to do. */
export async function planMigration(config: HubConfig): Promise<MigrationPlan> {
  const database = await openDatabase({ url: databaseUrl(config.options), folder: folderOf(config) });
  try {
    const plan = await planUpgrade(database);
    // Their steps are noted in a table that may be to be made.
    const plugins = plan.steps.length > 0 ? [] : await missingSteps(database, await ownPlugins(config));
    return { ...plan, plugins };
  } finally {
    await database.close();
  }
}

/**
 * Brings the database's schema up to date. Returns the steps done.
 *
 * @param options.beside whether to do it although hubs of another version serve that the steps are not meant for
 * @throws ConfigError for what is in the way; then nothing is done
 */
export async function migrateDatabase(
  config: HubConfig,
  { beside = false }: { readonly beside?: boolean } = {},
): Promise<string[]> {
  const where = { url: databaseUrl(config.options), folder: folderOf(config) };
  const { steps, toStop, problems } = await planMigration(config);
  const serving = toStop.map(
    ({ host, pid }) =>
      `process ${pid} on ${host} serves, and not all steps are additive: stop that hub first`,
  );
  const inTheWay = [...problems, ...(beside ? [] : serving)];
  if (inTheWay.length > 0) throw new ConfigError(inTheWay.join('\n'));
  // No hub may serve from a SQLite file of another version; plugins' tables alone are made beside it.
  const database = await openDatabase({ ...where, serves: steps.length > 0 });
  try {
    const done = await migrate(database);
    return [...done, ...(await migratePlugins(database, await ownPlugins(config)))];
  } finally {
    await database.close();
  }
}

/** Problems of plugins are reported by `check`; their tables are not touched then. */
async function ownPlugins(config: HubConfig): Promise<readonly LoadedPlugin[]> {
  return (await findPlugins(config, { taken: ownMethodNames(), given: {} })).plugins;
}

const silent = makeLogger(() => undefined);

/** Everything that is wrong with a hub's configuration, plugins, policies, database and file store. */
export async function check(config: HubConfig): Promise<string[]> {
  const problems = checkOptions(config);
  const tell = (error: unknown): void => {
    problems.push(error instanceof ConfigError ? error.message : messageOf(error));
  };
  const strict = { ...config, options: { ...config.options, PluginFailure: 'refuse' as const } };
  problems.push(...(await tlsProblems(config)));
  try {
    Gssapi.open(config, silent);
  } catch (error) {
    tell(error);
  }
  await compose(strict, () => silent).catch(tell);
  await checkDatabase(config).catch(tell);
  await access(storeOf(config), constants.R_OK | constants.W_OK).catch((error: unknown) =>
    problems.push(`KojiDir '${storeOf(config)}' cannot be used: ${messageOf(error)}`),
  );
  return problems;
}

/**
 * Drops the tables of a plugin once that is confirmed. Returns what they are, or were.
 *
 * @throws ConfigError while the plugin is enabled
 */
export async function dropTables(
  config: HubConfig,
  plugin: string,
  { confirmed }: { readonly confirmed: boolean },
): Promise<PluginTableFacts[]> {
  if (config.options.Plugins.includes(plugin))
    throw new ConfigError(`plugin ${plugin} is enabled: take it out of Plugins and restart the hub first`);
  const database = await openExisting(config);
  try {
    return await database.write(async (db) => {
      const found = await listPluginTables(db, plugin);
      if (confirmed) await dropPluginTables(db, plugin);
      return found;
    });
  } finally {
    await database.close();
  }
}

/** Opens a hub's database; unlike a start, it makes none. */
export async function openExisting(config: HubConfig): Promise<Opened> {
  const url = databaseUrl(config.options);
  const folder = folderOf(config);
  if (url.startsWith('sqlite:')) {
    const file = path.resolve(folder, url.slice('sqlite:'.length));
    await access(file, constants.R_OK | constants.W_OK).catch(() => {
      throw new ConfigError(`the database ${file} does not exist or is not writable: run koji-hub migrate`);
    });
  }
  return openDatabase({ url, folder });
}

async function checkDatabase(config: HubConfig): Promise<void> {
  const database = await openExisting(config);
  try {
    const state = await schemaState(database);
    checkSchema(state);
    if (state.pending.length > 0)
      throw new ConfigError(`the database lacks ${state.pending.join(', ')}: run koji-hub migrate`);
    await database.read((db) => db.get(sql`SELECT id FROM users LIMIT 1`));
  } finally {
    await database.close();
  }
}
