import path from 'node:path';
import { encodeArgs, encodeCall, decodeResponse } from '@koji/core/wire';
import { hashPassword, testCost } from '../../src/auth/passwords.js';
import { putUser } from '../../src/commands.js';
import { makeConfig } from '../../src/config.js';
import type { Opened } from '../../src/db/database.js';
import { openHub, serve } from '../../src/hub.js';
import type { RunningHub } from '../../src/hub.js';
import type { DatabaseKind } from './databases.js';

/** A started hub with its database open beside it, for tests that look under HTTP. */
export interface RawHub extends Pick<RunningHub, 'url' | 'log' | 'stop'> {
  /** The address of the API. */
  readonly api: string;
  readonly folder: string;
  /** For `Database =`, relative to the folder. */
  readonly databaseUrl: string;
  readonly kojiDir: string;
  readonly database: Opened;
  /** Adds a user whose password is the name; with `slow` a login takes as long as in production. */
  addUser(name: string, options?: { admin?: boolean; slow?: boolean }): Promise<void>;
  /** Stops the hub and throws its database away. */
  drop(): Promise<void>;
}

export interface RawHubOptions {
  readonly options?: Readonly<Record<string, string>>;
  readonly policies?: Readonly<Record<string, string>>;
  /** Runs before the hub starts: files in its folder, say. */
  readonly prepare?: (folder: string) => Promise<void>;
}

/** Starts a hub with the admin `root`. */
export async function startRawHub(
  kind: DatabaseKind,
  { options = {}, policies = {}, prepare }: RawHubOptions = {},
): Promise<RawHub> {
  const made = await kind.create();
  const kojiDir = path.join(made.folder, 'store');
  const values = {
    Database: made.url,
    KojiDir: 'store',
    Listen: '127.0.0.1:0',
    LogFile: 'hub.log',
    ...options,
  };
  const config = makeConfig(made.folder, values, policies);
  try {
    await prepare?.(made.folder);
    const open = await openHub(config, { serves: true });
    const hub = await serve(open);
    const addUser: RawHub['addUser'] = (name, { admin = false, slow = false } = {}) => {
      const hash = (password: string) => hashPassword(password, slow ? undefined : testCost);
      const user = { password: name, permissions: admin ? ['admin'] : [], hash };
      return open.runOwn('add user', (call) => putUser(call, name, user));
    };
    await addUser('root', { admin: true });
    return {
      url: hub.url,
      log: hub.log,
      api: `${hub.url}/kojihub`,
      folder: made.folder,
      databaseUrl: made.url,
      kojiDir,
      database: await made.open(),
      addUser,
      stop: () => hub.stop(),
      async drop() {
        await hub.stop();
        await made.drop();
      },
    };
  } catch (error) {
    await made.drop();
    throw error;
  }
}

/** An answer: a value, or a fault's code and text. */
export type Outcome = { readonly value: unknown } | { readonly fault: readonly [number, string] };

/** Sends one call with these headers and nothing more. */
export async function post(
  url: string,
  method: string,
  args: readonly unknown[] = [],
  headers: Readonly<Record<string, string>> = {},
): Promise<Outcome> {
  const answer = await fetch(url, {
    method: 'POST',
    headers: { 'Content-Type': 'text/xml', ...headers },
    body: encodeCall(method, encodeArgs(args)),
  });
  return readOutcome(answer);
}

/** Reads the answer to a call or an upload. */
export async function readOutcome(answer: Response): Promise<Outcome> {
  if (answer.status !== 200) throw new Error(`HTTP ${answer.status}: ${await answer.text()}`);
  const read = decodeResponse(new Uint8Array(await answer.arrayBuffer()), { doubles: 'number' });
  return 'fault' in read ? { fault: [read.fault.faultCode, read.fault.faultString] } : { value: read.value };
}

/** A session's headers, without a call number unless one is given. */
export function headersOf(session: unknown, callnum?: number): Record<string, string> {
  const { 'session-id': id, 'session-key': key } = session as Record<string, string | number>;
  return {
    'Koji-Session-Id': String(id),
    'Koji-Session-Key': String(key),
    ...(callnum === undefined ? {} : { 'Koji-Session-Callnum': String(callnum) }),
  };
}

/** The value of an outcome; a fault fails the test. */
export function valueOf(outcome: Outcome): unknown {
  if ('fault' in outcome) throw new Error(`fault ${outcome.fault[0]}: ${outcome.fault[1]}`);
  return outcome.value;
}

/** Logs in; the password is the name. */
export async function loginAs(
  hub: RawHub,
  name: string,
  headers: Readonly<Record<string, string>> = {},
): Promise<unknown> {
  return valueOf(await post(hub.api, 'login', [name, name], headers));
}
