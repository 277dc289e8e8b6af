import { readlink, stat } from 'node:fs/promises';
import path from 'node:path';
import { BUILD_STATES, GenericError, PathInfo, TAG_UPDATE_TYPES, messageOf } from '@koji/core';
import type { BuildInfo, VolumeInfo } from '@koji/core/api';
import type { Call, PolicyData } from '../../call.js';
import { lookupName } from '../values/lookup.js';
import { sql } from '../../db/sql.js';
import { buildState, taskOfBuild } from '../builds/builds.js';
import { lookAt, stageCopy, stageLink, stageRemoval } from '../files/files.js';
import { taskPolicyData } from '../tasks/make-task.js';
import { noteTagUpdate } from '../tags/tags.js';
import { getTask } from '../task-records/task-records.js';
import { listVolumes } from '../builds/volumes.js';

const DEFAULT_VOLUME = 'DEFAULT';

/** How the volume policy is asked. */
export interface VolumeChoice {
  /** Makes everything that is wrong with the policy's answer a fault. */
  readonly strict?: boolean;
  /** The volume to use if the policy names none that exists. */
  readonly fallback?: string;
}

/**
 * The volume chosen by the policy; null if it chooses none that exists.
 *
 * @throws GenericError if it is strict and the policy gives no volume
 */
export async function chooseVolume(
  call: Call,
  data: PolicyData,
  { strict = false, fallback }: VolumeChoice = {},
): Promise<VolumeInfo | null> {
  const answer = await askPolicy(call, data, strict);
  for (const [name, complaint] of [
    [answer, 'Policy returned no such volume'],
    [fallback, 'Invalid default volume'],
  ] as const) {
    if (name == null) continue;
    const found = await lookupName(call, 'volume', name.trim());
    if (found) return found;
    if (strict) throw new GenericError(`${complaint}: ${name}`);
    call.log.error(`${complaint}: ${name}`);
  }
  if (strict) throw new GenericError('No volume policy match');
  call.log.warn('No volume policy match');
  return null;
}

async function askPolicy(call: Call, data: PolicyData, strict: boolean): Promise<string | null> {
  try {
    return await call.hub.policies.eval(call, 'volume', data);
  } catch (error) {
    // An error of the database has ended the transaction, so it must not be ignored.
    if (strict || !(error instanceof GenericError)) throw error;
    call.log.error(`Volume policy error: ${messageOf(error)}`);
    return null;
  }
}

/** Moves a build to the volume that the policy chooses; without a choice it stays where it is. */
export async function applyVolumePolicy(call: Call, build: BuildInfo, strict = false): Promise<void> {
  const taskId = taskOfBuild(build);
  let data: PolicyData = { build: build.id };
  if (taskId) {
    const { method, request } = await getTask(call, taskId, { request: true });
    data = { ...data, ...(await taskPolicyData(call, method, request as readonly unknown[])) };
  }
  const volume = await chooseVolume(call, data, { strict });
  if (volume && volume.id !== build.volume_id) await moveBuildFiles(call, build, volume);
}

/**
 * Moves the files of a build to another volume; on the default volume a link to them is left.
 *
 * @throws GenericError if the build is in progress or has failed, or its place there is taken
 */
export async function moveBuildFiles(call: Call, build: BuildInfo, volume: VolumeInfo): Promise<void> {
  const movable: number[] = [BUILD_STATES.COMPLETE, BUILD_STATES.DELETED];
  if (!movable.includes(build.state)) throw new GenericError(`Build ${build.nvr} is ${buildState(build)}`);
  const { paths } = call.hub;
  if (!(await isDirectory(paths.volumedir(volume.name))))
    throw new GenericError(`Directory entry missing for volume ${volume.name}`);
  await checkPlaces(call, build, volume);
  const moved = { ...build, volume_id: volume.id, volume_name: volume.name };
  const [from, to] = [paths.build(build), paths.build(moved)];
  await lookAt(call, from);
  const found = await stat(from).catch(() => null);
  if (!found) throw new GenericError(`Build directory missing: ${from}`);
  if (!found.isDirectory()) throw new GenericError(`Not a directory: ${from}`);
  if ((await lookAt(call, to))?.isSymbolicLink()) await stageRemoval(call, to);
  await stageCopy(call, from, to);

  const change = { attribute: 'volume_id', old: build.volume_id, new: volume.id, info: moved } as const;
  await call.runCallbacks('preBuildStateChange', change);
  await call.db.run(sql`UPDATE build SET volume_id = ${volume.id} WHERE id = ${build.id}`);
  await noteBuildTags(call, build.id, 'VOLUME_CHANGE');
  await stageRemoval(call, from);
  await linkFromDefault(call, moved);
  await call.runCallbacks('postBuildStateChange', change);
}

/** Only the volume that a build is on has its files, apart from an old link on the default one. */
async function checkPlaces(call: Call, build: BuildInfo, volume: VolumeInfo): Promise<void> {
  for (const { id, name } of await listVolumes(call)) {
    if (id === build.volume_id) continue;
    const directory = call.hub.paths.build({ ...build, volume_name: name });
    const found = await lookAt(call, directory);
    if (!found || (name === DEFAULT_VOLUME && found.isSymbolicLink())) continue;
    throw new GenericError(
      id === volume.id
        ? `Destination directory exists: ${directory}`
        : `Unexpected cross-volume content: ${directory}`,
    );
  }
}

/**
 * Makes sure that the default volume has a link to a build on another one.
 *
 * @throws GenericError if other files exist at its place
 */
export async function linkFromDefault(
  call: Call,
  build: Pick<BuildInfo, 'name' | 'version' | 'release' | 'volume_name'>,
): Promise<void> {
  if (build.volume_name === DEFAULT_VOLUME) return;
  const { paths } = call.hub;
  const place = paths.build({ ...build, volume_name: DEFAULT_VOLUME });
  await placeLink(call, place, path.relative(path.dirname(place), paths.build(build)));
}

/**
 * Leaves a link on the volume of a draft to where the default volume has (a link to) the promoted build. It leads through
 * the volume's `toplink`, since a volume's parent directory need not be where KojiDir is.
 */
export async function linkFromDraft(
  call: Call,
  draft: Pick<BuildInfo, 'name' | 'version' | 'release' | 'volume_name'>,
  promoted: Pick<BuildInfo, 'name' | 'version' | 'release'>,
): Promise<void> {
  const { paths } = call.hub;
  const place = paths.build(draft);
  if (draft.volume_name === DEFAULT_VOLUME) {
    await placeLink(call, place, promoted.release);
    return;
  }
  const volume = paths.volumedir(draft.volume_name);
  if (!(await stat(path.join(volume, 'toplink')).catch(() => null)))
    throw new GenericError(`Missing volume toplink: ${path.join(volume, 'toplink')}`);
  const { name, version, release } = promoted;
  const below = new PathInfo('toplink').build({ name, version, release });
  await placeLink(call, place, path.join(path.relative(path.dirname(place), volume), below));
}

async function placeLink(call: Call, place: string, target: string): Promise<void> {
  const found = await lookAt(call, place);
  if (found && !found.isSymbolicLink()) throw new GenericError(`Unexpected build content: ${place}`);
  if (found && (await readlink(place)) === target) return;
  await stageLink(call, place, target);
}

/** Removes the links that lead to a build: the default volume's, and the one of the draft that it once was. */
export async function removeBuildLinks(call: Call, build: BuildInfo, draftRelease: string): Promise<void> {
  const places = [];
  if (build.volume_name !== DEFAULT_VOLUME)
    places.push(call.hub.paths.build({ ...build, volume_name: DEFAULT_VOLUME }));
  if (!build.draft)
    for (const { name: volume_name } of await listVolumes(call))
      places.push(call.hub.paths.build({ ...build, release: draftRelease, volume_name }));
  for (const place of places)
    if ((await lookAt(call, place))?.isSymbolicLink()) await stageRemoval(call, place);
}

/** Notes for every tag that a build is in that its contents changed. */
export async function noteBuildTags(
  call: Call,
  buildId: number,
  type: keyof typeof TAG_UPDATE_TYPES,
): Promise<void> {
  const tags = await call.db.all<{ tag_id: number }>(
    sql`SELECT tag_listing.tag_id FROM tag_listing
        JOIN tag_config ON tag_config.tag_id = tag_listing.tag_id AND tag_config.active = TRUE
        WHERE tag_listing.active = TRUE AND tag_listing.build_id = ${buildId}`,
  );
  await noteTagUpdate(
    call,
    tags.map((tag) => tag.tag_id),
    TAG_UPDATE_TYPES[type],
  );
}

function isDirectory(target: string): Promise<boolean> {
  return stat(target).then(
    (found) => found.isDirectory(),
    () => false,
  );
}
