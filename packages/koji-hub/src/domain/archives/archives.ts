import { GenericError } from '@koji/core';
import type {
  ArchiveInfo,
  Extra,
  ImageArchiveInfo,
  MavenArchiveInfo,
  QueryOpts,
  WinArchiveInfo,
} from '@koji/core/api';
import type { Call } from '../../call.js';
import { lookupName } from '../values/lookup.js';
import { query } from '../../db/rows.js';
import { hasWord, id as columnId, sql } from '../../db/sql.js';
import type { Sql } from '../../db/sql.js';
import { idIs } from '../values/ids.js';
import { readJson } from '../values/json.js';
import { plain } from '../values/repr.js';

/** Filter for archives. */
export interface ArchiveFilter {
  readonly buildID?: number | null;
  readonly buildrootID?: number | null;
  readonly componentBuildrootID?: number | null;
  readonly hostID?: number | null;
  readonly type?: string | null;
  readonly filename?: string | null;
  readonly size?: number | null;
  readonly checksum?: string | null;
  readonly checksum_type?: number | null;
  readonly typeInfo?: Readonly<Record<string, unknown>> | null;
  readonly queryOpts?: QueryOpts | null;
  readonly imageID?: number | null;
  readonly archiveID?: number | null;
}

const columns: Readonly<Record<string, Sql>> = {
  id: sql`archiveinfo.id`,
  type_id: sql`archiveinfo.type_id`,
  btype_id: sql`archiveinfo.btype_id`,
  btype: sql`btype.name`,
  build_id: sql`archiveinfo.build_id`,
  buildroot_id: sql`archiveinfo.buildroot_id`,
  filename: sql`archiveinfo.filename`,
  size: sql`archiveinfo.size`,
  checksum: sql`archiveinfo.checksum`,
  checksum_type: sql`archiveinfo.checksum_type`,
  metadata_only: sql`archiveinfo.metadata_only`,
  extra: sql`archiveinfo.extra`,
  type_name: sql`archivetypes.name`,
  type_description: sql`archivetypes.description`,
  type_extensions: sql`archivetypes.extensions`,
  compression_type: sql`archivetypes.compression_type`,
};

interface Selection {
  columns: Record<string, Sql>;
  from: Sql;
  where: Sql[];
}

/** Files of builds other than rpms. */
export async function listArchives(call: Call, filter: ArchiveFilter): Promise<ArchiveInfo[]> {
  const selection: Selection = {
    columns: { ...columns },
    from: sql`archiveinfo JOIN archivetypes ON archivetypes.id = archiveinfo.type_id
      JOIN btype ON btype.id = archiveinfo.btype_id`,
    where: [],
  };
  selectPlace(selection, filter);
  if (filter.filename != null) selection.where.push(sql`archiveinfo.filename = ${filter.filename}`);
  if (filter.size != null) selection.where.push(sql`archiveinfo.size = ${filter.size}`);
  if (filter.checksum != null) selection.where.push(sql`archiveinfo.checksum = ${filter.checksum}`);
  if (filter.checksum_type != null)
    selection.where.push(idIs('archiveinfo.checksum_type', filter.checksum_type));
  if (filter.type != null) await selectType(call, selection, filter.type, filter.typeInfo ?? {});
  return query<ArchiveInfo>(call.db, {
    ...selection,
    opts: filter.queryOpts ?? null,
    transform: (row: ArchiveInfo) => ({ ...row, extra: readJson(row.extra, 'Invalid json data') as Extra }),
  });
}

/** The conditions on where an archive was made or used. */
function selectPlace(selection: Selection, filter: ArchiveFilter): void {
  const only = (column: string, id: number | null | undefined): boolean => {
    if (id == null) return false;
    selection.where.push(idIs(column, id));
    return true;
  };
  only('archiveinfo.id', filter.archiveID);
  only('archiveinfo.build_id', filter.buildID);
  only('archiveinfo.buildroot_id', filter.buildrootID);
  if (only('buildroot_archives.buildroot_id', filter.componentBuildrootID)) {
    selection.from = sql`${selection.from} JOIN buildroot_archives ON buildroot_archives.archive_id = archiveinfo.id`;
    selection.columns.component_buildroot_id = columnId('buildroot_archives.buildroot_id');
    selection.columns.project = columnId('buildroot_archives.project_dep');
  }
  if (only('archive_components.archive_id', filter.imageID))
    selection.from = sql`${selection.from} JOIN archive_components ON archive_components.component_id = archiveinfo.id`;
  if (only('standard_buildroot.host_id', filter.hostID)) {
    selection.from = sql`${selection.from}
      JOIN standard_buildroot ON standard_buildroot.buildroot_id = archiveinfo.buildroot_id`;
    selection.columns.host_id = columnId('standard_buildroot.host_id');
  }
}

/** The older build types keep what is known of their archives in tables of their own. */
const typeTables = {
  maven: { table: 'maven_archives', fields: ['group_id', 'artifact_id', 'version'] },
  win: { table: 'win_archives', fields: ['relpath', 'platforms', 'flags'] },
  image: { table: 'image_archives', fields: ['arch'] },
} as const;

async function selectType(
  call: Call,
  selection: Selection,
  type: string,
  typeInfo: Readonly<Record<string, unknown>>,
): Promise<void> {
  if (type !== 'maven' && type !== 'win' && type !== 'image') {
    const btype = await lookupName(call, 'btype', type);
    if (!btype) throw new GenericError(`unsupported archive type: ${type}`);
    if (Object.keys(typeInfo).length > 0)
      throw new GenericError(`typeInfo queries not supported for type ${btype.name}`);
    selection.where.push(sql`archiveinfo.btype_id = ${btype.id}`);
    return;
  }
  const { table, fields } = typeTables[type];
  selection.from = sql`${selection.from} JOIN ${columnId(table)} ON ${columnId(`${table}.archive_id`)} = archiveinfo.id`;
  for (const field of fields) {
    const column = columnId(`${table}.${field}`);
    selection.columns[field] = column;
    const wanted = typeInfo[field];
    if (wanted === undefined || (type === 'image' && !wanted)) continue;
    const isWords = field === 'platforms' || field === 'flags';
    for (const value of isWords && Array.isArray(wanted) ? (wanted as unknown[]) : [wanted])
      selection.where.push(isWords ? hasWord(column, plain(value)) : sql`${column} = ${plain(value)}`);
  }
}

/** The Maven coordinates of an archive; null when it has none. */
export function findMavenArchive(call: Call, archiveId: number): Promise<MavenArchiveInfo | null> {
  return call.db.get(
    sql`SELECT archive_id, group_id, artifact_id, version FROM maven_archives WHERE ${idIs('archive_id', archiveId)}`,
  );
}

/** Path and platforms of a Windows build's archive; null if it is not one. */
export function findWinArchive(call: Call, archiveId: number): Promise<WinArchiveInfo | null> {
  return call.db.get(
    sql`SELECT archive_id, relpath, platforms, flags FROM win_archives WHERE ${idIs('archive_id', archiveId)}`,
  );
}

/** The architecture of an image; null if it is not an image. */
export async function findImageArchive(call: Call, archiveId: number): Promise<ImageArchiveInfo | null> {
  const found = await call.db.get<{ archive_id: number; arch: string }>(
    sql`SELECT archive_id, arch FROM image_archives WHERE ${idIs('archive_id', archiveId)}`,
  );
  if (!found) return null;
  const component = await call.db.get(
    sql`SELECT rpm_id FROM archive_rpm_components WHERE archive_id = ${found.archive_id} LIMIT 1`,
  );
  return { ...found, rootid: component !== null };
}

async function required<T>(found: Promise<T | null>): Promise<T> {
  const row = await found;
  if (row === null) throw new GenericError('query returned no rows');
  return row;
}

/** As {@link findMavenArchive}, but a GenericError when it has none. */
export const getMavenArchive = (call: Call, id: number): Promise<MavenArchiveInfo> =>
  required(findMavenArchive(call, id));

/** Like {@link findWinArchive}, but throws a GenericError if it is not one. */
export const getWinArchive = (call: Call, id: number): Promise<WinArchiveInfo> =>
  required(findWinArchive(call, id));

/** Like {@link findImageArchive}, but throws a GenericError if it is not one. */
export const getImageArchive = (call: Call, id: number): Promise<ImageArchiveInfo> =>
  required(findImageArchive(call, id));

/** An archive with the data of its type; null if it does not exist. */
export async function findArchive(call: Call, archiveID: number): Promise<ArchiveInfo | null> {
  const [archive] = await listArchives(call, { archiveID });
  if (!archive) return null;
  const found: ArchiveInfo & { archive_id?: number } = {
    ...archive,
    ...(await findMavenArchive(call, archiveID)),
    ...(await findWinArchive(call, archiveID)),
    ...(await findImageArchive(call, archiveID)),
  };
  delete found.archive_id;
  return found;
}

/** As {@link findArchive}, but an archive that is missing is a GenericError. */
export async function getArchive(call: Call, archiveId: number): Promise<ArchiveInfo> {
  const found = await findArchive(call, archiveId);
  if (!found) throw new GenericError(`No such archive: ${archiveId}`);
  return found;
}
