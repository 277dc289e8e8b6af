import { GenericError } from '@koji/core';
import type { QueryOpts, TargetInfo } from '@koji/core/api';
import type { Call } from '../../call.js';
import { atEvent, history } from '../history/history.js';
import { lookupName, nameOrIdIs } from '../values/lookup.js';
import { query } from '../../db/rows.js';
import { sql } from '../../db/sql.js';
import { truthy } from '../values/convert.js';
import { checkName } from '../values/names.js';
import { plain } from '../values/repr.js';
import { findTag } from '../tags/tags.js';
import { getTask } from '../task-records/task-records.js';

/** Filter for build targets; null does not restrict it. */
export interface TargetFilter {
  readonly info?: unknown;
  readonly event?: number | null;
  readonly buildTag?: unknown;
  readonly destTag?: unknown;
  readonly opts?: QueryOpts | null;
}

/** Build targets, now or at an event. */
export async function listTargets(call: Call, filter: TargetFilter): Promise<TargetInfo[]> {
  const where = [atEvent('build_target_config', filter.event ?? null)];
  if (filter.info != null) where.push(nameOrIdIs('build_target', filter.info));
  if (filter.buildTag != null) where.push(nameOrIdIs('tag1', filter.buildTag));
  if (filter.destTag != null) where.push(nameOrIdIs('tag2', filter.destTag));
  return query<TargetInfo>(call.db, {
    columns: {
      id: sql`build_target.id`,
      name: sql`build_target.name`,
      build_tag: sql`build_target_config.build_tag`,
      build_tag_name: sql`tag1.name`,
      dest_tag: sql`build_target_config.dest_tag`,
      dest_tag_name: sql`tag2.name`,
    },
    from: sql`build_target_config
      JOIN build_target ON build_target.id = build_target_config.build_target_id
      JOIN tag AS tag1 ON tag1.id = build_target_config.build_tag
      JOIN tag AS tag2 ON tag2.id = build_target_config.dest_tag`,
    where,
    opts: filter.opts ?? null,
  });
}

/** A build target by id or name, now or at an event; null if there is none. */
export async function findTarget(
  call: Call,
  info: unknown,
  event: number | null = null,
): Promise<TargetInfo | null> {
  if (!truthy(info)) return null;
  const [found] = await listTargets(call, { info, event });
  return found ?? null;
}

/** As {@link findTarget}, but a target that is missing is a GenericError. */
export async function getTarget(call: Call, info: unknown, event: number | null = null): Promise<TargetInfo> {
  const found = await findTarget(call, info, event);
  if (!found) throw new GenericError(`No such build target: ${plain(info)}`);
  return found;
}

/** The tags of a target, each by id or name. */
export interface TargetTags {
  readonly build: unknown;
  readonly dest: unknown;
}

/** Creates a build target, without a look at permissions; a deleted one of that name gets its id again. */
export async function createTarget(call: Call, name: unknown, tags: TargetTags): Promise<void> {
  checkName(call, name);
  if (await findTarget(call, name))
    throw new GenericError(`A build target with the name '${name}' already exists`);
  const config = await tagIds(call, tags);
  const { id } = await lookupName(call, 'build_target', name, { create: true });
  await history(call).insert('build_target_config', { build_target_id: id, ...config });
}

/** Renames a build target and sets its tags, without a look at permissions. */
export async function editTarget(call: Call, info: unknown, name: unknown, tags: TargetTags): Promise<void> {
  checkName(call, name);
  const target = await existing(call, info);
  const config = await tagIds(call, tags);
  if (target.name !== name) {
    const taken = await lookupName(call, 'build_target', name);
    if (taken) throw new GenericError(`name "${name}" is already taken by build target ${taken.id}`);
    await call.db.run(sql`UPDATE build_target SET name = ${name} WHERE id = ${target.id}`);
  }
  const rows = history(call);
  await rows.revoke('build_target_config', sql`build_target_id = ${target.id}`);
  await rows.insert('build_target_config', { build_target_id: target.id, ...config });
}

/** Deletes a build target, without a look at permissions; its name keeps its id. */
export async function deleteTarget(call: Call, info: unknown): Promise<void> {
  const target = await existing(call, info);
  await history(call).revoke('build_target_config', sql`build_target_id = ${target.id}`);
}

/** The name and id of a target, also of a deleted one. */
async function existing(call: Call, info: unknown): Promise<{ id: number; name: string }> {
  const target = await lookupName(call, 'build_target', info);
  if (!target) throw new GenericError(`No such build target: ${plain(info)}`);
  return target;
}

async function tagIds(call: Call, tags: TargetTags): Promise<{ build_tag: number; dest_tag: number }> {
  const build = await findTag(call, tags.build);
  if (!build) throw new GenericError(`build tag '${plain(tags.build)}' does not exist`);
  const dest = await findTag(call, tags.dest);
  if (!dest) throw new GenericError(`destination tag '${plain(tags.dest)}' does not exist`);
  return { build_tag: build.id, dest_tag: dest.id };
}

/** Where in its request the tasks that build for a target have its name. */
const targetPlaces: Readonly<Record<string, number>> = { build: 1, maven: 1, winbuild: 2 };

/** The target that a task builds for; null when it has none. */
export async function targetOfTask(call: Call, taskId: number): Promise<TargetInfo | null> {
  const { method, request } = await getTask(call, taskId, { request: true });
  const place = targetPlaces[method];
  const target = place === undefined ? null : (request as readonly unknown[])[place];
  return target ? findTarget(call, target) : null;
}
