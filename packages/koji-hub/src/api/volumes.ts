import { GenericError } from '@koji/core';
import type { VolumeMethods } from '@koji/core/api';
import type { Handlers } from '../call.js';
import { lookupName } from '../domain/values/lookup.js';
import { sql } from '../db/sql.js';
import { applyVolumePolicy, moveBuildFiles } from '../domain/imports/volumes.js';
import { getBuild } from '../domain/builds/builds.js';
import { checkName } from '../domain/values/names.js';
import { plain } from '../domain/values/repr.js';
import { checkVolumeDirectory, listVolumes } from '../domain/builds/volumes.js';

/** Handlers of the methods about volumes. */
export const volumes: Handlers<VolumeMethods> = {
  async getVolume({ volume, strict }, call) {
    const found = await lookupName(call, 'volume', volume);
    if (!found && strict) throw new GenericError(`No such volume: ${plain(volume)}`);
    return found;
  },

  listVolumes: (_args, call) => listVolumes(call),

  async addVolume({ name, strict }, call) {
    checkName(call, name);
    await checkVolumeDirectory(call, name);
    if (strict && (await lookupName(call, 'volume', name)))
      throw new GenericError(`volume ${name} already exists`);
    return lookupName(call, 'volume', name, { create: true });
  },

  async removeVolume({ volume }, call) {
    const found = await lookupName(call, 'volume', volume, { strict: true });
    if (await call.db.get(sql`SELECT id FROM build WHERE volume_id = ${found.id} LIMIT 1`))
      throw new GenericError(`volume ${found.name} has build references`);
    await call.db.run(sql`DELETE FROM volume WHERE id = ${found.id}`);
    return null;
  },

  async changeBuildVolume({ build: buildInfo, volume, strict }, call) {
    const wanted = await lookupName(call, 'volume', volume, { strict: true });
    const build = await getBuild(call, buildInfo);
    if (build.volume_id !== wanted.id) await moveBuildFiles(call, build, wanted);
    else if (strict) throw new GenericError(`Build ${build.nvr} already on volume ${build.volume_name}`);
    return null;
  },

  async applyVolumePolicy({ build, strict }, call) {
    await applyVolumePolicy(call, await getBuild(call, build), strict);
    return null;
  },
};
