/** Contents of the archives of builds. */
import { stat } from 'node:fs/promises';
import { GenericError } from '@koji/core';
import type { ArchiveFile, ArchiveInfo, BuildInfo } from '@koji/core/api';
import type { Call } from '../../call.js';
import { getArchive, getMavenArchive, getWinArchive, getImageArchive } from './archives.js';
import { getBuild } from '../builds/builds.js';
import { below } from '../files/files.js';
import { listTar } from './tar-listing.js';
import { listZip } from './zip-listing.js';

/**
 * The files in an archive; none when its file is not here.
 *
 * @throws GenericError for an archive that does not exist; if strict, also for one of an unsupported type
 */
export async function listArchiveFiles(
  call: Call,
  archiveId: number,
  strict: boolean,
): Promise<ArchiveFile[]> {
  const archive = await getArchive(call, archiveId);
  const file = await pathOf(call, archive, await getBuild(call, archive.build_id));
  const { compression_type: compression } = archive;
  if (compression !== 'zip' && compression !== 'tar') {
    if (strict) throw new GenericError(`Unsupported archive type: ${archive.type_name}`);
    return [];
  }
  const found = await stat(file).catch(() => null);
  if (!found?.isFile()) return [];
  const entries = compression === 'zip' ? await listZip(file) : await listTar(file);
  return entries.map((entry) => ({ archive_id: archiveId, ...entry }));
}

async function pathOf(call: Call, archive: ArchiveInfo, build: BuildInfo): Promise<string> {
  const { paths } = call.hub;
  const { id, btype, filename } = archive;
  if (btype === 'maven') {
    const info = await getMavenArchive(call, id);
    return `${paths.mavenbuild(build)}/${paths.mavenfile({ ...info, filename })}`;
  }
  if (btype === 'win') {
    const { relpath } = await getWinArchive(call, id);
    return `${paths.winbuild(build)}/${paths.winfile({ relpath, filename })}`;
  }
  if (btype === 'image') await getImageArchive(call, id);
  return below(paths.typedir(build, btype), filename);
}
