import { GenericError, USERTYPES } from '@koji/core';
import type { BuildInfo, Named, TagInfo, UserInfo } from '@koji/core/api';
import { matchesAny } from '@koji/core/policy';
import type { Call, PolicyData } from '../../call.js';
import { lookupName } from '../values/lookup.js';
import { anyOf, sql } from '../../db/sql.js';
import { buildTypes } from '../builds/types.js';
import { findBuild, getBuild, taskOfBuild } from '../builds/builds.js';
import { isStruct, truthy } from '../values/convert.js';
import { idIs } from '../values/ids.js';
import { fullInheritance } from '../tags/inheritance.js';
import { findPackage } from '../tags/package-lists.js';
import { plain } from '../values/repr.js';
import { findTag, getTag } from '../tags/tags.js';
import { findTarget } from '../tagging/targets.js';
import { getTask } from '../task-records/task-records.js';
import { findUser, userGroups, permsInCall } from '../users/users.js';

/** A test of the hub's own: may ask the database about the data. */
export type HubTest = (call: Call, data: PolicyData, words: readonly string[]) => boolean | Promise<boolean>;

const has = (data: PolicyData, field: string): boolean => Object.hasOwn(data, field);

/** Returns the elements that Python would iterate over: a list's items, a text's characters, a struct's keys. */
function itemsOf(value: unknown): unknown[] {
  if (Array.isArray(value)) return value;
  if (typeof value === 'string') return Array.from(value);
  if (isStruct(value)) return Object.keys(value);
  throw new GenericError(`policy data must be a list, not ${plain(value)}`);
}

function fits(value: unknown, patterns: readonly string[]): boolean {
  return value !== null && value !== undefined && matchesAny(plain(value), patterns);
}

/** The user that a policy is evaluated for: the one in the data, or the caller; null if nobody is logged in. */
export async function actingUser(call: Call, data: PolicyData): Promise<UserInfo | null> {
  if (has(data, 'user_id')) return findUser(call, data.user_id);
  return call.session.loggedIn ? findUser(call, call.session.userId) : null;
}

function buildIn(call: Call, data: PolicyData): Promise<BuildInfo> {
  return getBuild(call, data.build);
}

/** The package in the data; without an id when it is not known yet. */
async function packageIn(call: Call, data: PolicyData): Promise<{ id: number | null; name: string }> {
  if (has(data, 'package')) {
    const found = await findPackage(call, data.package);
    if (found) return found;
    if (typeof data.package === 'string') return { id: null, name: data.package };
    throw new GenericError(`No such package: ${plain(data.package)}`);
  }
  if (!has(data, 'build')) throw new GenericError('policy requires package data');
  const build = await buildIn(call, data);
  return { id: build.package_id, name: build.name };
}

async function fieldIn(call: Call, data: PolicyData, field: 'version' | 'release'): Promise<unknown> {
  if (has(data, field)) return data[field];
  if (has(data, 'build')) return (await buildIn(call, data))[field];
  throw new GenericError(`policy requires ${field} data`);
}

/** The buildroots of a build's parts, null among them for parts that have none. */
async function buildrootsIn(call: Call, data: PolicyData): Promise<Set<number | null>> {
  if (has(data, 'buildroots')) return new Set(itemsOf(data.buildroots) as (number | null)[]);
  if (!has(data, 'build')) return new Set();
  const { id } = await buildIn(call, data);
  const rows = await call.db.all<{ buildroot_id: number | null }>(
    sql`SELECT buildroot_id FROM rpminfo WHERE build_id = ${id}
        UNION SELECT buildroot_id FROM archiveinfo WHERE build_id = ${id}`,
  );
  return new Set(rows.map((row) => row.buildroot_id));
}

/** Names of the content generators that made a build, null for a part that none made. */
async function generatorsIn(call: Call, data: PolicyData): Promise<Set<string | null>> {
  if (has(data, 'cg_list')) {
    const names = new Set<string | null>();
    for (const cg of itemsOf(data.cg_list))
      names.add((await lookupName(call, 'content_generator', cg, { strict: true })).name);
    return names;
  }
  const buildroots = await buildrootsIn(call, data);
  const ids = [...buildroots].filter((id) => id !== null);
  const rows = await call.db.all<{ name: string | null }>(
    sql`SELECT content_generator.name FROM buildroot
        LEFT JOIN content_generator ON content_generator.id = buildroot.cg_id
        WHERE ${anyOf(sql`buildroot.id`, ids)}`,
  );
  const names = new Set(rows.map((row) => row.name));
  return buildroots.has(null) ? names.add(null) : names;
}

/** A tag that a build was made in, as it was then. */
type BuildTag = Pick<TagInfo, 'id' | 'name'> & { query_event?: number };

async function buildTagsIn(call: Call, data: PolicyData): Promise<BuildTag[]> {
  const named = has(data, 'build_tag')
    ? [data.build_tag]
    : has(data, 'build_tags')
      ? itemsOf(data.build_tags)
      : await targetTag(call, data.target);
  if (named.length > 0) return Promise.all(named.map((tag) => getTag(call, tag, { event: 'auto' })));
  const ids = [...(await buildrootsIn(call, data))].filter((id) => id !== null);
  const rows = await call.db.all<{ name: string; create_event: number }>(
    sql`SELECT DISTINCT tag.name, repo.create_event FROM standard_buildroot
        JOIN repo ON repo.id = standard_buildroot.repo_id JOIN tag ON tag.id = repo.tag_id
        WHERE ${anyOf(sql`standard_buildroot.buildroot_id`, ids)}`,
  );
  return Promise.all(rows.map(({ name, create_event: event }) => getTag(call, name, { event })));
}

async function targetTag(call: Call, target: unknown): Promise<unknown[]> {
  const found = truthy(target) ? await findTarget(call, target) : null;
  return found ? [found.build_tag] : [];
}

async function volumeIn(call: Call, data: PolicyData): Promise<Pick<Named, 'name'> | null> {
  if (has(data, 'volume')) return lookupName(call, 'volume', data.volume);
  const build = has(data, 'build') ? await findBuild(call, data.build) : null;
  return build && { name: build.volume_name };
}

/** Where the parameters of the tasks that build have the source. */
const sourcePlaces: Readonly<Record<string, number>> = {
  build: 0,
  maven: 0,
  winbuild: 1,
  wrapperRPM: 0,
};

async function sourceIn(call: Call, data: PolicyData): Promise<unknown> {
  if (has(data, 'source')) return data.source;
  const build = has(data, 'build') ? await findBuild(call, data.build) : null;
  if (!build) return null;
  if (build.source !== null) return build.source;
  const taskId = taskOfBuild(build);
  if (taskId === null) return null;
  const { method, request } = await getTask(call, taskId, { request: true });
  const place = sourcePlaces[method];
  return place === undefined ? null : ((request as readonly unknown[])[place] ?? null);
}

async function tagFits(call: Call, tag: unknown, words: readonly string[]): Promise<boolean> {
  if (tag === null || tag === undefined) return false;
  return fits((await findTag(call, tag))?.name, words);
}

/** Tests that look at one field alone. */
const fieldTests: Readonly<Record<string, HubTest>> = {
  operation: (_call, data, words) => fits(data.operation, words),
  method: (_call, data, words) => fits(data.method, words),
  vm_name: (_call, data, words) => fits(data.vm_name, words),
  is_child_task: (_call, data) => truthy(data.parent),
  skip_tag: (_call, data) => truthy(data.skip_tag),
};

/** The tests that only a hub can answer, by name; those of the library are in `@koji/core/policy`. */
export const hubTests: Readonly<Record<string, HubTest>> = {
  ...fieldTests,
  package: async (call, data, words) => fits((await packageIn(call, data)).name, words),
  is_new_package: async (call, data) => (await packageIn(call, data)).id === null,
  version: async (call, data, words) => fits(await fieldIn(call, data, 'version'), words),
  release: async (call, data, words) => fits(await fieldIn(call, data, 'release'), words),
  volume: async (call, data, words) => fits((await volumeIn(call, data))?.name, words),
  tag: (call, data, words) => tagFits(call, data.tag, words),
  fromtag: (call, data, words) => tagFits(call, data.fromtag, words),

  async hastag(call, data, words) {
    if (!has(data, 'build')) return false;
    const { id } = await buildIn(call, data);
    const rows = await call.db.all<{ name: string }>(
      sql`SELECT tag.name FROM tag_listing JOIN tag ON tag.id = tag_listing.tag_id
          JOIN tag_config ON tag_config.tag_id = tag.id AND tag_config.active = TRUE
          WHERE tag_listing.active = TRUE AND tag_listing.build_id = ${id}`,
    );
    return rows.some(({ name }) => fits(name, words));
  },

  buildtag: async (call, data, words) =>
    (await buildTagsIn(call, data)).some(({ name }) => fits(name, words)),

  async buildtag_inherits_from(call, data, words) {
    for (const tag of await buildTagsIn(call, data)) {
      const parents = await fullInheritance(call, tag.id, tag.query_event ?? null);
      if (parents.some(({ name }) => fits(name, words))) return true;
    }
    return false;
  },

  async buildtype(call, data, words) {
    const types = has(data, 'btypes')
      ? itemsOf(data.btypes)
      : has(data, 'build')
        ? Object.keys(await buildTypes(call, await buildIn(call, data)))
        : [];
    return types.some((type) => fits(type, words));
  },

  async cg_match_any(call, data, words) {
    return [...(await generatorsIn(call, data))].some((name) => fits(name, words));
  },

  async cg_match_all(call, data, words) {
    const names = [...(await generatorsIn(call, data))];
    return names.length > 0 && names.every((name) => fits(name, words));
  },

  async imported(call, data) {
    if (!truthy(data.build)) throw new GenericError('policy data must contain a build');
    const build = await buildIn(call, data);
    return (await buildrootsIn(call, { build: build.id })).has(null);
  },

  user: async (call, data, words) => fits((await actingUser(call, data))?.name, words),

  async user_in_group(call, data, words) {
    const user = await actingUser(call, data);
    return user !== null && [...(await userGroups(call, user.id)).values()].some((name) => fits(name, words));
  },

  async has_perm(call, data, words) {
    const user = await actingUser(call, data);
    return user !== null && (await permsInCall(call, user.id)).some((name) => fits(name, words));
  },

  async is_build_owner(call, data) {
    const build = await buildIn(call, data);
    const user = await actingUser(call, data);
    if (!user) return false;
    if (build.owner_id === user.id) return true;
    const group = await call.db.get(
      sql`SELECT id FROM users WHERE ${idIs('users.id', build.owner_id)} AND usertype = ${USERTYPES.GROUP}`,
    );
    return group !== null && (await userGroups(call, user.id)).has(build.owner_id);
  },

  async is_draft(call, data) {
    if (has(data, 'draft')) return truthy(data.draft);
    return has(data, 'build') && (await buildIn(call, data)).draft;
  },

  source: async (call, data, words) => fits(await sourceIn(call, data), words),
};
