import { GenericError } from '@koji/core';
import { CallerSession } from './auth/sessions.js';
import type { Call, Hub } from './call.js';
import { sql } from './db/sql.js';
import { createUser } from './domain/users/users.js';
import type { Caller, Transactions } from './server/transactions.js';

/** Work of the hub itself under the name of a user, with every permission. */
export interface OwnCalls {
  /** Runs work on a read-only snapshot, as nobody. */
  read<T>(work: (call: Call) => Promise<T>, options?: { readonly long?: boolean }): Promise<T>;
  /** Runs work in a transaction that commits when it resolves, as the user. */
  write<T>(work: (call: Call) => Promise<T>): Promise<T>;
}

/** The user of these calls. */
export interface Owner {
  /** Name of the work in logs. */
  readonly name: string;
  readonly user: string;
  /** Creates the user, who can't log in, when it is missing and something is to be written. */
  readonly makes: boolean;
  readonly signal: AbortSignal;
}

/** The caller of what the hub does by itself. */
export function ownCaller(signal: AbortSignal): Caller {
  return {
    credentials: () => ({ anonymous: '' }),
    address: '-',
    remote: '?:?',
    signal: () => signal,
    client: { address: '-', gone: () => false },
  };
}

/** Gives calls in the name of a user. */
export function openOwnCalls(
  hub: Hub,
  transactions: Transactions,
  { name, user, makes, signal }: Owner,
): OwnCalls {
  const caller = ownCaller(signal);
  const nobody = new CallerSession('-', 'the hub itself');
  const checked = (session: CallerSession) => ({ method: name, caller, session });
  let known: Promise<CallerSession> | null = null;
  const find = async (): Promise<CallerSession> => {
    const row = sql`SELECT id, name, status, usertype FROM users WHERE name = ${user}`;
    type User = NonNullable<CallerSession['user']>;
    const found =
      (await hub.database.read((db) => db.get<User>(row))) ??
      (makes
        ? await transactions.write(checked(nobody), async (call) => {
            await createUser(call, { name: user });
            return call.db.get<User>(row);
          })
        : null);
    if (!found) throw new GenericError(`No such user: ${user}`);
    return Object.assign(new CallerSession('-', ''), {
      loggedIn: true,
      userId: found.id,
      user: found,
      perms: new Set(['admin']),
    });
  };
  const session = (): Promise<CallerSession> => {
    known ??= find().catch((error: unknown) => {
      known = null;
      throw error;
    });
    return known;
  };
  return {
    read: (work, options) => transactions.without(checked(nobody), (call) => call.read(work, options)),
    write: async (work) => transactions.write(checked(await session()), work),
  };
}
