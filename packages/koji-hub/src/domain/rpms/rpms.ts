import { GenericError, parseNVRA } from '@koji/core';
import type { Extra, QueryOpts, RpmInfo, RpmListItem } from '@koji/core/api';
import type { Call } from '../../call.js';
import { lookupName } from '../values/lookup.js';
import { query } from '../../db/rows.js';
import { anyOf, id as columnId, join, sql, where } from '../../db/sql.js';
import type { Sql } from '../../db/sql.js';
import { aliased } from '../builds/builds.js';
import { isStruct } from '../values/convert.js';
import { idIs, isId, isPossibleId } from '../values/ids.js';
import { readJson } from '../values/json.js';
import { plain, repr, typeName } from '../values/repr.js';
import { archIs, isDraft } from '../tagging/tagging.js';

const columns = {
  id: sql`rpminfo.id`,
  build_id: sql`rpminfo.build_id`,
  buildroot_id: sql`rpminfo.buildroot_id`,
  name: sql`rpminfo.name`,
  version: sql`rpminfo.version`,
  release: sql`rpminfo.release`,
  epoch: sql`rpminfo.epoch`,
  arch: sql`rpminfo.arch`,
  draft: sql`rpminfo.draft`,
  external_repo_id: sql`rpminfo.external_repo_id`,
  external_repo_name: sql`external_repo.name`,
  payloadhash: sql`rpminfo.payloadhash`,
  size: sql`rpminfo.size`,
  buildtime: sql`rpminfo.buildtime`,
  metadata_only: sql`rpminfo.metadata_only`,
  extra: sql`rpminfo.extra`,
} as const;

type Stored<T> = Omit<T, 'extra'> & { extra: string | null };

function readRpm<T extends RpmInfo>(row: Stored<T>): T {
  return { ...row, extra: readJson(row.extra, 'Invalid json data') as Extra } as unknown as T;
}

/** Identifies an rpm, in the form that fault texts show. */
function readReference(rpm: unknown): Record<string, unknown> {
  if (isId(rpm)) return { id: rpm };
  if (typeof rpm === 'string')
    return /^\s*[-+]?\d+\s*$/.test(rpm) ? { id: Number(rpm) } : { ...parseNVRA(rpm) };
  if (!isStruct(rpm)) throw new GenericError(`Invalid type for rpminfo: ${typeName(rpm)}`);
  return { ...rpm };
}

/** Every rpm that a reference fits: external ones and drafts may share name, version, release and arch. */
export async function findRpms(call: Call, rpm: unknown): Promise<RpmInfo[]> {
  return queryRpms(call, readReference(rpm));
}

/** Returns the existing ones of some rpms, in one query. */
export async function rpmsById(call: Call, ids: readonly number[]): Promise<Map<number, RpmInfo>> {
  const found = await selectRpms(call, [anyOf(sql`rpminfo.id`, ids.filter(isPossibleId))]);
  return new Map(found.map((rpm) => [rpm.id, rpm]));
}

async function queryRpms(call: Call, reference: Record<string, unknown>): Promise<RpmInfo[]> {
  const conditions: Sql[] = [];
  const { id, name, version, release, arch, location } = reference;
  if (id !== undefined) conditions.push(isId(id) ? idIs('rpminfo.id', id) : sql`1 = 0`);
  else {
    checkReference(reference);
    conditions.push(
      sql`rpminfo.name = ${plain(name)} AND rpminfo.version = ${plain(version)}
          AND rpminfo.release = ${plain(release)} AND rpminfo.arch = ${plain(arch)}`,
    );
  }
  if (location !== undefined) {
    const repo = await lookupName(call, 'external_repo', location, { strict: true });
    conditions.push(sql`rpminfo.external_repo_id = ${repo.id}`);
  }
  return selectRpms(call, conditions);
}

async function selectRpms(call: Call, conditions: readonly Sql[]): Promise<RpmInfo[]> {
  const rows = await call.db.all<Stored<RpmInfo>>(
    sql`SELECT ${aliased(columns)} FROM rpminfo JOIN external_repo ON external_repo.id = rpminfo.external_repo_id
        ${where(conditions)} ORDER BY rpminfo.id`,
  );
  return rows.map((row) => readRpm<RpmInfo>(row));
}

/** Returns the rpm for a reference, built ones before drafts before external ones; null if it does not exist. */
export async function findRpm(call: Call, rpm: unknown): Promise<RpmInfo | null> {
  return preferredRpm(await findRpms(call, rpm));
}

function checkReference(reference: Record<string, unknown>): void {
  for (const field of ['name', 'version', 'release', 'arch'])
    if (reference[field] === undefined)
      throw new GenericError(`No ${field} in rpm reference: ${repr(reference)}`);
}

/** As {@link findRpm}, but an rpm that is missing is a GenericError. */
export async function getRpm(call: Call, rpm: unknown): Promise<RpmInfo> {
  const reference = readReference(rpm);
  const found = preferredRpm(await queryRpms(call, reference));
  if (!found) throw new GenericError(`No such rpm: ${repr(reference)}`);
  return found;
}

/** The one of several rpms of a name that is meant: a built one before drafts before external ones. */
export function preferredRpm<T extends Pick<RpmInfo, 'external_repo_id' | 'draft'>>(
  rpms: readonly T[],
): T | null {
  const own = rpms.filter((rpm) => !rpm.external_repo_id);
  return own.find((rpm) => !rpm.draft) ?? own.at(-1) ?? rpms.at(-1) ?? null;
}

/** Fields that distinguish rpms of the same name, version, release and arch. */
export interface NamedRpm {
  readonly id: number;
  readonly name: string;
  readonly version: string;
  readonly release: string;
  readonly arch: string;
  readonly draft: boolean | null;
  readonly external_repo_id: number;
  readonly payloadhash: string;
}

const nvraFields = ['name', 'version', 'release', 'arch'] as const;

/** One text for a name, version, release and arch, to look them up by. */
export function nvraKey(rpm: { readonly [K in (typeof nvraFields)[number]]?: unknown }): string {
  return nvraFields.map((field) => plain(rpm[field])).join('\0');
}

/** Every rpm of many names, versions, releases and arches at once, by {@link nvraKey}. */
export async function rpmsByNvra(
  call: Call,
  wanted: readonly Readonly<Record<string, unknown>>[],
): Promise<Map<string, NamedRpm[]>> {
  const found = new Map<string, NamedRpm[]>();
  // A statement may bind only so many values.
  const atOnce = 1000;
  for (let i = 0; i < wanted.length; i += atOnce) {
    const values = wanted.slice(i, i + atOnce).map((rpm) => {
      const bound = nvraFields.map((field) => sql`${plain(rpm[field])}`);
      return sql`(${join(bound, ', ')})`;
    });
    const rows = await call.db.all<NamedRpm>(
      sql`WITH wanted (name, version, release, arch) AS (VALUES ${join(values, ', ')})
          SELECT DISTINCT rpminfo.id, rpminfo.name, rpminfo.version, rpminfo.release, rpminfo.arch, rpminfo.draft,
            rpminfo.external_repo_id, rpminfo.payloadhash
          FROM wanted JOIN rpminfo ON rpminfo.name = wanted.name AND rpminfo.version = wanted.version
            AND rpminfo.release = wanted.release AND rpminfo.arch = wanted.arch
          ORDER BY rpminfo.id`,
    );
    for (const row of rows) found.set(nvraKey(row), [...(found.get(nvraKey(row)) ?? []), row]);
  }
  return found;
}

/** The ids of many rpms, each found as by {@link getRpm}, in a constant number of queries. */
export async function getRpmIds(call: Call, rpms: readonly unknown[]): Promise<number[]> {
  const references = rpms.map(readReference);
  const named = references.filter(({ id }) => id === undefined);
  named.forEach(checkReference);
  const byNvra = await rpmsByNvra(call, named);
  const given = references.map(({ id }) => id).filter(isId);
  const rows = await call.db.all<{ id: number }>(
    sql`SELECT id FROM rpminfo WHERE ${anyOf(sql`id`, given.filter(isPossibleId))}`,
  );
  const known = new Set<unknown>(rows.map(({ id }) => id));
  return references.map((reference) => {
    const { id } = reference;
    const found = id === undefined ? preferredRpm(byNvra.get(nvraKey(reference)) ?? [])?.id : id;
    if (found === undefined || (id !== undefined && !known.has(id)))
      throw new GenericError(`No such rpm: ${repr(reference)}`);
    return found as number;
  });
}

/** Whether a build has rpms. */
export async function hasRpms(call: Call, buildId: number): Promise<boolean> {
  return (await call.db.get(sql`SELECT id FROM rpminfo WHERE build_id = ${buildId} LIMIT 1`)) !== null;
}

/** Filter for rpms. */
export interface RpmFilter {
  readonly buildID?: number | null;
  readonly buildrootID?: number | null;
  readonly imageID?: number | null;
  readonly componentBuildrootID?: number | null;
  readonly hostID?: number | null;
  readonly arches?: unknown;
  readonly queryOpts?: QueryOpts | null;
  readonly draft?: boolean | null;
}

/** Rpms by build, buildroot, image, host or architecture. */
export async function listRpms(call: Call, filter: RpmFilter): Promise<RpmListItem[]> {
  const conditions: Sql[] = [];
  const wanted: Record<string, Sql> = {
    ...columns,
    nvr: sql`rpminfo.name || '-' || rpminfo.version || '-' || rpminfo.release`,
  };
  let from = sql`rpminfo LEFT JOIN external_repo ON external_repo.id = rpminfo.external_repo_id`;
  const only = (column: string, id: number | null | undefined): boolean => {
    if (id == null) return false;
    conditions.push(idIs(column, id));
    return true;
  };
  only('rpminfo.build_id', filter.buildID);
  only('rpminfo.buildroot_id', filter.buildrootID);
  if (only('buildroot_listing.buildroot_id', filter.componentBuildrootID)) {
    from = sql`${from} JOIN buildroot_listing ON buildroot_listing.rpm_id = rpminfo.id`;
    wanted.component_buildroot_id = columnId('buildroot_listing.buildroot_id');
    wanted.is_update = columnId('buildroot_listing.is_update');
  }
  if (only('archive_rpm_components.archive_id', filter.imageID))
    from = sql`${from} JOIN archive_rpm_components ON archive_rpm_components.rpm_id = rpminfo.id`;
  if (only('standard_buildroot.host_id', filter.hostID))
    from = sql`${from} JOIN standard_buildroot ON standard_buildroot.buildroot_id = rpminfo.buildroot_id`;
  if (filter.arches != null) conditions.push(archIs(filter.arches, 'Invalid type for "arches" parameter'));
  if (filter.draft != null) conditions.push(isDraft('rpminfo', filter.draft));
  const opts = filter.queryOpts ?? null;
  return query<RpmListItem>(call.db, {
    columns: wanted,
    from,
    where: conditions,
    opts,
    transform: (row) => readRpm<RpmListItem>(row as unknown as Stored<RpmListItem>),
  });
}
