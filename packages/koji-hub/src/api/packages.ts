import { GenericError } from '@koji/core';
import type { PackageMethods, PackageName, QueryOpts } from '@koji/core/api';
import type { Call, Handlers } from '../call.js';
import { lookupName } from '../domain/values/lookup.js';
import { applyOpts, query, readPart } from '../db/rows.js';
import { id, sql } from '../db/sql.js';
import {
  addPackage,
  blockPackage,
  findPackage,
  findPackageEntry,
  readPackageList,
  removePackage,
  unblockPackage,
} from '../domain/tags/package-lists.js';
import { countPackages, readPackagePart, streamPackageList } from '../domain/tags/package-parts.js';
import { hasPrefix } from '../domain/values/ids.js';
import { plain } from '../domain/values/repr.js';
import { getUser } from '../domain/users/users.js';

/** Handlers of the methods about packages and package lists. */
export const packages: Handlers<PackageMethods> = {
  async packageListAdd({ taginfo, pkginfo, owner, block, extra_arches: extraArches, force, update }, call) {
    await addPackage(call, taginfo, pkginfo, { owner, block, extraArches, force, update });
    return null;
  },

  async packageListRemove({ taginfo, pkginfo, force }, call) {
    await removePackage(call, taginfo, pkginfo, force);
    return null;
  },

  async packageListBlock({ taginfo, pkginfo, force }, call) {
    await blockPackage(call, taginfo, pkginfo, force);
    return null;
  },

  async packageListUnblock({ taginfo, pkginfo, force }, call) {
    await unblockPackage(call, taginfo, pkginfo, force);
    return null;
  },

  async packageListSetOwner({ taginfo, pkginfo, owner, force }, call) {
    await addPackage(call, taginfo, pkginfo, { owner, force, update: true });
    return null;
  },

  async packageListSetArches({ taginfo, pkginfo, arches, force }, call) {
    await addPackage(call, taginfo, pkginfo, { extraArches: arches, force, update: true });
    return null;
  },

  async listPackages(args, call) {
    const { tagID, userID, pkgID, prefix, queryOpts } = args;
    if (tagID === null && userID === null && pkgID === null) return listNames(call, prefix, queryOpts);
    const filter = {
      tagId: tagID === null ? null : (await lookupName(call, 'tag', tagID, { strict: true })).id,
      userId: userID === null ? null : (await getUser(call, userID)).id,
      pkg: pkgID === null ? null : (await lookupName(call, 'package', pkgID, { strict: true })).id,
      event: args.event,
      inherit: args.inherited,
      withDups: args.with_dups,
      withOwners: args.with_owners,
      withBlocked: args.with_blocked,
    };
    const { tagId } = filter;
    const part = tagId === null || args.with_dups ? null : readPart(queryOpts);
    if (tagId !== null && part) {
      const wanted = { ...filter, tagId, prefix };
      const found = part.isCount ? countPackages(call, wanted) : readPackagePart(call, wanted, part);
      const answer = await found;
      if (answer !== null) return answer as never;
    }
    if (tagId !== null && userID === null && pkgID === null && !prefix && !queryOpts && !args.with_dups) {
      const rows = await streamPackageList(call, { ...filter, tagId });
      if (rows) return rows;
    }
    const rows = await readPackageList(call, { ...filter, prefix });
    const start = prefix?.toLowerCase();
    return applyOpts(
      start ? rows.filter((row) => row.package_name.toLowerCase().startsWith(start)) : rows,
      queryOpts,
    );
  },

  listPackagesSimple: ({ prefix, queryOpts }, call) =>
    listNames(call, prefix === null ? null : plain(prefix), queryOpts),

  async checkTagPackage({ tag, pkg }, call) {
    const found = await tagAndPackage(call, tag, pkg);
    if (!found) return false;
    const entry = await findPackageEntry(call, found.tagId, found.packageId, { withOwners: false });
    return entry !== null && !entry.blocked;
  },

  async getPackageConfig({ tag, pkg, event }, call) {
    const found = await tagAndPackage(call, tag, pkg);
    return found && findPackageEntry(call, found.tagId, found.packageId, { event });
  },

  async getPackage({ info, strict, create }, call) {
    const found = await findPackage(call, info);
    if (found || !create || strict)
      return found ?? (strict ? lookupName(call, 'package', info, { strict }) : null);
    call.session.assertPerm('admin');
    return lookupName(call, 'package', info, { create });
  },

  async getPackageID({ name, strict }, call) {
    const row =
      typeof name === 'string' &&
      (await call.db.get<{ id: number }>(sql`SELECT id FROM package WHERE name = ${name}`));
    if (row) return row.id;
    if (strict) throw new GenericError(`No such package name: ${plain(name)}`);
    return null;
  },
};

async function tagAndPackage(
  call: Call,
  tag: unknown,
  pkg: unknown,
): Promise<{ tagId: number; packageId: number } | null> {
  const foundTag = await lookupName(call, 'tag', tag);
  const foundPackage = await findPackage(call, pkg);
  return foundTag && foundPackage ? { tagId: foundTag.id, packageId: foundPackage.id } : null;
}

function listNames(call: Call, prefix: string | null, opts: QueryOpts | null): Promise<PackageName[]> {
  return query<PackageName>(call.db, {
    columns: { package_id: id('package.id'), package_name: id('package.name') },
    from: sql`package`,
    where: prefix === null ? [] : hasPrefix('package.name', prefix),
    opts,
  });
}
