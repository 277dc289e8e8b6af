import { stat } from 'node:fs/promises';
import path from 'node:path';
import {
  BuildError,
  CHECKSUM_TYPES,
  GenericError,
  ImportError,
  readPom,
  valueOf,
  writeJson,
} from '@koji/core';
import type { MavenPath } from '@koji/core';
import type { ArchiveType, ArchiveInfo, BuildInfo } from '@koji/core/api';
import type { Call } from '../../call.js';
import { lookupName } from '../values/lookup.js';
import type { IdAndName } from '../values/lookup.js';
import { sql } from '../../db/sql.js';
import { findTypeOfFile } from '../archives/types.js';
import { getArchive } from '../archives/archives.js';
import { buildTypes, mavenBuild, winBuild } from '../builds/types.js';
import { checkStruct } from '../values/convert.js';
import { digestOf } from '../values/digests.js';
import { below, placeFile } from '../files/files.js';
import { addMavenSums, mavenLabel } from '../archives/maven.js';
import { plain, repr } from '../values/repr.js';

/** A content generator's data about a file, which its caller has compared with the file. */
export interface ArchiveFileInfo {
  readonly filename: string;
  readonly filesize: number;
  readonly checksum: string;
  readonly checksum_type: string;
  /** The file itself is not kept. */
  readonly metadata_only?: boolean;
  /** Where it goes below its type's folder; for newer types only. */
  readonly subdir?: string;
  readonly extra?: unknown;
}

/** A file that comes into a build. */
export interface ArchiveImport {
  /** Where it is now. */
  readonly file: string;
  readonly build: BuildInfo;
  /** The build type's name. */
  readonly type: string;
  readonly typeInfo: unknown;
  readonly buildrootId?: number | null;
  readonly fileinfo?: ArchiveFileInfo | null;
}

/** The archive's row, as callbacks see it before it is stored. */
interface ArchiveRow {
  id?: number;
  readonly buildroot_id: number | null;
  readonly build_id: number;
  readonly filename: string;
  readonly size: number;
  readonly checksum: string;
  readonly checksum_type: number;
  readonly metadata_only?: true;
  readonly type_id: number;
  readonly btype_id: number;
  readonly extra?: string;
}

/**
 * Adds a file other than an rpm to a build: its rows, and the file at its place.
 *
 * @throws GenericError for a file of an unknown type or one that already exists, ImportError if the build lacks the type,
 *   BuildError if the data about it is wrong
 */
export async function importArchive(call: Call, wanted: ArchiveImport): Promise<ArchiveInfo> {
  const { build, type, fileinfo = null } = wanted;
  if (build.draft) throw new GenericError('Draft build not supported');
  const metadataOnly = fileinfo?.metadata_only ?? false;
  const file = metadataOnly ? null : wanted.file;
  if (file !== null && !(await stat(file).catch(() => null))) throw new GenericError(`No such file: ${file}`);
  const facts = await factsOf(wanted.file, fileinfo);
  const { archiveType, btype } = await typesOf(call, facts.filename, wanted);
  const row: ArchiveRow = {
    buildroot_id: wanted.buildrootId ?? null,
    build_id: build.id,
    ...facts,
    ...(metadataOnly ? { metadata_only: true } : {}),
    type_id: archiveType.id,
    btype_id: btype.id,
    ...(fileinfo?.extra == null ? {} : { extra: writeJson(fileinfo.extra) }),
  };
  const payload = {
    type: 'archive',
    build,
    build_type: type,
    filepath: file,
    fileinfo: fileinfo ?? {},
  } as const;
  await call.runCallbacks('preImport', { ...payload, archive: row });
  const id = await insertArchive(call, row);
  const place = await noteTypeInfo(call, { id, filename: facts.filename, file, archiveType }, wanted);
  if (file !== null) {
    await placeFile(call, file, place);
    if (type === 'maven') await addMavenSums(call, place);
  }
  const archive = await getArchive(call, id);
  await call.runCallbacks('postImport', { ...payload, archive });
  return archive;
}

type Facts = Pick<ArchiveRow, 'filename' | 'size' | 'checksum' | 'checksum_type'>;

async function factsOf(file: string, fileinfo: ArchiveFileInfo | null): Promise<Facts> {
  if (fileinfo) {
    const { filesize: size, checksum, checksum_type: name } = fileinfo;
    const filename = fileinfo.metadata_only ? fileinfo.filename : path.basename(file);
    const checksum_type = valueOf(CHECKSUM_TYPES, name);
    if (checksum_type === null) throw new GenericError(`Unsupported checksum type: ${name}`);
    return { filename, size, checksum, checksum_type };
  }
  const { size } = await stat(file);
  const checksum = await digestOf(file, 'sha256');
  return { filename: path.basename(file), size, checksum, checksum_type: CHECKSUM_TYPES.sha256 };
}

async function typesOf(
  call: Call,
  filename: string,
  { build, type }: ArchiveImport,
): Promise<{ archiveType: ArchiveType; btype: IdAndName }> {
  const archiveType = await findTypeOfFile(call, filename);
  if (!archiveType) throw new GenericError(`unsupported file extension: ${filename}`);
  const btype = await lookupName(call, 'btype', type);
  if (!btype) throw new BuildError(`unsupported build type: ${type}`);
  if (!Object.hasOwn(await buildTypes(call, build), btype.name))
    throw new ImportError(`Build does not have type ${btype.name}`);
  return { archiveType, btype };
}

async function insertArchive(call: Call, row: ArchiveRow): Promise<number> {
  const made = await call.db.get<{ id: number }>(
    sql`INSERT INTO archiveinfo (type_id, btype_id, build_id, buildroot_id, filename, size, checksum, checksum_type,
          metadata_only, extra)
        VALUES (${row.type_id}, ${row.btype_id}, ${row.build_id}, ${row.buildroot_id}, ${row.filename}, ${row.size},
          ${row.checksum}, ${row.checksum_type}, ${row.metadata_only ?? false}, ${row.extra ?? null})
        RETURNING id`,
  );
  if (!made) throw new Error('a new archive got no id');
  row.id = made.id;
  return made.id;
}

interface NewArchive {
  readonly id: number;
  readonly filename: string;
  readonly file: string | null;
  readonly archiveType: ArchiveType;
}

/** Stores what is known for the older types; the folder that the file belongs to. */
async function noteTypeInfo(
  call: Call,
  archive: NewArchive,
  { build, type, typeInfo, fileinfo }: ArchiveImport,
): Promise<string> {
  const { paths } = call.hub;
  if (type === 'maven') return noteMavenInfo(call, archive, { build, typeInfo });
  if (type === 'win') return noteWinInfo(call, archive, { build, typeInfo });
  if (type === 'image') {
    checkStruct(typeInfo);
    const arch = textIn(typeInfo, 'arch');
    // The value of the column.
    if (arch.length > 16) throw new GenericError(`Invalid arch: ${repr(arch)}`);
    await call.db.run(sql`INSERT INTO image_archives (archive_id, arch) VALUES (${archive.id}, ${arch})`);
    return paths.imagebuild(build);
  }
  return below(paths.typedir(build, type), fileinfo?.subdir ?? '');
}

interface Typed {
  readonly build: BuildInfo;
  readonly typeInfo: unknown;
}

async function noteMavenInfo(
  call: Call,
  { id, filename, file, archiveType }: NewArchive,
  { build, typeInfo }: Typed,
): Promise<string> {
  if (!(await mavenBuild(call, build.id))) throw new GenericError(`no such maven build: ${repr(build)}`);
  checkStruct(typeInfo);
  const info: MavenPath = {
    group_id: textIn(typeInfo, 'group_id'),
    artifact_id: textIn(typeInfo, 'artifact_id'),
    version: textIn(typeInfo, 'version'),
  };
  if (archiveType.name === 'pom' && file !== null) {
    const said = mavenLabel(await readPom(file));
    if (said !== mavenLabel(info))
      throw new BuildError(
        `Maven info from .pom file (${said}) does not match user-supplied typeInfo (${mavenLabel(info)})`,
      );
    if (filename !== `${info.artifact_id}-${info.version}.pom`)
      throw new BuildError(
        `Maven info (${mavenLabel(info)}) is not consistent with pom filename (${filename})`,
      );
  }
  await call.db.run(
    sql`INSERT INTO maven_archives (archive_id, group_id, artifact_id, version)
        VALUES (${id}, ${info.group_id}, ${info.artifact_id}, ${info.version})`,
  );
  return below(call.hub.paths.mavenbuild(build), call.hub.paths.mavenrepo(info));
}

async function noteWinInfo(call: Call, { id }: NewArchive, { build, typeInfo }: Typed): Promise<string> {
  if (!(await winBuild(call, build.id))) throw new GenericError(`no such Windows build: ${repr(build)}`);
  checkStruct(typeInfo);
  const relpath = textIn(typeInfo, 'relpath').replace(/^\/+|\/+$/g, '');
  const platforms = wordsIn(typeInfo, 'platforms');
  if (platforms === '') throw new BuildError('no value for platforms');
  const flags = wordsIn(typeInfo, 'flags');
  await call.db.run(
    sql`INSERT INTO win_archives (archive_id, relpath, platforms, flags)
        VALUES (${id}, ${relpath}, ${platforms}, ${flags === '' ? null : flags})`,
  );
  return below(call.hub.paths.winbuild(build), relpath);
}

function textIn(info: Readonly<Record<string, unknown>>, field: string): string {
  const value = info[field];
  if (value === undefined) throw new GenericError(`Missing ${field} in type info: ${repr(info)}`);
  if (typeof value !== 'string') throw new GenericError(`Invalid ${field}: ${plain(value)}`);
  return value;
}

function wordsIn(info: Readonly<Record<string, unknown>>, field: string): string {
  const value = info[field];
  if (value === undefined) throw new GenericError(`Missing ${field} in type info: ${repr(info)}`);
  if (value === null || value === '') return '';
  if (!Array.isArray(value) || !value.every((word) => typeof word === 'string'))
    throw new GenericError(`Invalid ${field}: ${plain(value)}`);
  return value.join(' ');
}
