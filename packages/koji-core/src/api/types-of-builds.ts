import { answersBy, any, arg, dict, flag, int, list, method, nullable, shape, str } from './method.js';
import type { AnswerRule, Methods } from './method.js';
import { buildRef, queryOpts } from './types.js';
import type { ArchiveInfo, BuildTypeInfo, ImageBuildInfo, MavenBuildInfo, WinBuildInfo } from './types.js';

const id = nullable(int);

/** Archives with the fields of the requested type. */
export interface ArchivesAnswer extends AnswerRule {
  readonly answer: this['args'] extends { readonly queryOpts: { readonly countOnly: true } }
    ? number
    : this['args'] extends { readonly type: infer T }
      ? T extends 'maven'
        ? TypedArchive<'group_id' | 'artifact_id' | 'version'>[]
        : T extends 'win'
          ? TypedArchive<'relpath' | 'platforms'>[]
          : ArchiveInfo[]
      : ArchiveInfo[];
}

type TypedArchive<K extends keyof ArchiveInfo> = ArchiveInfo & Required<Pick<ArchiveInfo, K>>;

/** Build types other than rpm, and the files of these types. */
export const buildTypeMethods = {
  listBTypes: method({
    doc: 'Build types, maybe only the one of a name or id.',
    needs: 'none',
    access: 'read',
    args: [arg('query', nullable(dict), null), arg('queryOpts', queryOpts, null)],
    result: list(shape<BuildTypeInfo>('build type')),
  }),
  addBType: method({
    doc: 'Add a build type.',
    needs: 'perm:admin',
    access: 'write',
    args: [arg('name', any<string>('str'))],
    result: shape<null>('null'),
    faults: ['GenericError'],
  }),
  getBuildType: method({
    doc: 'The types of a build, each with what is known for that type.',
    needs: 'none',
    access: 'lookup',
    args: [arg('buildInfo', buildRef), arg('strict', flag, false)],
    result: nullable(shape<Record<string, unknown>>('type info by type')),
    faults: ['GenericError'],
  }),
  getMavenBuild: method({
    doc: 'The Maven coordinates of a build.',
    needs: 'none',
    access: 'lookup',
    args: [arg('buildInfo', buildRef), arg('strict', flag, false)],
    result: nullable(shape<MavenBuildInfo>('maven build')),
    faults: ['GenericError'],
  }),
  getWinBuild: method({
    doc: 'The Windows platform of a build.',
    needs: 'none',
    access: 'lookup',
    args: [arg('buildInfo', buildRef), arg('strict', flag, false)],
    result: nullable(shape<WinBuildInfo>('windows build')),
    faults: ['GenericError'],
  }),
  getImageBuild: method({
    doc: 'Whether a build is one of images.',
    needs: 'none',
    access: 'lookup',
    args: [arg('buildInfo', buildRef), arg('strict', flag, false)],
    result: nullable(shape<ImageBuildInfo>('image build')),
    faults: ['GenericError'],
  }),
  createMavenBuild: method({
    doc: 'Note the Maven coordinates of a build, which is made when it is given as a struct and not there.',
    needs: 'perm:maven-import',
    access: 'write',
    args: [arg('build_info', buildRef), arg('maven_info', any('dict'))],
    result: shape<null>('null'),
    faults: ['BuildError', 'GenericError'],
  }),
  createWinBuild: method({
    doc: 'Note the Windows platform of a build, which is made when it is given as a struct and not there.',
    needs: 'perm:win-import',
    access: 'write',
    args: [arg('build_info', buildRef), arg('win_info', any('dict'))],
    result: shape<null>('null'),
    faults: ['GenericError'],
  }),
  createImageBuild: method({
    doc: 'Note that a build is one of images; it is made when it is given as a struct and not there.',
    needs: 'perm:image-import',
    access: 'write',
    args: [arg('build_info', buildRef)],
    result: shape<null>('null'),
    faults: ['GenericError'],
  }),
  listArchives: method({
    doc: 'Files of builds other than rpms: by build, buildroot, host, type, name, size or checksum.',
    needs: 'none',
    access: 'read',
    args: [
      arg('buildID', id, null),
      arg('buildrootID', id, null),
      arg('componentBuildrootID', id, null),
      arg('hostID', id, null),
      arg('type', nullable(str), null),
      arg('filename', nullable(str), null),
      arg('size', id, null),
      arg('checksum', nullable(str), null),
      arg('checksum_type', id, null),
      arg('typeInfo', nullable(dict), null),
      arg('queryOpts', queryOpts, null),
      arg('imageID', id, null),
      arg('archiveID', id, null),
      arg('strict', flag, false),
    ],
    result: list(shape<ArchiveInfo>('archive')),
    ...answersBy<ArchivesAnswer>(),
    faults: ['GenericError', 'ParameterError'],
  }),
} satisfies Methods;

/** Type of the declarations of this group. */
export type BuildTypeMethods = typeof buildTypeMethods;
