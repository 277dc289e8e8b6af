import { BR_STATES, BR_TYPES, GenericError } from '@koji/core';
import type { BuildrootInfo, BuildrootRpm } from '@koji/core/api';
import type { Call } from '../../call.js';
import { anyOf, sql } from '../../db/sql.js';
import { checkList, checkStruct, truthy } from '../values/convert.js';
import { addExternalRpms } from './external.js';
import { getRpmIds } from './rpms.js';

/** The rpms that were installed in a buildroot. */
export function listBuildrootRpms(call: Call, buildrootId: number): Promise<BuildrootRpm[]> {
  return call.db.all<BuildrootRpm>(
    sql`SELECT buildroot_listing.rpm_id, buildroot_listing.is_update, rpminfo.name, rpminfo.version, rpminfo.release,
          rpminfo.epoch, rpminfo.arch, rpminfo.build_id, rpminfo.draft, rpminfo.external_repo_id,
          external_repo.name AS external_repo_name
        FROM buildroot_listing
        JOIN rpminfo ON rpminfo.id = buildroot_listing.rpm_id
        JOIN external_repo ON external_repo.id = rpminfo.external_repo_id
        WHERE buildroot_listing.buildroot_id = ${buildrootId} ORDER BY buildroot_listing.rpm_id`,
  );
}

/** Notes what was installed in a buildroot before the build began. */
export async function setBuildrootRpms(call: Call, buildroot: BuildrootInfo, rpms: unknown): Promise<void> {
  checkState(buildroot, BR_STATES.INIT);
  const ids = await idsOfRpms(call, rpms);
  const listed = await call.db.get<{ rpm_id: number }>(
    sql`SELECT rpm_id FROM buildroot_listing WHERE buildroot_id = ${buildroot.id} AND ${anyOf(sql`rpm_id`, ids)} LIMIT 1`,
  );
  if (listed) throw new GenericError(`buildroot ${buildroot.id} already lists rpm ${listed.rpm_id}`);
  await insertRpms(call, buildroot.id, { ids, isUpdate: false });
}

/** Adds the rpms that were installed during the build; those already listed are not changed. */
export async function updateBuildrootRpms(
  call: Call,
  buildroot: BuildrootInfo,
  rpms: unknown,
): Promise<void> {
  checkState(buildroot, BR_STATES.BUILDING);
  await insertRpms(call, buildroot.id, { ids: await idsOfRpms(call, rpms), isUpdate: true });
}

async function insertRpms(
  call: Call,
  buildrootId: number,
  { ids, isUpdate }: { ids: readonly number[]; isUpdate: boolean },
): Promise<void> {
  await call.db.run(
    sql`INSERT INTO buildroot_listing (buildroot_id, rpm_id, is_update)
        SELECT ${buildrootId}, rpminfo.id, ${isUpdate} FROM rpminfo WHERE ${anyOf(sql`rpminfo.id`, ids)}
        ON CONFLICT DO NOTHING`,
  );
}

function checkState(buildroot: BuildrootInfo, state: number): void {
  if (buildroot.br_type === BR_TYPES.STANDARD && buildroot.state !== state)
    throw new GenericError(`buildroot ${buildroot.id} in wrong state ${buildroot.state ?? 'None'}`);
}

/** The ids of rpms as builders name them; those of external repos (`location`) are added when they are new. */
export async function idsOfRpms(call: Call, rpms: unknown): Promise<number[]> {
  checkList(rpms);
  const external: Record<string, unknown>[] = [];
  const own: Record<string, unknown>[] = [];
  for (const rpm of rpms) {
    checkStruct(rpm);
    if (truthy(rpm.location)) external.push(rpm);
    else own.push(rpm);
  }
  return [...new Set([...(await addExternalRpms(call, external)), ...(await getRpmIds(call, own))])];
}

/** Adds archives that were used in a buildroot; `isProject` says that the built project asked for them. */
export async function updateBuildrootArchives(
  call: Call,
  buildroot: BuildrootInfo,
  archives: { readonly ids: readonly number[]; readonly isProject: boolean },
): Promise<void> {
  const { EnableMaven, EnableWin } = call.hub.options;
  if (buildroot.br_type === BR_TYPES.STANDARD && !EnableMaven && !EnableWin)
    throw new GenericError('non-rpm support is not enabled');
  checkState(buildroot, BR_STATES.BUILDING);
  const known = await call.db.all<{ id: number }>(
    sql`SELECT id FROM archiveinfo WHERE ${anyOf(sql`id`, archives.ids)}`,
  );
  const knownIds = new Set(known.map(({ id }) => id));
  const missing = archives.ids.find((id) => !knownIds.has(id));
  if (missing !== undefined) throw new GenericError(`No such archive: ${missing}`);
  await call.db.run(
    sql`INSERT INTO buildroot_archives (buildroot_id, archive_id, project_dep)
        SELECT ${buildroot.id}, archiveinfo.id, ${archives.isProject} FROM archiveinfo
        WHERE ${anyOf(sql`archiveinfo.id`, [...knownIds])}
        ON CONFLICT DO NOTHING`,
  );
}
