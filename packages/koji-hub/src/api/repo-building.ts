import type { RepoBuildingMethods } from '@koji/core/api';
import type { Handlers } from '../call.js';
import { toInt, truthy } from '../domain/values/convert.js';
import { moveDistRepo, requestDistRepo } from '../domain/repos/dist-repo.js';
import { finishRepo } from '../domain/repos/done.js';
import { beginRepo } from '../domain/repos/init.js';
import { toIntOrNull } from '../domain/repos/repos.js';

/** Handlers of what makes repositories. */
export const repoBuilding: Handlers<RepoBuildingMethods> = {
  distRepo: ({ tag, keys, keywords }, call) => requestDistRepo(call, tag, keys, keywords),

  'host.repoInit': ({ tag, task_id: taskId, event, opts }, call) =>
    beginRepo(call, tag, { taskId: toIntOrNull(taskId), event: toIntOrNull(event), opts }),

  async 'host.repoDone'({ repo_id: repoId, data, expire, repo_json_updates: updates }, call) {
    await finishRepo(call, toInt(repoId), { data, expire: truthy(expire), updates });
    return null;
  },

  async 'host.distRepoMove'({ repo_id: repoId, uploadpath: uploads, arch }, call) {
    await moveDistRepo(call, toInt(repoId), { uploads, arch });
    return null;
  },
};
