import { GenericError } from '@koji/core';
import type { ArchiveMethods } from '@koji/core/api';
import type { Handlers } from '../call.js';
import { applyOpts } from '../db/rows.js';
import { listArchiveFiles } from '../domain/archives/files.js';
import {
  findArchive,
  findImageArchive,
  findMavenArchive,
  findWinArchive,
  getArchive,
  getImageArchive,
  getMavenArchive,
  getWinArchive,
} from '../domain/archives/archives.js';

/** Handlers of the methods about single archives. */
export const archives: Handlers<ArchiveMethods> = {
  getArchive: ({ archive_id: id, strict }, call) => (strict ? getArchive : findArchive)(call, id),
  getMavenArchive: ({ archive_id: id, strict }, call) =>
    (strict ? getMavenArchive : findMavenArchive)(call, id),
  getWinArchive: ({ archive_id: id, strict }, call) => (strict ? getWinArchive : findWinArchive)(call, id),
  getImageArchive: ({ archive_id: id, strict }, call) =>
    (strict ? getImageArchive : findImageArchive)(call, id),

  async listArchiveFiles({ archive_id: id, queryOpts, strict }, call) {
    return applyOpts(await listArchiveFiles(call, id, strict), queryOpts);
  },

  async getArchiveFile({ archive_id: id, filename, strict }, call) {
    const found = (await listArchiveFiles(call, id, strict)).find(({ name }) => name === filename);
    if (!found && strict) throw new GenericError(`No such file: ${filename} in archive#${id}`);
    return found ?? null;
  },
};
