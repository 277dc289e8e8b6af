import { arg, flag, int, list, method, nullable, shape, str } from './method.js';
import type { Methods } from './method.js';
import { queryOpts } from './types.js';
import type {
  ArchiveFile,
  ArchiveInfo,
  ImageArchiveInfo,
  MavenArchiveInfo,
  WinArchiveInfo,
} from './types.js';

const archiveId = arg('archive_id', int);
const strict = arg('strict', flag, false);

/** Files of builds other than rpms, and their contents. */
export const archiveMethods = {
  getArchive: method({
    doc: 'An archive with what is known for its type.',
    needs: 'none',
    access: 'lookup',
    args: [archiveId, strict],
    result: nullable(shape<ArchiveInfo>('archive')),
    faults: ['GenericError'],
  }),
  getMavenArchive: method({
    doc: 'The Maven coordinates of an archive.',
    needs: 'none',
    access: 'lookup',
    args: [archiveId, strict],
    result: nullable(shape<MavenArchiveInfo>('maven archive')),
    faults: ['GenericError'],
  }),
  getWinArchive: method({
    doc: 'Path, platforms and flags of an archive of a Windows build.',
    needs: 'none',
    access: 'lookup',
    args: [archiveId, strict],
    result: nullable(shape<WinArchiveInfo>('windows archive')),
    faults: ['GenericError'],
  }),
  getImageArchive: method({
    doc: 'The architecture of an archive of an image build.',
    needs: 'none',
    access: 'lookup',
    args: [archiveId, strict],
    result: nullable(shape<ImageArchiveInfo>('image archive')),
    faults: ['GenericError'],
  }),
  listArchiveFiles: method({
    doc: 'The files in a zip or tar archive.',
    needs: 'none',
    access: 'read',
    args: [archiveId, arg('queryOpts', queryOpts, null), strict],
    result: list(shape<ArchiveFile>('file')),
    faults: ['GenericError'],
  }),
  getArchiveFile: method({
    doc: 'One file in a zip or tar archive.',
    needs: 'none',
    access: 'read',
    args: [archiveId, arg('filename', str), strict],
    result: nullable(shape<ArchiveFile>('file')),
    faults: ['GenericError'],
  }),
} satisfies Methods;

/** Type of the declarations of this group. */
export type ArchiveMethods = typeof archiveMethods;
