import { any, arg, bool, flag, list, method, nullable, shape } from './method.js';
import type { Methods } from './method.js';
import type { Named } from './types.js';

/** A type of files that builds may contain besides rpms. */
export interface ArchiveType extends Named {
  readonly description: string;
  /** Separated by spaces, without the leading dot. */
  readonly extensions: string;
  /** `zip`, `tar`, or null for files that are not archives of other files. */
  readonly compression_type: 'zip' | 'tar' | null;
}

/** Types of files that builds may contain besides rpms, and the build types that the hub allows. */
export const archiveTypeMethods = {
  getArchiveTypes: method({
    doc: 'Every type of archives.',
    needs: 'none',
    access: 'read',
    args: [],
    result: list(shape<ArchiveType>('archive type')),
  }),
  getArchiveType: method({
    doc: 'The type of archives by id, else by name, else by the extension of a file, of which the longest counts.',
    needs: 'none',
    access: 'read',
    args: [
      arg('filename', any<string | null>('str | null'), null),
      arg('type_name', any<string | null>('str | null'), null),
      arg('type_id', any<number | null>('int | null'), null),
      arg('strict', flag, false),
    ],
    result: nullable(shape<ArchiveType>('archive type')),
    faults: ['GenericError', 'ParameterError'],
  }),
  addArchiveType: method({
    doc: 'Add a type of archives; `extensions` are separated by spaces, `compression_type` is zip, tar or null.',
    needs: 'perm:admin',
    access: 'write',
    args: [
      arg('name', any<string>('str')),
      arg('description', any<string>('str')),
      arg('extensions', any<string>('str')),
      arg('compression_type', any<string | null>('str | null'), null),
    ],
    result: shape<null>('null'),
    faults: ['GenericError', 'ParameterError'],
  }),
  mavenEnabled: method({
    doc: 'Whether the hub allows Maven builds.',
    needs: 'none',
    access: 'free',
    args: [],
    result: bool,
  }),
  winEnabled: method({
    doc: 'Whether the hub allows Windows builds.',
    needs: 'none',
    access: 'free',
    args: [],
    result: bool,
  }),
} satisfies Methods;

/** Type of the declarations of this group. */
export type ArchiveTypeMethods = typeof archiveTypeMethods;
