import { BUILD_STATES, GenericError, TagError, draftRelease, nameOf, parseNVR, writeJson } from '@koji/core';
import type { BuildInfo, Extra } from '@koji/core/api';
import type { Call } from '../../call.js';
import { lookupName } from '../values/lookup.js';
import { id as columnId, epoch, forUpdate, join, now, sql, unkeyed } from '../../db/sql.js';
import type { Sql } from '../../db/sql.js';
import { isStruct } from '../values/convert.js';
import { lookAt, stageRemoval } from '../files/files.js';
import { idIs, isId, isPossibleId } from '../values/ids.js';
import { readJson } from '../values/json.js';
import { checkName, checkPathPart } from '../values/names.js';
import { plain, repr, typeName } from '../values/repr.js';
import { getUser } from '../users/users.js';
import { listVolumes } from './volumes.js';

/** The columns of a build that every answer has, of {@link buildTables}. */
export const buildColumns = {
  build_id: sql`build.id`,
  version: sql`build.version`,
  release: sql`build.release`,
  epoch: sql`build.epoch`,
  draft: sql`build.draft`,
  state: sql`build.state`,
  completion_time: sql`build.completion_time`,
  promotion_time: sql`build.promotion_time`,
  start_time: sql`build.start_time`,
  task_id: sql`build.task_id`,
  creation_event_id: sql`events.id`,
  creation_time: sql`events.time`,
  package_id: sql`package.id`,
  package_name: sql`package.name`,
  name: sql`package.name`,
  volume_id: sql`volume.id`,
  volume_name: sql`volume.name`,
  nvr: sql`package.name || '-' || build.version || '-' || build.release`,
  owner_id: sql`users.id`,
  owner_name: sql`users.name`,
  promoter_id: sql`promoter.id`,
  promoter_name: sql`promoter.name`,
} as const;

/** Whether a build is complete, which most are, so that no index finds it by that. */
export const isComplete = sql`${unkeyed(sql`build.state`)} = ${BUILD_STATES.COMPLETE}`;

/** The joins for {@link buildColumns}. */
export const buildJoins = sql`JOIN events ON events.id = build.create_event
  JOIN package ON package.id = build.pkg_id
  JOIN volume ON volume.id = build.volume_id
  JOIN users ON users.id = build.owner
  LEFT JOIN users AS promoter ON promoter.id = build.promoter`;

/** `expression AS name`, for each. */
export function aliased(columns: Readonly<Record<string, Sql>>): Sql {
  return join(
    Object.entries(columns).map(([name, expression]) => sql`${expression} AS ${columnId(name)}`),
    ', ',
  );
}

/** All of {@link buildColumns} under their names. */
export const allBuildColumns = aliased(buildColumns);

const selectBuild = sql`SELECT build.id, ${allBuildColumns}, ${epoch('events.time', 'creation_ts')},
    ${epoch('build.start_time', 'start_ts')}, ${epoch('build.completion_time', 'completion_ts')},
    ${epoch('build.promotion_time', 'promotion_ts')}, build.cg_id, build.source, build.extra,
    content_generator.name AS cg_name
  FROM build ${buildJoins} LEFT JOIN content_generator ON content_generator.id = build.cg_id`;

/**
 * The id of a build given by NVR or a struct with name, version and release; an id is handed back as it is.
 *
 * @throws GenericError for something that names no build
 */
export async function findBuildId(call: Call, build: unknown): Promise<number | null> {
  if (isId(build)) return build;
  const row = await call.db.get<{ id: number }>(
    sql`SELECT build.id FROM build JOIN package ON package.id = build.pkg_id WHERE ${isBuild(build)}`,
  );
  return row?.id ?? null;
}

/** The condition that a row of build and package is the one that is meant. */
function isBuild(build: unknown): Sql {
  if (isId(build)) return idIs('build.id', build);
  const { name, version, release } = nvrOf(build);
  return sql`package.name = ${name} AND build.version = ${version} AND build.release = ${release}`;
}

function nvrOf(build: unknown): { name: string; version: string; release: string } {
  if (typeof build === 'string') return parseNVR(build);
  if (!isStruct(build)) throw new GenericError(`Invalid type for argument: ${typeName(build)}`);
  const { name, version, release } = build;
  if (name === undefined || version === undefined || release === undefined)
    throw new GenericError('did not provide name, version, and release');
  return { name: plain(name), version: plain(version), release: plain(release) };
}

/** A build by id, NVR or struct; null if there is none. */
export async function findBuild(call: Call, build: unknown): Promise<BuildInfo | null> {
  const [row] = await call.db.lookup<Omit<BuildInfo, 'extra'> & { extra: string | null }>(
    sql`${selectBuild} WHERE ${isBuild(build)}`,
  );
  return row ? { ...row, extra: readJson(row.extra, 'Invalid extra data') as Extra } : null;
}

/** As {@link findBuild}, but a build that is missing is a GenericError. */
export async function getBuild(call: Call, build: unknown): Promise<BuildInfo> {
  const found = await findBuild(call, build);
  if (!found) throw new GenericError(`No such build: ${repr(build)}`);
  return found;
}

/** As {@link getBuild}, and nobody else changes the build until the call is over. */
export async function lockBuild(call: Call, buildId: number): Promise<BuildInfo> {
  await call.db.get(sql`SELECT id FROM build WHERE ${idIs('build.id', buildId)}${forUpdate}`);
  return getBuild(call, buildId);
}

/** The name of a build's state, for fault texts. */
export function buildState(build: { state: number }): string {
  return nameOf(BUILD_STATES, build.state) ?? String(build.state);
}

/** The task that made a build; some content generators keep it in the build's free data. */
export function taskOfBuild(build: Pick<BuildInfo, 'task_id' | 'extra'>): number | null {
  const taskId = build.task_id ?? build.extra?.container_koji_task_id;
  return isId(taskId) ? taskId : null;
}

/** @throws TagError unless the build is complete. */
export function checkComplete(build: BuildInfo): void {
  if (build.state !== BUILD_STATES.COMPLETE)
    throw new TagError(`build ${build.nvr} not complete: state ${buildState(build)}`);
}

/** The id of a package name, which is created if it does not exist. */
export async function newPackage(call: Call, name: unknown): Promise<number> {
  checkName(call, name);
  return (await lookupName(call, 'package', name, { create: true })).id;
}

/** Fields of a new build; missing ones get Koji's defaults: complete, now, the caller. */
export interface NewBuild {
  readonly name: unknown;
  readonly version: unknown;
  readonly release: unknown;
  readonly epoch: unknown;
  readonly owner?: unknown;
  readonly draft?: boolean;
  readonly extra?: unknown;
  readonly state?: number;
  /** Start and end as stored; the end of a build in progress is null. */
  readonly start_time?: string;
  readonly completion_time?: string | null;
  readonly source?: string | null;
  readonly task_id?: number | null;
  readonly volume_id?: number;
  readonly cg_id?: number;
}

/** A build as it is about to be stored, which is what callbacks see before it exists. */
interface BuildRow {
  id?: number;
  name: string;
  version: string;
  release: string;
  epoch: number | null;
  draft: boolean;
  pkg_id: number;
  extra: string | null;
  state: number;
  /** `NOW`, or a time. */
  start_time: string;
  completion_time: string | null;
  source: string | null;
  owner: number;
  task_id: number | null;
  volume_id: number;
  cg_id?: number;
}

/**
 * Adds a build; a failed or canceled one of that NVR without contents is used again, unless `strict`. `,draft_ID` is appended
 * to a draft's release.
 *
 * @returns its id
 * @throws GenericError when it exists already, or a part of its name is missing
 */
export async function newBuild(call: Call, wanted: NewBuild, strict = false): Promise<number> {
  const row = await buildRow(call, wanted);
  const { name, version, release } = row;
  const old = await findBuild(call, { name, version, release });
  if (old) {
    const text = `${old.nvr} (id=${old.id})`;
    if (row.draft) throw new GenericError(`Target build already exists: ${text}`);
    if (strict) throw new GenericError(`Existing build found: ${text}`);
    await recycleBuild(call, old, row);
    return old.id;
  }
  await call.runCallbacks('preBuildStateChange', {
    attribute: 'state',
    old: null,
    new: row.state,
    info: row,
  });
  row.id = await insertBuild(call, row);
  const info = await getBuild(call, row.id);
  await call.runCallbacks('postBuildStateChange', { attribute: 'state', old: null, new: row.state, info });
  return row.id;
}

async function buildRow(call: Call, wanted: NewBuild): Promise<BuildRow> {
  if (!wanted.name) throw new GenericError('No name or package id provided for build');
  const pkg_id = await newPackage(call, wanted.name);
  const owner = wanted.owner ? (await getUser(call, wanted.owner)).id : call.session.userId;
  for (const field of ['version', 'release', 'epoch'] as const)
    if (wanted[field] === undefined || (wanted[field] === null && field !== 'epoch'))
      throw new GenericError(`No ${field} value for build`);
    else checkPathPart(plain(wanted[field]), `${field} for build`);
  if (owner === null) throw new GenericError('No owner for build');
  const { epoch: buildEpoch } = wanted;
  if (buildEpoch !== null && !(isId(buildEpoch) && isPossibleId(buildEpoch)))
    throw new GenericError(`Invalid epoch for build: ${repr(buildEpoch)}`);
  const row: BuildRow = {
    name: wanted.name as string,
    version: plain(wanted.version),
    release: plain(wanted.release),
    epoch: buildEpoch,
    pkg_id,
    extra: wanted.extra == null ? null : writeJson(wanted.extra),
    state: wanted.state ?? BUILD_STATES.COMPLETE,
    start_time: wanted.start_time ?? 'NOW',
    completion_time: wanted.completion_time === undefined ? 'NOW' : wanted.completion_time,
    source: wanted.source ?? null,
    owner,
    task_id: wanted.task_id ?? null,
    volume_id: wanted.volume_id ?? 0,
    draft: wanted.draft ?? false,
    ...(wanted.cg_id === undefined ? {} : { cg_id: wanted.cg_id }),
  };
  // Fault texts show the row, with what the caller gave first.
  const given = Object.entries(wanted).flatMap(([key, value]) =>
    key in row && value !== undefined && (key !== 'owner' || value)
      ? [[key, row[key as keyof BuildRow]] as const]
      : [],
  );
  return { ...Object.fromEntries(given), ...row };
}

// Inserted as a build in progress, because a draft's release needs the id, and the times of a complete one must be equal.
async function insertBuild(call: Call, row: BuildRow): Promise<number> {
  const made = await call.db.get<{ id: number }>(
    sql`INSERT INTO build (pkg_id, version, release, epoch, state, volume_id, task_id, owner, source, extra, cg_id,
          create_event, start_time)
        VALUES (${row.pkg_id}, ${row.version}, ${row.release}, ${row.epoch}, ${BUILD_STATES.BUILDING},
          ${row.volume_id}, ${row.task_id}, ${row.owner}, ${row.source}, ${row.extra}, ${row.cg_id ?? null},
          ${await call.event()}, ${moment(row.start_time)})
        RETURNING id`,
  );
  if (!made) throw new Error('a new build got no id');
  if (row.draft) await nameDraft(call, row, made.id);
  await settleBuild(call, made.id, row);
  return made.id;
}

const moment = (time: string): Sql => (time === 'NOW' ? now : sql`${time}`);

async function settleBuild(call: Call, buildId: number, row: BuildRow): Promise<void> {
  const { completion_time: end } = row;
  const completion =
    end === 'NOW' ? sql`${row.start_time === 'NOW' ? columnId('start_time') : now}` : sql`${end}`;
  await call.db.run(
    sql`UPDATE build SET state = ${row.state}, completion_time = ${completion}, release = ${row.release},
          draft = ${row.draft} WHERE id = ${buildId}`,
  );
}

async function nameDraft(call: Call, row: BuildRow, buildId: number): Promise<void> {
  row.release = draftRelease(row.release, buildId);
  const { name, version, release } = row;
  if (await findBuildId(call, { name, version, release }))
    throw new GenericError(`The build already exists: ${repr({ name, version, release })}`);
}

async function recycleBuild(call: Call, old: BuildInfo, row: BuildRow): Promise<void> {
  if (old.state === BUILD_STATES.BUILDING) {
    // The task that owns the build started again and asks for its build a second time.
    if (row.state === old.state && row.task_id === old.task_id) return;
    throw new GenericError(`Build already in progress (task ${old.task_id ?? 'None'})`);
  }
  if (old.state !== BUILD_STATES.FAILED && old.state !== BUILD_STATES.CANCELED)
    throw new GenericError(`Build already exists (id=${old.id}, state=${buildState(old)}): ${repr(row)}`);
  for (const [table, what] of [
    ['tag_listing', 'tag history'],
    ['rpminfo', 'rpm data'],
    ['archiveinfo', 'archive data'],
  ] as const)
    if (await call.db.get(sql`SELECT build_id FROM ${columnId(table)} WHERE build_id = ${old.id} LIMIT 1`))
      throw new GenericError(`Build already exists. Unable to recycle, has ${what}`);

  const change = { attribute: 'state', old: old.state, new: row.state } as const;
  await call.runCallbacks('preBuildStateChange', { ...change, info: row });
  for (const table of ['maven_builds', 'win_builds', 'image_builds', 'build_types'])
    await call.db.run(sql`DELETE FROM ${columnId(table)} WHERE build_id = ${old.id}`);
  row.id = old.id;
  const cg = row.cg_id === undefined ? sql`` : sql`, cg_id = ${row.cg_id}`;
  await call.db.run(
    sql`UPDATE build SET state = ${BUILD_STATES.BUILDING}, completion_time = NULL,
          start_time = ${moment(row.start_time)},
          task_id = ${row.task_id}, owner = ${row.owner}, epoch = ${row.epoch}, source = ${row.source}, extra = ${row.extra},
          volume_id = ${row.volume_id}, create_event = ${await call.event()}${cg}
        WHERE id = ${old.id}`,
  );
  await settleBuild(call, old.id, row);
  await removeStrayFiles(call, row);
  await call.runCallbacks('postBuildStateChange', { ...change, info: await getBuild(call, old.id) });
}

/** Removes the files of the failed attempt, on any volume. */
async function removeStrayFiles(call: Call, row: BuildRow): Promise<void> {
  const { name, version, release } = row;
  for (const volume of await listVolumes(call)) {
    const directory = call.hub.paths.build({ name, version, release, volume_name: volume.name });
    if (!(await lookAt(call, directory))) continue;
    call.log.warn(`Removing stray files of a build: ${directory}`);
    await stageRemoval(call, directory);
  }
}

/** Gives a build to another user, without a look at permissions. */
export async function setOwner(call: Call, buildInfo: unknown, userInfo: unknown): Promise<void> {
  const info = await getBuild(call, buildInfo);
  const { id: owner } = await getUser(call, userInfo);
  const change = { attribute: 'owner_id', old: info.owner_id, new: owner, info } as const;
  await call.runCallbacks('preBuildStateChange', change);
  await call.db.run(sql`UPDATE build SET owner = ${owner} WHERE id = ${info.id}`);
  await call.runCallbacks('postBuildStateChange', change);
}

/** Notes that a build has a type; harmless when it has it already. */
export async function addBuildType(call: Call, buildId: number, btype: string): Promise<void> {
  const { id: btypeId } = await lookupName(call, 'btype', btype, { strict: true });
  const values = sql`build_id = ${buildId} AND btype_id = ${btypeId}`;
  if (!(await call.db.get(sql`SELECT build_id FROM build_types WHERE ${values}`)))
    await call.db.run(sql`INSERT INTO build_types (build_id, btype_id) VALUES (${buildId}, ${btypeId})`);
}
