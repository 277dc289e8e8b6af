import type { BuildingMethods } from '@koji/core/api';
import type { Handlers } from '../call.js';
import {
  completeImageBuild,
  completeMavenBuild,
  completeWinBuild,
  importImages,
} from '../domain/imports/archive-builds.js';
import { beginBuild, beginNextBuild, buildOfTask } from '../domain/imports/beginning.js';
import { completeRpmBuild, failBuild, importWrapperRpms } from '../domain/imports/completion.js';
import {
  addImageBuild,
  addMavenBuild,
  addWinBuild,
  assertMavenEnabled,
  assertWinEnabled,
} from '../domain/builds/types.js';
import { addBuildType, getBuild } from '../domain/builds/builds.js';
import { checkList, checkStruct, isStruct, toInt } from '../domain/values/convert.js';
import { isId } from '../domain/values/ids.js';
import { checkText } from '../domain/values/names.js';
import {
  brmapIn,
  idIn,
  logsIn,
  ownWrapperRpmsIn,
  pathsIn,
  structIn,
  textsIn,
  wrapperRpmsIn,
} from '../domain/imports/results.js';
import {
  moveRpmsToScratch,
  moveTaskFiles,
  moveWrapperRpms,
  scratchFolder,
} from '../domain/imports/scratch.js';
import { mergeScratch } from '../domain/imports/scratch-merge.js';
import { assertHostBuild, assertTaskBuild } from '../domain/tasks/ownership.js';
import { assertTaskHost } from '../domain/task-records/open-tasks.js';

/** Handlers of what builders call to begin a build, to hand in what they made, and to end it. */
export const building: Handlers<BuildingMethods> = {
  async 'host.initBuild'({ data }, call) {
    call.session.assertHost();
    checkStruct(data);
    const task = await assertTaskHost(call, toInt(data.task_id));
    const buildId = await beginBuild(call, buildOfTask(task, data));
    await addBuildType(call, buildId, 'rpm');
    return buildId;
  },

  async 'host.completeBuild'({ task_id: taskId, build_id: buildId, srpm, rpms, brmap, logs }, call) {
    await assertTaskHost(call, taskId);
    if (brmap !== null) checkStruct(brmap);
    checkText(srpm);
    checkList(rpms);
    return completeRpmBuild(call, {
      taskId,
      buildId,
      srpm,
      rpms: pathsIn(rpms, 'rpms'),
      brmap: brmapIn(brmap ?? {}),
      logs: logs === null ? null : logsIn(logs),
    });
  },

  async 'host.failBuild'({ task_id: taskId, build_id: buildId }, call) {
    await assertTaskHost(call, taskId);
    await failBuild(call, taskId, buildId);
    return null;
  },

  async 'host.moveBuildToScratch'({ task_id: taskId, srpm, rpms, logs }, call) {
    const task = await assertTaskHost(call, taskId);
    checkText(srpm);
    const built = { srpm, rpms: pathsIn(rpms, 'rpms'), logs: logsIn(logs ?? {}) };
    await moveRpmsToScratch(call, task, built);
    return null;
  },

  mergeScratch: ({ task_id: taskId }, call) => mergeScratch(call, taskId),

  async 'host.initMavenBuild'({ task_id: taskId, build_info: info, maven_info: maven }, call) {
    assertMavenEnabled(call);
    const data = { ...buildOfTask(await assertTaskHost(call, taskId), info), release: null };
    const id = await beginNextBuild(call, data);
    await addMavenBuild(call, id, maven);
    return { ...data, id };
  },

  async 'host.createMavenBuild'({ build_info: info, maven_info: maven }, call) {
    const hostId = call.session.assertHost();
    assertMavenEnabled(call);
    const build = await getBuild(call, info);
    // Koji lets every builder do this with an imported build, which belongs to no task.
    if (build.task_id !== null) await assertHostBuild(call, hostId, build);
    await addMavenBuild(call, build.id, maven);
    return null;
  },

  async 'host.completeMavenBuild'(
    { task_id: taskId, build_id: buildId, maven_results: results, rpm_results: wrapped },
    call,
  ) {
    assertMavenEnabled(call);
    await completeMavenBuild(call, { task: await assertTaskHost(call, taskId), buildId, results, wrapped });
    return null;
  },

  async 'host.moveMavenBuildToScratch'({ task_id: taskId, results, rpm_results: wrapped }, call) {
    assertMavenEnabled(call);
    const task = await assertTaskHost(call, taskId);
    const folder = await scratchFolder(call, task.owner, task.id);
    const made = structIn(results, 'results');
    const byFolder = logsIn(made.files);
    const files = Object.entries(byFolder).flatMap(([below, names]) =>
      names.map((name) => (below ? `${below}/${name}` : name)),
    );
    await moveTaskFiles(call, idIn(made, 'task_id'), {
      files: [...files, ...textsIn(made, 'logs')],
      folder,
      of: task,
    });
    const wrapper = wrapperRpmsIn(wrapped);
    if (wrapper) await moveWrapperRpms(call, wrapper, { folder, of: task });
    return null;
  },

  async 'host.importWrapperRPMs'({ task_id: taskId, build_id: buildId, rpm_results: wrapped }, call) {
    assertMavenEnabled(call);
    const task = await assertTaskHost(call, taskId);
    await importWrapperRpms(call, task, buildId, ownWrapperRpmsIn(wrapped, taskId));
    return null;
  },

  async 'host.initWinBuild'({ task_id: taskId, build_info: info, win_info: win }, call) {
    assertWinEnabled(call);
    const data = buildOfTask(await assertTaskHost(call, taskId), info);
    const id = await beginBuild(call, data);
    await addWinBuild(call, id, win);
    return { ...data, id };
  },

  async 'host.completeWinBuild'({ task_id: taskId, build_id: buildId, results, rpm_results: wrapped }, call) {
    assertWinEnabled(call);
    await completeWinBuild(call, { task: await assertTaskHost(call, taskId), buildId, results, wrapped });
    return null;
  },

  async 'host.moveWinBuildToScratch'({ task_id: taskId, results, rpm_results: wrapped }, call) {
    assertWinEnabled(call);
    const task = await assertTaskHost(call, taskId);
    const folder = await scratchFolder(call, task.owner, task.id);
    const made = structIn(results, 'results');
    const files = [...Object.keys(structIn(made.output, 'output')), ...textsIn(made, 'logs')];
    await moveTaskFiles(call, idIn(made, 'task_id'), { files, folder, of: task });
    const wrapper = wrapperRpmsIn(wrapped);
    if (wrapper) await moveWrapperRpms(call, wrapper, { folder, of: task });
    return null;
  },

  async 'host.initImageBuild'({ task_id: taskId, build_info: info }, call) {
    const data = buildOfTask(await assertTaskHost(call, taskId), info);
    const id = await beginNextBuild(call, data);
    await addImageBuild(call, id);
    return { ...data, id };
  },

  async 'host.completeImageBuild'({ task_id: taskId, build_id: buildId, results }, call) {
    const task = await assertTaskHost(call, taskId);
    await completeImageBuild(call, { task, buildId, results });
    return null;
  },

  async 'host.importImage'({ task_id: taskId, build_info: info, results }, call) {
    const task = await assertTaskHost(call, taskId);
    const { id } = isStruct(info) ? info : {};
    const build = await getBuild(call, isId(id) ? id : info);
    assertTaskBuild(taskId, build);
    await importImages(call, task, build, results);
    return null;
  },

  async 'host.moveImageBuildToScratch'({ task_id: taskId, results }, call) {
    checkStruct(results);
    const task = await assertTaskHost(call, taskId);
    for (const one of Object.values(results)) {
      const made = structIn(one, 'results');
      // A subtask that failed left nothing.
      if (made.task_id === undefined) continue;
      const imageTask = idIn(made, 'task_id');
      const folder = await scratchFolder(call, task.owner, imageTask);
      const files = [...textsIn(made, 'files'), ...textsIn(made, 'logs')];
      await moveTaskFiles(call, imageTask, { files, folder, of: task });
      const wrapper = wrapperRpmsIn(made.rpmresults);
      if (wrapper) await moveWrapperRpms(call, wrapper, { folder, of: task });
    }
    return null;
  },
};
