import { BUILD_STATES, GenericError, draftRelease } from '@koji/core';
import type { BuildInfo, BuildReferences } from '@koji/core/api';
import type { Call } from '../../call.js';
import { history } from '../history/history.js';
import { id as columnId, sql } from '../../db/sql.js';
import { buildReferences } from '../builds/references.js';
import { removeBuildLinks } from './volumes.js';
import { findBuild, getBuild } from '../builds/builds.js';
import { lookAt, stageRemoval } from '../files/files.js';
import { repr } from '../values/repr.js';

/** When a build may be deleted, and what happens when it may not. */
export interface DeletionOptions {
  /** Why it may not be deleted is a fault; else the answer is false. */
  readonly strict: boolean;
  /** How many seconds must have passed since it was last in a buildroot. */
  readonly minRefAge: number;
}

/**
 * Deletes a build that nothing refers to: its record stays, its files and signatures go.
 *
 * @returns whether it was deleted; null when it was before
 */
export async function deleteBuild(
  call: Call,
  buildInfo: unknown,
  { strict, minRefAge }: DeletionOptions,
): Promise<boolean | null> {
  const build = await getBuild(call, buildInfo);
  if (build.state === BUILD_STATES.DELETED) return null;
  const references = await buildReferences(call, build.id, { limit: 10, lazy: true });
  const obstacle =
    build.state === BUILD_STATES.BUILDING ? 'still building' : obstacleIn(references, minRefAge);
  if (obstacle !== null) {
    if (strict) throw new GenericError(`Cannot delete build, ${obstacle}`);
    return false;
  }
  const change = { attribute: 'state', old: build.state, new: BUILD_STATES.DELETED } as const;
  await call.runCallbacks('preBuildStateChange', { ...change, info: build });
  await removeRows(call, build.id, 'rpminfo', ['rpmsigs.rpm_id', 'rpm_checksum.rpm_id']);
  await history(call).revoke('tag_listing', sql`build_id = ${build.id}`);
  await call.db.run(sql`UPDATE build SET state = ${BUILD_STATES.DELETED} WHERE id = ${build.id}`);
  await removeFiles(call, build);
  await call.runCallbacks('postBuildStateChange', { ...change, info: await getBuild(call, build.id) });
  call.log.warn(`Build ${build.nvr} is deleted by ${repr(call.session.user?.name)}`);
  return true;
}

function obstacleIn(references: BuildReferences, minRefAge: number): string | null {
  const { tags, rpms = [], archives = [], component_of = [], last_used = null } = references;
  if (tags.length > 0) return `tagged: ${repr(tags)}`;
  if (rpms.length > 0) return `used in buildroots: ${repr(rpms)}`;
  if (archives.length > 0) return `used in archive buildroots: ${repr(archives)}`;
  if (component_of.length > 0) return `used as component of: ${repr(component_of)}`;
  const recent = last_used !== null && Date.now() / 1000 - Number(last_used) < minRefAge;
  return recent ? 'used in recent buildroot' : null;
}

/** Takes everything from a build but its own record, which is a canceled one then; nothing happens without a build. */
export async function resetBuild(call: Call, buildInfo: unknown): Promise<void> {
  const build = await findBuild(call, buildInfo);
  if (!build) return;
  if (build.state === BUILD_STATES.BUILDING)
    throw new GenericError(`Cannot reset build, still building: ${build.nvr}`);
  const change = { attribute: 'state', old: build.state, new: BUILD_STATES.CANCELED } as const;
  await call.runCallbacks('preBuildStateChange', { ...change, info: build });
  await removeRows(call, build.id, 'rpminfo', [
    'rpmsigs.rpm_id',
    'rpm_checksum.rpm_id',
    'buildroot_listing.rpm_id',
    'archive_rpm_components.rpm_id',
  ]);
  await removeRows(call, build.id, 'archiveinfo', [
    'maven_archives.archive_id',
    'win_archives.archive_id',
    'image_archives.archive_id',
    'buildroot_archives.archive_id',
    'archive_rpm_components.archive_id',
    'archive_components.archive_id',
    'archive_components.component_id',
  ]);
  const ofBuild = ['rpminfo', 'archiveinfo', 'maven_builds', 'win_builds', 'image_builds', 'build_types'];
  for (const table of [...ofBuild, 'tag_listing'])
    await call.db.run(sql`DELETE FROM ${columnId(table)} WHERE build_id = ${build.id}`);
  await call.db.run(
    sql`UPDATE build SET state = ${BUILD_STATES.CANCELED}, task_id = NULL, volume_id = 0 WHERE id = ${build.id}`,
  );
  await removeFiles(call, build);
  await call.runCallbacks('postBuildStateChange', { ...change, info: await getBuild(call, build.id) });
}

/** Removes what tables hold on the rpms or archives of a build. */
async function removeRows(
  call: Call,
  buildId: number,
  files: 'rpminfo' | 'archiveinfo',
  columns: readonly string[],
): Promise<void> {
  const ids = sql`SELECT id FROM ${columnId(files)} WHERE build_id = ${buildId}`;
  for (const column of columns) {
    const [table = ''] = column.split('.');
    await call.db.run(sql`DELETE FROM ${columnId(table)} WHERE ${columnId(column)} IN (${ids})`);
  }
}

async function removeFiles(call: Call, build: BuildInfo): Promise<void> {
  await removeBuildLinks(call, build, draftRelease(build.release, build.id));
  const directory = call.hub.paths.build(build);
  if (await lookAt(call, directory)) await stageRemoval(call, directory);
}
