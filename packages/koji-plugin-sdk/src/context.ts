import { AsyncLocalStorage } from 'node:async_hooks';
import { GenericError } from '@koji/core';
import type { Logger, PathInfo } from '@koji/core';
import type {
  AnswerOf,
  Api,
  LeadingArgs,
  MethodName,
  NamedAfter,
  NamedArguments,
  Named,
  PositionalArgs,
  QueryOpts,
  TaskAnswer,
  TaskArgs,
  TaskId,
  TaskMethodName,
} from '@koji/core/api';
import type { PolicyFields, PolicyName } from './policy.js';

/** The user who calls. */
export interface ContextUser extends Named {
  /** One of `UserStatus`. */
  readonly status: number;
  /** One of `UserType`. */
  readonly usertype: number;
}

/** Who calls, as a plugin sees it. */
export interface ContextSession {
  /** Whether somebody is logged in. */
  readonly loggedIn: boolean;
  /** The user's id; null when nobody is logged in. */
  readonly userId: number | null;
  /** The user's record; null when nobody is logged in. */
  readonly user: ContextUser | null;
  /** Throws ActionNotAllowed when nobody is logged in. */
  assertLogin(): void;
  /** Whether the user holds the permission or admin. */
  hasPerm(name: string): boolean;
  /** Throws ActionNotAllowed unless {@link hasPerm}. */
  assertPerm(name: string): void;
}

/** Options of a task that a plugin makes. */
export interface NewTask {
  /** The channel's name or id. Default `default`. */
  readonly channel?: string | number;
  /** Smaller is sooner. Default 20, or one less than its parent's. */
  readonly priority?: number;
  /** The arch that its builder must have. Default: its parent's, or `noarch`. */
  readonly arch?: string;
  /** What tells it from the other tasks of its parent; a parent has a label once. Only with `parent`. */
  readonly label?: string;
  /** The id of the task that it belongs to, which must be open. */
  readonly parent?: number;
  /** The id of the builder that must take it. */
  readonly assign?: number;
}

/** A piece of SQL with its values, made by {@link PluginDatabase.sql}. */
export interface SqlFragment {
  /** Text and values in turn; for the database alone. */
  readonly parts: readonly unknown[];
}

/** A list to select: what the caller's `queryOpts` may order by are the columns. */
export interface ListQuery {
  /** Expressions by the name that they get in the answer. */
  readonly columns: Readonly<Record<string, SqlFragment>>;
  /** Tables with their joins. */
  readonly from: SqlFragment;
  /** Conditions, all of which must hold. */
  readonly where?: readonly SqlFragment[];
  /** What the caller asked for: `order`, `limit`, `offset`, `countOnly`… */
  readonly opts?: QueryOpts | null;
}

/** The transaction of a call, on SQLite or PostgreSQL. Its tables are Koji's own. */
export interface PluginDatabase {
  /** Builds a query: every `${value}` is bound, every fragment spliced in, so that no caller's text becomes SQL. */
  readonly sql: (strings: TemplateStringsArray, ...values: unknown[]) => SqlFragment;
  /** All rows. */
  readonly all: <T extends object = Record<string, unknown>>(query: SqlFragment) => Promise<T[]>;
  /** The first row, or null. */
  readonly get: <T extends object = Record<string, unknown>>(query: SqlFragment) => Promise<T | null>;
  /** Runs a statement; the number of rows it changed. */
  readonly run: (query: SqlFragment) => Promise<number>;
  /** Rows as a list method answers them: ordered, cut, counted as `queryOpts` say. */
  readonly list: <T extends object = Record<string, unknown>>(query: ListQuery) => Promise<T[]>;
}

/** What the hub lends to the plugins' code while a call runs; its `Call` objects are some. */
export interface Ambient {
  readonly method: string;
  readonly session: ContextSession;
  readonly pluginDb: PluginDatabase;
  readonly paths: PathInfo;
  readonly options: Readonly<Record<string, unknown>>;
  pluginLog(plugin: string): Logger;
  event(): Promise<number>;
  invoke(
    method: string,
    args?: readonly unknown[],
    keywords?: Readonly<Record<string, unknown>>,
  ): Promise<unknown>;
  invokeUnchecked(
    method: string,
    args?: readonly unknown[],
    keywords?: Readonly<Record<string, unknown>>,
  ): Promise<unknown>;
  assertPolicy(name: string, data: Readonly<Record<string, unknown>>): Promise<void>;
  makeTask(
    method: string,
    args: readonly unknown[],
    keywords: Readonly<Record<string, unknown>>,
    options: NewTask,
  ): Promise<number>;
  /** Writes a message of an outbox into the transaction. */
  enqueue(queue: string, topic: string, text: string): Promise<void>;
  afterCommit(action: () => unknown): void;
  onRollback(undo: () => unknown): void;
}

/** Code of a plugin that runs. */
export interface PluginCode {
  readonly plugin: string;
  /** Which of its code, as people call it: `method greet`, `callback postTag`. */
  readonly part: string;
}

interface Scope extends PluginCode {
  /** Null for code that has no call of its own: pages and panels of the web page. */
  readonly ambient: Ambient | null;
  open: boolean;
}

const key = Symbol.for('koji.plugin.context');
const holder = globalThis as {
  [key]?:
    | {
        readonly storage: AsyncLocalStorage<Scope>;
        running: number;
        /** Is told of the code that begins to run, and null once none runs; the hub's watchdog listens. */
        entered?: ((code: PluginCode | null) => void) | undefined;
      }
    | undefined;
};
// One storage for all copies of this package, since a plugin may bring its own.
const shared = (holder[key] ??= { storage: new AsyncLocalStorage<Scope>(), running: 0 });

/** Runs a plugin's code with {@link context}; the context is closed once the code has ended. */
export function runInContext<T>(ambient: Ambient, code: PluginCode, run: () => T | Promise<T>): Promise<T> {
  return runInScope(ambient, code, run);
}

/** Runs a plugin's code without {@link context}; the watchdog knows it all the same. */
export function runPluginCode<T>(code: PluginCode, run: () => T | Promise<T>): Promise<T> {
  return runInScope(null, code, run);
}

async function runInScope<T>(
  ambient: Ambient | null,
  { plugin, part }: PluginCode,
  run: () => T | Promise<T>,
): Promise<T> {
  const scope: Scope = { ambient, plugin, part, open: true };
  shared.entered?.(scope);
  shared.running += 1;
  try {
    return await shared.storage.run(scope, run);
  } finally {
    scope.open = false;
    shared.running -= 1;
    // While it is enabled, every promise of the hub pays for it on Node 20, not only those of plugins.
    if (shared.running === 0) {
      shared.storage.disable();
      shared.entered?.(null);
    }
  }
}

const listeners = new Set<(code: PluginCode | null) => void>();

/** Has a function told of all code of plugins that begins to run from now on, and null once none runs; the result ends that. */
export function onPluginCode(entered: (code: PluginCode | null) => void): () => void {
  listeners.add(entered);
  shared.entered = (code) => listeners.forEach((listener) => listener(code));
  return () => {
    listeners.delete(entered);
    if (listeners.size === 0) shared.entered = undefined;
  };
}

/** The code of a plugin that runs now, in a call; null for any other code. */
export function currentPluginCode(): PluginCode | null {
  return shared.storage.getStore() ?? null;
}

/** The ambient of the code that runs now; null outside of a call. */
export function currentAmbient(): Ambient | null {
  const scope = shared.storage.getStore();
  return scope?.open === true ? scope.ambient : null;
}

/** As {@link currentAmbient}, for what makes no sense without. */
export function needAmbient(): Ambient {
  return needScope().ambient;
}

function needScope(): PluginCode & { readonly ambient: Ambient } {
  const { ambient = null, open = false, plugin = '', part = '' } = shared.storage.getStore() ?? {};
  if (open && ambient) return { ambient, plugin, part };
  throw new GenericError(
    'context is only there while the hub runs a method or callback of a plugin: not while the plugin loads, in a task, a command or on the web page, and not once the call has ended (await everything that a method or callback starts)',
  );
}

/** Methods that can be called without arguments. */
type MethodWithoutArgs = {
  [M in MethodName]: [] extends PositionalArgs<Api[M]> ? M : never;
}[MethodName];

declare const refused: unique symbol;

/** A type that no argument has: it says why the given one is refused. */
interface Refused<Why extends string> {
  readonly [refused]: Why;
}

/** Refuses named arguments that the method does not have, or that leave one missing. */
type NamedFit<M, P extends readonly unknown[], N> = [N] extends [NamedAfter<M, P>]
  ? [Exclude<keyof N, keyof NamedAfter<M, P>>] extends [never]
    ? unknown
    : Refused<'the method has no such argument, or it is given by position'>
  : Refused<'an argument is missing'>;

/**
 * Calls a method of the hub or of a plugin, {@link Api}: its arguments by position, then by name. With `strict: true` the
 * answer is never null, with `countOnly` it is a number.
 */
export interface CallMethod {
  /** Without arguments. */
  <M extends MethodWithoutArgs>(method: M): Promise<NoInfer<AnswerOf<Api[M]>>>;
  /** With all arguments by position. */
  <M extends MethodName, P extends PositionalArgs<Api[M]>>(
    method: M,
    args: readonly [...P],
  ): Promise<NoInfer<AnswerOf<Api[M], P>>>;
  /** With the first arguments by position, and others by name. */
  <M extends MethodName, P extends LeadingArgs<Api[M]>, const N extends NamedArguments<Api[M]>>(
    method: M,
    args: readonly [...P],
    named: N & NamedFit<Api[M], P, N>,
  ): Promise<NoInfer<AnswerOf<Api[M], P, N>>>;
}

/** The call that runs a plugin's method or callback: who calls, and what the plugin may do in its name. */
export interface Context {
  /** Who calls: `context.session.assertPerm('admin')`. */
  readonly session: ContextSession;
  /** The name of the method that the client called. */
  readonly method: string;
  /** Writes to the hub's log, as `koji.plugin.NAME`. */
  readonly log: Logger;
  /** The call's transaction, for what no method answers. */
  readonly db: PluginDatabase;
  /** Where the file store's files are. */
  readonly paths: PathInfo;
  /** The options of hub.conf by their names; not all are for everybody's eyes. */
  readonly options: Readonly<Record<string, unknown>>;
  /** The id of the call's event, which all its changes carry. */
  event(): Promise<number>;
  /** Calls another method of the hub in the caller's name and in the same transaction. */
  readonly call: CallMethod;
  /** As {@link call}, but with every permission, which the caller need not have: check first what they may do. */
  readonly callUnchecked: CallMethod;
  /** Throws ActionNotAllowed unless the policy of that name allows it to the caller. */
  assertPolicy(name: PolicyName, data?: PolicyFields): Promise<void>;
  /** Makes a task owned by the caller, whatever permissions they have: check them first. Returns its id. */
  makeTask<M extends TaskMethodName>(
    method: M,
    ...rest: [] extends TaskArgs<M>
      ? [args?: TaskArgs<M>, options?: NewTask]
      : [args: TaskArgs<M>, options?: NewTask]
  ): Promise<TaskId<TaskAnswer<M>>>;
  makeTask<M extends TaskMethodName>(
    method: M,
    args: Partial<TaskArgs<M>>,
    options: NewTask & TaskArguments,
  ): Promise<TaskId<TaskAnswer<M>>>;
  /** Runs something once the call has committed, and never when it is undone. */
  afterCommit(action: () => unknown): void;
  /** Runs something when the call is undone. */
  onRollback(undo: () => unknown): void;
}

/** The types of the methods are those of their declarations, which the hub keeps to. */
function calling(invoke: Ambient['invoke']): CallMethod {
  return (method: string, args: readonly unknown[] = [], named: object = {}) =>
    invoke(method, args, { ...named });
}

/** Named arguments of a new task's handler. */
export interface TaskArguments {
  /** The arguments by name. */
  readonly named: Readonly<Record<string, unknown>>;
}

/**
 * The call that is running.
 *
 * @example
 * export const mymethod = exported((arg1: string, arg2: string, kwarg1: string | null = null) => {
 *   context.session.assertPerm('admin');
 *   return [arg1, arg2, kwarg1];
 * });
 */
export const context: Context = {
  get session() {
    return needAmbient().session;
  },
  get method() {
    return needAmbient().method;
  },
  get log() {
    const { ambient, plugin } = needScope();
    return ambient.pluginLog(plugin);
  },
  get db() {
    return needAmbient().pluginDb;
  },
  get paths() {
    return needAmbient().paths;
  },
  get options() {
    return needAmbient().options;
  },
  event: () => needAmbient().event(),
  call: calling((method, args, named) => needAmbient().invoke(method, args, named)),
  callUnchecked: calling((method, args, named) => needAmbient().invokeUnchecked(method, args, named)),
  assertPolicy: (name, data = {}) => needAmbient().assertPolicy(name, data),
  makeTask: (
    method: string,
    args: readonly unknown[] = [],
    { named = {}, ...options }: NewTask & Partial<TaskArguments> = {},
  ) => needAmbient().makeTask(method, args, named, options),
  afterCommit: (action) => needAmbient().afterCommit(action),
  onRollback: (undo) => needAmbient().onRollback(undo),
};
