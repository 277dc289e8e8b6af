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

/** The caller's session, as a plugin sees it. */
export interface ContextSession {
  /** Whether somebody is logged in. */
  readonly loggedIn: boolean;
  /** The user's id; null when nobody is logged in. */
  readonly userId: number | null;
  /** The user's record; null when nobody is logged in. */
  readonly user: ContextUser | null;
  /** Throws ActionNotAllowed when nobody is logged in. */
  assertLogin(): void;
  /** Returns whether the user has the permission, or admin. */
  hasPerm(name: string): boolean;
  /** Throws ActionNotAllowed unless {@link hasPerm} returns true. */
  assertPerm(name: string): void;
}

/** Options of a task that a plugin makes. */
export interface NewTask {
  /** The name or id of the channel. Default `default`. */
  readonly channel?: string | number;
  /** The priority; a smaller value is sooner. Default 20, or one less than the parent's. */
  readonly priority?: number;
  /** The arch that the builder must have. Default: the parent's arch, or `noarch`. */
  readonly arch?: string;
  /** A label that is unique among the tasks of the parent. Only with `parent`. */
  readonly label?: string;
  /** The id of the parent task, which must be open. */
  readonly parent?: number;
  /** The id of the builder that must take it. */
  readonly assign?: number;
}

/** An SQL fragment with its values, made by {@link PluginDatabase.sql}. */
export interface SqlFragment {
  /** Text and values in alternation; only for the database. */
  readonly parts: readonly unknown[];
}

/** A query for a list. The caller's `queryOpts` may order by its columns. */
export interface ListQuery {
  /** Expressions by the name of their column in the result. */
  readonly columns: Readonly<Record<string, SqlFragment>>;
  /** Tables and joins. */
  readonly from: SqlFragment;
  /** Conditions, which are combined with AND. */
  readonly where?: readonly SqlFragment[];
  /** The caller's options: `order`, `limit`, `offset`, `countOnly`… */
  readonly opts?: QueryOpts | null;
}

/** The transaction of a call, on SQLite or PostgreSQL. Its tables are Koji's own. */
export interface PluginDatabase {
  /** Builds a query. Every `${value}` is bound and every fragment is inserted, so a caller's text cannot become SQL. */
  readonly sql: (strings: TemplateStringsArray, ...values: unknown[]) => SqlFragment;
  /** Returns all rows. */
  readonly all: <T extends object = Record<string, unknown>>(query: SqlFragment) => Promise<T[]>;
  /** Returns the first row, or null. */
  readonly get: <T extends object = Record<string, unknown>>(query: SqlFragment) => Promise<T | null>;
  /** Runs a statement. Returns the number of changed rows. */
  readonly run: (query: SqlFragment) => Promise<number>;
  /** Returns rows like a list method: ordered, limited and counted according to `queryOpts`. */
  readonly list: <T extends object = Record<string, unknown>>(query: ListQuery) => Promise<T[]>;
}

/** The hub's interface for code of plugins while a call runs. The hub's `Call` objects implement it. */
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

/** Running code of a plugin. */
export interface PluginCode {
  readonly plugin: string;
  /** The name of the code for people: `method greet`, `callback postTag`. */
  readonly part: string;
}

interface Scope extends PluginCode {
  /** Null for code without a call: pages and panels of the web page. */
  readonly ambient: Ambient | null;
  open: boolean;
}

const key = Symbol.for('koji.plugin.context');
const holder = globalThis as {
  [key]?:
    | {
        readonly storage: AsyncLocalStorage<Scope>;
        running: number;
        /** Is called with code that starts to run, and with null when none runs any more. The hub's watchdog listens. */
        entered?: ((code: PluginCode | null) => void) | undefined;
      }
    | undefined;
};
// All copies of this package share one storage, since a plugin may bring its own copy.
const shared = (holder[key] ??= { storage: new AsyncLocalStorage<Scope>(), running: 0 });

/** Runs a plugin's code with {@link context}. The context is closed when the code has ended. */
export function runInContext<T>(ambient: Ambient, code: PluginCode, run: () => T | Promise<T>): Promise<T> {
  return runInScope(ambient, code, run);
}

/** Runs a plugin's code without {@link context}. The watchdog is notified in the same way. */
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
    // While it is enabled, it slows every promise of the hub on Node 20, not only those of plugins.
    if (shared.running === 0) {
      shared.storage.disable();
      shared.entered?.(null);
    }
  }
}

const listeners = new Set<(code: PluginCode | null) => void>();

/** Calls a function with all code of plugins that starts to run, and with null when none runs any more. The result stops this. */
export function onPluginCode(entered: (code: PluginCode | null) => void): () => void {
  listeners.add(entered);
  shared.entered = (code) => listeners.forEach((listener) => listener(code));
  return () => {
    listeners.delete(entered);
    if (listeners.size === 0) shared.entered = undefined;
  };
}

/** Returns the code of a plugin that runs now in a call; null for any other code. */
export function currentPluginCode(): PluginCode | null {
  return shared.storage.getStore() ?? null;
}

/** Returns the ambient of the code that runs now; null outside of a call. */
export function currentAmbient(): Ambient | null {
  const scope = shared.storage.getStore();
  return scope?.open === true ? scope.ambient : null;
}

/** Like {@link currentAmbient}, for code that needs a call. */
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

/** A type that no argument has. It contains the reason why an argument is rejected. */
interface Refused<Why extends string> {
  readonly [refused]: Why;
}

/** Rejects named arguments that the method does not have, and calls that omit a required one. */
type NamedFit<M, P extends readonly unknown[], N> = [N] extends [NamedAfter<M, P>]
  ? [Exclude<keyof N, keyof NamedAfter<M, P>>] extends [never]
    ? unknown
    : Refused<'the method has no such argument, or it is given by position'>
  : Refused<'an argument is missing'>;

/**
 * Calls a method of the hub or of a plugin, {@link Api}, with arguments by position and by name. With `strict: true` the
 * result is never null; with `countOnly` it is a number.
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

/** The running call of a plugin's method or callback, with its caller and the operations that the plugin may use. */
export interface Context {
  /** The caller's session: `context.session.assertPerm('admin')`. */
  readonly session: ContextSession;
  /** The name of the method that the client called. */
  readonly method: string;
  /** Writes to the hub's log, as `koji.plugin.NAME`. */
  readonly log: Logger;
  /** The call's transaction, for data that no method returns. */
  readonly db: PluginDatabase;
  /** The paths of the file store. */
  readonly paths: PathInfo;
  /** The options of hub.conf by name. Some of them are secret. */
  readonly options: Readonly<Record<string, unknown>>;
  /** Returns the id of the call's event, which all its changes have. */
  event(): Promise<number>;
  /** Calls another method of the hub as the caller, in the same transaction. */
  readonly call: CallMethod;
  /** Like {@link call}, but without checking the caller's permissions: check first what they may do. */
  readonly callUnchecked: CallMethod;
  /** Throws ActionNotAllowed unless the policy allows the caller's request. */
  assertPolicy(name: PolicyName, data?: PolicyFields): Promise<void>;
  /** Makes a task of the caller. It checks no permission: do this first. Returns the id of the task. */
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
  /** Runs a function after the commit of the call, and never when the call is undone. */
  afterCommit(action: () => unknown): void;
  /** Runs a function when the call is undone. */
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
 * The running call.
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
