import { lstat, realpath, stat, symlink } from 'node:fs/promises';
import path from 'node:path';
import { GenericError } from '@koji/core';
import type { VolumeInfo } from '@koji/core/api';
import type { Call } from '../../call.js';
import { sql } from '../../db/sql.js';

/** All volumes; the one without a directory of its own, DEFAULT, has id 0. */
export function listVolumes(call: Call): Promise<VolumeInfo[]> {
  return call.db.all<VolumeInfo>(sql`SELECT id, name FROM volume ORDER BY id`);
}

/**
 * Checks that the directory of a volume exists and that its `toplink` leads back to KojiDir, which the relative links of repos
 * need; creates a missing link.
 */
export async function checkVolumeDirectory(call: Call, name: string): Promise<void> {
  const directory = call.hub.paths.volumedir(name);
  const found = await stat(directory).catch(() => null);
  if (!found?.isDirectory()) throw new GenericError('please create the volume directory first');
  const toplink = path.join(directory, 'toplink');
  const link = await lstat(toplink).catch(() => null);
  if (!link) {
    const target = call.hub.paths.topdir;
    call.log.warn(`No toplink for volume. Creating ${toplink} -> ${target}`);
    await symlink(target, toplink);
    return;
  }
  if (!link.isSymbolicLink()) throw new GenericError(`Not a symlink: ${toplink}`);
  const target = await realpath(toplink).catch(() => null);
  if (target === null) throw new GenericError(`Broken volume toplink: ${toplink}`);
  if (target !== (await realpath(call.hub.paths.topdir)))
    throw new GenericError(`Invalid volume toplink: ${toplink}`);
}
