/** The rule by which rows of ended tasks are too old to keep. */
import { BR_STATES, TASK_STATES } from '@koji/core';
import type { Connection } from '../db/connection.js';
import { anyOf, sql } from '../db/sql.js';
import type { RowRule } from './old-rows.js';

/** The states of tasks that have ended. */
export const ended = [TASK_STATES.CLOSED, TASK_STATES.CANCELED, TASK_STATES.FAILED];

/** Buildroots whose task stays: in use, with a list of contents, or those that a package or archive comes from. */
const neededBuildroots = sql`state <> ${BR_STATES.EXPIRED}
  OR EXISTS (SELECT 1 FROM rpminfo WHERE rpminfo.buildroot_id = standard_buildroot.buildroot_id)
  OR EXISTS (SELECT 1 FROM archiveinfo WHERE archiveinfo.buildroot_id = standard_buildroot.buildroot_id)
  OR EXISTS (SELECT 1 FROM buildroot_listing WHERE buildroot_listing.buildroot_id = standard_buildroot.buildroot_id)
  OR EXISTS (SELECT 1 FROM buildroot_archives WHERE buildroot_archives.buildroot_id = standard_buildroot.buildroot_id)`;

/** A task goes with all of its subtasks or not at all, so that what `koji taskinfo` shows of a kept one is whole. */
export const taskRule: RowRule = {
  option: 'KeepTasks',
  what: 'ended tasks, with their subtasks, that no build, repository or kept buildroot comes from',
  find: (db, before) =>
    db.all(sql`
      WITH RECURSIVE kept (id, parent) AS (
        SELECT id, parent FROM task
          WHERE NOT ${anyOf(sql`state`, ended)} OR completion_time IS NULL OR completion_time >= ${before}
            OR id IN (SELECT task_id FROM build WHERE task_id IS NOT NULL
              UNION SELECT task_id FROM repo WHERE task_id IS NOT NULL
              UNION SELECT task_id FROM repo_queue WHERE task_id IS NOT NULL
              UNION SELECT task_id FROM standard_buildroot WHERE ${neededBuildroots})
        UNION SELECT task.id, task.parent FROM task JOIN kept ON kept.parent = task.id)
      SELECT id FROM task WHERE parent IS NULL AND NOT EXISTS (SELECT 1 FROM kept WHERE kept.id = task.id)
        ORDER BY id LIMIT 20000`),
  remove: removeTrees,
  portion: 200,
};

async function removeTrees(db: Connection, roots: readonly number[]): Promise<void> {
  const tasks = await idsOf(
    db.all(sql`WITH RECURSIVE tree (id) AS (SELECT id FROM task WHERE ${anyOf(sql`id`, roots)}
      UNION SELECT task.id FROM task JOIN tree ON task.parent = tree.id) SELECT id FROM tree`),
  );
  const buildroots = await idsOf(
    db.all(sql`SELECT buildroot_id AS id FROM standard_buildroot WHERE ${anyOf(sql`task_id`, tasks)}`),
  );
  await db.run(sql`DELETE FROM buildroot_tools_info WHERE ${anyOf(sql`buildroot_id`, buildroots)}`);
  await db.run(sql`DELETE FROM standard_buildroot WHERE ${anyOf(sql`buildroot_id`, buildroots)}`);
  await db.run(sql`DELETE FROM buildroot WHERE ${anyOf(sql`id`, buildroots)}`);
  await db.run(sql`DELETE FROM scheduler_task_runs WHERE ${anyOf(sql`task_id`, tasks)}`);
  await db.run(sql`DELETE FROM scheduler_task_refusals WHERE ${anyOf(sql`task_id`, tasks)}`);
  await db.run(sql`DELETE FROM scheduler_log_messages WHERE ${anyOf(sql`task_id`, tasks)}`);
  await db.run(sql`DELETE FROM task WHERE ${anyOf(sql`id`, tasks)}`);
}

async function idsOf(rows: Promise<{ id: number }[]>): Promise<number[]> {
  return (await rows).map(({ id }) => id);
}
