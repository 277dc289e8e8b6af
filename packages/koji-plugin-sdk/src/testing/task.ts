import { copyFile, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  GenericError,
  TASK_STATES,
  faultToWire,
  joinSafe,
  makeLogger,
  nameOf,
  type Logger,
} from '@koji/core';
import { decodeArgs, encodeArgs, encodeFault, encodeResponse } from '@koji/core/wire';
import type { CallbackName, CallbackPayloads } from '../callbacks.js';
import { setConfigFolder } from '../config.js';
import { setPluginLog } from '../log.js';
import { withUpload } from '../uploads.js';
import { collect } from '../host/collect.js';
import type { PluginModule } from '../host/import.js';
import { PluginLoadError } from '../host/problems.js';
import { givenEntry } from '../host/package.js';
import { CallbackRegistry } from '../host/registry.js';
import { runTask as runHandler } from '../host/task.js';
import { handlerSignature } from '../host/signature.js';
import type { HubSession } from '../session.js';
import type { TaskHandlerClass, TaskRuntime, UploadTarget } from '../task.js';
import { fakeSession, type Answers, type MadeCall } from './fake-session.js';
import type { TestHub } from './hub.js';
import { Waits, inTime, tracked } from './waits.js';
import type { Limit } from './waits.js';

/** Options for running a task in a test. */
export interface TaskTestOptions {
  /** The arguments by name. */
  readonly named?: Readonly<Record<string, unknown>>;
  /** The method, for a class that handles several. */
  readonly method?: string;
  /** Results of the hub's methods: values, or functions of their arguments. Not with `hub`. */
  readonly calls?: Answers;
  /** Returns the result of a subtask; throw an error for a failed one. Not with `hub`. */
  readonly subtask?: (method: string, args: readonly unknown[]) => unknown;
  /** Content of the plugins' configuration files, by plugin. Default: the files of `hub`, else nothing. */
  readonly config?: Readonly<Record<string, string>>;
  /** Modules of builder plugins whose callbacks run, by name: `{ guard: await import('../src/builder.js') }`. */
  readonly plugins?: Readonly<Record<string, object>>;
  /** Options of kojid.conf. */
  readonly options?: Readonly<Record<string, unknown>>;
  /** The folder with the hub's files, for `localPath`. Default: the folder of `hub`. */
  readonly topdir?: string;
  /** Runs it as a task of this hub, with a builder's session, and reports its end to the hub. */
  readonly hub?: TestHub;
  /** Handlers of its subtasks, which run when it waits for them. Only with `hub`. */
  readonly tasks?: readonly TaskHandlerClass[];
  /** Time limit in seconds, whose error says what it waits for. Default: `KOJI_TEST_LIMIT` of the environment, else 60. */
  readonly timeout?: number;
}

/** The result of a task. */
export interface TaskRecord {
  /** The task's id; 1 without `hub`. */
  readonly id: number;
  /** The value that the handler returned. */
  readonly result: unknown;
  /** Lines of the task and of {@link pluginLog} as `LEVEL message`. */
  readonly log: readonly string[];
  /** Uploaded files by their path below the task's output. */
  readonly uploads: ReadonlyMap<string, Buffer>;
  /** Calls to the hub in order; empty with `hub`. */
  readonly calls: readonly MadeCall[];
  /** Subtasks that it made; empty with `hub`. */
  readonly subtasks: readonly { readonly method: string; readonly args: readonly unknown[] }[];
}

const fakeId = 1;
const fakeHost = { id: 1, name: 'builder', arches: 'x86_64', capacity: 2, task_load: 0, enabled: true };

/**
 * Runs a task handler as kojid does, in this process: it checks and assigns the arguments, calls `checkHost`, and keeps the
 * uploaded files. Without a `hub` it uses a session that answers from `calls`.
 *
 * @throws the error of the handler; ParameterError for invalid arguments; RefuseTask; GenericError after the time limit, with
 * what it waits for
 */
export async function runTask(
  Handler: TaskHandlerClass,
  args: readonly unknown[] = [],
  options: TaskTestOptions = {},
): Promise<TaskRecord> {
  const method = options.method ?? Handler.Methods[0];
  if (method === undefined) throw new GenericError(`${Handler.name} has no Methods`);
  const place = options.hub
    ? await newTask(options.hub, method, encodeArgs(args, options.named))
    : fakeTask(method, args, options);
  return runAt(place, Handler, { method, options, given: { args, keywords: options.named ?? {} } });
}

/**
 * Runs an existing task of a hub with its own arguments, on the test's builder.
 *
 * @throws the error of the handler, after reporting it to the hub
 */
export async function runTaskOf(
  hub: TestHub,
  id: number,
  Handler: TaskHandlerClass,
  options: Pick<TaskTestOptions, 'config' | 'options' | 'plugins' | 'tasks' | 'timeout'> = {},
): Promise<TaskRecord> {
  const { method, request } = (await hub.admin.call('getTaskInfo', [id], {
    request: true,
    strict: true,
  })) as {
    readonly method: string;
    readonly request: readonly unknown[];
  };
  const host = await hostOf(hub);
  await hub.admin.call('assignTask', [id, host.name, true]);
  const given = decodeArgs(request);
  return runAt(await openedTask(hub, id), Handler, { method, options: { ...options, hub }, given });
}

interface Given {
  readonly method: string;
  readonly options: TaskTestOptions;
  readonly given: {
    readonly args: readonly unknown[];
    readonly keywords: Readonly<Record<string, unknown>>;
  };
}

async function runAt(
  place: Place,
  Handler: TaskHandlerClass,
  { method, options, given }: Given,
): Promise<TaskRecord> {
  const folder = await mkdtemp(path.join(tmpdir(), 'koji-task-'));
  const record = { log: [] as string[], uploads: new Map<string, Buffer>() };
  const configured = await configure(options, path.join(folder, 'plugins'));
  const logger = loggerFor(record.log);
  const logBefore = setPluginLog(() => logger);
  const task = { plugin: 'test', methods: Handler.Methods, Handler, signature: handlerSignature(Handler) };
  try {
    const runtime = new TestRuntime(place, { method, folder, record, options, logger });
    await mkdir(runtime.workdir, { recursive: true });
    const result = await inTime(runtime.limit, () => runHandler(task, runtime, given));
    // As over the wire: a value that cannot be encoded is not a result.
    await place.closed(encodeResponse(result));
    return { ...record, id: place.id, result, calls: place.calls, subtasks: place.subtasks };
  } catch (error) {
    const { faultCode, faultString } = faultToWire(error);
    await place.failed(encodeFault(faultCode, faultString));
    throw error;
  } finally {
    setPluginLog(logBefore);
    configured.undo();
    await rm(folder, { recursive: true, force: true });
  }
}

/** Makes the configuration available to plugins while the task runs. */
async function configure({ config, hub }: TaskTestOptions, folder: string): Promise<{ undo: () => void }> {
  if (hub && !config) return { undo: () => undefined };
  await mkdir(folder, { recursive: true });
  for (const [name, text] of Object.entries(config ?? {}))
    await writeFile(path.join(folder, `${name}.conf`), text);
  const before = setConfigFolder(folder);
  return { undo: () => void setConfigFolder(before) };
}

/** The source of a task, and the recipient of its end. */
interface Place {
  readonly id: number;
  readonly session: HubSession;
  readonly calls: MadeCall[];
  readonly subtasks: { method: string; args: readonly unknown[] }[];
  readonly send?: (file: string, target: UploadTarget) => Promise<void>;
  readonly sendPart?: (piece: Buffer, offset: number, target: UploadTarget) => Promise<void>;
  closed(response: string): Promise<unknown>;
  failed(fault: string): Promise<unknown>;
}

async function hostOf(hub: TestHub): Promise<{ readonly id: number; readonly name: string }> {
  const builder = await hub.builder();
  return (await builder.call('host.getHost')) as { readonly id: number; readonly name: string };
}

async function newTask(hub: TestHub, method: string, params: readonly unknown[]): Promise<Place> {
  const { id: assign } = await hostOf(hub);
  return openedTask(hub, (await hub.admin.call('makeTask', [method, params], { assign })) as number);
}

async function openedTask(hub: TestHub, id: number): Promise<Place> {
  const builder = await hub.builder();
  const { host } = builder;
  await builder.call('host.openTask', [id]);
  return {
    id,
    session: builder,
    calls: [],
    subtasks: [],
    send: (file, { directory, name, volume }) =>
      builder.upload(file, directory, { name, ...(volume === null ? {} : { volume }) }),
    sendPart: (piece, offset, { directory, name }) =>
      builder.uploadPiece(piece, directory, { name, offset, overwrite: true }),
    closed: (response) => host.closeTask(id, response),
    failed: (fault) => host.failTask(id, fault),
  };
}

function fakeTask(method: string, args: readonly unknown[], options: TaskTestOptions): Place {
  const calls: MadeCall[] = [];
  const subtasks: Place['subtasks'] = [];
  const info = { id: fakeId, method, arch: 'noarch', owner: 1, state: 1, parent: null, label: null };
  const outcome = (id: unknown): unknown => {
    const made = subtasks[Number(id) - fakeId - 1];
    if (!made) throw new GenericError(`No such task: ${String(id)}`);
    return options.subtask?.(made.method, made.args) ?? null;
  };
  const ids = (): number[] => subtasks.map((_, i) => fakeId + 1 + i);
  const answers: Answers = {
    getTaskInfo: { ...info, request: encodeArgs(args, options.named) },
    getTaskResult: outcome,
    'host.getHost': fakeHost,
    'host.setTaskWeight': null,
    'host.taskSetWait': null,
    'host.subtask': (made: string, given: readonly unknown[]) =>
      fakeId + subtasks.push({ method: made, args: given }),
    'host.taskWait': () => [ids(), []],
    'host.taskWaitResults': (_: number, wanted: readonly number[] | null) =>
      (wanted ?? ids()).map((id) => [id, outcome(id)]),
    cancelTaskChildren: null,
    ...options.calls,
  };
  const session = fakeSession(answers, calls);
  const nobody = async (): Promise<void> => undefined;
  return { id: fakeId, session, calls, subtasks, closed: nobody, failed: nobody };
}

interface RuntimeParts {
  readonly method: string;
  readonly folder: string;
  readonly record: { readonly uploads: Map<string, Buffer> };
  readonly options: TaskTestOptions;
  readonly logger: Logger;
}

function loggerFor(log: string[]): Logger {
  return makeLogger((level, text) => void log.push(`${level.toUpperCase()} ${text()}`));
}

class TestRuntime implements TaskRuntime {
  readonly id: number;
  readonly method: string;
  readonly session: HubSession;
  readonly options: TaskRuntime['options'];
  readonly workdir: string;
  readonly logger: Logger;
  private readonly callbacks: CallbackRegistry;
  private readonly waits = new Waits();
  private readonly begun = new Set<number>();

  constructor(
    private readonly place: Place,
    private readonly parts: RuntimeParts,
  ) {
    const { method, folder, options, logger } = parts;
    this.id = place.id;
    this.method = method;
    this.session = tracked(place.session, this.waits);
    this.workdir = path.join(folder, 'task');
    const topdir = options.topdir ?? options.hub?.topdir ?? path.join(folder, 'topdir');
    this.options = { topdir, topurl: null, workdir: folder, ...options.options };
    this.logger = logger;
    this.callbacks = callbacksOf(options.plugins ?? {}, this.logger);
  }

  get limit(): Limit {
    const { waits, method } = this;
    const who = `runTask: the task ${method}`;
    return { who, seconds: this.parts.options.timeout, waits, reason: () => this.openSubtasks() };
  }

  async upload(file: string, target: UploadTarget, top = this.workdir): Promise<void> {
    await withUpload(file, top, async (opened) => {
      this.parts.record.uploads.set(this.placeOf(target), await readFile(opened));
      await this.place.send?.(opened, target);
    });
  }

  async uploadPart(piece: Buffer, offset: number, target: UploadTarget): Promise<void> {
    const at = this.placeOf(target);
    const before = this.parts.record.uploads.get(at)?.subarray(0, offset) ?? Buffer.alloc(0);
    this.parts.record.uploads.set(at, Buffer.concat([before, piece]));
    await this.place.sendPart?.(piece, offset, target);
  }

  private placeOf({ directory, name }: UploadTarget): string {
    return path.posix.join(path.posix.relative(`tasks/${this.id % 10000}/${this.id}`, directory), name);
  }

  async download(relativePath: string): Promise<string> {
    const copy = path.join(this.parts.folder, 'downloads', path.basename(relativePath));
    await mkdir(path.dirname(copy), { recursive: true });
    await copyFile(joinSafe(this.options.topdir, relativePath), copy);
    return copy;
  }

  async pause(milliseconds: number): Promise<void> {
    if (await this.runSubtasks()) return;
    // A hub is polled often, since nothing wakes this task. Answers from a table are available immediately.
    const shorter = this.parts.options.hub ? Math.min(milliseconds, 50) : 0;
    await this.waits.during('the end of a pause', () => sleep(shorter));
  }

  async setWeight(weight: number): Promise<void> {
    await this.session.call('host.setTaskWeight', [this.id, weight]);
  }

  async waitForNews(method: string, args: readonly unknown[], otherwise: number): Promise<void> {
    // The test's builder shares this session with the task, and would wait with it.
    if (this.parts.options.hub) await this.pause(otherwise);
    else await this.session.call(method, args).catch(() => this.pause(otherwise));
  }

  async runCallbacks<E extends CallbackName>(event: E, payload: CallbackPayloads[E]): Promise<void> {
    await this.waits.during(`callbacks of ${event}`, () => this.callbacks.run(event, payload));
  }

  /** Runs free subtasks that have a handler. Returns whether there was one. */
  private async runSubtasks(): Promise<boolean> {
    const { hub, tasks = [], ...options } = this.parts.options;
    if (!hub || tasks.length === 0) return false;
    let ran = false;
    for (const { id, method } of await unfinishedSubtasks(hub, this.id)) {
      const Handler = tasks.find(({ Methods }) => Methods.includes(method));
      if (!Handler || this.begun.has(id)) continue;
      this.begun.add(id);
      ran = true;
      const run = runTaskOf(hub, id, Handler, { ...options, tasks });
      // The hub knows how it failed, and the waiting task reads it there.
      await this.waits.during(`subtask ${id} (${method})`, () => run.catch(() => undefined));
    }
    return ran;
  }

  /** Returns the subtasks that have not ended; null if there are none. */
  private async openSubtasks(): Promise<string | null> {
    const { hub, tasks = [] } = this.parts.options;
    if (!hub) return null;
    const all = (await unfinishedSubtasks(hub, this.id)).map(({ id, method, state }) => {
      const hasHandler = tasks.some(({ Methods }) => Methods.includes(method));
      const hint = hasHandler ? '' : `, for which there is no handler among its tasks`;
      return `subtask ${id} (${method}, ${nameOf(TASK_STATES, state)})${hint}`;
    });
    return all.length > 0 ? all.join(' and ') : null;
  }
}

async function unfinishedSubtasks(
  hub: TestHub,
  id: number,
): Promise<{ readonly id: number; readonly method: string; readonly state: number }[]> {
  const unfinished: readonly number[] = [TASK_STATES.FREE, TASK_STATES.OPEN, TASK_STATES.ASSIGNED];
  const all = await hub.admin.getTaskChildren(id);
  return all.filter(({ state }) => unfinished.includes(state));
}

/** @throws PluginLoadError with every problem of the plugins */
function callbacksOf(modules: Readonly<Record<string, object>>, logger: Logger): CallbackRegistry {
  const registry = new CallbackRegistry({ logger });
  for (const [name, module] of Object.entries(modules)) {
    const entry = givenEntry(name);
    if ('problem' in entry) throw new PluginLoadError([entry]);
    const { plugin, problems } = collect(entry, { module: module as PluginModule, configs: [] }, 'builder');
    if (problems.length > 0) throw new PluginLoadError(problems);
    registry.add(plugin.callbacks);
  }
  return registry;
}
