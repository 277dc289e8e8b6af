import { lstat, open, readdir, rm, statfs } from 'node:fs/promises';
import path from 'node:path';
import { BR_STATES, TASK_STATES, messageOf } from '@koji/core';
import type { BuildrootInfo, TaskInfo } from '@koji/core/api';
import type { KojidOptions } from '@koji/core/config';
import { named } from '@koji/core/wire';
import type { Logger } from '@koji/core';
import type { HubSession } from '@koji/plugin-sdk';
import { mountsBelow, unmount } from './mounts.js';

/** A buildroot of which there is something on this host. */
export interface LocalRoot {
  readonly id: number;
  /** Mock's configuration of it. */
  readonly config: string;
  /** Its folder below mockdir; null when that is gone. */
  readonly folder: string | null;
  /** Seconds since 1970 when its root was last changed; null when that is gone. */
  readonly changed: number | null;
}

/** What {@link planCleanup} goes by. */
export interface CleanupFacts {
  /** What the hub knows of the buildroots, by id. */
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

/** What is to be done with a buildroot on this host: its content goes first, its folder and configuration later. */
export type Cleanup = 'keep' | 'empty' | 'remove';

/** Decides what is to be done with a buildroot that no task of this host uses. */
export function planCleanup(root: LocalRoot, facts: CleanupFacts, options: Delays): Cleanup {
  const known = facts.known.get(root.id);
  if (!known || known.retire_ts === null) return 'keep'; // nobody knows whether it is still needed
  const retired = facts.now - Number(known.retire_ts);
  const hasFailed = known.task_id !== null && facts.taskStates.get(known.task_id) === TASK_STATES.FAILED;
  if (hasFailed && facts.hasSpace && retired < options.failed_buildroot_lifetime) return 'keep';
  const age = root.changed === null ? retired : Math.min(retired, facts.now - root.changed);
  if (age > options.buildroot_final_cleanup_delay) return 'remove';
  return age > options.buildroot_basic_cleanup_delay && root.changed !== null ? 'empty' : 'keep';
}

/** What {@link cleanBuildroots} works with. */
export interface CleanupParts {
  readonly session: HubSession;
  readonly options: KojidOptions;
  readonly log: Logger;
  /** Whether a task runs on this host now. */
  readonly isRunning: (taskId: number) => boolean;
}

/** Expires this host's buildroots whose tasks have ended, and puts away what is on the disk of expired ones. */
export async function cleanBuildroots(parts: CleanupParts): Promise<void> {
  const { session, options, log } = parts;
  const active = await expireLeft(parts);
  const local = (await findLocal(options)).filter(({ id }) => !active.has(id));
  if (local.length === 0) return;
  const known = await session.listBuildroots(named({ buildrootID: local.map(({ id }) => id) }));
  const tasks = [...new Set(known.flatMap(({ task_id: id }) => (id === null ? [] : [id])))];
  const infos = tasks.length === 0 ? [] : ((await session.getTaskInfo(tasks)) as (TaskInfo | null)[]);
  const space = await statfs(options.mockdir);
  const facts: CleanupFacts = {
    known: new Map(known.map((one) => [one.id, one])),
    taskStates: new Map(infos.flatMap((info) => (info ? [[info.id, info.state]] : []))),
    now: Date.now() / 1000,
    hasSpace: (space.bavail * space.bsize) / 1024 / 1024 >= options.minspace,
  };
  for (const root of local) {
    if (!facts.known.has(root.id)) log.warn(`${root.config}: the hub knows no buildroot ${root.id}`);
    const action = planCleanup(root, facts, options);
    if (action !== 'keep') await clean(root, action, log);
  }
}

/** Expires what tasks left behind; answers the ids of those that are in use. */
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

async function findLocal({ mockconfigdir, mockdir }: KojidOptions): Promise<LocalRoot[]> {
  const names = await readdir(mockconfigdir).catch(() => []);
  const found: LocalRoot[] = [];
  for (const name of names.filter((one) => one.endsWith('.cfg'))) {
    const config = path.join(mockconfigdir, name);
    const head = await headOf(config);
    const id = /^# Koji buildroot id: (\d+)$/m.exec(head)?.[1];
    const root = /^# Koji buildroot name: ([^/\s]+)$/m.exec(head)?.[1];
    if (id === undefined || root === undefined || /^\.\.?$/.test(root)) continue;
    const folder = path.join(mockdir, root);
    const there = await lstat(folder).catch(() => null);
    const inner = await lstat(path.join(folder, 'root')).catch(() => null);
    found.push({
      id: Number(id),
      config,
      folder: there?.isDirectory() ? folder : null,
      changed: inner === null ? null : inner.mtimeMs / 1000,
    });
  }
  return found.sort((a, b) => a.id - b.id);
}

async function headOf(file: string): Promise<string> {
  const handle = await open(file, 'r').catch(() => null);
  if (handle === null) return '';
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(4096), 0, 4096, 0);
    return buffer.toString('utf8', 0, bytesRead);
  } finally {
    await handle.close();
  }
}

async function clean(root: LocalRoot, action: 'empty' | 'remove', log: Logger): Promise<void> {
  const folders = root.folder === null ? [] : [root.folder, `${root.folder}-bootstrap`];
  try {
    for (const folder of folders) {
      await unmount(folder);
      const left = await mountsBelow(folder);
      // What is mounted there belongs to somebody else.
      if (left.length > 0) throw new Error(`still mounted: ${left.join(', ')}`);
    }
    const victims =
      action === 'remove' ? [...folders, root.config] : (await Promise.all(folders.map(contentOf))).flat();
    if (victims.length === 0) return;
    for (const victim of victims) await rm(victim, { recursive: true, force: true });
    log.info(`buildroot ${root.id} is ${action === 'remove' ? 'removed' : 'emptied'}`);
  } catch (error) {
    log.warn(`buildroot ${root.id} stays: ${messageOf(error)}`);
  }
}

/** What takes the space: all that is in the root, and the results; mock's bootstrap calls those otherwise. */
async function contentOf(folder: string): Promise<string[]> {
  const below = async (name: string): Promise<string[]> => {
    const names = await readdir(path.join(folder, name)).catch(() => []);
    return names.map((one) => path.join(folder, name, one));
  };
  return (await Promise.all(['root', 'result', 'results'].map(below))).flat();
}
