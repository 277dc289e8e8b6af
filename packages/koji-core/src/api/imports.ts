import { any, arg, dict, method, shape, str } from './method.js';
import type { Methods } from './method.js';
import { buildRef, nameOrId } from './types.js';
import type { BuildInfo, ImportedRpm } from './types.js';

const archiveArgs = [
  arg('filepath', str),
  arg('buildinfo', buildRef),
  arg('type', any<string>('str')),
  arg('typeInfo', dict),
] as const;

/** Imports of builds made elsewhere. */
export const importMethods = {
  importRPM: method({
    doc: 'Import an uploaded rpm; a source rpm makes its build when there is none.',
    needs: 'perm:admin',
    access: 'write',
    args: [arg('path', str), arg('basename', str)],
    result: shape<ImportedRpm>('imported rpm'),
    faults: ['GenericError'],
  }),
  importArchive: method({
    doc: 'Import an uploaded file of type maven, win or image into a build; needs the permission TYPE-import.',
    needs: 'none',
    access: 'write',
    args: archiveArgs,
    result: shape<null>('null'),
    faults: ['ActionNotAllowed', 'BuildError', 'GenericError', 'ImportError'],
  }),
  'host.importArchive': method({
    doc: 'As importArchive, for builders, without images.',
    needs: 'host',
    access: 'write',
    args: archiveArgs,
    result: shape<null>('null'),
    faults: ['BuildError', 'GenericError', 'ImportError'],
  }),
  CGInitBuild: method({
    doc: 'Reserve a build for a content generator that the caller may use.',
    needs: 'none',
    access: 'write',
    args: [arg('cg', nameOrId), arg('data', dict)],
    result: shape<{ build_id: number; token: string }>('struct(build_id, token)'),
    faults: ['AuthError', 'GenericError'],
  }),
  CGRefundBuild: method({
    doc: 'Give a reserved build back as failed (3) or canceled (4).',
    needs: 'none',
    access: 'write',
    args: [
      arg('cg', nameOrId),
      arg('build_id', buildRef),
      arg('token', any<string>('str')),
      arg('state', any<number>('int'), 3),
    ],
    result: shape<null>('null'),
    faults: ['AuthError', 'GenericError'],
  }),
  CGImport: method({
    doc: 'Import what a content generator built and uploaded to a folder, as its metadata says.',
    needs: 'none',
    access: 'write',
    args: [
      arg('metadata', any<string | Readonly<Record<string, unknown>> | null>('dict | str | null')),
      arg('directory', str),
      arg('token', any<string | null>('str | null'), null),
    ],
    result: shape<BuildInfo>('build'),
    faults: ['ActionNotAllowed', 'AuthError', 'BuildError', 'GenericError', 'ImportError', 'ParameterError'],
  }),
} satisfies Methods;

/** Type of the declarations of this group. */
export type ImportMethods = typeof importMethods;
