import type { OwnCount, ReportMethods } from '@koji/core/api';
import type { Handlers } from '../call.js';
import { sql } from '../db/sql.js';
import { atEvent } from '../domain/history/history.js';
import { archIs } from '../domain/tagging/tagging.js';

/** Handlers of the methods that count things of everybody. */
export const reports: Handlers<ReportMethods> = {
  countPackagesByOwner: (_, call) =>
    call.db.all<OwnCount>(sql`SELECT users.id, users.name, count(*) AS count
      FROM tag_packages
      JOIN tag_package_owners ON tag_package_owners.tag_id = tag_packages.tag_id
        AND tag_package_owners.package_id = tag_packages.package_id
      JOIN users ON users.id = tag_package_owners.owner
      WHERE ${atEvent('tag_packages', null)} AND ${atEvent('tag_package_owners', null)}
      GROUP BY users.id, users.name ORDER BY users.id`),

  countRPMsByHost: ({ arches }, call) =>
    call.db.all<OwnCount>(sql`SELECT host.id, host.name, count(*) AS count
      FROM rpminfo
      JOIN standard_buildroot ON standard_buildroot.buildroot_id = rpminfo.buildroot_id
      JOIN host ON host.id = standard_buildroot.host_id
      WHERE ${arches === null ? sql`1 = 1` : archIs(arches, 'Invalid type for "arches" parameter')}
      GROUP BY host.id, host.name ORDER BY host.id`),
};
