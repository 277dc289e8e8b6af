import { ActionNotAllowed, BUILD_STATES, GenericError, ParameterError } from '@koji/core';
import type { BuildInfo, BuildListItem, BuildMethods, Extra, Float } from '@koji/core/api';
import { DateTime, Double } from '@koji/core/wire';
import type { Call, Handlers } from '../call.js';
import { lookupName } from '../domain/values/lookup.js';
import { epochColumn, floatColumn, query, stream } from '../db/rows.js';
import { timeText } from '../db/times.js';
import { likeConditions } from '../db/name-search.js';
import { epochOf, glob, id, likeOf, sql, unkeyed } from '../db/sql.js';
import type { Sql } from '../db/sql.js';
import { cancelBuild } from '../domain/tasks/build-canceling.js';
import { listBuildLogs } from '../domain/builds/logs.js';
import { buildReferences } from '../domain/builds/references.js';
import { deleteBuild, resetBuild } from '../domain/imports/removal.js';
import {
  buildColumns,
  buildJoins,
  buildState,
  findBuild,
  findBuildId,
  getBuild,
  isComplete,
  newBuild,
  setOwner,
} from '../domain/builds/builds.js';
import { toInt } from '../domain/values/convert.js';
import { promoteBuild } from '../domain/imports/drafts.js';
import { hasPrefix, idIs, isPossibleId } from '../domain/values/ids.js';
import { readJson } from '../domain/values/json.js';
import { momentIn } from '../domain/history/moments.js';
import { findPackage } from '../domain/tags/package-lists.js';
import { plain, repr } from '../domain/values/repr.js';
import { nextRelease } from '../domain/history/releases.js';
import { isDraft, readTaggedBuilds, typeJoin } from '../domain/tagging/tagging.js';
import { cancelTaskFull } from '../domain/tasks/tasks.js';
import { getTagId } from '../domain/tags/tags.js';
import { findUser } from '../domain/users/users.js';

const timeColumns = {
  creation_ts: epochColumn(sql`events.time`),
  start_ts: epochColumn(sql`build.start_time`),
  completion_ts: epochColumn(sql`build.completion_time`),
  promotion_ts: epochColumn(sql`build.promotion_time`),
};

/** Handlers of the methods about builds. */
export const builds: Handlers<BuildMethods> = {
  getBuild: ({ buildInfo, strict }, call) => (strict ? getBuild : findBuild)(call, buildInfo),

  async findBuildID({ X: build, strict }, call) {
    const buildId = await findBuildId(call, build);
    if (buildId === null && strict) throw new GenericError(`No such build: ${repr(build)}`);
    return buildId;
  },

  async listBuilds(filter, call) {
    const where = await buildConditions(call, filter);
    if (where === null) return [];
    const ofType = await typeJoin(call, filter.type);
    return stream<BuildListItem>(call.db, {
      columns: {
        ...buildColumns,
        ...timeColumns,
        ...ofType.extra,
        source: sql`build.source`,
        extra: sql`build.extra`,
      },
      from: sql`build ${buildJoins} ${ofType.join}`,
      where,
      opts: filter.queryOpts,
      key: sql`build.id`,
      transform: (row: BuildListItem) => ({
        ...row,
        extra: readJson(row.extra, 'Invalid extra data') as Extra,
      }),
    });
  },

  createEmptyBuild: ({ name, version, release, epoch: buildEpoch, owner, draft }, call) =>
    newBuild(call, { name, version, release, epoch: buildEpoch, draft, owner }),

  async cancelBuild({ buildID, strict }, call) {
    const build = await (strict ? getBuild : findBuild)(call, buildID);
    if (!build) return false;
    if (build.owner_id !== call.session.userId && !call.session.hasPerm('admin'))
      throw new ActionNotAllowed('Cannot cancel build, not owner');
    const canceled = await cancelBuild(call, build.id);
    if (canceled && canceled.taskId !== null) await cancelTaskFull(call, canceled.taskId, { strict: false });
    return canceled !== false;
  },

  promoteBuild: ({ build, force }, call) => promoteBuild(call, build, force),

  async setBuildTimestamp({ build: buildInfo, ts }, call) {
    const build = await getBuild(call, buildInfo);
    await setCompletionTime(call, build, secondsIn(ts));
    return null;
  },

  async buildReferences({ build, limit, lazy }, call) {
    return buildReferences(call, (await getBuild(call, build)).id, { limit, lazy });
  },

  deleteBuild: ({ build, strict, min_ref_age: minRefAge }, call) =>
    deleteBuild(call, build, { strict, minRefAge: minRefAge ?? 0 }),

  async resetBuild({ build }, call) {
    await resetBuild(call, build);
    return null;
  },

  async getBuildLogs({ build }, call) {
    return listBuildLogs(call, await getBuild(call, build));
  },

  async getAverageBuildDuration({ package: pkg, age }, call) {
    const found = await findPackage(call, pkg);
    return found && averageDuration(call, found.id, age === null ? null : toInt(age));
  },

  async setBuildOwner({ build, user }, call) {
    await setOwner(call, build, user);
    return null;
  },

  getNextRelease: ({ build_info: build, incr }, call) => nextRelease(call, build, incr),

  untaggedBuilds({ name, queryOpts, draft }, call) {
    const where = [
      sql`NOT EXISTS (SELECT 1 FROM tag_listing
        WHERE tag_listing.build_id = build.id AND tag_listing.active = TRUE)`,
      isComplete,
    ];
    if (name !== null) where.push(sql`package.name = ${plain(name)}`);
    if (draft !== null) where.push(isDraft('build', draft));
    return stream<{ id: number; name: string; version: string; release: string }>(call.db, {
      columns: {
        id: id('build.id'),
        name: id('package.name'),
        version: id('build.version'),
        release: id('build.release'),
      },
      from: sql`build JOIN package ON package.id = build.pkg_id`,
      where,
      opts: queryOpts,
    });
  },

  async getLatestBuilds({ tag, event, package: pkg, type, draft }, call) {
    const tagId = await getTagId(call, tag);
    return readTaggedBuilds(call, tagId, { event, inherit: true, latest: true, package: pkg, type, draft });
  },
};

type BuildFilter = Parameters<(typeof builds)['listBuilds']>[0];

/** The conditions of a listing; null if one of them names an object that does not exist, so that nothing can match. */
async function buildConditions(call: Call, filter: BuildFilter): Promise<Sql[] | null> {
  const where: Sql[] = [];
  if (filter.packageID !== null) {
    const found = await findPackage(call, filter.packageID);
    if (!found) return null;
    where.push(sql`build.pkg_id = ${found.id}`);
  }
  for (const [user, column] of [
    [filter.userID, 'build.owner'],
    [filter.promoter, 'build.promoter'],
  ] as const) {
    if (user === null) continue;
    const found = await findUser(call, user, { principals: false });
    if (!found) return null;
    // A package has fewer builds than a user may have.
    const key = filter.packageID === null ? id(column) : unkeyed(id(column));
    where.push(sql`${key} = ${found.id}`);
  }
  if (filter.cgID) {
    const found = await lookupName(call, 'content_generator', filter.cgID);
    if (!found) return null;
    where.push(sql`build.cg_id = ${found.id}`);
  }
  if (filter.pattern) {
    where.push(glob(sql`(${buildColumns.nvr})`, filter.pattern));
    where.push(...(await likeConditions(call.db, 'build', likeOf(filter.pattern))));
  }
  return [...where, ...plainConditions(filter), ...timeConditions(filter), ...typeConditions(filter)];
}

function plainConditions(filter: BuildFilter): Sql[] {
  const where: Sql[] = [];
  if (filter.volumeID !== null) where.push(idIs('build.volume_id', filter.volumeID));
  if (filter.state !== null) where.push(stateIs(filter, filter.state));
  if (filter.taskID === -1) where.push(sql`build.task_id IS NOT NULL`);
  else if (filter.taskID !== null) where.push(idIs('build.task_id', filter.taskID));
  if (filter.source !== null) where.push(glob(id('build.source'), filter.source));
  if (filter.prefix) where.push(...hasPrefix('package.name', filter.prefix));
  if (filter.draft !== null) where.push(isDraft('build', filter.draft));
  return where;
}

/** Most builds are complete, so that their state finds them only in the order of its index. */
function stateIs(filter: BuildFilter, state: number): Sql {
  if (!isPossibleId(state)) return sql`1 = 0`;
  const order = filter.queryOpts?.order;
  const isInOrder = !order || (typeof order === 'string' && /^-?build_id$/.test(order));
  const isFew = [filter.packageID, filter.userID, filter.taskID, filter.cgID].some((other) => other != null);
  return sql`${isInOrder && !isFew ? sql`build.state` : unkeyed(sql`build.state`)} = ${state}`;
}

function timeConditions(filter: BuildFilter): Sql[] {
  const where: Sql[] = [];
  for (const [name, column] of [
    ['created', 'events.time'],
    ['complete', 'build.completion_time'],
    ['promoted', 'build.promotion_time'],
  ] as const) {
    const before = filter[`${name}Before`];
    const after = filter[`${name}After`];
    if (before) where.push(sql`${id(column)} < ${momentText(before, `${name}Before`)}`);
    if (after) where.push(sql`${id(column)} > ${momentText(after, `${name}After`)}`);
  }
  return where;
}

function momentText(moment: unknown, name: string): string {
  const isText = typeof moment === 'string';
  const seconds = isText ? momentIn(moment) : isNumber(moment) ? Number(moment) : null;
  if (seconds === null || !isTime(seconds))
    throw new ParameterError(`listBuilds(): ${name} is no time: ${plain(moment)}`);
  return timeText(seconds);
}

const isNumber = (value: unknown): boolean =>
  typeof value === 'number' || typeof value === 'boolean' || value instanceof Double;

/** Whether seconds since 1970 are in a year of four digits. */
const isTime = (seconds: number): boolean => seconds >= -62_135_596_800 && seconds < 253_402_300_800;

/** Seconds since 1970 out of a number, or of a DateTime of the wire, which has no zone and counts as UTC. */
function secondsIn(ts: unknown): number {
  if (ts instanceof DateTime) {
    const [, date = '', time = ''] = /^(\d{8})T(\d\d:\d\d:\d\d)$/.exec(ts.value) ?? [];
    const seconds = momentIn(`${date.slice(0, 4)}-${date.slice(4, 6)}-${date.slice(6)} ${time}`);
    if (seconds === null) throw new GenericError(`Invalid time: ${ts.value}`);
    return seconds;
  }
  if (!isNumber(ts)) throw new GenericError('Invalid type for timestamp');
  if (!isTime(Number(ts))) throw new GenericError(`Invalid time: ${plain(ts)}`);
  return Number(ts);
}

async function setCompletionTime(call: Call, build: BuildInfo, seconds: number): Promise<void> {
  if (build.state === BUILD_STATES.BUILDING)
    throw new GenericError(`Build ${build.nvr} is ${buildState(build)}`);
  const change = { attribute: 'completion_ts', old: build.completion_ts, new: seconds } as const;
  await call.runCallbacks('preBuildStateChange', { ...change, info: build });
  await call.db.run(sql`UPDATE build SET completion_time = ${timeText(seconds)} WHERE id = ${build.id}`);
  await call.runCallbacks('postBuildStateChange', { ...change, info: await getBuild(call, build.id) });
}

/** Builds without a task were imported, and took no time; content generators may name theirs in the free data. */
async function averageDuration(call: Call, packageId: number, months: number | null): Promise<Float | null> {
  const where = [
    sql`build.pkg_id = ${packageId}`,
    isComplete,
    sql`build.task_id IS NOT NULL OR build.extra LIKE '%koji_task_id%'`,
  ];
  if (months !== null) where.push(sql`build.completion_time > ${timeText(monthsAgo(months))}`);
  const start = epochOf(sql`events.time`);
  const { expression: end } = timeColumns.completion_ts;
  const [row] = await query<{ seconds: Float | null }>(call.db, {
    columns: { seconds: floatColumn(sql`avg(${end} - ${start})`) },
    from: sql`build JOIN events ON events.id = build.create_event`,
    where,
  });
  return row?.seconds ?? null;
}

/** The same day so many months ago, or the last of a month that is shorter. */
function monthsAgo(months: number): Date {
  const moment = new Date();
  const day = moment.getUTCDate();
  moment.setUTCDate(1);
  moment.setUTCMonth(moment.getUTCMonth() - months);
  if (!isTime(moment.getTime() / 1000)) throw new ParameterError(`age is too large: ${months}`);
  const last = new Date(Date.UTC(moment.getUTCFullYear(), moment.getUTCMonth() + 1, 0)).getUTCDate();
  moment.setUTCDate(Math.min(day, last));
  return moment;
}

function typeConditions(filter: BuildFilter): Sql[] {
  const info = filter.typeInfo ?? {};
  const where: Sql[] = [];
  if (filter.type === 'maven')
    for (const field of ['group_id', 'artifact_id', 'version'] as const)
      if (info[field] !== undefined) where.push(sql`${id(`maven_builds.${field}`)} = ${plain(info[field])}`);
  if (filter.type === 'win' && Object.keys(info).length > 0) {
    if (info.platform === undefined) throw new ParameterError('listBuilds(): typeInfo has no platform');
    where.push(sql`win_builds.platform = ${plain(info.platform)}`);
  }
  return where;
}
