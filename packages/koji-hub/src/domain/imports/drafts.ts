import { BUILD_STATES, DRAFT_RELEASE_DELIMITER, GenericError } from '@koji/core';
import type { BuildInfo } from '@koji/core/api';
import type { Call } from '../../call.js';
import { now, sql } from '../../db/sql.js';
import { applyVolumePolicy, linkFromDefault, linkFromDraft, noteBuildTags } from './volumes.js';
import { buildState, findBuild, getBuild } from '../builds/builds.js';
import { lookAt, stageRename } from '../files/files.js';
import { getUser } from '../users/users.js';

/**
 * The release that a draft's build gets when it is promoted.
 *
 * @throws GenericError if it is not the release of a draft
 */
function targetRelease(release: string): string {
  const [target = '', ...suffix] = release.split(DRAFT_RELEASE_DELIMITER);
  if (!suffix[0]?.startsWith('draft_'))
    throw new GenericError(`draft release: ${release} is not in valid format`);
  return target;
}

/**
 * Makes a complete draft a regular build: the same id, another release. Its folder gets the new name; the old one stays
 * as a link.
 *
 * @param force an admin passes whatever the policy says
 */
export async function promoteBuild(call: Call, buildInfo: unknown, force: boolean): Promise<BuildInfo> {
  const user = await getUser(call, call.session.userId);
  const draft = await getBuild(call, buildInfo);
  const refuse = (reason: string): GenericError =>
    new GenericError(`Cannot promote build ${draft.nvr}. Reason: ${reason}`);
  if (!draft.draft) throw refuse('Not a draft build');
  if (draft.state !== BUILD_STATES.COMPLETE) throw refuse(`state (${buildState(draft)}) is not COMPLETE.`);
  const { name, version, release: draft_release } = draft;
  const target_release = targetRelease(draft_release);
  const old = await findBuild(call, { name, version, release: target_release });
  if (old) throw refuse(`Target build exists: ${old.nvr}(#${old.id})`);
  const rpm = await clashingRpm(call, draft.id);
  if (rpm !== null) throw refuse(`rpm already exists: ${rpm}`);
  const data = { build: draft.id, target_release, user_id: user.id };
  await call.hub.policies.assert(call, 'draft_promotion', data, { force });
  const change = { draft_release, target_release, user };
  await call.runCallbacks('preBuildPromote', { ...change, build: draft });

  const folder = call.hub.paths.build(draft);
  if (!(await lookAt(call, folder))) throw refuse('it has no files');
  // The drafts among the rpms follow by their foreign key.
  await call.db.run(
    sql`UPDATE build SET draft = FALSE, release = ${target_release}, promoter = ${user.id}, promotion_time = ${now}
        WHERE id = ${draft.id}`,
  );
  const promoted = await getBuild(call, draft.id);
  await stageRename(call, folder, call.hub.paths.build(promoted));
  await linkFromDefault(call, promoted);
  await linkFromDraft(call, draft, promoted);
  await applyVolumePolicy(call, promoted);
  await noteBuildTags(call, draft.id, 'DRAFT_PROMOTION');
  const build = await getBuild(call, draft.id);
  await call.runCallbacks('postBuildPromote', { ...change, build });
  return build;
}

/** An rpm of a draft that a regular build also has; null if there is none. */
async function clashingRpm(call: Call, buildId: number): Promise<string | null> {
  const row = await call.db.get<{ nvra: string }>(
    sql`SELECT own.name || '-' || own.version || '-' || own.release || '.' || own.arch AS nvra
        FROM rpminfo AS own JOIN rpminfo AS other ON other.name = own.name AND other.version = own.version
          AND other.release = own.release AND other.arch = own.arch
          AND other.external_repo_id = own.external_repo_id AND other.draft IS NOT TRUE AND other.id <> own.id
        WHERE own.build_id = ${buildId} LIMIT 1`,
  );
  return row?.nvra ?? null;
}
