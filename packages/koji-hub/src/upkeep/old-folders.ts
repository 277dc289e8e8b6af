/** Rules by which folders of the store are too old to keep. */
import { lstat } from 'node:fs/promises';
import path from 'node:path';
import { listBelow } from '@koji/core';
import type { PathInfo } from '@koji/core';
import type { Connection } from '../db/connection.js';
import { anyOf, sql } from '../db/sql.js';
import type { KeepOption } from './old-rows.js';
import { ended } from './old-tasks.js';

/** A kind of folders that go when they are old enough. */
export interface FolderRule {
  readonly option: KeepOption;
  readonly what: string;
  /** The folders that go. */
  readonly find: (db: Connection, paths: PathInfo, before: Date) => Promise<string[]>;
}

/** All rules for folders. */
export const folderRules: readonly FolderRule[] = [
  {
    option: 'KeepTaskFiles',
    what: 'logs and other files of ended tasks',
    find: (db, paths, before) =>
      onVolumes(db, (volume) =>
        ofTasks(db, path.join(paths.work(volume), 'tasks'), { before, name: /^(\d{1,9})$/ }),
      ),
  },
  {
    option: 'KeepScratchBuilds',
    what: 'files of scratch builds',
    find: (db, paths, before) => ofTasks(db, paths.scratch(), { before, name: /^task_(\d{1,9})$/ }),
  },
  {
    option: 'KeepUploads',
    what: 'uploads of the command that nothing became of',
    find: (db, paths, before) => onVolumes(db, (volume) => oldUploads(paths.work(volume), before)),
  },
];

/** Finds folders on each volume. */
async function onVolumes(db: Connection, find: (volume: string) => Promise<string[]>): Promise<string[]> {
  const volumes = await db.all<{ name: string }>(sql`SELECT name FROM volume ORDER BY id`);
  const found: string[] = [];
  for (const { name } of volumes) found.push(...(await find(name)));
  return found;
}

async function oldUploads(work: string, before: Date): Promise<string[]> {
  const found: string[] = [];
  for (const kind of await foldersIn(work))
    if (/^cli-/.test(path.basename(kind)))
      for (const folder of await foldersIn(kind)) if (await isOlder(folder, before)) found.push(folder);
  return found;
}

/**
 * Finds the folders of tasks, one level below a folder, that ended before a moment. Those of a task whose row is gone count from
 * their last change.
 */
async function ofTasks(
  db: Connection,
  top: string,
  { before, name }: { readonly before: Date; readonly name: RegExp },
): Promise<string[]> {
  const unneeded: string[] = [];
  for (const group of await foldersIn(top)) {
    const folders = new Map(
      (await foldersIn(group)).flatMap((folder) => {
        const id = name.exec(path.basename(folder))?.[1];
        return id === undefined ? [] : [[Number(id), folder] as const];
      }),
    );
    if (folders.size === 0) continue;
    const rows = await db.all<{ id: number; goes: number }>(
      sql`SELECT id, CASE WHEN ${anyOf(sql`state`, ended)} AND completion_time < ${before} THEN 1 ELSE 0 END AS goes
          FROM task WHERE ${anyOf(sql`id`, [...folders.keys()])}`,
    );
    const known = new Map(rows.map(({ id, goes }) => [id, goes === 1]));
    for (const [id, folder] of folders)
      if (known.get(id) ?? (await isOlder(folder, before))) unneeded.push(folder);
  }
  return unneeded;
}

async function foldersIn(folder: string): Promise<string[]> {
  const entries = await listBelow(folder, '').catch(() => []);
  return entries.filter((entry) => entry.isDirectory()).map(({ name }) => path.join(folder, name));
}

/** Whether a folder and what is directly in it was last changed before a moment. */
async function isOlder(folder: string, before: Date): Promise<boolean> {
  const entries = await listBelow(folder, '').catch(() => null);
  if (entries === null) return false;
  for (const name of ['', ...entries.map((entry) => entry.name)]) {
    const found = await lstat(path.join(folder, name)).catch(() => null);
    if (!found || found.mtimeMs >= before.getTime()) return false;
  }
  return true;
}
