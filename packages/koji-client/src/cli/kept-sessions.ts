import { createHash } from 'node:crypto';
import { mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import path from 'node:path';
import { ConfigError } from '@koji/core';
import type { SessionKey } from '@koji/core/api';
import { sessionOptions } from '../profiles.js';
import { ClientSession } from '../session.js';
import type { GlobalOptions } from './global-options.js';
import { readPrivateFile } from './private-files.js';

/** A login that `koji login` left for later commands. */
export interface KeptSession {
  /** The hub's address. */
  readonly server: string;
  readonly user: string;
  readonly session: SessionKey;
  /** When the user logged in, as ISO 8601. */
  readonly created: string;
}

/** How a command logs in. */
export type LoginWay =
  | { readonly by: 'none' | 'certificate' | 'password' | 'kerberos' }
  | { readonly by: 'token'; readonly token: string }
  | { readonly by: 'kept session'; readonly kept: KeptSession };

/** Returns a folder of the XDG base directories: `KOJI` below the variable's value, or below the default in the home folder. */
export function xdgFolder(variable: 'XDG_STATE_HOME' | 'XDG_CACHE_HOME', usual: string): string {
  const given = process.env[variable] ?? '';
  return path.join(path.isAbsolute(given) ? given : path.join(homedir(), usual), 'koji');
}

/** Returns the file with the kept session of a profile at its hub. */
export function keptSessionFile({ server, profile }: Pick<GlobalOptions, 'server' | 'profile'>): string {
  const name = profile.replace(/[^\w.-]/g, '_');
  const digest = createHash('sha256').update(`${profile}\0${server}`).digest('hex').slice(0, 12);
  return path.join(xdgFolder('XDG_STATE_HOME', '.local/state'), 'sessions', `${name}-${digest}.json`);
}

/**
 * Returns the kept session of the profile, or null.
 * @throws ConfigError for a file that other users can read, that belongs to another user, or that has no session
 */
export function readKeptSession(global: GlobalOptions): KeptSession | null {
  const file = keptSessionFile(global);
  const remedy = 'Remove the file and log in again.';
  const text = readPrivateFile(file, { what: 'session', remedy, isChosen: false });
  if (text === null) return null;
  const kept = parseKept(text);
  if (!kept) throw new ConfigError(`${file}: not a kept session. Remove the file and log in again.`);
  return kept;
}

function parseKept(text: string): KeptSession | null {
  try {
    const kept = JSON.parse(text) as Partial<KeptSession> | null;
    const { server, user, created, session } = kept ?? {};
    const isWhole = [server, user, created, session?.['session-key']].every(
      (value) => typeof value === 'string',
    );
    return isWhole && Number.isSafeInteger(session?.['session-id']) ? (kept as KeptSession) : null;
  } catch {
    return null;
  }
}

/** Writes the session of the profile to its file, which only the user can read. */
export function keepSession(global: GlobalOptions, kept: KeptSession): string {
  const file = keptSessionFile(global);
  mkdirSync(path.dirname(file), { recursive: true, mode: 0o700 });
  const part = `${file}.${process.pid}`;
  rmSync(part, { force: true });
  writeFileSync(part, `${JSON.stringify(kept)}\n`, { mode: 0o600, flag: 'wx' });
  renameSync(part, file);
  return file;
}

/** Removes the file of the profile's session; the session at the hub stays. */
export function removeKeptSession(global: GlobalOptions): void {
  rmSync(keptSessionFile(global), { force: true });
}

/** Ends a kept session at the hub, with the subsessions of all commands that use it. */
export async function endKeptSession(global: GlobalOptions, { session }: KeptSession): Promise<void> {
  const kept = new ClientSession(global.server, {
    ...sessionOptions(global),
    ...(global.cert ? { cert: global.cert } : {}),
    session,
  });
  try {
    // Without a call number, like all calls of the kept session itself.
    await kept.call('logout', [], {}, { aside: true, retry: false });
  } finally {
    await kept.close();
  }
}
