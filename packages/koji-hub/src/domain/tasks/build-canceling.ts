import { BUILD_STATES } from '@koji/core';
import type { Call } from '../../call.js';
import { now, sql } from '../../db/sql.js';
import { getBuild } from '../builds/builds.js';
import { buildNotification } from './notifications.js';

/**
 * Cancels a build in progress whose task the caller may cancel.
 *
 * @returns the build's task (null if it has none), or false if the build was not in progress
 */
export async function cancelBuild(call: Call, buildId: number): Promise<{ taskId: number | null } | false> {
  const before = await getBuild(call, buildId);
  if (before.state !== BUILD_STATES.BUILDING) return false;
  const change = { attribute: 'state', old: before.state, new: BUILD_STATES.CANCELED } as const;
  await call.runCallbacks('preBuildStateChange', { ...change, info: before });
  await call.db.run(
    sql`UPDATE build SET state = ${BUILD_STATES.CANCELED}, completion_time = ${now}
        WHERE id = ${buildId} AND state = ${BUILD_STATES.BUILDING}`,
  );
  const after = await getBuild(call, buildId);
  if (after.state !== BUILD_STATES.CANCELED) return false;
  if (after.task_id !== null) await buildNotification(call, after.task_id, buildId);
  await call.db.run(sql`DELETE FROM build_reservations WHERE build_id = ${buildId}`);
  await call.runCallbacks('postBuildStateChange', { ...change, info: await getBuild(call, buildId) });
  return { taskId: after.task_id };
}
