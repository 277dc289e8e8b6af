import { BuildError, GenericError } from '@koji/core';
import type { BuildInfo, ImageBuildInfo, MavenBuildInfo, WinBuildInfo } from '@koji/core/api';
import { Double } from '@koji/core/wire';
import type { Call } from '../../call.js';
import { sql } from '../../db/sql.js';
import { addBuildType } from './builds.js';
import { isStruct } from '../values/convert.js';
import { idIs } from '../values/ids.js';
import { checkPathPart } from '../values/names.js';
import { plain, repr, typeName } from '../values/repr.js';

/** The Maven coordinates of a build; null if it is not a Maven build. */
export function mavenBuild(call: Call, buildId: number): Promise<MavenBuildInfo | null> {
  return call.db.get(
    sql`SELECT build_id, group_id, artifact_id, version FROM maven_builds WHERE ${idIs('build_id', buildId)}`,
  );
}

/** The platform of a Windows build; null if it is not one. */
export function winBuild(call: Call, buildId: number): Promise<WinBuildInfo | null> {
  return call.db.get(sql`SELECT build_id, platform FROM win_builds WHERE ${idIs('build_id', buildId)}`);
}

/** Reports that a build contains images; null if it does not. */
export function imageBuild(call: Call, buildId: number): Promise<ImageBuildInfo | null> {
  return call.db.get(sql`SELECT build_id FROM image_builds WHERE ${idIs('build_id', buildId)}`);
}

/**
 * The types of a build, each with what is known for it: the older types from their own tables, the others from the
 * build's free data.
 */
export async function buildTypes(
  call: Call,
  build: Pick<BuildInfo, 'id' | 'extra'>,
): Promise<Record<string, unknown>> {
  const rows = await call.db.all<{ name: string }>(
    sql`SELECT btype.name FROM build_types JOIN btype ON btype.id = build_types.btype_id
        WHERE ${idIs('build_types.build_id', build.id)} ORDER BY btype.id`,
  );
  const info = (build.extra?.typeinfo ?? {}) as Readonly<Record<string, unknown>>;
  const types: Record<string, unknown> = {};
  for (const { name } of rows) types[name] = info[name] ?? null;
  const older = {
    maven: await mavenBuild(call, build.id),
    win: await winBuild(call, build.id),
    image: await imageBuild(call, build.id),
  };
  for (const [name, found] of Object.entries(older)) if (found) types[name] = found;
  return types;
}

/** @throws GenericError unless the hub has EnableMaven */
export function assertMavenEnabled(call: Call): void {
  if (!call.hub.options.EnableMaven) throw new GenericError('Maven support not enabled');
}

/** @throws GenericError unless the hub has EnableWin */
export function assertWinEnabled(call: Call): void {
  if (!call.hub.options.EnableWin) throw new GenericError('Windows support not enabled');
}

const mavenFields = ['group_id', 'artifact_id', 'version'] as const;

/**
 * Notes the Maven coordinates of a build.
 *
 * @throws BuildError when the build has others already
 */
export async function addMavenBuild(call: Call, buildId: number, info: unknown): Promise<void> {
  const given = structOf(info, 'maven_info');
  const current = await mavenBuild(call, buildId);
  if (!current && Object.keys(given).length === 0) throw new GenericError('Maven info is empty');
  const [group, artifact, version] = mavenFields.map((field) => {
    if (given[field] === undefined)
      throw new GenericError(`Maven info doesn't have mandatory '${field}' key`);
    if (current && current[field] !== given[field])
      throw new BuildError(`${field} mismatch (current: ${current[field]}, new: ${plain(given[field])})`);
    const text = textOf(given[field], field);
    // They become folders of the build's artifacts, a group's dots being slashes there.
    for (const part of text.split(field === 'group_id' ? '.' : '/'))
      checkPathPart(part, `${field} ${repr(text)}`);
    return text;
  });
  if (current) return;
  await call.db.run(
    sql`INSERT INTO maven_builds (build_id, group_id, artifact_id, version)
        VALUES (${buildId}, ${group ?? null}, ${artifact ?? null}, ${version ?? null})`,
  );
  await addBuildType(call, buildId, 'maven');
}

/** Notes the Windows platform of a build; another one replaces it. */
export async function addWinBuild(call: Call, buildId: number, info: unknown): Promise<void> {
  const given = structOf(info, 'win_info');
  if (Object.keys(given).length === 0) throw new GenericError('Windows info is empty');
  if (given.platform === undefined)
    throw new GenericError("Windows info doesn't have mandatory platform key");
  const platform = textOf(given.platform, 'platform');
  await call.db.run(
    sql`INSERT INTO win_builds (build_id, platform) VALUES (${buildId}, ${platform})
        ON CONFLICT (build_id) DO UPDATE SET platform = excluded.platform`,
  );
  await addBuildType(call, buildId, 'win');
}

/** Notes that a build is one of images. */
export async function addImageBuild(call: Call, buildId: number): Promise<void> {
  await call.db.run(sql`INSERT INTO image_builds (build_id) VALUES (${buildId}) ON CONFLICT DO NOTHING`);
  await addBuildType(call, buildId, 'image');
}

function structOf(info: unknown, what: string): Readonly<Record<string, unknown>> {
  if (!isStruct(info)) throw new GenericError(`Invalid type for ${what}: ${typeName(info)}`);
  return info;
}

function textOf(value: unknown, field: string): string {
  if (typeof value === 'string' || typeof value === 'number' || value instanceof Double) return plain(value);
  throw new GenericError(`Invalid ${field}: ${repr(value)}`);
}
