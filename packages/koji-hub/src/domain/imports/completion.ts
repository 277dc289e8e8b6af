import { BUILD_STATES, GenericError, draftRelease } from '@koji/core';
import type { BuildInfo, TaskInfo, VolumeInfo } from '@koji/core/api';
import type { Call, PolicyData } from '../../call.js';
import { now, sql } from '../../db/sql.js';
import { buildState, getBuild, lockBuild } from '../builds/builds.js';
import { chooseVolume, linkFromDefault } from './volumes.js';
import { importRpm, placeRpm } from './importing.js';
import { taskPolicyData } from '../tasks/make-task.js';
import { withoutRepeatedNoarch } from '../rpms/noarch.js';
import { buildNotification } from '../tasks/notifications.js';
import type { WrapperRpms } from './results.js';
import { readHeader } from '../rpms/files.js';
import { hasRpms } from '../rpms/rpms.js';
import { addSignature } from '../rpms/signatures.js';
import {
  assertBuildrootsBelow,
  assertPathsBelow,
  assertTaskBuild,
  assertWrapperBelow,
  assertWrapsBuild,
} from '../tasks/ownership.js';
import { getTask } from '../task-records/task-records.js';
import { checkUploaded, moveInto, taskFile, uploadedFile } from '../files/uploaded.js';

/** Results of a build task; paths are relative to the upload folder. */
export interface BuiltRpms {
  readonly taskId: number;
  readonly buildId: number;
  readonly srpm: string;
  readonly rpms: readonly string[];
  /** The buildroots that the rpms were made in. */
  readonly brmap: Readonly<Record<string, number | null>>;
  /** Logs by the folder that they are to be in. */
  readonly logs: Readonly<Record<string, readonly string[]>> | null;
}

/**
 * Takes over the rpms and logs of a build in progress, which is then complete: rows, files and all, or nothing.
 *
 * @throws GenericError when something is missing or is not of this build
 */
export async function completeRpmBuild(call: Call, built: BuiltRpms): Promise<BuildInfo> {
  const { taskId, buildId, srpm, brmap, logs } = built;
  const payload = { type: 'build', srpm, brmap, task_id: taskId, build_id: buildId, logs } as const;
  await call.runCallbacks('preImport', { ...payload, rpms: built.rpms, build: null });
  await checkUploaded(call, [srpm, ...built.rpms]);
  const rpms = await withoutRepeatedNoarch(call, built.rpms);
  const build = await settleRpmBuild(call, built);
  await assertBuildrootsBelow(call, taskId, Object.values(brmap));
  await assertPathsBelow(call, taskId, [srpm, ...built.rpms, ...Object.values(logs ?? {}).flat()]);
  for (const relative of [srpm, ...rpms])
    await takeRpm(call, uploadedFile(call, relative), { build, buildrootId: brmap[relative] ?? null });
  for (const [subdir, files] of Object.entries(logs ?? {}))
    for (const file of files) await takeLog(call, uploadedFile(call, file), { build, subdir });
  await linkFromDefault(call, build);
  await call.runCallbacks('postImport', { ...payload, rpms, build });
  await buildNotification(call, taskId, buildId);
  return build;
}

/** Makes a build complete whose source rpm says that it is the one. */
async function settleRpmBuild(call: Call, built: BuiltRpms): Promise<BuildInfo> {
  const file = uploadedFile(call, built.srpm);
  const source = (await readHeader(file)).info();
  if (!source.sourcepackage) throw new GenericError(`not a source package: ${file}`);
  const { name, version, epoch } = source;
  const volume = await volumeForImport(call, built.taskId, {
    package: name,
    version,
    release: source.release,
    buildroots: Object.values(built.brmap),
    import_type: 'rpm',
  });
  const build = await lockBuild(call, built.buildId);
  await announce(call, 'preBuildStateChange', build.state, build);
  const release = build.draft ? draftRelease(source.release, build.id) : source.release;
  const found = { name, version, release, epoch, task_id: built.taskId };
  for (const key of ['name', 'version', 'release', 'epoch', 'task_id'] as const)
    if (build[key] !== found[key])
      throw new GenericError(
        `Unable to complete build: ${key} mismatch (build: ${build[key] ?? 'None'}, rpm: ${found[key] ?? 'None'})`,
      );
  if (build.state !== BUILD_STATES.BUILDING)
    throw new GenericError(`Unable to complete build: state is ${buildState(build)}`);
  await writeComplete(call, build.id, volume.id);
  const complete = await getBuild(call, build.id);
  await announce(call, 'postBuildStateChange', build.state, complete);
  return complete;
}

function announce(
  call: Call,
  event: 'preBuildStateChange' | 'postBuildStateChange',
  old: number,
  info: BuildInfo,
): Promise<void> {
  return call.runCallbacks(event, { attribute: 'state', old, new: BUILD_STATES.COMPLETE, info });
}

async function writeComplete(call: Call, buildId: number, volumeId: number): Promise<void> {
  await call.db.run(
    sql`UPDATE build SET state = ${BUILD_STATES.COMPLETE}, completion_time = ${now}, volume_id = ${volumeId}
        WHERE id = ${buildId}`,
  );
}

/** The volume for what a task built, as the policy has it; DEFAULT when it names none. */
async function volumeForImport(call: Call, taskId: number, data: PolicyData): Promise<VolumeInfo> {
  const { method, request } = await getTask(call, taskId, { request: true });
  const fromTask = await taskPolicyData(call, method, request as readonly unknown[]);
  const volume = await chooseVolume(call, { ...data, import: true, ...fromTask }, { fallback: 'DEFAULT' });
  if (!volume) throw new GenericError('No such volume: DEFAULT');
  return volume;
}

/** A build of archives with the volume that its files go to; it is complete after {@link finishBuild}. */
export async function beginCompletion(
  call: Call,
  build: BuildInfo,
  { taskId, type }: { taskId: number; type: 'maven' | 'win' | 'image' },
): Promise<BuildInfo> {
  const volume = await volumeForImport(call, taskId, { build, package: build.name, import_type: type });
  if (volume.id !== build.volume_id)
    await call.db.run(sql`UPDATE build SET volume_id = ${volume.id} WHERE id = ${build.id}`);
  return { ...build, volume_id: volume.id, volume_name: volume.name };
}

/** Makes a build complete whose files are in place. */
export async function finishBuild(call: Call, build: BuildInfo, taskId: number): Promise<void> {
  await announce(call, 'preBuildStateChange', build.state, build);
  await writeComplete(call, build.id, build.volume_id);
  await announce(call, 'postBuildStateChange', build.state, await getBuild(call, build.id));
  await buildNotification(call, taskId, build.id);
}

/** Imports an rpm with its file and its signature header. */
export async function takeRpm(
  call: Call,
  file: string,
  how: { build: BuildInfo; buildrootId: number | null; wrapper?: boolean },
): Promise<void> {
  const { rpm, header } = await importRpm(call, file, how);
  await placeRpm(call, file, rpm);
  await addSignature(call, rpm.id, header);
}

/** Moves a log into the folder of logs of a build. */
export function takeLog(
  call: Call,
  file: string,
  { build, subdir }: { build: BuildInfo; subdir: string },
): Promise<void> {
  return moveInto(call, {
    file,
    folder: call.hub.paths.buildLogs(build),
    subdir,
    failure: 'Error importing build log.',
  });
}

/** Imports the rpms that wrap the archives of a build. */
export async function takeWrapperRpms(call: Call, build: BuildInfo, made: WrapperRpms): Promise<void> {
  const { taskId, buildrootId } = made;
  for (const rpm of [made.srpm, ...made.rpms])
    await takeRpm(call, taskFile(call, taskId, rpm), { build, buildrootId, wrapper: true });
  for (const log of made.logs) await takeLog(call, taskFile(call, taskId, log), { build, subdir: 'noarch' });
}

/**
 * Imports the rpms that wrap the archives of a complete build.
 *
 * @throws ActionNotAllowed when it is not for the task to wrap the build, GenericError when the build is not complete or
 *   has rpms already
 */
export async function importWrapperRpms(
  call: Call,
  task: TaskInfo,
  buildId: number,
  made: WrapperRpms,
): Promise<void> {
  const build = await lockBuild(call, buildId);
  await assertWrapsBuild(call, task, build);
  await assertWrapperBelow(call, task.id, made);
  if (build.state !== BUILD_STATES.COMPLETE)
    throw new GenericError(
      `cannot import wrapper rpms for ${build.nvr}: build state is ${buildState(build).toLowerCase()}, not complete`,
    );
  if (await hasRpms(call, build.id))
    throw new GenericError(`wrapper rpms for ${build.nvr} have already been imported`);
  await takeWrapperRpms(call, build, made);
}

/** Marks the build in progress of a task as failed. */
export async function failBuild(call: Call, taskId: number, buildId: number): Promise<void> {
  const build = await lockBuild(call, buildId);
  assertTaskBuild(taskId, build);
  const change = { attribute: 'state', old: build.state, new: BUILD_STATES.FAILED } as const;
  await call.runCallbacks('preBuildStateChange', { ...change, info: build });
  if (build.state !== BUILD_STATES.BUILDING)
    throw new GenericError(`cannot update build ${buildId}, state: ${buildState(build)}`);
  if (build.completion_time !== null)
    throw new GenericError(`cannot update build ${buildId}, completed at ${build.completion_time}`);
  await call.db.run(
    sql`UPDATE build SET state = ${BUILD_STATES.FAILED}, completion_time = ${now} WHERE id = ${buildId}`,
  );
  await call.runCallbacks('postBuildStateChange', { ...change, info: await getBuild(call, buildId) });
  await buildNotification(call, taskId, buildId);
}
