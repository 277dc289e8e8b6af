import path from 'node:path';
import { faultFromWire, faultToWire } from '@koji/core';
import type { HubConfig } from '@koji/core/config';
import { decodeResponse, encodeArgs, encodeCall } from '@koji/core/wire';
import { hashPassword, testCost } from '../../src/auth/passwords.js';
import { makeConfig } from '../../src/config.js';
import type { Database } from '../../src/db/connection.js';
import { sql } from '../../src/db/sql.js';
import { startHub } from '../../src/hub.js';
import type { DatabaseKind } from './databases.js';

/** Calls the hub over HTTP in one session. */
export interface Caller {
  (method: string, args?: readonly unknown[], named?: object): Promise<unknown>;
  /** The builder's id. */
  readonly hostId: number | null;
}

/** A hub of the test's own, in this process, on a database and a folder of its own. */
export interface TestHub {
  readonly url: string;
  readonly kojiDir: string;
  /** Its configuration, at the port that it took. */
  readonly config: HubConfig;
  /** The hub's database through a connection of the test's own, for rows that no method makes yet. */
  readonly database: Database;
  readonly anonymous: Caller;
  /** Logs a user in, and creates the user if necessary. */
  login(name: string): Promise<Caller>;
  /** Makes a builder with an exclusive session. */
  builder(name: string, arches: string[]): Promise<Caller>;
  /** Stops the hub and leaves its database and files as they are. */
  halt(): Promise<void>;
  stop(): Promise<void>;
}

/** The code and text of the fault that a call ends with. */
export async function faultOf(call: Promise<unknown>): Promise<[number, string]> {
  const error = await call.then(
    () => null,
    (thrown: unknown) => thrown,
  );
  if (error === null) throw new Error('the call answered, a fault was expected');
  const { faultCode, faultString } = faultToWire(error);
  return [faultCode, faultString];
}

/** Further options of a hub. */
export interface TestHubParts {
  readonly policies?: Readonly<Record<string, string>>;
  /** Runs before the hub starts: files in its folder, say. */
  readonly prepare?: (folder: string) => Promise<void>;
}

/** Starts a hub with the admin `kojiadmin`; every password is the user's name. */
export async function startTestHub(
  kind: DatabaseKind,
  options: Readonly<Record<string, string>> = {},
  { policies = {}, prepare }: TestHubParts = {},
): Promise<TestHub> {
  const database = await kind.create();
  await prepare?.(database.folder);
  const kojiDir = path.join(database.folder, 'koji');
  const values = {
    Database: database.url,
    KojiDir: kojiDir,
    Listen: '127.0.0.1:0',
    LogLevel: 'ERROR',
    // Tests make the tasks and repos that they are about themselves.
    RepoManager: 'external',
    // A process that is busy for a minute must not find its next call on a connection that the hub closes at that moment.
    KeepAliveTimeout: '3600',
    ...options,
  };
  const hub = await startHub(makeConfig(database.folder, values, policies));
  const config = makeConfig(database.folder, { ...values, Listen: new URL(hub.url).host }, policies);
  const api = `${hub.url}/kojihub`;
  const aside = await database.open();
  const setPassword = async (name: string): Promise<void> => {
    const password = await hashPassword(name, testCost);
    await aside.write((db) => db.run(sql`UPDATE users SET password = ${password} WHERE name = ${name}`));
  };
  await aside.write(async (db) => {
    await db.run(sql`INSERT INTO users (name, status, usertype) VALUES ('kojiadmin', 0, 0)`);
    await db.run(sql`INSERT INTO events (time) VALUES (${new Date()})`);
    await db.run(
      sql`INSERT INTO user_perms (user_id, perm_id, create_event, creator_id)
          SELECT users.id, permissions.id, (SELECT max(id) FROM events), users.id FROM users, permissions
          WHERE users.name = 'kojiadmin' AND permissions.name = 'admin'`,
    );
  });
  await setPassword('kojiadmin');
  const anonymous = callerOf(api);
  const open = async (name: string): Promise<Caller> => {
    const session = (await anonymous('login', [name, name])) as Record<string, string | number>;
    return callerOf(api, session);
  };
  const admin = await open('kojiadmin');
  return {
    url: api,
    kojiDir,
    config,
    database: aside,
    anonymous,
    async login(name) {
      if ((await admin('getUser', [name])) === null) {
        await admin('createUser', [name]);
        await setPassword(name);
      }
      return open(name);
    },
    async builder(name, arches) {
      const hostId = (await admin('addHost', [name, arches])) as number;
      await setPassword(name);
      const caller = await open(name);
      await caller('exclusiveSession');
      return Object.assign(caller, { hostId });
    },
    halt: () => hub.stop(),
    async stop() {
      await hub.stop();
      await database.drop();
    },
  };
}

function callerOf(url: string, session?: Readonly<Record<string, string | number>>): Caller {
  let callnum = 0;
  const call = async (
    method: string,
    args: readonly unknown[] = [],
    named: object = {},
  ): Promise<unknown> => {
    const login: Record<string, string> = session
      ? {
          'Koji-Session-Id': String(session['session-id']),
          'Koji-Session-Key': String(session['session-key']),
          'Koji-Session-Callnum': String(callnum++),
        }
      : {};
    const answer = await fetch(url, {
      method: 'POST',
      headers: { 'Content-Type': 'text/xml', ...login },
      body: encodeCall(method, encodeArgs(args, named as Record<string, unknown>)),
    });
    const message = decodeResponse(new Uint8Array(await answer.arrayBuffer()), { doubles: 'number' });
    if ('fault' in message) throw faultFromWire(message.fault.faultCode, message.fault.faultString);
    return message.value;
  };
  return Object.assign(call, { hostId: null });
}
