/** Rules by which folders of the store are too old to keep. */
import { lstat } from 'node:fs/promises';
import path from 'node:path';
import { TASK_STATES, listBelow } from '@koji/core';
import type { PathInfo } from '@koji/core';
import type { Connection } from '../db/connection.js';
import { anyOf, sql } from '../db/sql.js';
import type { KeepOption } from './old-rows.js';

/** A kind of folders that go when they are old enough. */
export interface FolderRule {
  readonly option: KeepOption;
  readonly what: string;
  /** The folders that go. */
  readonly find: (db: Connection, paths: PathInfo, before: Date) => Promise<string[]>;
}

const ended = [TASK_STATES.CLOSED, TASK_STATES.CANCELED, TASK_STATES.FAILED];

/** All rules for folders. */
export const folderRules: readonly FolderRule[] = [
  {
    option: 'KeepTaskFiles',
    what: 'logs and other files of ended tasks',
    find: (db, paths, before) =>
      ofTasks(db, path.join(paths.work(), 'tasks'), { before, name: /^(\d{1,9})$/ }),
  },
  {
    option: 'KeepScratchBuilds',
    what: 'files of scratch builds',
    find: (db, paths, before) => ofTasks(db, paths.scratch(), { before, name: /^task_(\d{1,9})$/ }),
  },
  {
    option: 'KeepUploads',
    what: 'uploads of the command that nothing became of',
    async find(_db, paths, before) {
      const found: string[] = [];
      for (const kind of await foldersIn(paths.work()))
        if (/^cli-/.test(path.basename(kind)))
          for (const folder of await foldersIn(kind)) if (await isOlder(folder, before)) found.push(folder);
      return found;
    },
  },
];

/** Finds the folders of tasks, one level below a folder, that ended before a moment. */
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
    const rows = await db.all<{ id: number }>(
      sql`SELECT id FROM task WHERE ${anyOf(sql`id`, [...folders.keys()])} AND ${anyOf(sql`state`, ended)}
          AND completion_time < ${before} ORDER BY id`,
    );
    for (const { id } of rows) unneeded.push(folders.get(id) ?? '');
  }
  return unneeded.filter(Boolean);
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
