import { GenericError } from '@koji/core';
import type { Logger, PathInfo } from '@koji/core';
import { encodeArgs } from '@koji/core/wire';
import type { Access } from '@koji/core/api';
import type { CallbackName, CallbackPayloads } from '@koji/plugin-sdk';
import { currentPluginCode, isPluginTable, loggerOf } from '@koji/plugin-sdk/host';
import type { Ambient, NewTask, PluginDatabase } from '@koji/plugin-sdk/host';
import { Effects } from '../after-commit.js';
import type { BadEnd } from '../after-commit.js';
import type { CallerSession } from '../auth/sessions.js';
import type { Client } from '../client.js';
import type { Call, Hub } from '../call.js';
import type { Connection } from '../db/connection.js';
import { query, whole } from '../db/rows.js';
import { pluginTableName } from '../db/plugin-tables.js';
import { Sql, id, now, sql } from '../db/sql.js';
import type { SqlValue } from '../db/sql.js';
import { makeTask } from '../domain/tasks/make-task.js';
import { noteThrower } from './faults.js';
import { runMethod } from './run-method.js';
import { outboxChannel } from '../outbox/deliver.js';
import { putMessage } from '../outbox/messages.js';

/** A dispatcher's services for a call of access `none`: its own transactions. */
export interface OwnTransactions {
  read<T>(work: (call: RunningCall) => Promise<T>, options?: { readonly long?: boolean }): Promise<T>;
  write<T>(work: (call: RunningCall) => Promise<T>): Promise<T>;
}

/** Parts of a call. */
export interface CallParts {
  readonly hub: Hub;
  readonly method: string;
  readonly session: CallerSession;
  readonly log: Logger;
  /** The call's transaction or snapshot, or the functions to open one. */
  readonly on: Connection | OwnTransactions;
  readonly effects: Effects;
  /** Returns a signal that aborts when the client disconnects or the hub stops. */
  readonly signal: () => AbortSignal;
  readonly client: Client;
  /** Whether the call is part of a multicall. */
  readonly isPart?: boolean;
}

function isConnection(on: Connection | OwnTransactions): on is Connection {
  return 'savepoint' in on;
}

/** Whether a call is over; a signal is made for calls that wait only, since it takes its time. */
class Ending {
  over = false;
  private controller: AbortController | null = null;

  signal(): AbortSignal {
    this.controller ??= new AbortController();
    if (this.over) this.controller.abort();
    return this.controller.signal;
  }

  end(): void {
    this.over = true;
    this.controller?.abort();
  }
}

/**
 * A call while its handler runs. It is open until its answer is written. A handler that continues after that, or a plugin's
 * late timer, gets an error instead of a finished transaction.
 */
export class RunningCall implements Call, Ambient {
  readonly hub: Hub;
  readonly method: string;
  readonly session: CallerSession;
  readonly log: Logger;
  readonly effects: Effects;
  private readonly ending: Ending;
  private eventId: Promise<number> | null = null;

  constructor(
    private readonly parts: CallParts,
    /** The call that this one is a step of, with more permissions: both end together and have one event. */
    private readonly outer: RunningCall | null = null,
  ) {
    this.ending = outer?.ending ?? new Ending();
    const { hub, method, session, log, effects } = parts;
    this.hub = hub;
    this.method = method;
    this.session = session;
    this.log = log;
    this.effects = effects;
  }

  get db(): Connection {
    this.checkOpen();
    const { on } = this.parts;
    if (!isConnection(on))
      throw new Error(`${this.method} has no transaction of its own: use call.read or call.write`);
    return on;
  }

  /** Ends the call; pending waits get false. */
  end(): void {
    this.ending.end();
  }

  /** The same call under another name and with effects and an event of its own: a part of a multicall. */
  part(method: string): RunningCall {
    return new RunningCall({ ...this.parts, method, effects: new Effects(this.log), isPart: true });
  }

  /** Whether it runs in a transaction or on a snapshot. */
  get inTransaction(): boolean {
    return isConnection(this.parts.on);
  }

  /** Runs work in the transaction of this call; a call without one opens one according to `access`. */
  within<T>(access: Access, work: (call: RunningCall) => Promise<T>): Promise<T> {
    this.checkOpen();
    const { on } = this.parts;
    if (access === 'none' || access === 'free' || isConnection(on)) return work(this);
    return access === 'write' ? on.write(work) : on.read(work, { long: access === 'read' });
  }

  get client(): Client {
    return this.parts.client;
  }

  event(): Promise<number> {
    if (this.outer) return this.outer.event();
    this.eventId ??= this.newEvent();
    return this.eventId;
  }

  nextEvent(): void {
    if (this.outer) this.outer.nextEvent();
    else this.eventId = null;
  }

  private async newEvent(): Promise<number> {
    const row = await this.db.get<{ id: number }>(
      sql`INSERT INTO events (time) VALUES (${now}) RETURNING id`,
    );
    if (!row) throw new Error('a new event has no id');
    return row.id;
  }

  runCallbacks<E extends CallbackName>(event: E, payload: CallbackPayloads[E]): Promise<void> {
    // Objects that a plugin may use without a declaration are not accessible to other plugins.
    return this.hub.callbacks.run(event, payload, this.outer ?? this);
  }

  async invoke(
    method: string,
    args: readonly unknown[] = [],
    keywords: Readonly<Record<string, unknown>> = {},
  ): Promise<unknown> {
    this.checkOpen();
    const served = this.hub.methods.get(method);
    if (!served) throw new GenericError(`Invalid method: ${method}`);
    // The caller does not choose the methods that a plugin calls during a method.
    const caller = currentPluginCode() ? this.session.forPlugin() : this.session;
    try {
      // Internal callers get a list where clients would get a stream of rows.
      return await this.within(served.declared.access, async (call) =>
        whole(await runMethod(served, { args, keywords }, call.as(caller), method)),
      );
    } catch (error) {
      noteThrower(error, served.plugin === undefined ? 'hub' : 'plugin');
      throw error;
    }
  }

  /** Returns this call with the permissions of the call that opened it. */
  private as(session: CallerSession): RunningCall {
    return session === this.session ? this : new RunningCall({ ...this.parts, session }, this.outer ?? this);
  }

  invokeUnchecked(
    method: string,
    args: readonly unknown[] = [],
    keywords: Readonly<Record<string, unknown>> = {},
  ): Promise<unknown> {
    const session = this.session.withAllPerms();
    return new RunningCall({ ...this.parts, session }, this.outer ?? this).invoke(method, args, keywords);
  }

  assertPolicy(name: string, data: Readonly<Record<string, unknown>>): Promise<void> {
    return this.hub.policies.assert(this, name, data);
  }

  get paths(): PathInfo {
    return this.hub.paths;
  }

  get options(): Readonly<Record<string, unknown>> {
    return this.hub.options;
  }

  pluginLog(plugin: string): Logger {
    return this.hub.logger(loggerOf(plugin));
  }

  get pluginDb(): PluginDatabase {
    if (!this.inTransaction)
      throw new GenericError(
        `${this.method} has no transaction, so that there is no context.db: declare it with access 'write', or call methods`,
      );
    const { db } = this;
    return {
      sql: (strings, ...values) => sql(strings, ...values.map(spliced)),
      all: (fragment) => db.all(own(fragment)),
      get: (fragment) => db.get(own(fragment)),
      run: (fragment) => db.run(own(fragment)),
      list: ({ columns, from, where = [], opts = null }) =>
        query(db, {
          columns: Object.fromEntries(Object.entries(columns).map(([name, column]) => [name, own(column)])),
          from: own(from),
          where: where.map(own),
          opts,
        }),
    };
  }

  makeTask(
    method: string,
    args: readonly unknown[],
    keywords: Readonly<Record<string, unknown>>,
    options: NewTask,
  ): Promise<number> {
    return this.within('write', (call) => makeTask(call, method, encodeArgs(args, keywords), { ...options }));
  }

  async enqueue(queue: string, topic: string, text: string): Promise<void> {
    await this.within('write', async (call) => {
      await putMessage(call.db, queue, topic, text);
      call.effects.afterCommit(() => this.hub.database.notify(outboxChannel));
    });
  }

  read<T>(work: (call: Call) => Promise<T>, options: { readonly long?: boolean } = {}): Promise<T> {
    this.checkOpen();
    return isConnection(this.parts.on) ? work(this) : this.parts.on.read(work, options);
  }

  write<T>(work: (call: Call) => Promise<T>): Promise<T> {
    this.checkOpen();
    return isConnection(this.parts.on) ? work(this) : this.parts.on.write(work);
  }

  async wait(channel: string, milliseconds: number): Promise<boolean> {
    if (this.parts.isPart || isConnection(this.parts.on)) return false;
    return this.hub.wake.wait(
      channel,
      milliseconds,
      AbortSignal.any([this.parts.signal(), this.ending.signal()]),
    );
  }

  afterCommit(action: () => unknown): void {
    this.checkOpen();
    this.effects.afterCommit(action);
  }

  onRollback(undo: () => unknown): void {
    this.checkOpen();
    this.effects.onRollback(undo);
  }

  beforeRollback(restore: (end: BadEnd) => unknown): void {
    this.checkOpen();
    this.effects.beforeRollback(restore);
  }

  private checkOpen(): void {
    if (this.ending.over) throw new Error(`the call of ${this.method} has ended`);
  }
}

/** Returns the database name of the running plugin's table; any other value unchanged. */
function spliced(value: unknown): SqlValue | Sql {
  const code = currentPluginCode();
  if (isPluginTable(value) && code) return id(pluginTableName(code.plugin, value.table));
  return value as SqlValue;
}

/** Returns a fragment made by {@link sql}, and refuses anything that only looks like one. */
function own(fragment: unknown): Sql {
  if (fragment instanceof Sql) return fragment;
  throw new GenericError('a plugin passed a value that context.db.sql did not make');
}
