import { GenericError } from '@koji/core';
import type {
  BuildInfo,
  BuildTypeInfo,
  BuildTypeMethods,
  ImageBuildInfo,
  MavenBuildInfo,
  QueryOpts,
  WinBuildInfo,
} from '@koji/core/api';
import type { Call, Handlers } from '../call.js';
import { query } from '../db/rows.js';
import { id, sql } from '../db/sql.js';
import type { Sql } from '../db/sql.js';
import { listArchives } from '../domain/archives/archives.js';
import { findBuild, findBuildId, newBuild } from '../domain/builds/builds.js';
import {
  addImageBuild,
  addMavenBuild,
  addWinBuild,
  assertMavenEnabled,
  assertWinEnabled,
  buildTypes,
  imageBuild,
  mavenBuild,
  winBuild,
} from '../domain/builds/types.js';
import { isStruct, truthy } from '../domain/values/convert.js';
import { isId, idIs } from '../domain/values/ids.js';
import { checkName } from '../domain/values/names.js';
import { plain, repr, typeName } from '../domain/values/repr.js';

/** Handlers of the methods about build types and their files. */
export const buildTypeHandlers: Handlers<BuildTypeMethods> = {
  listBTypes: ({ query: wanted, queryOpts }, call) => listTypes(call, wanted ?? {}, queryOpts),

  async addBType({ name }, call) {
    checkName(call, name);
    if ((await listTypes(call, { name }, null)).length > 0) throw new GenericError('btype already exists');
    await call.db.run(sql`INSERT INTO btype (name) VALUES (${name})`);
    return null;
  },

  async getBuildType({ buildInfo, strict }, call) {
    const given = buildInfo as Partial<BuildInfo> | number | string | null;
    if (typeof given === 'object' && isId(given?.id) && given.extra !== undefined)
      return buildTypes(call, { id: given.id, extra: given.extra });
    const build = await findBuild(call, buildInfo);
    if (!build && strict) throw new GenericError(`No such build: ${repr(buildInfo)}`);
    return build && buildTypes(call, build);
  },

  getMavenBuild: ({ buildInfo, strict }, call) =>
    typedBuild<MavenBuildInfo>(call, { build: buildInfo, strict, type: 'maven', read: mavenBuild }),
  getWinBuild: ({ buildInfo, strict }, call) =>
    typedBuild<WinBuildInfo>(call, { build: buildInfo, strict, type: 'Windows', read: winBuild }),
  getImageBuild: ({ buildInfo, strict }, call) =>
    typedBuild<ImageBuildInfo>(call, { build: buildInfo, strict, type: 'image', read: imageBuild }),

  async createMavenBuild({ build_info: build, maven_info: info }, call) {
    assertMavenEnabled(call);
    await addMavenBuild(call, await findOrMakeBuild(call, build), info);
    return null;
  },

  async createWinBuild({ build_info: build, win_info: info }, call) {
    assertWinEnabled(call);
    await addWinBuild(call, await findOrMakeBuild(call, build), info);
    return null;
  },

  async createImageBuild({ build_info: build }, call) {
    await addImageBuild(call, await findOrMakeBuild(call, build));
    return null;
  },

  async listArchives({ strict, ...filter }, call) {
    const archives = await listArchives(call, filter);
    if (strict && archives.length === 0) throw new GenericError('No archives found.');
    return archives;
  },
};

/** Returns the id of a build that is not a draft; creates the build from a struct if it does not exist. */
async function findOrMakeBuild(call: Call, given: unknown): Promise<number> {
  const draft = new GenericError('Draft build not supported');
  const found = await findBuild(call, given);
  if (found?.draft) throw draft;
  if (found) return found.id;
  if (!isStruct(given)) throw new GenericError(`Invalid type for build_info: ${typeName(given)}`);
  if (truthy(given.draft)) throw draft;
  for (const field of ['name', 'version', 'release', 'epoch'])
    if (given[field] === undefined)
      throw new GenericError(`Build info doesn't have mandatory '${field}' key`);
  const { name, version, release, epoch } = given;
  return newBuild(call, { name, version, release, epoch });
}

function listTypes(
  call: Call,
  wanted: Readonly<Record<string, unknown>>,
  opts: QueryOpts | null,
): Promise<BuildTypeInfo[]> {
  const where: Sql[] = [];
  if (wanted.name !== undefined) where.push(sql`btype.name = ${plain(wanted.name)}`);
  if (wanted.id !== undefined) where.push(isId(wanted.id) ? idIs('btype.id', wanted.id) : sql`1 = 0`);
  const columns = { id: id('btype.id'), name: id('btype.name') };
  return query<BuildTypeInfo>(call.db, { columns, from: sql`btype`, where, opts });
}

async function typedBuild<T>(
  call: Call,
  wanted: {
    build: unknown;
    strict: boolean;
    type: string;
    read: (call: Call, buildId: number) => Promise<T | null>;
  },
): Promise<T | null> {
  const buildId = await findBuildId(call, wanted.build);
  if (!buildId && wanted.strict) throw new GenericError(`No such build: ${repr(wanted.build)}`);
  const found = buildId ? await wanted.read(call, buildId) : null;
  if (!found && wanted.strict) throw new GenericError(`no such ${wanted.type} build: ${plain(wanted.build)}`);
  return found;
}
