import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { GenericError, PathInfo, parseNVR } from '@koji/core';
import type { BuildInfo } from '@koji/core/api';
import type { CallbackName, CallbackPayloads } from '../callbacks.js';
import type { PluginManifest } from '../host/package.js';
import type { HubSession } from '../session.js';
import { Waits, inTime } from './waits.js';

/** Options of a hub for a test. */
export interface TestHubOptions {
  /** Modules of hub plugins, by the names in hub.conf: `{ greet: await import('../src/hub.js') }`. */
  readonly plugins?: Readonly<Record<string, object>>;
  /**
   * The `koji` entries of the plugins' package.json files, by plugin, for example with time limits:
   * `{ greet: (await import('../package.json', { with: { type: 'json' } })).default.koji }`.
   */
  readonly manifests?: Readonly<Record<string, PluginManifest>>;
  /** Modules of plugins of the web page, by name. */
  readonly webPlugins?: Readonly<Record<string, object>>;
  /** Content of the plugins' configuration files, by plugin. */
  readonly config?: Readonly<Record<string, string>>;
  /** Options of hub.conf. */
  readonly options?: Readonly<Record<string, string>>;
  /** Rules of policies, by policy. */
  readonly policies?: Readonly<Record<string, string>>;
  /** Tags that exist from the start. */
  readonly tags?: readonly string[];
}

/** A session of a test: every method of the hub, with types, and uploads. */
export type TestSession = HubSession & {
  /** Sends a local file to a folder below the hub's work folder, under its own name or another. */
  upload(file: string, directory: string, options?: { name?: string; volume?: string }): Promise<void>;
  /** Sends a piece of a file to an offset. */
  uploadPiece(
    piece: Uint8Array,
    directory: string,
    target: { name: string; offset: number; overwrite?: boolean },
  ): Promise<void>;
  /** Closes its connections. The session on the hub remains valid. */
  close(): Promise<void>;
};

/** A hub in this process, with a temporary database and file store. */
export interface TestHub {
  /** The address for other clients: `http://127.0.0.1:PORT/kojihub`. */
  readonly url: string;
  /** The root of the file store. */
  readonly topdir: string;
  /** The paths of the store's files. */
  readonly paths: PathInfo;
  /** A session of `kojiadmin`. */
  readonly admin: TestSession;
  /** Lines of the hub's log. */
  readonly log: readonly string[];
  /** Logs a user in, with these permissions. Creates the user and the permissions if necessary. */
  login(name: string, ...permissions: readonly string[]): Promise<TestSession>;
  /** Returns a builder's session, the same one each time for a name. */
  builder(name?: string): Promise<TestSession>;
  /**
   * Adds a complete build by NVR and tags it. The package is added to the tags' lists where necessary.
   *
   * @param files paths of real rpms to import instead, which must belong to this build
   */
  addBuild(
    nvr: string,
    about?: { readonly tags?: readonly string[]; readonly files?: readonly string[] },
  ): Promise<BuildInfo>;
  /**
   * Runs the plugins' callbacks of an event in a transaction, as if the event had happened.
   *
   * @param limit.timeout time limit in seconds, whose error says what it waits for; default `KOJI_TEST_LIMIT` of the environment,
   *   else 60. Each callback has its own limit besides, `CallbackTimeout` of the hub
   */
  fire<E extends CallbackName>(
    event: E,
    payload: CallbackPayloads[E],
    limit?: { readonly timeout?: number },
  ): Promise<void>;
  /**
   * Runs a schedule of a plugin immediately.
   *
   * @param plugin the name of the plugin in `plugins`
   * @throws GenericError when the run fails
   */
  runSchedule(plugin: string, name: string): Promise<void>;
  /** Advances the clock of the plugins' schedules, which otherwise does not move, and waits for all runs that become due. */
  passTime(seconds: number): Promise<void>;
  /** Stops the hub, closes every session and removes its files. */
  stop(): Promise<void>;
}

/** The exports of `@koji/hub/testing`. */
interface HubForTests {
  readonly openForTests: (parts: {
    readonly folder: string;
    readonly options: Readonly<Record<string, string>>;
    readonly policies: Readonly<Record<string, string>>;
    readonly plugins: Readonly<Record<string, object>>;
    readonly manifests: Readonly<Record<string, PluginManifest>>;
    readonly webPlugins: Readonly<Record<string, object>>;
    readonly onLog: (line: string) => void;
  }) => Promise<{
    readonly url: string;
    readonly topdir: string;
    addUser(name: string, password: string, permissions: readonly string[]): Promise<void>;
    fire(event: string, payload: object, begun: () => void): Promise<void>;
    runSchedule(plugin: string, name: string): Promise<void>;
    passTime(seconds: number): Promise<void>;
    stop(): Promise<void>;
  }>;
}

interface Client {
  readonly ClientSession: new (url: string) => TestSession & {
    login(name: string, password: string): Promise<unknown>;
    exclusiveSession(): Promise<unknown>;
  };
}

async function needed<T>(name: string): Promise<T> {
  try {
    return (await import(name)) as T;
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== 'ERR_MODULE_NOT_FOUND') throw cause;
    throw new GenericError(
      'a test hub needs the hub and the client: npm install --save-dev @koji/hub @koji/client',
      { cause },
    );
  }
}

const password = 'test';
const longer = 'option CallbackTimeout of the hub';

/**
 * Starts a hub for a test, with an admin `kojiadmin`. Requires `@koji/hub` and `@koji/client` among the `devDependencies`.
 *
 * @throws ConfigError with every problem of the plugins
 */
export async function startTestHub(options: TestHubOptions = {}): Promise<TestHub> {
  const [{ openForTests }, { ClientSession }] = await Promise.all([
    needed<HubForTests>('@koji/hub/testing'),
    needed<Client>('@koji/client'),
  ]);
  const folder = await mkdtemp(path.join(tmpdir(), 'koji-test-hub-'));
  const remove = (): Promise<void> => rm(folder, { recursive: true, force: true });
  const log: string[] = [];
  await mkdir(path.join(folder, 'plugins'));
  for (const [name, text] of Object.entries(options.config ?? {}))
    await writeFile(path.join(folder, 'plugins', `${name}.conf`), text);
  const { policies = {}, plugins = {}, manifests = {}, webPlugins = {} } = options;
  const parts = { folder, options: options.options ?? {}, policies, plugins, manifests, webPlugins };
  const hub = await openForTests({ ...parts, onLog: (line) => log.push(line) }).catch(
    async (error: unknown) => {
      await remove();
      throw error;
    },
  );
  const url = `${hub.url}/kojihub`;
  const sessions: TestSession[] = [];
  const open = async (name: string): Promise<InstanceType<Client['ClientSession']>> => {
    const session = new ClientSession(url);
    sessions.push(session);
    await session.login(name, password);
    return session;
  };
  const stop = async (): Promise<void> => {
    for (const session of sessions) await session.close().catch(() => undefined);
    await hub.stop();
    await remove();
  };
  try {
    await hub.addUser('kojiadmin', password, ['admin']);
    const admin = await open('kojiadmin');
    for (const tag of options.tags ?? []) await admin.createTag(tag);
    const builders = new Map<string, Promise<TestSession>>();
    const newBuilder = async (name: string): Promise<TestSession> => {
      await admin.call('addHost', [name, ['x86_64', 'noarch']]);
      await hub.addUser(name, password, []);
      const session = await open(name);
      await session.exclusiveSession();
      return session;
    };
    return {
      url,
      topdir: hub.topdir,
      paths: new PathInfo(hub.topdir),
      admin,
      log,
      login: async (name, ...permissions) => {
        await hub.addUser(name, password, []);
        for (const one of permissions) await admin.grantPermission(name, one, true);
        return open(name);
      },
      builder: (name = 'builder') => {
        const known = builders.get(name) ?? newBuilder(name);
        builders.set(name, known);
        return known;
      },
      addBuild: (nvr, about = {}) => addBuild(admin, nvr, about),
      fire: (event, payload, limit = {}) => {
        let holds = 'the database, which a call that has not ended keeps';
        const who = `fire: the callbacks of ${event}`;
        const given = { who, seconds: limit.timeout, waits: new Waits(), reason: async () => holds };
        return inTime(given, () =>
          hub.fire(event, payload, () => (holds = `a callback, which ${longer} allows for longer`)),
        );
      },
      runSchedule: (plugin, name) => hub.runSchedule(plugin, name),
      passTime: (seconds) => hub.passTime(seconds),
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function addBuild(
  admin: TestSession,
  nvr: string,
  { tags = [], files = [] }: { readonly tags?: readonly string[]; readonly files?: readonly string[] },
): Promise<BuildInfo> {
  const { name, version, release } = parseNVR(nvr);
  for (const file of files) {
    await admin.upload(file, 'test');
    await admin.call('importRPM', ['test', path.basename(file)]);
  }
  if (files.length === 0) await admin.call('createEmptyBuild', [name, version, release, null]);
  for (const tag of tags) {
    await admin.call('packageListAdd', [tag, name, 'kojiadmin']);
    await admin.call('tagBuildBypass', [tag, nvr]);
  }
  return (await admin.call('getBuild', [nvr, true])) as BuildInfo;
}
