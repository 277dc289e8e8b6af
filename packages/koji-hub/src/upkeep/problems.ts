/** Problems of a file store, as its checks find them. */
import { stat } from 'node:fs/promises';
import path from 'node:path';
import { PathInfo } from '@koji/core';
import type { HubConfig } from '@koji/core/config';
import { storeOf } from '../config.js';
import type { Database } from '../db/connection.js';
import { sql } from '../db/sql.js';

/**
 * Kinds of problems: a file or folder in the database is missing; one exists that the database does not know; a file has
 * another size or other content; work was interrupted; a symbolic link leads elsewhere or is missing.
 */
export type ProblemKind = 'missing' | 'extra' | 'size' | 'checksum' | 'half-done' | 'link';

/** Repair of a problem: moving a path aside, removing an empty folder, creating a link. */
export type Mend =
  | { readonly by: 'aside' }
  | { readonly by: 'rmdir' }
  | { readonly by: 'link'; readonly target: string }
  | null;

/** A problem that a check has found. */
export interface Found {
  readonly kind: ProblemKind;
  /** Absolute. */
  readonly path: string;
  readonly text: string;
  /** Null for a problem that only a person can mend. */
  readonly mend: Mend;
}

/** A store with its database, while it is checked. */
export interface Site {
  readonly database: Database;
  readonly paths: PathInfo;
  /** Whether the content of files is left unread. */
  readonly quick: boolean;
  /** All volumes by name. */
  readonly volumes: readonly string[];
  readonly counts: { builds: number; repos: number; tasks: number };
}

/** Rows, or entries of folders, that are looked at together. */
export const batchSize = 200;

/** Opens a store for checks. */
export async function siteOf(config: HubConfig, database: Database, quick: boolean): Promise<Site> {
  const rows = await database.read((db) =>
    db.all<{ name: string }>(sql`SELECT name FROM volume ORDER BY id`),
  );
  const volumes = rows.map(({ name }) => name);
  return {
    database,
    paths: new PathInfo(storeOf(config)),
    quick,
    volumes,
    counts: { builds: 0, repos: 0, tasks: 0 },
  };
}

/** Whether a name is one that the hub gives to something that it sets aside for a moment. */
export function isHalfDone(name: string): boolean {
  return /^\..+\.[0-9a-f]{12}$/.test(name);
}

/** A problem with a file that was set aside and never removed. */
export function halfDone(place: string): Found {
  return {
    kind: 'half-done',
    path: place,
    text: 'is left over from a change that was cut off',
    mend: { by: 'aside' },
  };
}

/** A problem with something that the database does not know. */
export function extra(place: string, text: string): Found {
  return { kind: 'extra', path: place, text, mend: { by: 'aside' } };
}

/** A problem with an empty folder. */
export function emptyFolder(place: string): Found {
  return { kind: 'extra', path: place, text: 'is an empty folder', mend: { by: 'rmdir' } };
}

/** Splits what comes one by one into lists of {@link batchSize}. */
export async function* batchesOf<T>(items: AsyncIterable<T>): AsyncGenerator<T[], void, void> {
  let batch: T[] = [];
  for await (const item of items) {
    batch.push(item);
    if (batch.length < batchSize) continue;
    yield batch;
    batch = [];
  }
  if (batch.length > 0) yield batch;
}

/**
 * Judges items and reports only the problems that a second look finds too, since a hub that serves changes rows and files
 * between the look at one and at the other.
 */
export async function* confirmed<T>(
  items: readonly T[],
  judge: (items: readonly T[]) => Promise<readonly (readonly Found[])[]>,
): AsyncGenerator<Found, void, void> {
  const first = await judge(items);
  const doubtful = items.filter((_, i) => (first[i]?.length ?? 0) > 0);
  if (doubtful.length === 0) return;
  const second = await judge(doubtful);
  const seen = new Set(first.flat().map(keyOf));
  for (const found of second.flat()) if (seen.has(keyOf(found))) yield found;
}

const keyOf = ({ kind, path: place }: Found): string => `${kind} ${place}`;

/** Whether a path leads to a folder, through links too. */
export async function isFolder(place: string): Promise<boolean> {
  return (await stat(place).catch(() => null))?.isDirectory() ?? false;
}

/** The path of a place below KojiDir, for reports. */
export function shownPath({ paths }: Site, place: string): string {
  return path.relative(paths.topdir, place);
}
