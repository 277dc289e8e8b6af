import { lstat, mkdir, statfs } from 'node:fs/promises';
import path from 'node:path';
import { BR_STATES, TASK_STATES, inFolderBelow, listBelow, messageOf } from '@koji/core';
import type { BuildrootInfo } from '@koji/core/api';
import type { KojidOptions } from '@koji/core/config';
import { named } from '@koji/core/wire';
import type { Logger } from '@koji/core';
import type { HubSession } from '@koji/plugin-sdk';
import { mountsBelow, unmount } from './mounts.js';
import { noteFile, readNotes, removeNote, type RootNote } from './notes.js';
import { removeTrees } from './remove.js';
import { removeOldBases } from './sandbox/base.js';
import { asRootWords } from './userns.js';

/** A buildroot of which there is something on this host. */
export interface LocalRoot extends Omit<RootNote, 'folder'> {
  /** Its folder; null when that is gone. */
  readonly folder: string | null;
  /** Seconds since 1970 when its root was last changed; null when that is gone. */
  readonly changed: number | null;
}

/** Input of {@link planCleanup}. */
export interface CleanupFacts {
  /** The hub's data about the buildroots, by id. */
  readonly known: ReadonlyMap<number, Pick<BuildrootInfo, 'retire_ts' | 'task_id'>>;
  /** The states of their tasks. */
  readonly taskStates: ReadonlyMap<number, number>;
  /** Seconds since 1970. */
  readonly now: number;
  /** Whether there is room to keep what failed tasks left. */
  readonly hasSpace: boolean;
}

type Delays = Pick<
  KojidOptions,
  'buildroot_basic_cleanup_delay' | 'buildroot_final_cleanup_delay' | 'failed_buildroot_lifetime'
>;

/** Action for a buildroot on this host: its contents are removed first, its folder and configuration later. */
export type Cleanup = 'keep' | 'empty' | 'remove';

/** Decides what is to be done with a buildroot that no task of this host uses. */
export function planCleanup(
  root: Pick<LocalRoot, 'id' | 'changed'>,
  facts: CleanupFacts,
  options: Delays,
): Cleanup {
  const known = facts.known.get(root.id);
  if (!known || known.retire_ts === null) return 'keep'; // nobody knows whether it is still needed
  const retired = facts.now - Number(known.retire_ts);
  const hasFailed = known.task_id !== null && facts.taskStates.get(known.task_id) === TASK_STATES.FAILED;
  if (hasFailed && facts.hasSpace && retired < options.failed_buildroot_lifetime) return 'keep';
  const age = root.changed === null ? retired : Math.min(retired, facts.now - root.changed);
  if (age > options.buildroot_final_cleanup_delay) return 'remove';
  return age > options.buildroot_basic_cleanup_delay && root.changed !== null ? 'empty' : 'keep';
}

/** Dependencies of {@link cleanBuildroots}. */
export interface CleanupParts {
  readonly session: HubSession;
  readonly options: KojidOptions;
  readonly log: Logger;
  /** Whether a task runs on this host now. */
  readonly isRunning: (taskId: number) => boolean;
  /** The last message about each remaining buildroot, by id, so that it is not repeated. */
  readonly told?: Map<number, string>;
}

/** Expires this host's buildroots whose tasks have ended, and removes the files of expired ones. */
export async function cleanBuildroots(parts: CleanupParts): Promise<void> {
  const { session, options, log } = parts;
  const active = await expireLeft(parts);
  const all = await findLocal(options);
  const bases = new Set(all.flatMap(({ base }) => (base === null ? [] : [base])));
  for (const name of await removeOldBases(options, bases, options.buildroot_final_cleanup_delay))
    log.info(`removed ${name}: no buildroot has needed it for a while`);
  const local = all.filter(({ id }) => !active.has(id));
  if (local.length === 0) return;
  const known = await session.listBuildroots(named({ buildrootID: local.map(({ id }) => id) }));
  const tasks = [...new Set(known.flatMap(({ task_id: id }) => (id === null ? [] : [id])))];
  const infos = tasks.length === 0 ? [] : await session.getTaskInfo(tasks);
  const space = await statfs(options.mockdir).catch((error: unknown) => {
    // Without the folder there are no roots either, only their configurations.
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return { bavail: 0, bsize: 0 };
    throw error;
  });
  const facts: CleanupFacts = {
    known: new Map(known.map((one) => [one.id, one])),
    taskStates: new Map(infos.flatMap((info) => (info ? [[info.id, info.state]] : []))),
    now: Date.now() / 1000,
    hasSpace: (space.bavail * space.bsize) / 1024 / 1024 >= options.minspace,
  };
  for (const root of local) {
    if (!facts.known.has(root.id)) {
      const strange = `${noteFile(options, root.id)}: the hub knows no buildroot ${root.id}`;
      if (parts.told?.get(root.id) !== strange) log.warn(strange);
      parts.told?.set(root.id, strange);
    }
    const action = planCleanup(root, facts, options);
    if (action !== 'keep') await clean(root, action, parts);
  }
}

/** Expires buildroots that tasks left behind; returns the ids of those in use. */
async function expireLeft({ session, log, isRunning }: CleanupParts): Promise<Set<number>> {
  const state = [BR_STATES.INIT, BR_STATES.WAITING, BR_STATES.BUILDING];
  const hostID = await session.host.getID();
  const unexpired = await session.listBuildroots(named({ hostID, state }));
  const active = new Set<number>();
  for (const { id, task_id: task } of unexpired) {
    active.add(id); // also one that is expired only now: it is for the next time
    if (task !== null && isRunning(task)) continue;
    log.info(`expiring buildroot ${id}: ${task === null ? 'it has no task' : `task ${task} has ended`}`);
    await session.host.setBuildRootState(id, BR_STATES.EXPIRED);
  }
  return active;
}

async function findLocal(options: KojidOptions): Promise<LocalRoot[]> {
  return Promise.all(
    (await readNotes(options)).map(async (note) => {
      const there = await lstat(note.folder).catch(() => null);
      const inner = await lstat(path.join(note.folder, 'root')).catch(() => null);
      return {
        ...note,
        folder: there?.isDirectory() ? note.folder : null,
        changed: inner === null ? null : inner.mtimeMs / 1000,
      };
    }),
  );
}

async function clean(
  root: LocalRoot,
  action: 'empty' | 'remove',
  { log, told, options }: CleanupParts,
): Promise<void> {
  const { folder, backend } = root;
  const folders = folder === null ? [] : [folder, ...(backend === 'mock' ? [`${folder}-bootstrap`] : [])];
  try {
    for (const one of folders) {
      await unmount(one);
      const left = await mountsBelow(one);
      // Mounts there belong to somebody else.
      if (left.length > 0) throw new Error(`still mounted: ${left.join(', ')}`);
    }
    if (action === 'remove') {
      const files = [...folders, ...(root.config === null ? [] : [root.config])];
      await removeTrees(files, undefined, backend === 'mock' ? [] : asRootWords());
      await removeNote(options, root.id);
    } else if (!(await (backend === 'mock' ? emptyAll(folders) : emptyOwn(folders)))) return;
    log.info(`buildroot ${root.id} is ${action === 'remove' ? 'removed' : 'emptied'}`);
    told?.delete(root.id);
  } catch (error) {
    const problem = messageOf(error);
    // Said once, not every minute.
    if (told?.get(root.id) !== problem) log.warn(`buildroot ${root.id} stays: ${problem}`);
    told?.set(root.id, problem);
  }
}

/** Removes everything that one of our back ends created; nothing inside a buildroot can change its folder itself. */
async function emptyOwn(folders: readonly string[]): Promise<boolean> {
  const full: string[] = [];
  for (const folder of folders)
    for (const entry of await listBelow(path.dirname(folder), path.basename(folder)))
      full.push(path.join(folder, entry.name));
  if (full.length === 0) return false;
  await removeTrees(full, undefined, asRootWords());
  return true;
}

/** Takes away what takes the space: all that is in the roots, and the results; mock's bootstrap calls those otherwise. */
async function emptyAll(folders: readonly string[]): Promise<boolean> {
  let changed = false;
  for (const folder of folders) {
    const full: string[] = [];
    for (const name of ['root', 'result', 'results'])
      if ((await contentOf(folder, name)) > 0) full.push(name);
    if (full.length === 0) continue;
    changed = true;
    await inFolderBelow(path.dirname(folder), path.basename(folder), 'refuse', async (held) => {
      // As a path that a program finds, too.
      await removeTrees(
        full.map((name) => `./${name}`),
        held.replace('/self/', `/${process.pid}/`),
      );
      for (const name of full) await mkdir(path.join(held, name));
    });
  }
  return changed;
}

/** How many entries a folder has; a link counts as something to be removed. */
async function contentOf(folder: string, name: string): Promise<number> {
  const there = await lstat(path.join(folder, name)).catch(() => null);
  if (there === null) return 0;
  if (!there.isDirectory()) return 1;
  return (await listBelow(path.dirname(folder), path.join(path.basename(folder), name))).length;
}
