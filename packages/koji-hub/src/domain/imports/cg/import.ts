/** The import of what a content generator built: first everything is checked, then everything is written. */
import { lstat } from 'node:fs/promises';
import path from 'node:path';
import { BR_TYPES, BUILD_STATES, GenericError, writeJson } from '@koji/core';
import type { BuildInfo } from '@koji/core/api';
import type { Call } from '../../../call.js';
import { lookupName } from '../../values/lookup.js';
import { anyOf, join, now, sql } from '../../../db/sql.js';
import { importArchive } from '../archive-imports.js';
import { addImageBuild, addMavenBuild, addWinBuild } from '../../builds/types.js';
import { chooseVolume, linkFromDefault } from '../volumes.js';
import { addBuildType, getBuild, newBuild } from '../../builds/builds.js';
import type { Components } from './components.js';
import { optional, readMetadata, structAt, structsAt, valueAt } from './metadata.js';
import type { Struct } from './metadata.js';
import { planBuild, planBuildroots, planOutputs } from './plan.js';
import type { BuildPlan, BuildrootPlan, OutputPlan } from './plan.js';
import { assertGenerator, clearReservation } from './reservations.js';
import { below, lookAt, stageMove, stageWrite } from '../../files/files.js';
import { importRpm, placeRpm } from '../importing.js';
import { checkName, checkPathPart } from '../../values/names.js';
import { repr } from '../../values/repr.js';
import { addSignature } from '../../rpms/signatures.js';

/** Arguments of an import. */
export interface ContentImport {
  /** The metadata as a struct or JSON text, or the name of the uploaded file that has it. */
  readonly metadata: unknown;
  /** The folder of the upload area that the files are in. */
  readonly directory: string;
  /** The token of a reserved build. */
  readonly token: unknown;
}

/**
 * Imports a build of a content generator, with its buildroots and files.
 *
 * @throws AuthError when the caller may not act for the generator, ActionNotAllowed when the policy `cg_import` forbids it,
 *   GenericError and others for metadata that is wrong or does not fit the files
 */
export async function importContent(
  call: Call,
  { metadata: given, directory, token }: ContentImport,
): Promise<BuildInfo> {
  const { metadata, raw } = await readMetadata(call, given, directory);
  checkVersion(metadata);
  const cgId = await generatorOf(call, metadata);
  const warnings: string[] = [];
  const warn = (text: string): void => {
    call.log.warn(text);
    warnings.push(text);
  };
  const plan = await planBuild(call, metadata, { cgId, token });
  const buildroots = await planBuildroots(call, metadata, warn);
  const outputs = await planOutputs(call, metadata, { directory, types: plan.types, buildroots, warn });
  await checkPolicy(call, { plan, outputs, cgId });
  const volume = await volumeFor(call, plan, cgId);
  await checkFree(call, plan, volume);

  const payload = { type: 'cg', metadata, directory } as const;
  await call.runCallbacks('preImport', payload);
  const build = await storeBuild(call, plan, { cgId, volumeId: volume?.id });
  await storeTypes(call, build.id, { plan, outputs });
  const ids = new Map<string, number>();
  for (const [key, buildroot] of buildroots) ids.set(key, await storeBuildroot(call, buildroot, cgId));
  for (const output of outputs)
    await storeOutput(call, output, { build, buildrootId: ids.get(output.buildroot) });
  await linkFromDefault(call, build);
  const folder = call.hub.paths.build(build);
  await stageWrite(call, `${folder}/metadata.json`, Buffer.from(raw));
  if (warnings.length > 0) {
    const log = [...warnings, 'CG import was SUCCESSFUL.'].map((line) => `${line}\n`).join('');
    await stageWrite(call, `${call.hub.paths.buildLogs(build)}/cg_import.log`, Buffer.from(log));
  }
  await call.runCallbacks('postImport', { ...payload, build });
  return build;
}

function checkVersion(metadata: Struct): void {
  const version = valueAt(metadata, 'metadata_version', 'metadata');
  const number = typeof version === 'object' && version !== null ? version.valueOf() : version;
  if (number !== 0 && number !== false) throw new GenericError(`No such metadata version: ${repr(version)}`);
}

/** The one content generator of all buildroots, which the caller must be allowed to use. */
async function generatorOf(call: Call, metadata: Struct): Promise<number> {
  let cgId: number | null = null;
  for (const buildroot of structsAt(metadata, 'buildroots', 'metadata')) {
    const name = valueAt(structAt(buildroot, 'content_generator', 'buildroot'), 'name', 'content_generator');
    const { id } = await lookupName(call, 'content_generator', name, { strict: true });
    if (cgId !== null && cgId !== id)
      throw new GenericError('Koji now support only one content-generator per import');
    cgId = id;
  }
  return (await assertGenerator(call, cgId)).id;
}

async function checkPolicy(
  call: Call,
  { plan, outputs, cgId }: { plan: BuildPlan; outputs: readonly OutputPlan[]; cgId: number },
): Promise<void> {
  await call.hub.policies.assert(call, 'cg_import', {
    package: plan.name,
    version: plan.version,
    release: plan.release,
    btypes: Object.keys(plan.types),
    source: plan.source,
    draft: plan.draft,
    metadata_only: outputs.some((output) => output.metadataOnly),
    cg_list: [cgId],
  });
}

function volumeFor(call: Call, plan: BuildPlan, cgId: number): Promise<{ id: number; name: string } | null> {
  return chooseVolume(call, {
    package: plan.name,
    version: plan.version,
    release: plan.release,
    source: plan.source,
    cg_list: [cgId],
    import: true,
    import_type: 'cg',
  });
}

/** The folder of the build must not be there yet; its name is checked before it becomes a path. */
async function checkFree(call: Call, plan: BuildPlan, volume: { name: string } | null): Promise<void> {
  checkName(call, plan.name);
  checkPathPart(plan.name, 'name for build');
  checkPathPart(plan.version, 'version for build');
  checkPathPart(plan.release, 'release for build');
  const folder = call.hub.paths.build({ ...plan, volume_name: volume?.name ?? null });
  if (await lookAt(call, folder)) throw new GenericError(`Destination directory already exists: ${folder}`);
}

async function storeBuild(
  call: Call,
  plan: BuildPlan,
  { cgId, volumeId = 0 }: { cgId: number; volumeId: number | undefined },
): Promise<BuildInfo> {
  if (plan.reserved) return completeReserved(call, plan, { reserved: plan.reserved, volumeId });
  const { name, version, release, epoch, draft, source, extra, start_time, completion_time, task_id } = plan;
  const id = await newBuild(call, {
    name,
    version,
    release,
    epoch,
    draft,
    source,
    extra,
    start_time,
    completion_time,
    task_id,
    owner: plan.owner,
    volume_id: volumeId,
    cg_id: cgId,
  });
  return getBuild(call, id);
}

async function completeReserved(
  call: Call,
  plan: BuildPlan,
  { reserved, volumeId }: { reserved: BuildInfo; volumeId: number },
): Promise<BuildInfo> {
  const change = { attribute: 'state', old: reserved.state, new: BUILD_STATES.COMPLETE } as const;
  await call.runCallbacks('preBuildStateChange', { ...change, info: reserved });
  const volume = volumeId ? sql`, volume_id = ${volumeId}` : sql``;
  await call.db.run(
    sql`UPDATE build SET state = ${BUILD_STATES.COMPLETE}, extra = ${writeJson(plan.extra)},
          owner = ${plan.owner ?? call.session.userId}, source = ${plan.source}, task_id = ${plan.task_id},
          completion_time = ${now}${volume}
        WHERE id = ${reserved.id}`,
  );
  const info = await getBuild(call, reserved.id);
  await clearReservation(call, reserved.id);
  await call.runCallbacks('postBuildStateChange', { ...change, info });
  return info;
}

async function storeTypes(
  call: Call,
  buildId: number,
  { plan, outputs }: { plan: BuildPlan; outputs: readonly OutputPlan[] },
): Promise<void> {
  for (const [type, info] of Object.entries(plan.types)) {
    if (type === 'maven') await addMavenBuild(call, buildId, info);
    else if (type === 'win') await addWinBuild(call, buildId, info);
    else if (type === 'image') await addImageBuild(call, buildId);
    else await addBuildType(call, buildId, type);
  }
  if (outputs.some((output) => output.type === 'rpm')) await addBuildType(call, buildId, 'rpm');
}

async function storeBuildroot(call: Call, plan: BuildrootPlan, cgId: number): Promise<number> {
  const { cg_version, container_type, container_arch, host_os, host_arch } = plan.row;
  const extra = plan.extra === null ? null : writeJson(plan.extra);
  const made = await call.db.get<{ id: number }>(
    sql`INSERT INTO buildroot (br_type, cg_id, cg_version, container_type, container_arch, host_os, host_arch, extra)
        VALUES (${BR_TYPES.EXTERNAL}, ${cgId}, ${cg_version}, ${container_type}, ${container_arch}, ${host_os},
          ${host_arch}, ${extra})
        RETURNING id`,
  );
  if (!made) throw new Error('a new buildroot got no id');
  if (plan.rpms.length > 0)
    await call.db.run(
      sql`INSERT INTO buildroot_listing (buildroot_id, rpm_id, is_update)
          SELECT ${made.id}, rpminfo.id, FALSE FROM rpminfo WHERE ${anyOf(sql`rpminfo.id`, plan.rpms)}`,
    );
  if (plan.archives.length > 0)
    await call.db.run(
      sql`INSERT INTO buildroot_archives (buildroot_id, archive_id, project_dep)
          SELECT ${made.id}, archiveinfo.id, FALSE FROM archiveinfo WHERE ${anyOf(sql`archiveinfo.id`, plan.archives)}`,
    );
  // A statement may bind only so many values.
  const atOnce = 500;
  for (let i = 0; i < plan.tools.length; i += atOnce) {
    const rows = plan.tools
      .slice(i, i + atOnce)
      .map(({ name, version }) => sql`(${made.id}, ${name}, ${version})`);
    await call.db.run(
      sql`INSERT INTO buildroot_tools_info (buildroot_id, tool, version) VALUES ${join(rows, ', ')}`,
    );
  }
  return made.id;
}

async function storeOutput(
  call: Call,
  output: OutputPlan,
  { build, buildrootId = null }: { build: BuildInfo; buildrootId: number | null | undefined },
): Promise<void> {
  const { type, file, fileinfo, metadataOnly, archive } = output;
  if (type === 'rpm') {
    if (metadataOnly) throw new GenericError('Metadata-only imports are not supported for rpms');
    const { rpm, header } = await importRpm(call, file, { build, buildrootId, fileinfo });
    await placeRpm(call, file, rpm);
    await addSignature(call, rpm.id, header);
  } else if (!archive) {
    if (!metadataOnly) await placeLog(call, output, build);
  } else {
    const { filename, filesize, checksum, checksum_type, subdir } = output;
    const extra = optional(fileinfo, 'extra');
    const { id } = await importArchive(call, {
      file,
      build,
      type: archive.btype,
      typeInfo: archive.typeInfo,
      buildrootId,
      fileinfo: {
        ...fileinfo,
        filename,
        filesize,
        checksum,
        checksum_type,
        subdir,
        extra,
        metadata_only: metadataOnly,
      },
    });
    if (archive.components) await storeComponents(call, id, archive.components);
  }
}

async function placeLog(call: Call, { file, subdir }: OutputPlan, build: BuildInfo): Promise<void> {
  const target = `${below(call.hub.paths.buildLogs(build), subdir)}/${path.basename(file)}`;
  if (await lookAt(call, target))
    throw new GenericError(`Error importing build log. ${target} already exists.`);
  const found = await lstat(file).catch(() => null);
  if (!found?.isFile()) throw new GenericError(`Error importing build log. ${file} is not a regular file.`);
  await stageMove(call, file, target);
}

async function storeComponents(call: Call, archiveId: number, { rpms, archives }: Components): Promise<void> {
  if (rpms.length > 0)
    await call.db.run(
      sql`INSERT INTO archive_rpm_components (archive_id, rpm_id)
          SELECT ${archiveId}, rpminfo.id FROM rpminfo WHERE ${anyOf(sql`rpminfo.id`, rpms)}`,
    );
  if (archives.length > 0)
    await call.db.run(
      sql`INSERT INTO archive_components (archive_id, component_id)
          SELECT ${archiveId}, archiveinfo.id FROM archiveinfo WHERE ${anyOf(sql`archiveinfo.id`, archives)}`,
    );
}
