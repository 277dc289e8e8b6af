import { answersBy, any, arg, dict, flag, int, list, method, nullable, shape, str } from './method.js';
import type { AnswerRule, Methods } from './method.js';
import { buildRef, draftFilter, eventId, latestCount, nameOrId, queryOpts, rpmRef } from './types.js';
import type {
  RpmDependency,
  RpmFile,
  RpmInfo,
  RpmListItem,
  RpmSignature,
  TaggedBuild,
  TaggedRpm,
} from './types.js';

const id = nullable(int);
const arches = any<string | string[] | null>('str | list(str) | null');

/** A list if `multi` asks for every matching rpm; never null with `strict`. */
export interface RpmAnswer extends AnswerRule {
  readonly answer: this['args'] extends { readonly multi: true }
    ? RpmInfo[]
    : this['args'] extends { readonly strict: true }
      ? RpmInfo
      : RpmInfo | null;
}

/** Rpm files, their headers and signatures. */
export const rpmMethods = {
  getRPM: method({
    doc: 'An rpm by id, NVRA (with "@repo" for one of an external repository) or struct; with `multi` every one that fits.',
    needs: 'none',
    access: 'lookup',
    args: [arg('rpminfo', rpmRef), arg('strict', flag, false), arg('multi', flag, false)],
    result: nullable(shape<RpmInfo | RpmInfo[]>('rpm')),
    ...answersBy<RpmAnswer>(),
    faults: ['GenericError'],
  }),
  listRPMs: method({
    doc: 'Rpms by build, buildroot they were made or used in, image, host or architecture.',
    needs: 'none',
    access: 'read',
    args: [
      arg('buildID', id, null),
      arg('buildrootID', id, null),
      arg('imageID', id, null),
      arg('componentBuildrootID', id, null),
      arg('hostID', id, null),
      arg('arches', arches, null),
      arg('queryOpts', queryOpts, null),
      arg('draft', draftFilter, null),
    ],
    result: list(shape<RpmListItem>('rpm')),
    faults: ['GenericError'],
  }),
  listBuildRPMs: method({
    doc: 'The rpms of a build.',
    needs: 'none',
    access: 'read',
    args: [arg('build', buildRef)],
    result: list(shape<RpmListItem>('rpm')),
    faults: ['GenericError'],
  }),
  getRPMHeaders: method({
    doc: 'Fields of the header of an rpm, or of an rpm in the output of a task.',
    needs: 'none',
    access: 'read',
    args: [
      arg('rpmID', nullable(rpmRef), null),
      arg('taskID', id, null),
      arg('filepath', nullable(str), null),
      arg('headers', nullable(list(str)), null),
      arg('strict', flag, false),
    ],
    result: shape<Record<string, unknown>>('values by field'),
    faults: ['GenericError'],
  }),
  queryRPMSigs: method({
    doc: 'Stored signatures by rpm or key.',
    needs: 'none',
    access: 'read',
    args: [
      arg('rpm_id', nullable(rpmRef), null),
      arg('sigkey', nullable(str), null),
      arg('queryOpts', queryOpts, null),
    ],
    result: list(shape<RpmSignature>('signature')),
    faults: ['GenericError'],
  }),
  addRPMSig: method({
    doc: 'Store a signature header (base64) for an rpm.',
    needs: 'perm:sign',
    access: 'write',
    args: [arg('an_rpm', rpmRef), arg('data', str)],
    result: shape<null>('null'),
    faults: ['GenericError'],
  }),
  deleteRPMSig: method({
    doc: 'Forget signatures of an rpm, with their signed copies; the headers are kept as backups.',
    needs: 'perm:admin',
    access: 'write',
    args: [arg('rpminfo', rpmRef), arg('sigkey', nullable(str), null), arg('all_sigs', flag, false)],
    result: shape<null>('null'),
    faults: ['GenericError'],
  }),
  writeSignedRPM: method({
    doc: 'Write the copy of an rpm that carries a stored signature.',
    needs: 'perm:sign',
    access: 'write',
    args: [arg('an_rpm', rpmRef), arg('sigkey', str), arg('force', flag, false)],
    result: shape<null>('null'),
    faults: ['GenericError'],
  }),
  'host.writeSignedRPM': method({
    doc: 'As writeSignedRPM, for builders.',
    needs: 'host',
    access: 'write',
    args: [arg('an_rpm', rpmRef), arg('sigkey', str), arg('force', flag, false)],
    result: shape<null>('null'),
    faults: ['GenericError'],
  }),
  getRPMChecksums: method({
    doc: 'Checksums of the signed copies of an rpm; those that are not known yet are computed unless `cacheonly`.',
    needs: 'none',
    access: 'none',
    args: [
      arg('rpm_id', any<number>('int')),
      arg('checksum_types', any<string[] | null>('list(str) | null'), null),
      arg('cacheonly', flag, false),
    ],
    result: shape<Record<string, Record<string, string | null>>>('checksums by type by key'),
    faults: ['GenericError'],
  }),
  getRPMDeps: method({
    doc: 'The requirements, provides, obsoletes and other dependencies of an rpm, or only one kind.',
    needs: 'none',
    access: 'read',
    args: [
      arg('rpmID', rpmRef),
      arg('depType', id, null),
      arg('queryOpts', queryOpts, null),
      arg('strict', flag, false),
    ],
    result: list(shape<RpmDependency>('dependency')),
    faults: ['GenericError'],
  }),
  listRPMFiles: method({
    doc: 'The files in an rpm.',
    needs: 'none',
    access: 'read',
    args: [arg('rpmID', rpmRef), arg('queryOpts', queryOpts, null)],
    result: list(shape<RpmFile>('file')),
    faults: ['GenericError'],
  }),
  getRPMFile: method({
    doc: 'One file in an rpm.',
    needs: 'none',
    access: 'read',
    args: [arg('rpmID', rpmRef), arg('filename', str), arg('strict', flag, false)],
    result: shape<RpmFile | Record<string, never>>('file, or an empty struct'),
    faults: ['GenericError'],
  }),
  addExternalRPM: method({
    doc: 'Note an rpm of an external repository.',
    needs: 'perm:admin',
    access: 'write',
    args: [arg('rpminfo', dict), arg('external_repo', nameOrId), arg('strict', flag, true)],
    result: shape<null>('null'),
    faults: ['GenericError'],
  }),
  listTaggedRPMS: method({
    doc: 'The rpms of the builds in a tag, with those builds.',
    needs: 'none',
    access: 'read',
    args: [
      arg('tag', nameOrId),
      arg('event', eventId, null),
      arg('inherit', flag, false),
      arg('latest', latestCount, false),
      arg('package', any<string | null>('str | null'), null),
      arg('arch', arches, null),
      arg('rpmsigs', flag, false),
      arg('owner', any<string | null>('str | null'), null),
      arg('type', nullable(str), null),
      arg('strict', flag, true),
      arg('extra', flag, true),
      arg('draft', draftFilter, null),
    ],
    result: shape<[TaggedRpm[], TaggedBuild[]] | []>('list of rpms and list of builds'),
    faults: ['GenericError', 'ParameterError'],
  }),
  getLatestRPMS: method({
    doc: 'The rpms of the latest builds in a tag, inherited ones included, with those builds.',
    needs: 'none',
    access: 'read',
    args: [
      arg('tag', nameOrId),
      arg('package', any<string | null>('str | null'), null),
      arg('arch', arches, null),
      arg('event', eventId, null),
      arg('rpmsigs', flag, false),
      arg('type', nullable(str), null),
      arg('draft', draftFilter, null),
    ],
    result: shape<[TaggedRpm[], TaggedBuild[]]>('list of rpms and list of builds'),
    faults: ['GenericError', 'ParameterError'],
  }),
} satisfies Methods;

/** Type of the declarations of this group. */
export type RpmMethods = typeof rpmMethods;
