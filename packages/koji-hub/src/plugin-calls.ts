import { GenericError, USER_STATUS } from '@koji/core';
import type { PluginCode } from '@koji/plugin-sdk/host';
import { CallerSession, readRights } from './auth/sessions.js';
import type { Hub } from './call.js';
import { sql } from './db/sql.js';
import { createUser } from './domain/users/users.js';
import { ownCaller } from './own-calls.js';
import type { RunningCall } from './server/running-call.js';
import type { Checked, Transactions } from './server/transactions.js';

/** Calls of plugins that no client asked for: each in the name of its plugin's own user. */
export interface PluginCalls {
  /** Runs work in a transaction that commits when it resolves. */
  write<T>(code: PluginCode, work: (call: RunningCall) => Promise<T>): Promise<T>;
  /** Runs work without a transaction; calls that it makes have their own. */
  without<T>(code: PluginCode, work: (call: RunningCall) => Promise<T>): Promise<T>;
}

type User = NonNullable<CallerSession['user']>;

/** The name of the user that a plugin's own calls are in the name of; nobody logs in by it unless an admin lets them. */
export const userOfPlugin = (plugin: string): string => `plugin-${plugin}`;

/** Gives calls in the names of plugins. They have the permissions that were granted to their users. */
export function openPluginCalls(hub: Hub, transactions: Transactions, signal: AbortSignal): PluginCalls {
  const { database } = hub;
  const caller = ownCaller(signal);
  const checked = async ({ plugin, part }: PluginCode): Promise<Checked> => {
    const name = userOfPlugin(plugin);
    const method = `${part} of ${plugin}`;
    const query = sql`SELECT id, name, status, usertype FROM users WHERE name = ${name}`;
    const find = (): Promise<User | null> => database.read((db) => db.get<User>(query));
    const make = async (): Promise<User | null> => {
      const session = new CallerSession('-', 'the hub itself');
      await transactions.write({ method, caller, session }, (call) => createUser(call, { name }));
      return find();
    };
    const user = (await find()) ?? (await make());
    if (!user || user.status !== USER_STATUS.NORMAL)
      throw new GenericError(`user ${name}, in whose name ${method} runs, is blocked`);
    const rights = await database.read((db) => readRights(db, user.id));
    const known = { loggedIn: true, userId: user.id, user, ...rights };
    return { method, caller, session: Object.assign(new CallerSession('-', ''), known) };
  };
  return {
    write: async (code, work) => transactions.write(await checked(code), work),
    without: async (code, work) => transactions.without(await checked(code), work),
  };
}
