import { mkdir } from 'node:fs/promises';
import { Closers, ConfigError } from '@koji/core';
import type { KojidOptions } from '@koji/core/config';
import { ClientSession } from '@koji/client';
import { cleanBuildroots } from './buildroot/cleanup.js';
import { openBuilderLog, sessionOptions } from './config.js';
import { ActivityFile } from './daemon/activity.js';
import { Loop } from './daemon/loop.js';
import type { Setup } from './daemon/protocol.js';
import { Runner, killLeftovers } from './daemon/runner.js';
import { loadTasks, ownTasks } from './tasks/load.js';
import { PluginWatch } from './watch/watch.js';

/** A builder that runs. */
export interface Builder {
  /** Resolves when the builder has stopped; rejects with AuthError when the hub accepts it no longer. */
  readonly stopped: Promise<void>;
  /**
   * Takes no more tasks, gives running ones `grace` milliseconds (default: option shutdowntimeout), frees the others, logs
   * out. Called again with less, it waits no longer than that.
   */
  stop(grace?: number): Promise<void>;
}

/** How a builder is to run. */
export interface BuilderOptions {
  /** Development: new tasks run the plugins' new code when their files are saved. */
  readonly watch?: boolean;
}

/**
 * Starts a builder: loads its plugins, logs in, checks in and takes tasks until it is stopped.
 *
 * @param options what kojid.conf says
 * @param folder the folder of kojid.conf; plugins are looked for in `node_modules` from there upward
 * @throws PluginLoadError when a plugin does not load; AuthError when the hub refuses the login
 */
export async function startBuilder(
  options: KojidOptions,
  folder: string,
  { watch = false }: BuilderOptions = {},
): Promise<Builder> {
  const closers = new Closers();
  try {
    return await start({ type: 'setup', options, folder }, watch, closers);
  } catch (error) {
    await closers.closeAll();
    throw error;
  }
}

async function start(given: Setup, watch: boolean, closers: Closers): Promise<Builder> {
  const { options, folder } = given;
  if (!options.user || options.password === null)
    throw new ConfigError('kojid.conf [kojid] user, password: both are needed to log in');
  await mkdir(options.workdir, { recursive: true });
  const log = openBuilderLog(options);
  closers.add('the log', () => log.close());
  const logger = log.logger('koji.kojid');
  const { byMethod, plugins } = await loadTasks(options, { folder }, log.logger);
  let pluginOf = new Map([...byMethod].map(([method, { plugin }]) => [method, plugin]));
  const session = new ClientSession(options.server, sessionOptions(options));
  closers.add('the session', () => session.close());
  // At the start it takes over from a builder of this name that was killed; later it would take over from its successor.
  await logIn(session, options, true);
  const killed = await killLeftovers(options);
  if (killed > 0) logger.warn(`killed ${killed} processes of tasks that an earlier builder left`);
  const watched = watch ? await PluginWatch.open(given, plugins) : null;
  if (watched) closers.add('copies of plugins', () => watched.close());
  const runner = new Runner(watched ? await watched.firstSetup() : given, log.logger('koji.task'));
  closers.add('the spare process', () => runner.close());
  const activity = new ActivityFile(options, logger);
  closers.add('activity of plugins', () => activity.close());
  const loop = new Loop({
    session,
    runner,
    options,
    methods: () => new Set(pluginOf.keys()),
    log: logger,
    login: () => logIn(session, options, false),
    cleanUp: (isRunning) => cleanBuildroots({ session, options, log: logger, isRunning }),
    onEnd: (end) => {
      const plugin = pluginOf.get(end.method);
      if (plugin !== undefined && plugin !== ownTasks) activity.add({ plugin, ...end });
    },
  });
  const watcher = watched?.start(
    (setup) => runner.renew(setup),
    ({ methods }) => {
      pluginOf = new Map(methods);
      loop.checkIn();
    },
    logger,
  );
  if (watcher) closers.add('watching plugins', async () => watcher.stop());
  logger.info(
    `ready as ${options.user} at ${options.server}, methods: ${[...byMethod.keys()].sort().join(', ')}`,
  );
  const stopped = loop.run().finally(() => {
    logger.info('stopped');
    return closers.closeAll();
  });
  return {
    stopped,
    stop(grace = options.shutdowntimeout * 1000) {
      logger.info('stopping');
      loop.stop(grace);
      return stopped;
    },
  };
}

async function logIn(session: ClientSession, options: KojidOptions, force: boolean): Promise<void> {
  session.forget(); // a login that carries a closed session is refused
  await session.login(String(options.user), String(options.password));
  await session.exclusiveSession(force);
}
