import { GenericError } from '@koji/core';
import type { TagListItem, TagMethods } from '@koji/core/api';
import type { Handlers } from '../call.js';
import { lookupName } from '../domain/values/lookup.js';
import { query } from '../db/rows.js';
import { glob, id, sql } from '../db/sql.js';
import type { Sql } from '../db/sql.js';
import { findBuild } from '../domain/builds/builds.js';
import { findPackage } from '../domain/tags/package-lists.js';
import { plain } from '../domain/values/repr.js';
import { createTag, deleteTag, editTag, findTag, getBuildConfig, getTag } from '../domain/tags/tags.js';

/** Handlers of the methods about tags. */
export const tags: Handlers<TagMethods> = {
  getTag: ({ tagInfo, strict, event, blocked }, call) =>
    (strict ? getTag : findTag)(call, tagInfo, { event, blocked }),

  async getTagID({ info, strict, create }, call) {
    const found = await lookupName(call, 'tag', info, { strict });
    if (found || !create) return found?.id ?? null;
    call.session.assertPerm('tag');
    return (await lookupName(call, 'tag', info, { create })).id;
  },

  createTag: (wanted, call) => createTag(call, wanted),

  async editTag2({ tagInfo, keywords }, call) {
    await editTag(call, tagInfo, keywords);
    return null;
  },

  async editTag({ tagInfo, permissionID, name, arches, locked, extra }, call) {
    await editTag(call, tagInfo, { name, arches, locked, perm_id: permissionID, extra });
    return null;
  },

  async deleteTag({ tagInfo }, call) {
    await deleteTag(call, tagInfo);
    return null;
  },

  async listTags({ build, package: pkg, perms, queryOpts, pattern }, call) {
    if (build !== null && pkg !== null)
      throw new GenericError('only one of build and package may be specified');
    const columns: Record<string, Sql> = {
      id: id('tag.id'),
      name: id('tag.name'),
      arches: id('tag_config.arches'),
      locked: id('tag_config.locked'),
      maven_support: id('tag_config.maven_support'),
      maven_include_all: id('tag_config.maven_include_all'),
    };
    const where = [sql`tag_config.active = TRUE`];
    let from = sql`tag_config JOIN tag ON tag.id = tag_config.tag_id`;
    if (perms) {
      from = sql`${from} LEFT JOIN permissions ON permissions.id = tag_config.perm_id`;
      columns.perm_id = id('tag_config.perm_id');
      columns.perm = id('permissions.name');
    }
    if (build !== null) {
      const found = await findBuild(call, build);
      if (!found) throw new GenericError(`No such build: ${plain(build)}`);
      where.push(
        sql`tag.id IN (SELECT tag_id FROM tag_listing WHERE active = TRUE AND build_id = ${found.id})`,
      );
    }
    if (pkg !== null) {
      const found = await findPackage(call, pkg);
      if (!found) throw new GenericError(`No such package: ${plain(pkg)}`);
      from = sql`${from} JOIN tag_packages ON tag_packages.tag_id = tag.id AND tag_packages.active = TRUE
        JOIN tag_package_owners ON tag_package_owners.tag_id = tag.id AND tag_package_owners.active = TRUE
          AND tag_package_owners.package_id = tag_packages.package_id
        JOIN users ON users.id = tag_package_owners.owner`;
      where.push(sql`tag_packages.package_id = ${found.id}`);
      columns.owner_id = id('users.id');
      columns.owner_name = id('users.name');
      columns.blocked = id('tag_packages.blocked');
      columns.extra_arches = id('tag_packages.extra_arches');
    }
    if (pattern !== null) where.push(glob(id('tag.name'), pattern));
    return query<TagListItem>(call.db, { columns, from, where, opts: queryOpts });
  },

  getBuildConfig: ({ tag, event }, call) => getBuildConfig(call, tag, event),
};
