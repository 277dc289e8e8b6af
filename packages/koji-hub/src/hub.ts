import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import { Closers, ConfigError, PathInfo, logFormatter, openLog } from '@koji/core';
import type { Logger } from '@koji/core';
import { api } from '@koji/core/api';
import type { Method } from '@koji/core/api';
import type { HubConfig } from '@koji/core/config';
import { ActivityLog, CallbackRegistry, limitOf, showTaskArguments } from '@koji/plugin-sdk/host';
import type { LoadedPlugin, PluginManifest } from '@koji/plugin-sdk/host';
import { handlers } from './api/index.js';
import { Gssapi } from './auth/gssapi.js';
import { LoginGuard } from './auth/login-guard.js';
import { SessionTimes } from './auth/session-times.js';
import type { Hub, ServedMethod } from './call.js';
import { checkOptions, configWarnings, databaseUrl, folderOf, logLevels, storeOf } from './config.js';
import { openDatabase } from './db/database.js';
import type { Opened } from './db/database.js';
import { checkSchema, migrate, schemaState } from './db/migrate.js';
import { migratePlugins, missingSteps } from './db/plugin-tables.js';
import { StatementWatches, noObservers, openObservers } from './metrics/observe.js';
import { openJournals, recoverFiles } from './domain/files/recovery.js';
import { readPolicies } from './domain/policy/policy.js';
import { startDeliveries } from './outbox/deliver.js';
import type { ServedOutbox } from './outbox/deliver.js';
import { ActivityWriter } from './plugin-activity.js';
import {
  asPolicyTest,
  checkPlugins,
  findPlugins,
  findWebPlugins,
  limitRules,
  serveMethod,
} from './plugins.js';
import { openOwnCalls } from './own-calls.js';
import type { OwnCalls } from './own-calls.js';
import { openPluginCalls } from './plugin-calls.js';
import { startRepos } from './repos/run.js';
import { startScheduler } from './scheduler/run.js';
import { startSchedules } from './schedules/run.js';
import type { RunningSchedules, ScheduleParts } from './schedules/run.js';
import { WaitingBuilders } from './scheduler/waiting-builders.js';
import { multiCallNames } from './server/access.js';
import { currentFields } from './server/call-fields.js';
import { Dispatcher } from './server/dispatch.js';
import { listen } from './server/http.js';
import type { RunningCall } from './server/running-call.js';
import { PluginRoutes } from './server/plugin-routes.js';
import { Tls } from './server/tls.js';
import { Transactions } from './server/transactions.js';
import { TagNews } from './tag-news.js';
import { startHousekeeping } from './upkeep/keeping.js';
import { openWake } from './wake.js';
import { PluginSwitches, notesFolder, takeNotes } from './watchdog/switches.js';
import { openWeb } from './web.js';

/** The user that creates users, and grants permissions, as a provider of logins says. */
const webUser = 'koji-web';

/** A hub that answers. */
export interface RunningHub {
  /** `http://ADDRESS:PORT`, with TLS `https://`; the API is at /kojihub, files are at /kojifiles. */
  readonly url: string;
  /** Writes to the hub's log. */
  readonly log: Logger;
  /** The plugins that are loaded. */
  plugins(): Hub['plugins'];
  /** The plugins of the web page. */
  readonly webPlugins: Hub['plugins'];
  /**
   * Loads the plugins again; running calls continue with the old ones.
   *
   * @param load distinguishes this load from all others
   * @throws ConfigError with all problems; the old plugins then stay
   */
  reload(load: string): Promise<void>;
  /** Opens the log file again, and reads the certificates of TLS, which the hub does by itself, too, when their files change. */
  reopen(): void;
  /** Takes no more requests, lets those in flight finish, and closes everything. */
  stop(): Promise<void>;
}

/** A hub that answers, and what tests drive of it. */
interface ServedHub extends RunningHub {
  /** The schedules of its plugins. */
  readonly schedules: RunningSchedules;
}

/** A hub that is put together but answers nobody: for commands. */
export interface OpenHub {
  readonly hub: Hub;
  readonly config: HubConfig;
  readonly dispatcher: Dispatcher;
  readonly transactions: Transactions;
  readonly database: Opened;
  readonly closers: Closers;
  /** Opens the log file again. */
  readonly reopenLog: () => void;
  /** The plugins of the web page. */
  readonly webPlugins: readonly LoadedPlugin[];
  /** Aborted when it stops. */
  readonly stopping: AbortController;
  /** Runs work of the hub itself, as nobody, in a transaction. */
  runOwn<T>(name: string, work: (call: RunningCall) => Promise<T>): Promise<T>;
  /** Gives calls of the hub itself in the name of a user, who is made by the first that writes if it `makes` one. */
  callsOf(name: string, owner: { readonly user: string; readonly makes: boolean }): OwnCalls;
}

/**
 * Starts a hub.
 *
 * @throws ConfigError with everything that is wrong with configuration, database schema or plugins; then nothing stays open
 */
export async function startHub(config: HubConfig): Promise<RunningHub> {
  return serve(await openHub(config, { serves: true }));
}

/**
 * Lets an open hub recover, schedule and answer; closes it when that fails.
 *
 * @param options.now the clock of the plugins' schedules
 */
export async function serve(
  open: OpenHub,
  { now = Date.now }: { readonly now?: () => number } = {},
): Promise<ServedHub> {
  const { hub, dispatcher, closers, stopping, config } = open;
  try {
    const journals = await openJournals(hub);
    closers.add('journals', () => journals.close());
    Object.assign(hub, { journals: journals.folder });
    for (const warning of configWarnings(config)) hub.logger('koji').warn(warning);
    await recoverFiles(hub);
    await followPlugins(hub, { closers, plugins: [...hub.plugins, ...open.webPlugins] });
    const scheduler = startScheduler(hub, (work) => open.runOwn('scheduler', work));
    closers.add('scheduler', () => scheduler.stop());
    const { RepoManager, LockOut, ServerOffline } = hub.options;
    // A kojira could do nothing either while the hub is closed for maintenance.
    if (RepoManager === 'hub' && !LockOut && !ServerOffline) {
      const care = startRepos(hub, open.callsOf('repos', { user: hub.options.RepoQueueUser, makes: true }));
      closers.add('repos', () => care.stop());
    }
    const { database, activity } = hub;
    const outboxes = outboxesOf(hub);
    if (!LockOut && !ServerOffline) {
      const keeping = startHousekeeping(open);
      closers.add('housekeeping', () => keeping.stop());
    }
    const deliveries = startDeliveries({ database, activity, outboxes, log: hub.logger('koji.outbox') });
    closers.add('deliveries', () => deliveries.stop());
    // As what looks after repos, nothing of plugins happens by itself while the hub is closed for maintenance.
    const scheduling = (): Hub['plugins'] => (LockOut || ServerOffline ? [] : hub.plugins);
    const calls = openPluginCalls(hub, open.transactions, stopping.signal);
    const schedules = await startSchedules(scheduling(), { ...scheduleParts(hub), calls, now });
    closers.add('schedules', () => schedules.stop());
    const web = openWeb(hub, {
      own: open.callsOf('web', { user: '', makes: false }),
      admitting: open.callsOf('a login on the web page', { user: webUser, makes: true }),
      file: config.file,
      transactions: open.transactions,
      plugins: open.webPlugins,
      stopping: stopping.signal,
    });
    const routes = new PluginRoutes(hub, calls);
    const tls = await Tls.open(config, hub.logger('koji.tls'));
    if (tls) closers.add('certificates', () => tls.stop());
    const gssapi = Gssapi.open(config, hub.logger('koji.auth'));
    const server = await listen(hub, { dispatcher, stopping, web, routes, tls, gssapi });
    closers.add('server', () => server.stop());
    const reload = async (load: string): Promise<void> => {
      // A plugin that would be left out may be a guard, and the old one is still good.
      const strict = { ...config, options: { ...config.options, PluginFailure: 'refuse' as const } };
      const { policies, callbacks, methods, plugins } = await compose(strict, (name) => hub.logger(name), {
        load,
        activity,
        switches: hub.switches,
      });
      await readyPluginTables(open.database, plugins);
      const before = hub.plugins;
      Object.assign(hub, { policies, callbacks, methods, plugins });
      await closePlugins(before);
      deliveries.replace(outboxesOf(hub));
      await schedules.replace(scheduling());
    };
    const plugins = (): Hub['plugins'] => hub.plugins;
    const stop = (): Promise<void> => closers.closeAll();
    const { webPlugins } = open;
    return {
      url: server.url,
      log: hub.logger('koji'),
      plugins,
      webPlugins,
      reload,
      reopen: () => (open.reopenLog(), tls?.reload()),
      schedules,
      stop,
    };
  } catch (error) {
    await closers.closeAll();
    throw error;
  }
}

/** Counts the damage that plugins did to earlier processes, and from now on respects the switches in the database. */
async function followPlugins(
  { database, switches, options, paths, ...hub }: Hub,
  { closers, plugins }: { readonly closers: Closers; readonly plugins: readonly LoadedPlugin[] },
): Promise<void> {
  if (plugins.length === 0) return;
  const log = hub.logger('koji.plugins');
  const rules = { retries: options.BlockRetries, pause: options.CallbackPause * 1000 };
  await takeNotes(database, notesFolder(paths.topdir), { rules, log });
  await switches.follow(database, log);
  closers.add('switches of plugins', () => switches.stop());
}

/** Dependencies of the plugins' schedules. */
function scheduleParts({ database, activity, options, switches, ...hub }: Hub): Omit<ScheduleParts, 'calls'> {
  const circuit = { limit: options.CallbackFailureLimit, pause: options.CallbackPause * 1000 };
  const log = hub.logger('koji.schedules');
  return { database, activity, log, circuit, limits: limitRules(options), offUntil: switches.offUntil };
}

/** Ends the threads of isolated plugins. */
async function closePlugins(plugins: Hub['plugins']): Promise<void> {
  await Promise.all(plugins.map(async (plugin) => plugin.close?.()));
}

/** The outboxes of all plugins. */
function outboxesOf({ plugins }: Hub): ServedOutbox[] {
  return plugins.flatMap(({ name, outboxes }) => outboxes.map((outbox) => ({ plugin: name, outbox })));
}

/** How a hub is opened; one for tests is given what others find. */
export interface Given {
  /** Whether it is going to {@link serve}; then no other process may on the same SQLite file. */
  readonly serves?: boolean;
  /** Modules of plugins that option Plugins names. */
  readonly plugins?: Readonly<Record<string, object>>;
  /** The `koji` sections of the package.json of such plugins. */
  readonly manifests?: Readonly<Record<string, PluginManifest>>;
  /** Modules of plugins that option WebPlugins names. */
  readonly webPlugins?: Readonly<Record<string, object>>;
  /** Takes the log's lines. */
  readonly onLog?: (line: string) => void;
}

/** Opens a hub's log, database, plugins and policies. Close it by `closers`. */
export async function openHub(config: HubConfig, given: Given = {}): Promise<OpenHub> {
  const problems = checkOptions(config);
  if (problems.length > 0) throw new ConfigError(problems.join('\n'));
  const closers = new Closers();
  try {
    const { LogFile, LogFormat } = config.options;
    const log = openLog({
      levels: logLevels(config.options),
      format: logFormatter(LogFormat),
      fields: currentFields,
      ...(LogFile === null ? {} : { file: path.resolve(folderOf(config), LogFile) }),
      ...(given.onLog ? { onLine: given.onLog } : {}),
    });
    closers.add('log', log.close);
    const watches = new StatementWatches();
    const database = await openDatabase({
      url: databaseUrl(config.options),
      folder: folderOf(config),
      log: log.logger('koji.db'),
      serves: given.serves ?? false,
      longReads: config.options.LongReads,
      connections: config.options.DatabaseConnections,
      onStatement: watches.told,
    });
    closers.add('database', () => database.close());
    await readySchema(database);
    await makeStore(storeOf(config));
    const wake = openWake(database);
    closers.add('wake', () => wake.close());
    const observers = given.serves
      ? await openObservers(config.options, { database, watches, log: log.logger('koji.observe') })
      : noObservers;
    const hub = {
      ...observers,
      ...(await compose(config, log.logger, { given })),
      database,
      wake,
      logins: new LoginGuard(config.options, log.logger('koji.auth')),
      tagNews: new TagNews(database, log.logger('koji.repo')),
      waitingBuilders: new WaitingBuilders(),
      journals: null,
      logger: log.logger,
    };
    closers.add('threads of plugins', () => closePlugins(hub.plugins));
    await readyPluginTables(database, hub.plugins);
    const activity = new ActivityWriter(hub.activity, database, log.logger('koji.plugins'));
    closers.add('activity of plugins', () => activity.close());
    const times = new SessionTimes(database, log.logger('koji.auth'));
    closers.add('session times', () => times.close());
    const webPlugins = given.serves
      ? await findWebPlugins(config, { given: given.webPlugins ?? {}, logger: log.logger })
      : [];
    const dispatcher = new Dispatcher(hub, times);
    const transactions = new Transactions(hub, times);
    const stopping = new AbortController();
    closers.add('waiting calls', () => stopping.abort());
    return {
      hub,
      config,
      dispatcher,
      transactions,
      database,
      closers,
      reopenLog: log.reopen,
      webPlugins,
      stopping,
      runOwn: (name, work) => dispatcher.runOwn(name, work, stopping.signal),
      callsOf: (name, owner) => openOwnCalls(hub, transactions, { name, ...owner, signal: stopping.signal }),
    };
  } catch (error) {
    await closers.closeAll();
    throw error;
  }
}

type Composed = Pick<
  Hub,
  'options' | 'paths' | 'policies' | 'callbacks' | 'methods' | 'activity' | 'switches' | 'plugins'
>;

/** How plugins are loaded. */
interface Loading {
  readonly given?: Pick<Given, 'plugins' | 'manifests'>;
  /** Marks a later load. */
  readonly load?: string;
  readonly activity?: ActivityLog;
  readonly switches?: PluginSwitches;
}

/** The parts of a hub that come from configuration and plugins alone. */
export async function compose(
  config: HubConfig,
  logger: (name: string) => Logger,
  { given = {}, load, activity = new ActivityLog(), switches = new PluginSwitches() }: Loading = {},
): Promise<Composed> {
  const { options, policies: texts } = config;
  const methods = ownMethods();
  const found = await findPlugins(config, {
    taken: ownMethodNames(),
    given: given.plugins ?? {},
    ...(given.manifests ? { manifests: given.manifests } : {}),
    load,
    logger,
  });
  checkPlugins(config, found, logger('koji.plugins'));
  showTaskArguments(found.plugins);
  const rules = limitRules(options);
  const limits = new Map(found.plugins.map((plugin) => [plugin.name, plugin.limits]));
  const timeLimit = (plugin: string): number => limitOf(limits.get(plugin) ?? {}, 'callbacks', rules);
  const circuit = { limit: options.CallbackFailureLimit, pause: options.CallbackPause * 1000 };
  const { offUntil } = switches;
  const callbacks = new CallbackRegistry({
    logger: logger('koji.plugins'),
    ...{ timeLimit, circuit, activity, offUntil },
  });
  for (const plugin of found.plugins) {
    callbacks.add(plugin.callbacks);
    const serving = { timeLimit: limitOf(plugin.limits, 'methods', rules), activity, offUntil };
    for (const method of plugin.methods) methods.set(method.name, serveMethod(method, serving));
  }
  const pluginTests = found.plugins.flatMap(({ policyTests, limits: own }) =>
    policyTests.map((test) => asPolicyTest(test, limitOf(own, 'policyTests', rules))),
  );
  const policies = readPolicies({ texts, options, pluginTests });
  const paths = new PathInfo(storeOf(config));
  return { options, paths, policies, callbacks, methods, activity, switches, plugins: found.plugins };
}

/** The names that no plugin's method may have. */
export function ownMethodNames(): string[] {
  return [...Object.keys(handlers), ...multiCallNames];
}

function ownMethods(): Map<string, ServedMethod> {
  const declarations: Readonly<Record<string, Method>> = api;
  return new Map(
    Object.entries(handlers).map(([name, handler]) => {
      const declared = declarations[name];
      if (!declared) throw new Error(`the handler of ${name} has no declaration`);
      return [name, { declared, handler: handler as ServedMethod['handler'] }];
    }),
  );
}

/** As {@link readySchema}, for the tables of plugins. */
async function readyPluginTables(database: Opened, plugins: Hub['plugins']): Promise<void> {
  if (database.dialect === 'sqlite') {
    await migratePlugins(database, plugins);
    return;
  }
  const missing = await missingSteps(database, plugins);
  if (missing.length > 0)
    throw new ConfigError(`the database lacks ${missing.join(', ')}: run koji-hub migrate`);
}

/** A SQLite file is the hub's own and is kept up to date; a PostgreSQL database others may use, so its owner is asked. */
async function readySchema(database: Opened): Promise<void> {
  const state = await schemaState(database);
  checkSchema(state);
  if (state.pending.length === 0) return;
  if (database.dialect !== 'sqlite')
    throw new ConfigError(`the database lacks ${state.pending.join(', ')}: run koji-hub migrate`);
  await migrate(database);
}

async function makeStore(store: string): Promise<void> {
  try {
    for (const folder of ['packages', 'repos', 'repos-dist', 'work', 'scratch', 'vol'])
      await mkdir(path.join(store, folder), { recursive: true });
  } catch (cause) {
    throw new ConfigError(`KojiDir '${store}' cannot be used: ${(cause as Error).message}`, { cause });
  }
}
