/// <reference types="node" preserve="true" />
import { mkdir, type FileHandle } from 'node:fs/promises';
import { Closers, limitProcess, messageOf, sortTexts } from '@koji/core';
import type { Logger } from '@koji/core';
import { effectWarnings, kojidOptions } from '@koji/core/config';
import type { KojidOptions } from '@koji/core/config';
import { ClientSession } from '@koji/client';
import { usableBackend } from './buildroot/backends.js';
import { cleanBuildroots } from './buildroot/cleanup.js';
import { namespaceWords } from './buildroot/userns.js';
import { openBuilderLog, sessionOptions } from './config.js';
import { ActivityFile } from './daemon/activity.js';
import { logInFirst } from './daemon/first-login.js';
import { loginOf } from './daemon/login.js';
import { Loop } from './daemon/loop.js';
import { openPreloaded } from './daemon/preloaded.js';
import type { Setup } from './daemon/protocol.js';
import { Runner } from './daemon/runner.js';
import { killLeftovers } from './daemon/task-process.js';
import { loadTasks, ownTasks } from './tasks/load.js';
import { PluginWatch } from './watch/watch.js';

/** A running builder. */
export interface Builder {
  /**
   * Resolves when the builder has stopped, to true if a task asked for a restart. Rejects with AuthError if the hub no longer
   * accepts it.
   */
  readonly stopped: Promise<boolean>;
  /**
   * Takes no more tasks, gives running ones `grace` milliseconds (default: option shutdowntimeout), frees the others, logs
   * out. Called again with less, it waits no longer than that.
   */
  stop(grace?: number): Promise<boolean>;
  /** Opens the log file again, and uses the certificates that the files of `cert` and `serverca` have now. */
  reload(): void;
}

/** Options of a builder. */
export interface BuilderOptions {
  /** Development: new tasks run the plugins' new code when their files are saved. */
  readonly watch?: boolean;
  /** Fails when the hub can't be reached at the start, instead of waiting for it. */
  readonly once?: boolean;
  /** Stops waiting for the hub at startup. */
  readonly signal?: AbortSignal;
}

/**
 * Starts a builder: loads its plugins, logs in, checks in and takes tasks until it is stopped. While the hub is unreachable,
 * it waits and logs why.
 *
 * @param options the options of kojid.conf
 * @param folder the folder of kojid.conf; plugins are looked for in `node_modules` from there upward
 * @throws PluginLoadError when a plugin does not load; AuthError when the hub refuses the login; RequestError when its
 *   certificate is wrong
 */
export async function startBuilder(
  options: KojidOptions,
  folder: string,
  how: BuilderOptions = {},
): Promise<Builder> {
  const closers = new Closers();
  try {
    return await start({ type: 'setup', options, folder, started: 0 }, how, closers);
  } catch (error) {
    await closers.closeAll();
    throw error;
  }
}

async function start(before: Setup, how: BuilderOptions, closers: Closers): Promise<Builder> {
  const { options, folder } = before;
  const who = loginOf(options);
  await mkdir(options.workdir, { recursive: true });
  const log = openBuilderLog(options);
  closers.add('the log', () => log.close());
  const logger = log.logger('koji.kojid');
  for (const warning of effectWarnings(kojidOptions, options, { file: 'kojid.conf', section: 'kojid' }))
    logger.warn(warning);
  await limitProcess(options, logger, { isRestarted: false });
  const { byMethod, plugins } = await loadTasks(options, { folder }, log.logger);
  let pluginOf = new Map([...byMethod].map(([method, { plugin }]) => [method, plugin]));
  const session = new ClientSession(options.server, { ...sessionOptions(options), log: log.logger('koji') });
  closers.add('the session', () => session.close());
  // Only at startup, to replace a killed builder of this name; later it would replace its own successor.
  await logInFirst({
    logIn: () => logIn(session, options, true),
    server: options.server,
    log: logger,
    interval: options.retry_interval,
    once: how.once ?? false,
    signal: how.signal,
  });
  const namespaces = await wrapperOf(options, logger);
  const given: Setup = { ...before, ...namespaces, started: await loginTime(session) };
  const killed = killLeftovers(options);
  if (killed > 0) logger.warn(`killed ${killed} task processes left by an earlier builder`);
  const watched = how.watch ? await PluginWatch.open(given, plugins) : null;
  if (watched) closers.add('copies of plugins', () => watched.close());
  const setup = watched ? await watched.firstSetup() : given;
  const file = placeForFile(closers);
  const runner = new Runner(setup, { most: options.spare_processes, log: log.logger('koji.task') });
  closers.add('the spare processes', () => runner.close());
  if (!watched && options.plugin.length === 0) preload({ setup, file, runner, logger, closers });
  const activity = new ActivityFile(options, logger);
  closers.add('activity of plugins', () => activity.close());
  const told = new Map<number, string>();
  const loop = new Loop({
    session,
    runner,
    options,
    methods: () => new Set(pluginOf.keys()),
    log: logger,
    login: () => logIn(session, options, false),
    cleanUp: (isRunning) => cleanBuildroots({ session, options, log: logger, isRunning, told }),
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
  logger.info(`ready as ${who.name} at ${options.server}, methods: ${sortTexts(byMethod.keys()).join(', ')}`);
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
    reload() {
      log.reopen();
      try {
        session.reloadCertificates();
      } catch (error) {
        logger.error('could not reread the certificates; keeping the old ones', error);
      }
    },
  };
}

/** Location of the file that processes of tasks start from. */
interface FilePlace {
  opened: FileHandle | null;
}

function placeForFile(closers: Closers): FilePlace {
  const file: FilePlace = { opened: null };
  closers.add('what processes of tasks start from', () => file.opened?.close());
  return file;
}

/** Arguments of {@link preload}. */
interface Preloading {
  readonly setup: Setup;
  readonly file: FilePlace;
  readonly runner: Runner;
  readonly logger: Logger;
  readonly closers: Closers;
}

/** Makes processes of tasks start with everything loaded, some time after kojid has started. */
function preload({ setup, file, runner, logger, closers }: Preloading): void {
  const stopping = new AbortController();
  const work = async (): Promise<void> => {
    try {
      file.opened = await openPreloaded(stopping.signal);
      if (file.opened) await runner.renew({ ...setup, preloaded: file.opened.fd });
    } catch (error) {
      if (!stopping.signal.aborted)
        logger.warn(`processes of tasks start slowly, because each loads everything: ${messageOf(error)}`);
    }
  };
  const working = work();
  closers.add('loading for processes of tasks', () => {
    stopping.abort();
    return working;
  });
}

/** Time of the login, in seconds since 1970. */
async function loginTime(session: ClientSession): Promise<number> {
  const info = await session.getSessionInfo();
  return info && 'start_ts' in info ? Number(info.start_ts) : 0;
}

/** Mounts of the sandbox belong to the process of their task, and disappear with it however it ends. */
async function wrapperOf(options: KojidOptions, logger: Logger): Promise<Pick<Setup, 'wrapper'>> {
  const { name, problem } = await usableBackend(options);
  if (problem === undefined) logger.info(`buildroots use the back end ${name}`);
  else logger.warn(`tasks that need a buildroot are refused: ${problem}`);
  return name === 'sandbox' ? { wrapper: namespaceWords() } : {};
}

async function logIn(session: ClientSession, options: KojidOptions, force: boolean): Promise<void> {
  session.forget(); // a login that carries a closed session is refused
  await loginOf(options).logIn(session);
  await session.exclusiveSession(force);
}
