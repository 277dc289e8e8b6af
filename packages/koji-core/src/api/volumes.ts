import { any, arg, flag, list, method, nullable, shape } from './method.js';
import type { Methods } from './method.js';
import { buildRef, nameOrId } from './types.js';
import type { VolumeInfo } from './types.js';

/** File systems that builds are stored on. */
export const volumeMethods = {
  getVolume: method({
    doc: 'A volume by id or name.',
    needs: 'none',
    access: 'lookup',
    args: [arg('volume', nameOrId), arg('strict', flag, false)],
    result: nullable(shape<VolumeInfo>('volume')),
    faults: ['GenericError', 'ParameterError'],
  }),
  listVolumes: method({
    doc: 'All volumes.',
    needs: 'none',
    access: 'read',
    args: [],
    result: list(shape<VolumeInfo>('volume')),
  }),
  addVolume: method({
    doc: 'Register a volume whose directory (KojiDir/vol/NAME) already exists.',
    needs: 'perm:admin',
    access: 'write',
    args: [arg('name', any<string>('str')), arg('strict', flag, true)],
    result: shape<VolumeInfo>('volume'),
    faults: ['GenericError'],
  }),
  removeVolume: method({
    doc: 'Forget a volume that no build is on.',
    needs: 'perm:admin',
    access: 'write',
    args: [arg('volume', nameOrId)],
    result: shape<null>('null'),
    faults: ['GenericError', 'ParameterError'],
  }),
  changeBuildVolume: method({
    doc: 'Move the files of a build to another volume.',
    needs: 'perm:admin',
    access: 'write',
    args: [arg('build', buildRef), arg('volume', nameOrId), arg('strict', flag, true)],
    result: shape<null>('null'),
    faults: ['GenericError', 'ParameterError'],
  }),
  applyVolumePolicy: method({
    doc: 'Move the files of a build to the volume that the policy "volume" chooses; `strict` makes a policy that chooses none a fault.',
    needs: 'perm:admin',
    access: 'write',
    args: [arg('build', buildRef), arg('strict', flag, false)],
    result: shape<null>('null'),
    faults: ['GenericError'],
  }),
} satisfies Methods;

/** Type of the declarations of this group. */
export type VolumeMethods = typeof volumeMethods;
