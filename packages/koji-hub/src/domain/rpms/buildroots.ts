import { ActionNotAllowed, BR_STATES, BR_TYPES, GenericError, ParameterError } from '@koji/core';
import type { BuildrootInfo, Extra, QueryOpts } from '@koji/core/api';
import type { Call } from '../../call.js';
import { epochColumn, query } from '../../db/rows.js';
import { anyOf, forUpdate, id as columnId, isAmong, sql } from '../../db/sql.js';
import type { Sql } from '../../db/sql.js';
import { idIs, isPossibleId } from '../values/ids.js';
import { readJson } from '../values/json.js';
import { plain } from '../values/repr.js';
import { assertHostHasTask } from '../task-records/open-tasks.js';

const columns = {
  id: sql`buildroot.id`,
  br_type: sql`buildroot.br_type`,
  cg_id: sql`buildroot.cg_id`,
  cg_name: sql`content_generator.name`,
  cg_version: sql`buildroot.cg_version`,
  container_arch: sql`buildroot.container_arch`,
  arch: sql`buildroot.container_arch`,
  container_type: sql`buildroot.container_type`,
  host_os: sql`buildroot.host_os`,
  host_arch: sql`buildroot.host_arch`,
  extra: sql`buildroot.extra`,
  state: sql`standard_buildroot.state`,
  task_id: sql`standard_buildroot.task_id`,
  host_id: sql`host.id`,
  host_name: sql`host.name`,
  repo_id: sql`repo.id`,
  repo_state: sql`repo.state`,
  tag_id: sql`tag.id`,
  tag_name: sql`tag.name`,
  create_event_id: sql`created.id`,
  create_event_time: sql`created.time`,
  create_ts: epochColumn(sql`created.time`),
  retire_event_id: sql`retired.id`,
  retire_event_time: sql`retired.time`,
  retire_ts: epochColumn(sql`retired.time`),
  repo_create_event_id: sql`repo_created.id`,
  repo_create_event_time: sql`repo_created.time`,
} as const;

const tables = sql`buildroot
  LEFT JOIN standard_buildroot ON standard_buildroot.buildroot_id = buildroot.id
  LEFT JOIN content_generator ON content_generator.id = buildroot.cg_id
  LEFT JOIN host ON host.id = standard_buildroot.host_id
  LEFT JOIN repo ON repo.id = standard_buildroot.repo_id
  LEFT JOIN tag ON tag.id = repo.tag_id
  LEFT JOIN events AS created ON created.id = standard_buildroot.create_event
  LEFT JOIN events AS retired ON retired.id = standard_buildroot.retire_event
  LEFT JOIN events AS repo_created ON repo_created.id = repo.create_event`;

/** Filter for buildroots; null does not restrict it. */
export interface BuildrootFilter {
  readonly hostID?: number | null;
  /** The tag whose repo it was made from. */
  readonly tagID?: number | null;
  readonly state?: number | readonly number[] | null;
  /** An rpm that was installed in it. */
  readonly rpmID?: number | null;
  /** An archive that was used in it. */
  readonly archiveID?: number | null;
  readonly taskID?: number | null;
  readonly buildrootID?: number | readonly number[] | null;
  /** 0 does not restrict it either. */
  readonly repoID?: number | null;
  readonly queryOpts?: QueryOpts | null;
}

/** Buildroots that fulfil every condition. */
export function listBuildroots(call: Call, filter: BuildrootFilter): Promise<BuildrootInfo[]> {
  const where: Sql[] = [];
  const only = (column: string, wanted: number | readonly number[] | null | undefined): void => {
    if (wanted == null) return;
    where.push(
      typeof wanted === 'number'
        ? idIs(column, wanted)
        : anyOf(columnId(column), wanted.filter(isPossibleId)),
    );
  };
  only('buildroot.id', filter.buildrootID);
  only('standard_buildroot.host_id', filter.hostID);
  only('standard_buildroot.state', filter.state);
  only('standard_buildroot.task_id', filter.taskID);
  only('standard_buildroot.repo_id', filter.repoID || null);
  if (filter.tagID != null)
    where.push(
      usedIn(sql`standard_buildroot JOIN repo ON repo.id = standard_buildroot.repo_id
        WHERE ${idIs('repo.tag_id', filter.tagID)}`),
    );
  if (filter.rpmID != null)
    where.push(usedIn(sql`buildroot_listing WHERE ${idIs('buildroot_listing.rpm_id', filter.rpmID)}`));
  if (filter.archiveID != null)
    where.push(
      usedIn(sql`buildroot_archives WHERE ${idIs('buildroot_archives.archive_id', filter.archiveID)}`),
    );
  return query<BuildrootInfo>(call.db, {
    columns,
    from: tables,
    where,
    opts: filter.queryOpts ?? null,
    usually: sql`buildroot.id`,
    key: sql`buildroot.id`,
    transform: (row) => ({ ...row, extra: readJson(row.extra, 'Invalid extra data') as Extra }),
  });
}

const usedIn = (rows: Sql): Sql => isAmong(sql`buildroot.id`, sql`SELECT buildroot_id FROM ${rows}`);

/** A buildroot by id; null if there is none. */
export async function findBuildroot(call: Call, buildrootID: number): Promise<BuildrootInfo | null> {
  return (await listBuildroots(call, { buildrootID }))[0] ?? null;
}

/** As {@link findBuildroot}, but a buildroot that is missing is a GenericError. */
export async function getBuildroot(call: Call, buildrootID: number): Promise<BuildrootInfo> {
  const found = await findBuildroot(call, buildrootID);
  if (!found) throw new GenericError(`No such buildroot: ${buildrootID}`);
  return found;
}

/**
 * A buildroot of the calling builder whose task it has open.
 *
 * @throws ActionNotAllowed when the task or the buildroot is not theirs
 */
export async function assertUsedBuildroot(
  call: Call,
  buildrootId: number,
  taskId: number | null,
): Promise<BuildrootInfo> {
  const found = await assertOwnBuildroot(call, buildrootId, taskId);
  if (taskId === null && found.task_id !== null)
    await assertHostHasTask(call, found.task_id, call.session.assertHost());
  return found;
}

/**
 * A buildroot of the calling builder and, where a task is given, of that task, which the builder must have open.
 *
 * @throws ActionNotAllowed when the task or the buildroot is not theirs
 */
export async function assertOwnBuildroot(
  call: Call,
  buildrootId: number,
  taskId: number | null,
): Promise<BuildrootInfo> {
  const hostId = call.session.assertHost();
  if (taskId !== null) await assertHostHasTask(call, taskId, hostId);
  const found = await knownBuildroot(call, buildrootId);
  if (found.br_type !== BR_TYPES.STANDARD) throw new GenericError(`Not a standard buildroot: ${buildrootId}`);
  if (found.host_id !== hostId)
    throw new ActionNotAllowed(`Host ${hostId} not owner of buildroot ${buildrootId}`);
  if (taskId !== null && found.task_id !== taskId)
    throw new ActionNotAllowed(`Task ${taskId} does not have lock on buildroot ${buildrootId}`);
  return found;
}

/** As {@link getBuildroot}, in the words of the methods that work on a buildroot. */
export async function knownBuildroot(call: Call, buildrootId: number): Promise<BuildrootInfo> {
  const found = await findBuildroot(call, buildrootId);
  if (!found) throw new GenericError(`no buildroot with ID: ${buildrootId}`);
  return found;
}

/** Adds a buildroot that a builder makes from a repo for a task. */
export async function newBuildroot(
  call: Call,
  { hostId, repoId, taskId, arch }: { hostId: number; repoId: number; taskId: number; arch: string },
): Promise<number> {
  const made = await call.db.get<{ id: number }>(
    sql`INSERT INTO buildroot (br_type, container_type, container_arch)
        VALUES (${BR_TYPES.STANDARD}, ${'chroot'}, ${arch}) RETURNING id`,
  );
  if (!made) throw new Error('a new buildroot got no id');
  await call.db.run(
    sql`INSERT INTO standard_buildroot (buildroot_id, host_id, repo_id, task_id, create_event, state)
        VALUES (${made.id}, ${hostId}, ${repoId}, ${taskId}, ${await call.event()}, ${BR_STATES.INIT})`,
  );
  return made.id;
}

/** Moves a buildroot on, to a state by name or number; an expired one stays what it is. */
export async function setBuildrootState(
  call: Call,
  { id: buildrootId, task_id: taskId }: BuildrootInfo,
  wanted: unknown,
): Promise<void> {
  const state = readState(wanted);
  // A builder expires buildroots that its earlier tasks left behind.
  if (state !== BR_STATES.EXPIRED && taskId !== null)
    await assertHostHasTask(call, taskId, call.session.assertHost());
  if (state === BR_STATES.INIT) throw new GenericError('Cannot change buildroot state to INIT');
  const row = await call.db.get<{ state: number }>(
    sql`SELECT state FROM standard_buildroot WHERE buildroot_id = ${buildrootId}${forUpdate}`,
  );
  if (!row) throw new GenericError(`Unable to get state for buildroot ${buildrootId}`);
  if (row.state === BR_STATES.EXPIRED) {
    if (state === BR_STATES.EXPIRED) return;
    throw new GenericError(`buildroot ${buildrootId} is EXPIRED`);
  }
  const retired = state === BR_STATES.EXPIRED ? sql`, retire_event = ${await call.event()}` : sql``;
  await call.db.run(
    sql`UPDATE standard_buildroot SET state = ${state}${retired} WHERE buildroot_id = ${buildrootId}`,
  );
}

function readState(wanted: unknown): number {
  const states: Readonly<Record<string, number>> = BR_STATES;
  const state =
    typeof wanted === 'string' && Object.hasOwn(states, wanted) ? states[wanted] : (wanted as number);
  if (state === undefined || !Object.values(states).includes(state))
    throw new ParameterError(`Invalid buildroot state: ${plain(wanted)}`);
  return state;
}
