import type { BuildReferences, Float } from '@koji/core/api';
import type { Call } from '../../call.js';
import { epoch, sql } from '../../db/sql.js';
import type { Sql } from '../../db/sql.js';
import { isComplete } from './builds.js';

/** How far to look for references. */
export interface ReferenceSearch {
  /** How many of a kind to give for each file of the build; null for all. */
  readonly limit?: number | null;
  /** Stop after the first kind with references. */
  readonly lazy?: boolean;
}

interface Kind {
  /** Rows of the references, the file of the build that they refer to as `used`. */
  readonly from: Sql;
  readonly columns: Sql;
  readonly order: Sql;
}

function rpmsMadeWith(buildId: number): Kind {
  return {
    columns: sql`rpminfo.arch, rpminfo.build_id, rpminfo.id, rpminfo.name, rpminfo.release, rpminfo.version`,
    from: sql`rpminfo AS part JOIN buildroot_listing ON buildroot_listing.rpm_id = part.id
      JOIN rpminfo ON rpminfo.buildroot_id = buildroot_listing.buildroot_id
      JOIN build ON build.id = rpminfo.build_id
      WHERE part.build_id = ${buildId} AND ${isComplete}`,
    order: sql`rpminfo.id`,
  };
}

function archivesMadeWith(buildId: number): Kind {
  return {
    columns: sql`archiveinfo.build_id, archiveinfo.filename, archiveinfo.id, archiveinfo.type_id,
      archivetypes.name AS type_name`,
    from: sql`archiveinfo AS part JOIN buildroot_archives ON buildroot_archives.archive_id = part.id
      JOIN archiveinfo ON archiveinfo.buildroot_id = buildroot_archives.buildroot_id
      JOIN archivetypes ON archivetypes.id = archiveinfo.type_id
      JOIN build ON build.id = archiveinfo.build_id
      WHERE part.build_id = ${buildId} AND ${isComplete}`,
    order: sql`archiveinfo.id`,
  };
}

function archivesWithRpms(buildId: number): Kind {
  return {
    columns: sql`archive_rpm_components.archive_id AS id`,
    from: sql`rpminfo AS part JOIN archive_rpm_components ON archive_rpm_components.rpm_id = part.id
      JOIN archiveinfo ON archiveinfo.id = archive_rpm_components.archive_id
      JOIN build ON build.id = archiveinfo.build_id
      WHERE part.build_id = ${buildId} AND ${isComplete}`,
    order: sql`archive_rpm_components.archive_id`,
  };
}

function archivesWithArchives(buildId: number): Kind {
  return {
    columns: sql`archive_components.archive_id AS id`,
    from: sql`archiveinfo AS part JOIN archive_components ON archive_components.component_id = part.id
      JOIN archiveinfo ON archiveinfo.id = archive_components.archive_id
      JOIN build ON build.id = archiveinfo.build_id
      WHERE part.build_id = ${buildId} AND ${isComplete}`,
    order: sql`archive_components.archive_id`,
  };
}

/** The references of a kind, those of the build's first file first; `limit` holds for each file. */
async function find<T extends { id: number }>(call: Call, kind: Kind, limit: number | null): Promise<T[]> {
  const { columns, from, order } = kind;
  if (limit === null) return call.db.all<T>(sql`SELECT ${columns} FROM ${from} ORDER BY part.id, ${order}`);
  const rows = await call.db.all<T & { place?: number }>(
    sql`SELECT * FROM (
          SELECT ${columns}, row_number() OVER (PARTITION BY part.id ORDER BY ${order}) AS place FROM ${from}
        ) AS found WHERE place <= ${limit}`,
  );
  for (const row of rows) delete row.place;
  return rows;
}

/** Uses of a build. The number of queries is constant, however many files it has. */
export async function buildReferences(
  call: Call,
  buildId: number,
  { limit = null, lazy = false }: ReferenceSearch = {},
): Promise<BuildReferences> {
  const found: { -readonly [K in keyof BuildReferences]: BuildReferences[K] } = {
    tags: await call.db.all<{ name: string; tag_id: number }>(
      sql`SELECT tag.name, tag_listing.tag_id FROM tag_listing JOIN tag ON tag.id = tag_listing.tag_id
          WHERE tag_listing.active = TRUE AND tag_listing.build_id = ${buildId} ORDER BY tag.id`,
    ),
  };
  if (lazy && found.tags.length > 0) return found;
  found.rpms = once(await find(call, rpmsMadeWith(buildId), limit));
  if (lazy && found.rpms.length > 0) return found;
  // Of these alone Koji takes a limit of 0 for none.
  found.component_of = (await find(call, archivesWithRpms(buildId), limit || null)).map(({ id }) => id);
  if (lazy && found.component_of.length > 0) return found;
  found.archives = once(await find(call, archivesMadeWith(buildId), limit));
  if (lazy && found.archives.length > 0) return found;
  const parts = await find(call, archivesWithArchives(buildId), limit || null);
  found.component_of = [...found.component_of, ...parts.map(({ id }) => id)];
  if (lazy && found.component_of.length > 0) return found;
  return { ...found, last_used: await lastUsed(call, buildId), images: found.component_of };
}

function once<T extends { id: number }>(rows: readonly T[]): T[] {
  return [...new Map(rows.map((row) => [row.id, row])).values()];
}

/** When the last buildroot was made that had a file of the build in it. */
async function lastUsed(call: Call, buildId: number): Promise<Float | null> {
  const row = await call.db.get<{ ts: Float | null }>(
    sql`SELECT ${epoch('events.time', 'ts')} FROM events WHERE events.id = (
          SELECT max(standard_buildroot.create_event) FROM (
            SELECT buildroot_listing.buildroot_id FROM rpminfo
              JOIN buildroot_listing ON buildroot_listing.rpm_id = rpminfo.id WHERE rpminfo.build_id = ${buildId}
            UNION ALL SELECT buildroot_archives.buildroot_id FROM archiveinfo
              JOIN buildroot_archives ON buildroot_archives.archive_id = archiveinfo.id
              WHERE archiveinfo.build_id = ${buildId}) AS used
          JOIN standard_buildroot ON standard_buildroot.buildroot_id = used.buildroot_id)`,
  );
  return row?.ts ?? null;
}
