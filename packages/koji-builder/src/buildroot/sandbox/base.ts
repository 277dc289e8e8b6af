import { spawn } from 'node:child_process';
import { createHash, randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { mkdir, readdir, rename, stat, utimes, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { BuildrootError, messageOf } from '@koji/core';
import type { ExitStatus } from '@koji/plugin-sdk';
import { outputOf } from '@koji/plugin-sdk/host';
import type { KojidOptions } from '@koji/core/config';
import { rootsFolder } from '../notes.js';
import { removeTrees } from '../remove.js';
import { asRootWords } from '../userns.js';
import type { PackageSource } from './dnf.js';

type Places = Pick<KojidOptions, 'rootsdir' | 'workdir'>;

/** Where roots to begin with are kept: a repo never changes, so each is made once. */
export const basesFolder = (places: Places): string => path.join(rootsFolder(places), 'bases');
/** Where dnf keeps what it downloads, a folder a repo and arch. */
export const cacheFolder = (places: Places, repoId: number, arch: string): string =>
  path.join(rootsFolder(places), 'cache', `${repoId}-${arch}`);

/** The folder of the root with a group's packages, which may not exist yet. */
export function baseFolder(
  places: Places,
  {
    repoId,
    arch,
    group,
    source,
  }: {
    readonly repoId: number;
    readonly arch: string;
    readonly group: string;
    readonly source: Pick<PackageSource, 'repoLines' | 'releasever' | 'forcearch' | 'urls'>;
  },
): string {
  const { repoLines, releasever, forcearch, urls } = source;
  const about = JSON.stringify([group, repoLines, releasever, forcearch, urls]);
  const mark = createHash('sha256').update(about).digest('hex').slice(0, 12);
  return path.join(basesFolder(places), `${repoId}-${arch}-${mark}`);
}

/**
 * Makes a base unless it exists. It gets its name only when it is complete, so one that was broken off is never used. While
 * one task makes it, others that need it wait.
 *
 * @param install fills an empty root
 * @returns how the program that failed ended; null when there is a base
 */
export async function ensureBase(
  base: string,
  install: (root: string) => Promise<ExitStatus>,
): Promise<ExitStatus | null> {
  if (await touch(base)) return null;
  await mkdir(path.dirname(base), { recursive: true });
  return whileLocked(`${base}.lock`, async () => ((await touch(base)) ? null : makeBase(base, install)));
}

async function makeBase(
  base: string,
  install: (root: string) => Promise<ExitStatus>,
): Promise<ExitStatus | null> {
  const part = `${base}.part-${randomUUID()}`;
  const root = path.join(part, 'root');
  try {
    // Where the kernel's file systems are mounted, also when no package has these folders.
    for (const name of ['dev', 'proc', 'sys', 'tmp', 'var/tmp'])
      await mkdir(path.join(root, name), { recursive: true, mode: name.endsWith('tmp') ? 0o1777 : 0o755 });
    const status = await install(root);
    if (!status.success) return status;
    await writeFile(path.join(part, 'complete'), '');
    await rename(part, base).catch(async (error: unknown) => {
      if (!(await touch(base))) throw error;
    });
    return null;
  } finally {
    await removeTrees([part], undefined, asRootWords());
  }
}

/** Does something while no other process holds the lock. It is free again when this process ends, however that happens. */
async function whileLocked<T>(lock: string, work: () => Promise<T>): Promise<T> {
  // Prints a line when it has the lock, and holds it until its input ends.
  const holder = spawn('flock', [lock, '/bin/sh', '-c', 'echo; exec cat'], {
    stdio: ['pipe', 'pipe', 'ignore'],
  });
  const ended = once(holder, 'close').then(() => false);
  // Without flock there is no `close` to wait for.
  const failed = once(holder, 'error').then(([error]) => {
    throw new BuildrootError(`could not lock ${lock}: ${messageOf(error)}`);
  });
  failed.catch(() => undefined);
  try {
    const has = await Promise.race([once(holder.stdout, 'data').then(() => true), ended, failed]);
    if (!has) throw new BuildrootError(`could not lock ${lock}: flock ended without the lock`);
    return await work();
  } finally {
    holder.stdin.end();
    await Promise.race([ended, failed.catch(() => undefined)]);
  }
}

/** Records that a base is being used; returns false if it does not exist. */
async function touch(base: string): Promise<boolean> {
  const now = new Date();
  return utimes(path.join(base, 'complete'), now, now).then(
    () => true,
    () => false,
  );
}

/**
 * Removes bases and downloads that no buildroot needs and none has used for a while.
 *
 * @param used the bases of buildroots on this host
 * @param age seconds since the last use
 * @returns the names of what was removed
 */
export async function removeOldBases(
  places: Places,
  used: ReadonlySet<string>,
  age: number,
): Promise<string[]> {
  const removed: string[] = [];
  for (const folder of [basesFolder(places), path.join(rootsFolder(places), 'cache')]) {
    for (const name of await readdir(folder).catch(() => [])) {
      const place = path.join(folder, name);
      if (used.has(place)) continue;
      const found = await stat(path.join(place, 'complete')).catch(() => stat(place).catch(() => null));
      if (found === null || Date.now() - found.mtimeMs < age * 1000) continue;
      if (name.endsWith('.lock')) {
        // Not while somebody has it: another would then get a lock of the same name.
        await outputOf(['flock', '--nonblock', place, 'rm', '-f', place]);
        continue;
      }
      // First out of the way, all at once, so that nobody starts to use what is half gone.
      const gone = `${place}.part-${randomUUID()}`;
      await rename(place, gone);
      await removeTrees([gone], undefined, asRootWords());
      removed.push(name);
    }
  }
  return removed;
}
