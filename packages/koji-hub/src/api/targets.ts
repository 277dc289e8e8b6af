import { GenericError } from '@koji/core';
import type { TargetMethods } from '@koji/core/api';
import type { Handlers } from '../call.js';
import { truthy } from '../domain/values/convert.js';
import { plain } from '../domain/values/repr.js';
import { createTarget, deleteTarget, editTarget, listTargets } from '../domain/tagging/targets.js';

/** Handlers of the methods about build targets. */
export const targets: Handlers<TargetMethods> = {
  async createBuildTarget({ name, build_tag: build, dest_tag: dest }, call) {
    await createTarget(call, name, { build, dest });
    return null;
  },

  async editBuildTarget({ buildTargetInfo: info, name, build_tag: build, dest_tag: dest }, call) {
    await editTarget(call, info, name, { build, dest });
    return null;
  },

  async deleteBuildTarget({ buildTargetInfo: info }, call) {
    await deleteTarget(call, info);
    return null;
  },

  async getBuildTarget({ info, event, strict }, call) {
    // Koji looks at all targets when none is named, and answers the only one.
    const [found, ...others] = await listTargets(call, { info: truthy(info) ? info : null, event });
    if (found && others.length === 0) return found;
    if (strict) throw new GenericError(`No such build target: ${plain(info)}`);
    return null;
  },

  getBuildTargets: ({ info, event, buildTagID, destTagID, queryOpts }, call) =>
    listTargets(call, {
      info: truthy(info) ? info : null,
      event,
      buildTag: buildTagID,
      destTag: destTagID,
      opts: queryOpts,
    }),
};
