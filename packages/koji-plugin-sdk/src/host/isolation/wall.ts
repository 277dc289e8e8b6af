/** The hub's side of a plugin in a thread of its own: what it brings looks like any other plugin's, and its code runs over there. */
import { Worker } from 'node:worker_threads';
import { GenericError } from '@koji/core';
import type { Logger } from '@koji/core';
import { any, shape } from '@koji/core/api';
import { currentAmbient } from '../../context.js';
import type { Ambient } from '../../context.js';
import { loggerOf } from '../../log.js';
import type { LoadedPlugin } from '../collect.js';
import type { PluginEntry } from '../package.js';
import type { PluginProblem } from '../problems.js';
import { pack, packFailure, unpack, unpackFailure } from './messages.js';
import type { Answer, Brought, Call, FromPlugin, Step, ToPlugin } from './messages.js';

/** Start options of the thread. */
export interface ThreadData {
  readonly entry: PluginEntry;
  readonly from: string;
  readonly folders: readonly string[];
  readonly configFolder: string;
  /** The root of the file store. */
  readonly topdir: string;
  /** Options of hub.conf. */
  readonly options: Readonly<Record<string, unknown>>;
}

/** How a plugin is isolated. */
export interface WallOptions extends ThreadData {
  readonly logger: (name: string) => Logger;
  /** Milliseconds that its thread may answer nothing before it is ended. */
  readonly patience: number;
}

/** Megabytes of objects that a plugin may hold in its thread. */
const mostMemory = 256;

// Tests run the sources as they are, which a thread can't.
const program = new URL(
  import.meta.url.replace('/src/host/', '/dist/host/').replace(/[^/]*$/, 'plugin-thread.js'),
);

interface Pending {
  readonly ambient: Ambient | null;
  /** As people call it: `method greet`. */
  readonly part: string;
  readonly done: (value: unknown) => void;
  readonly failed: (error: unknown) => void;
}

/** A plugin's thread: started when it is needed, and again after it ended. */
class Wall {
  private thread: Worker | null = null;
  private ready: Promise<Brought> | null = null;
  private readonly pending = new Map<number, Pending>();
  private last = 0;
  private heard = 0;
  private watching: NodeJS.Timeout | null = null;
  private first: string | null = null;
  /** The reason of an intentional end. */
  private reason: string | null = null;
  private readonly log: Logger;

  constructor(private readonly options: WallOptions) {
    this.log = options.logger('koji.plugins');
  }

  /** @throws Problems when it does not load */
  start(): Promise<Brought> {
    this.ready ??= this.open();
    return this.ready;
  }

  private open(): Promise<Brought> {
    const { logger, entry, from, folders, configFolder, topdir, options } = this.options;
    const data: ThreadData = { entry, from, folders, configFolder, topdir, options };
    const thread = new Worker(program, {
      workerData: data,
      execArgv: [],
      resourceLimits: { maxOldGenerationSizeMb: mostMemory },
    });
    thread.unref();
    this.thread = thread;
    const log = logger(loggerOf(data.entry.name));
    return new Promise((resolve, reject) => {
      thread.on('message', (message: FromPlugin) => {
        this.heard = Date.now();
        if (message.kind === 'ready') resolve(this.checked(message.brought));
        else if (message.kind === 'failed') reject(new Problems(message.problems));
        else if (message.kind === 'answer') this.settle(message);
        else if (message.kind === 'step') void this.step(message);
        else if (message.kind === 'log') {
          log[message.level](message.text);
          this.post({ kind: 'logged' });
        }
      });
      thread.on('error', (error) => (this.reason ??= error.message));
      thread.on('exit', () => {
        const why = this.reason ?? 'it ended';
        reject(new GenericError(`the thread of plugin ${data.entry.name} ended: ${why}`));
        this.ended(why);
      });
    });
  }

  /** The contents of the thread must not change, because the hub's methods refer to them. */
  private checked(brought: Brought): Brought {
    const text = JSON.stringify(brought);
    this.first ??= text;
    if (this.first === text) return brought;
    throw new GenericError(`the code of plugin ${this.options.entry.name} has changed: restart the hub`);
  }

  private ended(why: string): void {
    const { name } = this.options.entry;
    const parts = [...this.pending.values()];
    this.thread = null;
    this.ready = null;
    this.reason = null;
    this.pending.clear();
    this.unwatch();
    if (parts.length === 0) return;
    const running = parts.map(({ part }) => part).join(', ');
    this.log.error(`plugin ${name}: its thread ended while ${running} ran: ${why}; another takes its place`);
    for (const { part, failed } of parts)
      failed(new GenericError(`${part} of plugin ${name}: its thread ended: ${why}`));
  }

  async call(call: Pick<Call, 'what' | 'at'>, part: string, values: readonly unknown[]): Promise<unknown> {
    const ambient = call.what === 'action' ? null : currentAmbient();
    await this.start();
    const id = ++this.last;
    return new Promise((done, failed) => {
      this.pending.set(id, { ambient, part, done, failed });
      this.watch();
      this.post({ kind: 'call', id, ...call, values: values.map(pack), caller: callerOf(ambient) });
    });
  }

  private post(message: ToPlugin): void {
    this.thread?.postMessage(message);
  }

  private settle({ id, value, failure }: Answer): void {
    const call = this.pending.get(id);
    this.pending.delete(id);
    if (this.pending.size === 0) this.unwatch();
    if (failure) call?.failed(unpackFailure(failure));
    else call?.done(unpack(value));
  }

  private async step({
    id,
    call,
    ...step
  }: Step & { readonly id: number; readonly call: number }): Promise<void> {
    try {
      const ambient = this.pending.get(call)?.ambient;
      if (!ambient) throw new GenericError('the call has ended: await everything that it starts');
      this.post({ kind: 'answer', id, value: pack(await this.take(ambient, step)) });
    } catch (error) {
      this.post({ kind: 'answer', id, failure: packFailure(error) });
    }
  }

  private async take(ambient: Ambient, { step, values }: Step): Promise<unknown> {
    const given = values.map(unpack);
    if (step === 'event') return ambient.event();
    if (step === 'afterCommit' || step === 'onRollback') {
      const [at] = given as [number];
      ambient[step](() => this.call({ what: 'action', at }, step, []));
      return null;
    }
    if (step === 'makeTask') return ambient.makeTask(...(given as Parameters<Ambient['makeTask']>));
    if (step === 'assertPolicy')
      return ambient.assertPolicy(...(given as Parameters<Ambient['assertPolicy']>));
    return ambient[step](...(given as Parameters<Ambient['invoke']>));
  }

  /** Asks the thread from time to time, while something runs in it, whether it still answers. */
  private watch(): void {
    if (this.watching) return;
    this.heard = Date.now();
    const { patience } = this.options;
    this.watching = setInterval(() => {
      this.post({ kind: 'ping' });
      if (Date.now() - this.heard < patience) return;
      this.reason = `it let nothing else run for ${patience / 1000} s`;
      void this.thread?.terminate();
    }, patience / 4).unref();
  }

  private unwatch(): void {
    if (this.watching) clearInterval(this.watching);
    this.watching = null;
  }

  async close(): Promise<void> {
    this.reason = 'the hub ends it';
    await this.thread?.terminate();
  }
}

/** Why a plugin did not load in its thread. */
class Problems extends Error {
  constructor(readonly problems: readonly PluginProblem[]) {
    super('it did not load');
  }
}

function callerOf(ambient: Ambient | null): Call['caller'] {
  if (!ambient) return null;
  const { method, session } = ambient;
  const perms = 'perms' in session ? session.perms : [];
  return { method, user: session.user, perms: [...(perms as Iterable<string>)] };
}

/** Loads a plugin in a thread of its own. */
export async function loadBehindWall(
  options: WallOptions,
): Promise<{ plugin: LoadedPlugin } | { problems: readonly PluginProblem[] }> {
  const wall = new Wall(options);
  const { entry } = options;
  try {
    return { plugin: pluginOf(entry, await wall.start(), wall) };
  } catch (cause) {
    if (cause instanceof Problems) return { problems: cause.problems };
    const { name: plugin, file } = entry;
    const problem = `did not load in its thread: ${cause instanceof Error ? cause.message : String(cause)}`;
    return {
      problems: [
        { plugin, file, problem, remedy: 'correct what it does at load', topic: 'throws-at-load', cause },
      ],
    };
  }
}

function pluginOf(entry: PluginEntry, brought: Brought, wall: Wall): LoadedPlugin {
  const { name: plugin } = entry;
  return {
    ...entry,
    configs: brought.configs.map(({ name, report }) => ({ name, report: () => report })),
    notes: brought.notes,
    methods: brought.methods.map(({ name, declaration, args }, at) => ({
      name,
      plugin,
      declaration: {
        ...declaration,
        args: args.map(({ type, ...arg }) => ({ ...arg, type: any(type) })),
        result: shape('any'),
      },
      // The thread has the function's own parameters.
      signature: {
        declaration: { ...declaration, args: [], result: shape('any') },
        spread: (bound) => [bound],
      },
      run: (bound) => wall.call({ what: 'method', at }, `method ${name}`, [bound]),
    })),
    callbacks: brought.callbacks.map((callback, at) => ({
      ...callback,
      plugin,
      run: (event, payload) => wall.call({ what: 'callback', at }, `callback ${event}`, [event, payload]),
    })),
    tasks: [],
    commands: [],
    policyTests: [],
    outboxes: [],
    schedules: [],
    routes: [],
    tables: [],
    webPages: [],
    webPanels: [],
    declaredTasks: [],
    close: () => wall.close(),
  };
}
