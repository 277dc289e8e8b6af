import { GenericError, ParameterError } from '@koji/core';
import type { BuildrootMethods } from '@koji/core/api';
import type { Handlers } from '../call.js';
import { assertMavenEnabled } from '../domain/builds/types.js';
import {
  listBuildrootRpms,
  setBuildrootRpms,
  updateBuildrootArchives,
  updateBuildrootRpms,
} from '../domain/rpms/buildroot-contents.js';
import {
  assertOwnBuildroot,
  assertUsedBuildroot,
  findBuildroot,
  getBuildroot,
  knownBuildroot,
  listBuildroots,
  newBuildroot,
  setBuildrootState,
} from '../domain/rpms/buildroots.js';
import { checkList, checkStruct, toArches, toInt, truthy } from '../domain/values/convert.js';
import { updateMavenBuildroot } from '../domain/imports/maven-buildroots.js';
import { findRepo } from '../domain/repos/repos.js';
import { assertHostHasTask } from '../domain/task-records/open-tasks.js';

/** Handlers of the methods about buildroots. */
export const buildroots: Handlers<BuildrootMethods> = {
  listBuildroots: (filter, call) => listBuildroots(call, filter),

  getBuildroot: ({ buildrootID, strict }, call) =>
    (strict ? getBuildroot : findBuildroot)(call, toInt(buildrootID)),

  async getBuildrootListing({ id }, call) {
    await knownBuildroot(call, id);
    return listBuildrootRpms(call, id);
  },

  async 'host.newBuildRoot'({ repo: repoId, arch, task_id: taskId }, call) {
    const hostId = call.session.assertHost();
    if (taskId === null) throw new ParameterError('a buildroot is made for a task: task_id is missing');
    await assertHostHasTask(call, taskId, hostId);
    const arches = toArches(arch);
    if (!(await findRepo(call, repoId))) throw new GenericError(`No such repo: ${repoId}`);
    return newBuildroot(call, { hostId, repoId, taskId, arch: arches });
  },

  async 'host.setBuildRootState'({ brootid, state, task_id: taskId }, call) {
    const buildroot = await assertOwnBuildroot(call, brootid, taskId);
    await setBuildrootState(call, buildroot, state);
    return null;
  },

  async 'host.setBuildRootList'({ brootid, rpmlist, task_id: taskId }, call) {
    await setBuildrootRpms(call, await assertUsedBuildroot(call, brootid, taskId), rpmlist);
    return null;
  },

  async 'host.updateBuildRootList'({ brootid, rpmlist, task_id: taskId }, call) {
    await updateBuildrootRpms(call, await assertUsedBuildroot(call, brootid, taskId), rpmlist);
    return null;
  },

  async 'host.updateBuildrootArchives'({ brootid, task_id: taskId, archives, project }, call) {
    const buildroot = await assertOwnBuildroot(call, brootid, taskId);
    checkList(archives);
    const ids = archives.map((archive) => {
      checkStruct(archive);
      return toInt(archive.id);
    });
    await updateBuildrootArchives(call, buildroot, { ids, isProject: truthy(project) });
    return null;
  },

  async 'host.updateMavenBuildRootList'({ brootid, task_id: taskId, mavenlist: list, ...about }, call) {
    assertMavenEnabled(call);
    await updateMavenBuildroot(call, await assertOwnBuildroot(call, brootid, taskId), {
      list,
      ignore: about.ignore,
      isProject: truthy(about.project),
      ignoreUnknown: truthy(about.ignore_unknown),
      extraDeps: about.extra_deps,
    });
    return null;
  },
};
