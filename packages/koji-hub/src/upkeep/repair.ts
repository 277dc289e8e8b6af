/** Mends what can be mended in a file store without a decision by a person. */
import { cp, mkdir, rename, rm, rmdir, symlink } from 'node:fs/promises';
import path from 'node:path';
import { exists, syncPath } from '../domain/files/durable.js';
import type { Found, Site } from './problems.js';

/** Moves things of a store aside, into folders that belong to one repair. */
export class Repair {
  /** The name of the folder in the store and in each volume that things are moved to. */
  readonly folder: string;

  constructor(
    private readonly site: Site,
    now: Date = new Date(),
  ) {
    this.folder = `.fsck/${now.toISOString().replace(/[-:]|\.\d+/g, '')}`;
  }

  /** Repairs a problem if possible; returns a description worded to follow the path, or null. */
  async mend({ path: place, mend }: Found): Promise<string | null> {
    if (mend === null) return null;
    if (mend.by === 'rmdir') {
      await rmdir(place);
      await this.removeEmptyParents(place);
      return 'removed';
    }
    if (mend.by === 'aside') return this.putAside(place);
    const aside = (await exists(place)) ? await this.putAside(place) : null;
    await mkdir(path.dirname(place), { recursive: true });
    await symlink(mend.target, place);
    await syncPath(path.dirname(place));
    return aside === null ? 'link made' : `link made, the old one ${aside}`;
  }

  private async putAside(place: string): Promise<string> {
    const root = this.rootOf(place);
    const to = await freeName(path.join(root, this.folder, path.relative(root, place)));
    await mkdir(path.join(root, this.folder), { recursive: true, mode: 0o700 });
    await mkdir(path.dirname(to), { recursive: true });
    await move(place, to);
    await syncPath(path.dirname(to));
    await syncPath(path.dirname(place));
    await this.removeEmptyParents(place);
    return `moved to ${path.relative(this.site.paths.topdir, to)}`;
  }

  /** The folder of the volume, or the store, that a path is in. */
  private rootOf(place: string): string {
    const { paths, volumes } = this.site;
    const volume = volumes.find(
      (name) => name !== 'DEFAULT' && place.startsWith(`${paths.volumedir(name)}/`),
    );
    return paths.volumedir(volume ?? null);
  }

  /** Removes the folders that a change left empty, up to the one at the top of the volume. */
  private async removeEmptyParents(place: string): Promise<void> {
    const root = this.rootOf(place);
    const isBelowTop = (folder: string): boolean => path.relative(root, folder).includes('/');
    for (let folder = path.dirname(place); isBelowTop(folder); folder = path.dirname(folder)) {
      const removed = await rmdir(folder).then(
        () => true,
        () => false,
      );
      if (!removed) return;
    }
  }
}

async function freeName(wanted: string): Promise<string> {
  for (let number = 0; ; number += 1) {
    const name = number === 0 ? wanted : `${wanted}.${number}`;
    if (!(await exists(name))) return name;
  }
}

/** A folder at the top of the store may be on another file system. */
async function move(from: string, to: string): Promise<void> {
  try {
    await rename(from, to);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EXDEV') throw error;
    const options = { recursive: true, verbatimSymlinks: true, preserveTimestamps: true } as const;
    await cp(from, to, { ...options, force: false, errorOnExist: true });
    await rm(from, { recursive: true });
  }
}
