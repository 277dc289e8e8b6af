import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, readdirSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { ClientSession } from '../../session.js';
import { sessionOptions } from '../../profiles.js';
import type { ArgumentKind } from '../arguments.js';
import type { GlobalOptions } from '../global-options.js';
import { xdgFolder } from '../kept-sessions.js';

/** Seconds for which cached names are used. */
const timeToLive = 300;
/** Milliseconds after which the hub's answer is too late for a person who is typing. */
const patience = 1500;
/** Maximum number of names to request. */
const most = 300;

type Ask = (
  call: (method: string, args: readonly unknown[], named?: object) => Promise<unknown>,
  typed: string,
  tag: string,
) => Promise<unknown>;

const searched =
  (type: string): Ask =>
  (call, typed) =>
    call('search', [`${typed}*`, type, 'glob'], { queryOpts: { limit: most, order: 'name' } });

/** How to find names. Long lists are searched for the typed text, short ones are fetched completely. */
const asks: Readonly<Partial<Record<ArgumentKind, Ask>>> = {
  build: searched('build'),
  host: searched('host'),
  package: searched('package'),
  rpm: searched('rpm'),
  tag: searched('tag'),
  target: searched('target'),
  user: searched('user'),
  channel: (call) => call('listChannels', []),
  'content-generator': async (call) => Object.keys((await call('listCGs', [])) as object),
  'external-repo': (call) => call('listExternalRepos', []),
  group: (call, _, tag) => call('getTagGroups', [tag], { incl_pkgs: false, incl_reqs: false }),
  method: (call) => call('system.listMethods', []),
  permission: (call) => call('getAllPerms', []),
  task: (call) =>
    call('listTasks', [], { opts: { state: [0, 1, 4] }, queryOpts: { limit: 50, order: '-id' } }),
  volume: (call) => call('listVolumes', []),
};
const wholeLists = new Set<ArgumentKind>([
  'channel',
  'content-generator',
  'external-repo',
  'group',
  'method',
  'permission',
  'task',
  'volume',
]);
/** There are so many that a search needs at least one character. */
const shortestTyped: Readonly<Partial<Record<ArgumentKind, number>>> = { build: 1, rpm: 2 };

/** A name that is being typed. */
export interface TypedName {
  readonly kind: ArgumentKind;
  /** The beginning of the name. */
  readonly typed: string;
  /** The tag before it on the command line, whose groups are searched. */
  readonly tag?: string | undefined;
}

/**
 * Returns names at the hub that begin with the typed text, from the cache if it is fresh. None if the hub is slow or
 * unavailable.
 */
export async function hubNames(
  global: GlobalOptions,
  { kind, typed, tag = '' }: TypedName,
): Promise<string[]> {
  const ask = kind === 'group' && tag === '' ? undefined : asks[kind];
  // These are wildcards in a search, or end a word.
  if (!ask || /[*?[\]\s\\]/.test(typed) || typed.length < (shortestTyped[kind] ?? 0)) return [];
  const key = `${global.server}\0${kind}\0${kind === 'group' ? `${tag}\0` : ''}`;
  const names =
    cached(key, wholeLists.has(kind) ? '' : typed) ??
    (await fetchNames(global, (call) => ask(call, typed, tag)));
  if (!names.fresh) keep(key, wholeLists.has(kind) ? '' : typed, names.names);
  return names.names.filter((name) => name.startsWith(typed));
}

interface Found {
  readonly names: readonly string[];
  /** From the cache. */
  readonly fresh: boolean;
}

async function fetchNames(
  global: GlobalOptions,
  ask: (call: Parameters<Ask>[0]) => Promise<unknown>,
): Promise<Found> {
  const session = new ClientSession(global.server, {
    ...sessionOptions(global),
    ...(global.cert ? { cert: global.cert } : {}),
    maxRetries: 0,
    anonRetry: false,
    offlineRetry: false,
  });
  const options = { signal: AbortSignal.timeout(patience), retry: false };
  try {
    const answer = await ask((method, args, named = {}) => session.call(method, args, { ...named }, options));
    return { names: namesIn(answer), fresh: false };
  } finally {
    await session.close();
  }
}

/** Names of rows, ids of tasks, or plain names. */
function namesIn(answer: unknown): string[] {
  return (answer as (string | { readonly name?: string; readonly id?: number })[]).map((row) =>
    typeof row === 'string' ? row : (row.name ?? String(row.id ?? '')),
  );
}

const folder = (): string => path.join(xdgFolder('XDG_CACHE_HOME', '.cache'), 'names');
const fileOf = (key: string, typed: string): string =>
  path.join(
    folder(),
    `${createHash('sha256')
      .update(key + typed)
      .digest('hex')
      .slice(0, 24)}.json`,
  );

/** Returns the cached names for the typed text, or for a shorter one if its names were complete. */
function cached(key: string, typed: string): Found | null {
  for (let length = typed.length; length >= 0; length--) {
    const names = readFresh(fileOf(key, typed.slice(0, length)));
    if (names && (length === typed.length || names.length < most)) return { names, fresh: true };
  }
  return null;
}

function readFresh(file: string): string[] | null {
  try {
    const age = Date.now() - statSync(file).mtimeMs;
    return age < timeToLive * 1000 ? (JSON.parse(readFileSync(file, 'utf8')) as string[]) : null;
  } catch {
    return null;
  }
}

/** Without a cache completion is only slower. */
function keep(key: string, typed: string, names: readonly string[]): void {
  try {
    const file = fileOf(key, typed);
    mkdirSync(folder(), { recursive: true, mode: 0o700 });
    removeOld();
    const part = `${file}.${process.pid}`;
    writeFileSync(part, JSON.stringify(names), { mode: 0o600 });
    renameSync(part, file);
  } catch {
    // The disk may be full, or the home folder not ours.
  }
}

function removeOld(): void {
  for (const name of readdirSync(folder())) {
    const file = path.join(folder(), name);
    const { mtimeMs = Date.now() } = statSync(file, { throwIfNoEntry: false }) ?? {};
    if (Date.now() - mtimeMs > timeToLive * 1000) rmSync(file, { force: true });
  }
}
