import type { Logger, PathInfo } from '@koji/core';
import type { HandlerArgs, Method, Methods, ResultOf } from '@koji/core/api';
import type { HubOptions } from '@koji/core/config';
import type { Decision, TriedRule } from '@koji/core/policy';
import type { CallbackName, CallbackPayloads } from '@koji/plugin-sdk';
import type { ActivityLog, CallbackRegistry, LoadedPlugin } from '@koji/plugin-sdk/host';
import type { BadEnd } from './after-commit.js';
import type { LoginGuard } from './auth/login-guard.js';
import type { TokenScope } from './auth/token-scope.js';
import type { Client } from './client.js';
import type { Connection, Database } from './db/connection.js';
import type { Part, PartOfRows } from './db/parts.js';
import type { OwnJournals } from './domain/files/journal.js';
import type { Metrics } from './metrics/metrics.js';
import type { Tracer } from './metrics/tracing.js';
import type { WaitingBuilders } from './scheduler/waiting-builders.js';
import type { TagNews } from './tag-news.js';
import type { Wake } from './wake.js';
import type { PluginSwitches } from './watchdog/switches.js';

/** Who calls: everything about the login that a method may ask. Anonymous callers have nulls and no permissions. */
export interface Session {
  readonly loggedIn: boolean;
  readonly id: number | null;
  readonly userId: number | null;
  readonly user: Readonly<Record<string, unknown>> | null;
  readonly hostId: number | null;
  readonly exclusive: boolean;
  readonly master: number | null;
  /** How the user logged in, one of `AuthType`. */
  readonly authtype: number | null;
  /** Permission names, own ones and those of the user's groups. */
  readonly perms: ReadonlySet<string>;
  /** Names of the user's groups by their ids. */
  readonly groups: ReadonlyMap<number, string>;
  /** Scope of the call's token; null for a call without one. */
  readonly scope: TokenScope | null;
  /** Throws ActionNotAllowed when nobody is logged in. */
  assertLogin(): void;
  /** Whether the user holds the permission or admin. */
  hasPerm(name: string): boolean;
  /** Throws ActionNotAllowed unless {@link hasPerm}. */
  assertPerm(name: string): void;
  /** The builder's id; throws AuthError unless the session is an exclusive one of a builder. */
  assertHost(): number;
}

/** A method as the hub serves it; a plugin's has its plugin's name. */
export interface ServedMethod {
  readonly declared: Method;
  readonly handler: (args: Record<string, unknown>, call: Call) => unknown;
  readonly plugin?: string;
}

/** The data for a policy, by field. */
export type PolicyData = Readonly<Record<string, unknown>>;

/** How a policy that allows or denies is asked. */
export interface PolicyOptions {
  /** The action if no rule decides; default "deny". */
  readonly default?: string;
  /** An admin passes whatever the policy says. */
  readonly force?: boolean;
}

/** The hub's policies, read once at the start. */
export interface Policies {
  /** @throws ActionNotAllowed unless the policy allows it; with VerbosePolicy the text names the rule */
  assert(call: Call, name: string, data: PolicyData, options?: PolicyOptions): Promise<void>;
  /** Whether the policy allows it, and the reason it gives. */
  check(
    call: Call,
    name: string,
    data: PolicyData,
    options?: PolicyOptions,
  ): Promise<{ allowed: boolean; reason: string }>;
  /** The action of the policy as written; null when no rule decides. An unknown policy causes a GenericError. */
  eval(call: Call, name: string, data: PolicyData): Promise<string | null>;
  /** How the policy comes to its decision. */
  explain(call: Call, name: string, data: PolicyData): Promise<Explanation>;
}

/** The outcome of each rule of a policy that was tried. */
export interface Explanation {
  /** Where its rules are from; null when there is no such policy. */
  readonly source: 'hub.conf' | 'default' | null;
  readonly tried: readonly TriedRule[];
  /** The deciding rule; null when none did. */
  readonly decision: Decision | null;
}

/** The shared objects of a hub process; created once in hub.ts. */
export interface Hub {
  readonly options: HubOptions;
  readonly database: Database;
  readonly paths: PathInfo;
  readonly policies: Policies;
  readonly callbacks: CallbackRegistry;
  readonly wake: Wake;
  readonly logins: LoginGuard;
  readonly tagNews: TagNews;
  readonly waitingBuilders: WaitingBuilders;
  /** Counts calls. */
  readonly metrics: Metrics;
  /** Makes spans of calls. */
  readonly tracer: Tracer;
  /** Counts what plugins do. */
  readonly activity: ActivityLog;
  /** Says which plugins are switched off. */
  readonly switches: PluginSwitches;
  readonly plugins: readonly LoadedPlugin[];
  /** Every method that can be called, by wire name. */
  readonly methods: ReadonlyMap<string, ServedMethod>;
  /** Where the changes of files are written down; null in a process that serves nobody. */
  readonly journals: OwnJournals | null;
  logger(name: string): Logger;
}

/** One call of one method: what its handler works with. */
export interface Call {
  readonly hub: Hub;
  readonly method: string;
  /** The call's transaction or snapshot; a method of access `none` has none and uses {@link read} and {@link write}. */
  readonly db: Connection;
  readonly session: Session;
  readonly client: Client;
  readonly log: Logger;
  /** The id of the call's event, made on first need and shared by every versioned row that the call writes. */
  event(): Promise<number>;
  /** Ends the call's event: rows written from here on carry a new one, so that their order shows in history. */
  nextEvent(): void;
  /** Runs the plugins' callbacks of an event; a failing one fails the call unless its plugin said otherwise. */
  runCallbacks<E extends CallbackName>(event: E, payload: CallbackPayloads[E]): Promise<void>;
  /** Calls another method as this caller, in this transaction. */
  invoke(
    method: string,
    args?: readonly unknown[],
    keywords?: Readonly<Record<string, unknown>>,
  ): Promise<unknown>;
  /**
   * For a method of access `none`: runs `work` on a snapshot of its own. `long` if that is to read more than a few rows by
   * their keys, as a method of access `read` does.
   */
  read<T>(work: (call: Call) => Promise<T>, options?: { readonly long?: boolean }): Promise<T>;
  /** Like {@link read}, in a transaction that commits when `work` resolves. */
  write<T>(work: (call: Call) => Promise<T>): Promise<T>;
  /**
   * For a method of access `none`: waits until `channel` is notified (true) or `milliseconds` are over, the client went
   * away or the hub stops (false). Within a multicall it is false at once.
   */
  wait(channel: string, milliseconds: number): Promise<boolean>;
  /** Runs `action` once the transaction is durable; never for a call, or part of a multicall, that was rolled back. */
  afterCommit(action: () => unknown): void;
  /** Runs `undo` when the call, or its part of a multicall, was rolled back; last added first. */
  onRollback(undo: () => unknown): void;
  /**
   * Runs `restore` when the call, or its part of a multicall, is to be rolled back, while it still has its locks, so that
   * nobody finds the database as it was and the rest not; last added first. Also once a commit has failed: with `unknown`.
   */
  beforeRollback(restore: (end: BadEnd) => unknown): void;
}

/** A list, also as rows that come one by one. */
type Rows<R> = R | (R extends readonly (infer T)[] ? AsyncIterable<T> : never);

/** The possible answers of a handler: each list in it, or the answer itself if it is a list, may be {@link Rows}. */
type Answer<R> =
  | Rows<R>
  | (R extends readonly unknown[] | Readonly<Record<string, readonly unknown[]>>
      ? { [K in keyof R]: Rows<R[K]> }
      : never);

/** Returns parts of a method's list without reading the rest; null if the whole list must be read. */
export interface PartReader<A = Record<string, unknown>> {
  count(args: A, call: Call): Promise<number | null>;
  read(args: A, part: Part, call: Call): Promise<PartOfRows<object> | null>;
}

/** The methods of a group, one function for each declaration. */
export type Handlers<M extends Methods> = {
  readonly [K in keyof M]: (
    args: HandlerArgs<M[K]>,
    call: Call,
  ) => Promise<Answer<ResultOf<M[K]>>> | Answer<ResultOf<M[K]>>;
};
