import { stat } from 'node:fs/promises';
import path from 'node:path';
import { BUILD_STATES, GenericError, parseNVRA, writeJson } from '@koji/core';
import type { RpmHeader, RpmInfo } from '@koji/core/rpm';
import type { BuildInfo, ImportedRpm } from '@koji/core/api';
import type { Call } from '../../call.js';
import { sql } from '../../db/sql.js';
import { addBuildType, buildState, findBuild, getBuild, newBuild } from '../builds/builds.js';
import { placeFile } from '../files/files.js';
import { isPossibleId } from '../values/ids.js';
import { checkPathPart } from '../values/names.js';
import { readHeader } from '../rpms/files.js';

/** How an rpm comes in. */
export interface RpmImport {
  /** The build that it belongs to; by default determined from the rpm itself. */
  readonly build?: BuildInfo;
  readonly buildrootId?: number | null;
  /** An rpm that wraps something else: its source rpm need not be the build's. */
  readonly wrapper?: boolean;
  /** A content generator's data about the file. */
  readonly fileinfo?: Readonly<Record<string, unknown>> | null;
}

/** An imported rpm, with the headers that were read on the way. */
export interface Imported {
  readonly rpm: ImportedRpm;
  readonly header: RpmHeader;
}

/**
 * Adds the row of an rpm; its file stays where it is.
 *
 * @throws GenericError when the file's name is not what its header says, or the build does not fit
 */
export async function importRpm(call: Call, file: string, how: RpmImport = {}): Promise<Imported> {
  // Through links: what was imported before has one in its place, which may lead nowhere by now.
  const found = await stat(file).catch(() => null);
  if (!found) throw new GenericError(`No such file: ${file}`);
  const header = await readHeader(file);
  const info = header.info();
  const basename = path.basename(file);
  const expected = `${info.name}-${info.version}-${info.release}.${info.arch}.rpm`;
  if (basename !== expected) throw new GenericError(`bad filename: ${basename} (expected ${expected})`);
  // A header may say anything, and these become parts of paths.
  for (const field of ['name', 'version', 'release', 'arch'] as const)
    checkPathPart(info[field], `${field} of ${basename}`);
  // The values of the columns.
  if (info.arch.length > 16) throw new GenericError(`Invalid arch of ${basename}`);
  if (!isPossibleId(info.epoch ?? 0))
    throw new GenericError(`Invalid epoch of ${basename}: ${info.epoch ?? ''}`);
  const build = how.build ?? (await buildOf(call, info));
  if (how.build && !how.wrapper) checkSource(file, info, build);
  const usable: number[] = [BUILD_STATES.BUILDING, BUILD_STATES.COMPLETE];
  if (!usable.includes(build.state)) throw new GenericError(`Build is ${buildState(build)}: ${build.nvr}`);
  await addBuildType(call, build.id, 'rpm');
  const rpm = await insertRpm(call, { file, header, info, build, how });
  return { header, rpm };
}

/** The build of an rpm's source; a source rpm creates one if there is none. */
async function buildOf(call: Call, info: RpmInfo): Promise<BuildInfo> {
  if (!info.sourcepackage) {
    const build = info.sourcerpm === null ? null : await findBuild(call, parseNVRA(info.sourcerpm));
    if (!build) throw new GenericError('No such build');
    return build;
  }
  const { name, version, release, epoch } = info;
  const build = await findBuild(call, { name, version, release });
  return build ?? getBuild(call, await newBuild(call, { name, version, release, epoch }));
}

function checkSource(file: string, info: RpmInfo, build: BuildInfo): void {
  // A draft's own release has a suffix that its rpms know nothing of.
  const release = build.draft ? build.release.split(',', 1)[0] : build.release;
  const expected = `${build.name}-${build.version}-${release ?? ''}.src.rpm`;
  const actual = info.sourcepackage ? path.basename(file) : info.sourcerpm;
  if (actual !== expected)
    throw new GenericError(`srpm mismatch for ${file}: ${actual ?? 'None'} (expected ${expected})`);
}

interface RpmToInsert {
  readonly file: string;
  readonly header: RpmHeader;
  readonly info: RpmInfo;
  readonly build: BuildInfo;
  readonly how: RpmImport;
}

async function insertRpm(call: Call, { file, header, info, build, how }: RpmToInsert): Promise<ImportedRpm> {
  const { name, version, release, epoch, arch } = info;
  const extra = how.fileinfo?.extra == null ? null : writeJson(how.fileinfo.extra);
  const row = {
    name,
    version,
    release,
    epoch,
    sourcepackage: info.sourcepackage ? 1 : null,
    arch,
    buildtime: info.buildtime ?? 0,
    sourcerpm: info.sourcerpm,
    draft: build.draft,
    build_id: build.id,
    size: header.fileSize,
    payloadhash: info.payloadhash,
    buildroot_id: how.buildrootId ?? null,
    external_repo_id: 0,
    ...(extra === null ? {} : { extra }),
  };
  const payload = { type: 'rpm', build, filepath: file, fileinfo: how.fileinfo ?? null } as const;
  await call.runCallbacks('preImport', { ...payload, rpm: row });
  const known = await call.db.get(
    sql`SELECT id FROM rpminfo WHERE name = ${name} AND version = ${version} AND release = ${release}
          AND arch = ${arch} AND external_repo_id = 0 AND draft IS NOT TRUE`,
  );
  if (known && !row.draft)
    throw new GenericError(`rpm already exists: ${name}-${version}-${release}.${arch}`);
  const made = await call.db.get<{ id: number }>(
    sql`INSERT INTO rpminfo (name, version, release, epoch, arch, buildtime, draft, build_id, size, payloadhash,
          buildroot_id, external_repo_id, extra)
        VALUES (${name}, ${version}, ${release}, ${epoch}, ${arch}, ${row.buildtime}, ${row.draft}, ${row.build_id},
          ${row.size}, ${row.payloadhash}, ${row.buildroot_id}, ${row.external_repo_id}, ${extra})
        RETURNING id`,
  );
  if (!made) throw new Error('a new rpm got no id');
  const rpm = { ...row, id: made.id };
  await call.runCallbacks('postImport', { ...payload, rpm });
  return { ...rpm, build, brootid: row.buildroot_id };
}

/** Moves the file of an imported rpm into its build's folder, and leaves a link to it. */
export function placeRpm(call: Call, file: string, rpm: ImportedRpm): Promise<void> {
  const { paths } = call.hub;
  return placeFile(call, file, path.dirname(`${paths.build(rpm.build)}/${paths.rpm(rpm)}`));
}
