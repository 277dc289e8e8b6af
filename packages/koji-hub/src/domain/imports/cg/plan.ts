/** Checks the metadata of a content generator and plans the import; nothing is written yet. */
import { stat } from 'node:fs/promises';
import path from 'node:path';
import { BUILD_STATES, GenericError, checkNVR, checkNVRA, draftRelease, parseNVRA } from '@koji/core';
import type { BuildInfo } from '@koji/core/api';
import type { Call } from '../../../call.js';
import { lookupName } from '../../values/lookup.js';
import { timeText } from '../../../db/times.js';
import { buildState, findBuild, getBuild } from '../../builds/builds.js';
import { matchComponents } from './components.js';
import type { Components, Warn } from './components.js';
import {
  asStruct,
  numberKey,
  optional,
  optionalText,
  sizeAt,
  structAt,
  structsAt,
  textAt,
  timeAt,
  uploadedPath,
  valueAt,
} from './metadata.js';
import type { Struct } from './metadata.js';
import { checkReservation } from './reservations.js';
import { toInt, truthy } from '../../values/convert.js';
import { digestOf } from '../../values/digests.js';
import { isId, isPossibleId } from '../../values/ids.js';
import { plain, repr } from '../../values/repr.js';
import { findTask } from '../../task-records/task-records.js';
import { getUser } from '../../users/users.js';

/** The build that comes in. */
export interface BuildPlan {
  readonly name: string;
  readonly version: string;
  /** Without a draft's suffix. */
  readonly release: string;
  readonly epoch: number | null;
  readonly draft: boolean;
  readonly source: string | null;
  readonly extra: Record<string, unknown>;
  /** As stored. */
  readonly start_time: string;
  readonly completion_time: string;
  readonly task_id: number | null;
  /** A user's id; the caller's without one. */
  readonly owner: number | null;
  /** The reserved build that it completes. */
  readonly reserved: BuildInfo | null;
  /** The data for each of its types. */
  readonly types: Readonly<Record<string, unknown>>;
}

/** A buildroot that comes in. */
export interface BuildrootPlan extends Components {
  /** Values of the columns. */
  readonly row: Readonly<
    Record<'cg_version' | 'container_type' | 'container_arch' | 'host_os' | 'host_arch', string>
  >;
  readonly extra: unknown;
  readonly tools: readonly { name: string; version: string }[];
}

/** A file that comes in. */
export interface OutputPlan {
  /** `rpm`, `log`, or any other text for an archive. */
  readonly type: string;
  /** Where it is now. */
  readonly file: string;
  readonly filename: string;
  readonly subdir: string;
  readonly metadataOnly: boolean;
  /** The key of its buildroot. */
  readonly buildroot: string;
  /** As the metadata has it, with what was found out here under names that begin with `hub.`. */
  readonly fileinfo: Struct;
  readonly filesize: number;
  readonly checksum: string;
  readonly checksum_type: string;
  /** For archives only. */
  readonly archive: ArchivePlan | null;
}

interface ArchivePlan {
  readonly btype: string;
  readonly typeInfo: unknown;
  readonly components: Components | null;
}

/** Arguments of {@link planBuild}. */
export interface Reservation {
  readonly cgId: number;
  readonly token: unknown;
}

const olderTypes = ['maven', 'win', 'image'];

/** Checks what is said about the build. */
export async function planBuild(
  call: Call,
  metadata: Struct,
  { cgId, token }: Reservation,
): Promise<BuildPlan> {
  const build = structAt(metadata, 'build', 'metadata');
  const reserved = truthy(optional(build, 'build_id'))
    ? await reservedBuild(call, build, { cgId, token })
    : null;
  if (!reserved && token !== null)
    throw new GenericError('Reservation token given, but no build_id in metadata');
  if (!reserved) await checkNew(call, build);
  const name = textAt(build, 'name', 'build');
  const version = textAt(build, 'version', 'build');
  const release = textAt(build, 'release', 'build');
  const given = structAt(build, 'extra', 'build');
  const source = valueAt(build, 'source', 'build');
  if (source !== null && typeof source !== 'string')
    throw new GenericError(`Invalid metadata: source in build: ${repr(source)}`);
  const start = timeAt(build, 'start_time', 'build');
  const end = timeAt(build, 'end_time', 'build');
  const task_id = taskIn(build);
  const owner = await ownerIn(call, build);
  checkNVR({ version, release });
  if (task_id !== null && !(await findTask(call, task_id)))
    throw new GenericError(`No such task: ${task_id}`);
  const types = await typesIn(call, given);
  return {
    name,
    version,
    release,
    epoch: epochIn(build),
    draft: truthy(optional(build, 'draft')),
    source,
    extra: { ...given, typeinfo: types },
    start_time: timeText(start),
    completion_time: timeText(end),
    task_id,
    owner,
    reserved,
    types,
  };
}

async function reservedBuild(call: Call, build: Struct, { cgId, token }: Reservation): Promise<BuildInfo> {
  const label = plain(build.build_id);
  const found = await getBuild(call, build.build_id);
  const taskId = taskIn(build);
  await checkReservation(call, found.id, { token, label });
  if (found.cg_id !== cgId) throw new GenericError(`Build ID ${label} is not reserved by this CG`);
  if (found.task_id && found.task_id !== taskId)
    throw new GenericError(`Build is owned by task ${found.task_id}`);
  if (found.state !== BUILD_STATES.BUILDING)
    throw new GenericError(`Build ID ${label} is not in BUILDING state`);
  const draft = optional(build, 'draft') ?? false;
  if (found.draft !== (draft === 1 || (draft !== 0 && draft)))
    throw new GenericError(`Draft field does not match reservation (build id = ${label})`);
  const release = textAt(build, 'release', 'build');
  if (
    found.name !== textAt(build, 'name', 'build') ||
    found.version !== textAt(build, 'version', 'build') ||
    found.release !== (found.draft ? draftRelease(release, found.id) : release)
  )
    throw new GenericError(`Build (${label}) NVR is different`);
  if (Object.hasOwn(build, 'epoch') && build.epoch !== found.epoch)
    throw new GenericError(`Build (${label}) epoch is different`);
  return found;
}

async function checkNew(call: Call, build: Struct): Promise<void> {
  const found = await findBuild(call, build);
  const free = found === null || ['CANCELED', 'FAILED'].includes(buildState(found));
  if (!free) throw new GenericError(`Build already exists: ${found.nvr} (id=${found.id})`);
}

function taskIn(build: Struct): number | null {
  const extra = optional(build, 'extra') === undefined ? {} : structAt(build, 'extra', 'build');
  const ids = [
    [build, 'task_id'],
    [extra, 'container_koji_task_id'],
  ] as const;
  const [own = null, container = null] = ids.map(([place, field]) =>
    Object.hasOwn(place, field) ? toInt(place[field]) : null,
  );
  if (own !== null && container !== null && own !== container)
    throw new GenericError(`CG provided non-matching task_id ${own} and container_koji_task_id ${container}`);
  return container ?? own;
}

async function ownerIn(call: Call, build: Struct): Promise<number | null> {
  const owner = optional(build, 'owner');
  if (!truthy(owner)) return null;
  if (typeof owner !== 'string')
    throw new GenericError(`Invalid owner format (expected username): ${plain(owner)}`);
  return (await getUser(call, owner)).id;
}

function epochIn(build: Struct): number | null {
  const epoch = optional(build, 'epoch') ?? null;
  if (epoch !== null && !(isId(epoch) && isPossibleId(epoch)))
    throw new GenericError(`Invalid epoch for build: ${repr(epoch)}`);
  return epoch;
}

/** The build's types: those under `typeinfo`, and the older ones, which may also stand beside it. */
async function typesIn(call: Call, extra: Struct): Promise<Record<string, unknown>> {
  const listed = optional(extra, 'typeinfo');
  const types: Record<string, unknown> = {
    ...(listed === undefined ? {} : asStruct(listed, 'build.extra.typeinfo')),
  };
  for (const type of olderTypes) {
    if (!Object.hasOwn(extra, type)) continue;
    if (Object.hasOwn(types, type)) throw new GenericError(`Duplicate typeinfo for ${repr(type)}`);
    types[type] = extra[type];
  }
  for (const type of Object.keys(types)) await lookupName(call, 'btype', type, { strict: true });
  return types;
}

/** Checks what is said about the buildroots; each must have made one of the outputs. */
export async function planBuildroots(
  call: Call,
  metadata: Struct,
  warn: Warn,
): Promise<Map<string, BuildrootPlan>> {
  const used = new Set(
    structsAt(metadata, 'output', 'metadata').map((output) =>
      numberKey(valueAt(output, 'buildroot_id', 'output')),
    ),
  );
  const plans = new Map<string, BuildrootPlan>();
  for (const buildroot of structsAt(metadata, 'buildroots', 'metadata')) {
    const id = valueAt(buildroot, 'id', 'buildroot');
    const key = numberKey(id);
    if (!used.has(key)) throw new GenericError(`Buildroot id not used in output: ${repr(id)}`);
    if (plans.has(key)) throw new GenericError(`Duplicate buildroot id in metadata: ${repr(id)}`);
    plans.set(key, await planBuildroot(call, buildroot, warn));
  }
  return plans;
}

async function planBuildroot(call: Call, buildroot: Struct, warn: Warn): Promise<BuildrootPlan> {
  const generator = structAt(buildroot, 'content_generator', 'buildroot');
  const container = structAt(buildroot, 'container', 'buildroot');
  const host = structAt(buildroot, 'host', 'buildroot');
  const row = {
    cg_version: textAt(generator, 'version', 'content_generator'),
    container_type: textAt(container, 'type', 'container'),
    container_arch: textAt(container, 'arch', 'container'),
    host_os: textAt(host, 'os', 'host'),
    host_arch: textAt(host, 'arch', 'host'),
  };
  const extra = optional(buildroot, 'extra') ?? null;
  const found = await matchComponents(call, structsAt(buildroot, 'components', 'buildroot'), warn);
  return { row, extra, ...found, tools: toolsIn(buildroot) };
}

function toolsIn(buildroot: Struct): BuildrootPlan['tools'] {
  if (!truthy(valueAt(buildroot, 'tools', 'buildroot'))) return [];
  const versions = new Map<string, string>();
  for (const tool of structsAt(buildroot, 'tools', 'buildroot')) {
    const name = textAt(tool, 'name', 'tool');
    if (versions.has(name)) throw new GenericError(`Duplicate tool in buildroot: ${name}`);
    versions.set(name, textAt(tool, 'version', 'tool'));
  }
  return [...versions].map(([name, version]) => ({ name, version }));
}

/** The build and buildroots of the outputs. */
export interface OutputPlace {
  readonly directory: string;
  readonly types: BuildPlan['types'];
  readonly buildroots: ReadonlyMap<string, BuildrootPlan>;
  readonly warn: Warn;
}

/** Checks what is said about the files against the files. */
export async function planOutputs(call: Call, metadata: Struct, place: OutputPlace): Promise<OutputPlan[]> {
  const plans: OutputPlan[] = [];
  for (const output of structsAt(metadata, 'output', 'metadata'))
    plans.push(await planOutput(call, output, place));
  return plans;
}

async function planOutput(call: Call, output: Struct, place: OutputPlace): Promise<OutputPlan> {
  const filename = textAt(output, 'filename', 'output');
  const file = uploadedPath(call, [place.directory, optionalText(output, 'relpath', 'output'), filename]);
  const facts = await checkFile(output, file, filename);
  const id = valueAt(output, 'buildroot_id', 'output');
  const buildroot = numberKey(id);
  if (!place.buildroots.has(buildroot))
    throw new GenericError(`Missing buildroot metadata for id ${repr(id)}`);
  const type = textAt(output, 'type', 'output');
  const archive = type === 'rpm' || type === 'log' ? null : await planArchive(call, output, place);
  const subdir = optionalText(output, 'subdir', 'output');
  if (type === 'rpm') {
    if (subdir !== '') throw new GenericError('subdir field not allowed for rpm outputs');
    checkNVRA(parseNVRA(filename));
  }
  const found = archive && { 'hub.btype': archive.btype, 'hub.type_info': archive.typeInfo };
  return {
    type,
    file,
    filename,
    subdir,
    metadataOnly: truthy(optional(output, 'metadata_only')),
    buildroot,
    fileinfo: { ...output, 'hub.path': file, 'hub.checked_hash': true, ...found },
    ...facts,
    archive,
  };
}

async function checkFile(
  output: Struct,
  file: string,
  filename: string,
): Promise<Pick<OutputPlan, 'filesize' | 'checksum' | 'checksum_type'>> {
  const found = await stat(file).catch(() => null);
  if (!found?.isFile()) throw new GenericError(`No such file: ${path.basename(file)}`);
  const filesize = sizeAt(output, 'filesize', 'output');
  if (found.size !== filesize)
    throw new GenericError(
      `File size ${found.size} for ${filename} (expected ${filesize}) doesn't match. Corrupted upload?`,
    );
  const checksum_type = textAt(output, 'checksum_type', 'output');
  const actual = await digestOf(file, checksum_type);
  const checksum = textAt(output, 'checksum', 'output');
  if (checksum !== actual)
    throw new GenericError(`File checksum mismatch for ${filename}: ${checksum} != ${actual}`);
  return { filesize, checksum, checksum_type };
}

async function planArchive(call: Call, output: Struct, { types, warn }: OutputPlace): Promise<ArchivePlan> {
  const { btype, typeInfo } = typeOf(output);
  if (!Object.hasOwn(types, btype)) throw new GenericError(`Output type ${btype} not listed in build types`);
  if (!Object.hasOwn(output, 'components')) return { btype, typeInfo, components: null };
  if (btype === 'maven' || btype === 'win')
    throw new GenericError(`Component list not allowed for archives of type ${btype}`);
  const components = await matchComponents(call, structsAt(output, 'components', 'output'), warn);
  return { btype, typeInfo, components };
}

function typeOf(output: Struct): { btype: string; typeInfo: unknown } {
  const filename = textAt(output, 'filename', 'output');
  const extra = optional(output, 'extra') === undefined ? {} : structAt(output, 'extra', 'output');
  const several = (): GenericError => new GenericError(`Output file has multiple types: ${filename}`);
  let found: { btype: string; typeInfo: unknown } | null = null;
  for (const [btype, typeInfo] of Object.entries(extra)) {
    if (!olderTypes.includes(btype)) continue;
    if (found) throw several();
    found = { btype, typeInfo };
    if (truthy(optional(output, 'subdir')))
      throw new GenericError('subdir field not allowed for legacy btypes');
  }
  const listed = optional(extra, 'typeinfo');
  for (const [btype, typeInfo] of Object.entries(
    listed === undefined ? {} : asStruct(listed, 'output.extra.typeinfo'),
  )) {
    if (found?.btype === btype) throw new GenericError(`Duplicate typeinfo for: ${repr(btype)}`);
    if (found) throw several();
    found = { btype, typeInfo };
  }
  if (!found) throw new GenericError(`No typeinfo for: ${filename}`);
  return found;
}
