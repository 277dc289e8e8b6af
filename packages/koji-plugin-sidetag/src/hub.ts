import { randomUUID } from 'node:crypto';
import { ActionNotAllowed, GenericError, ParameterError, plain, repr, typeName } from '@koji/core';
import type { NameOrId, Named, QueryOpts, RepoRequest, TagInfo, UserRef } from '@koji/core/api';
import { matchesAny } from '@koji/core/policy';
import { callback, context, exported, option, pluginConfig, policyTest } from '@koji/plugin-sdk';
import type { PolicyFields } from '@koji/plugin-sdk';
import type { NewSideTag, SideTag } from './index.js';

const nameTemplate = option.text('{basetag}-side-{tag_id}', 'The names of side tags');

const config = pluginConfig(
  'sidetag',
  {
    sidetag: {
      remove_empty: option.boolean(false, 'A side tag goes with its last build'),
      allowed_suffixes: option.words([], 'Suffixes that a user may ask for'),
      name_template: option.checked(nameTemplate, (template) => {
        const strange = /\{(?!basetag\}|tag_id\})[^}]*\}?/.exec(template)?.[0];
        return strange === undefined ? null : `'${strange}' is neither {basetag} nor {tag_id}`;
      }),
      trigger_new_repo: option.boolean(false, 'A new side tag gets a repo at once'),
    },
  },
  // Koji reads this file of its own with RawConfigParser.
  { interpolation: false },
);

/** Makes a child tag of a tag for the caller, with a target of the same name; the policy `sidetag` decides. */
export const createSideTag = exported({ doc: 'Create a side tag of a tag, and a target for it.' })(async (
  basetag: NameOrId,
  debuginfo: unknown = false,
  suffix: unknown = null,
): Promise<NewSideTag> => {
  if (suffix && !(typeof suffix === 'string' && config.sidetag.allowed_suffixes.includes(suffix)))
    throw new GenericError(`${plain(suffix)} suffix is not allowed for sidetag`);
  const user = caller();
  const base = await getTag(basetag);
  await context.assertPolicy('sidetag', { tag: base.id, number_of_tags: await countOf(user) });
  const name = await reserveName(base, suffix ? `-${plain(suffix)}` : '');
  const extra = {
    sidetag: true,
    sidetag_user: user.name,
    sidetag_user_id: user.id,
    ...(debuginfo ? { with_debuginfo: true } : {}),
  };
  const settings = { parent: base.id, arches: base.arches, extra };
  const id = await context.callUnchecked('createTag', [name], settings);
  await context.callUnchecked('createBuildTarget', [name, id, id]);
  return { name, id, task_id: null, request: config.sidetag.trigger_new_repo ? await requestRepo(id) : null };
});

function caller(): Named {
  context.session.assertLogin();
  const { user } = context.session;
  if (!user) throw new GenericError('nobody is logged in');
  return user;
}

function getTag(info: NameOrId): Promise<TagInfo> {
  return context.call('getTag', [info], { strict: true });
}

async function countOf(user: Named): Promise<number> {
  const { sql, get } = context.db;
  const row = await get<{ n: number }>(
    sql`SELECT count(*) AS n FROM tag_extra
        WHERE key = 'sidetag_user_id' AND value = ${String(user.id)} AND active = TRUE`,
  );
  return row?.n ?? 0;
}

/** Takes two ids like Koji and keeps the second for the new tag, whose name it is part of. */
async function reserveName(base: TagInfo, ending: string): Promise<string> {
  const { sql, all, run } = context.db;
  const [first, second] = [randomUUID(), randomUUID()];
  const taken = await all<{ id: number }>(
    sql`INSERT INTO tag (name) VALUES (${first}), (${second}) RETURNING id`,
  );
  const id = Math.max(...taken.map((row) => row.id));
  await run(sql`DELETE FROM tag WHERE name IN (${first}, ${second})`);
  const name =
    config.sidetag.name_template.replaceAll('{basetag}', () => base.name).replaceAll('{tag_id}', String(id)) +
    ending;
  await run(sql`INSERT INTO tag (id, name) VALUES (${id}, ${name}) ON CONFLICT (name) DO NOTHING`);
  return name;
}

async function requestRepo(tagId: number): Promise<RepoRequest | null> {
  const { request } = await context.call('repo.request', [tagId]);
  return request;
}

/** Removes a side tag of the caller's, and its target. */
export const removeSideTag = exported({ doc: 'Remove a side tag and its target.' })(async (
  sidetag: NameOrId,
): Promise<null> => {
  await remove(await ownSideTag(sidetag));
  return null;
});

/** A side tag that the caller may change. */
async function ownSideTag(info: NameOrId): Promise<TagInfo> {
  const user = caller();
  const tag = await getTag(info);
  if (!isSideTag(tag)) throw new GenericError(`Not a sidetag: ${tag.name}`);
  if (!isOwner(tag, user)) throw new ActionNotAllowed('This is not your sidetag');
  return tag;
}

const isSideTag = (tag: TagInfo): boolean => Boolean(tag.extra.sidetag);

function isOwner(tag: TagInfo, user: Named): boolean {
  return isSideTag(tag) && (tag.extra.sidetag_user_id === user.id || context.session.hasPerm('admin'));
}

async function remove(tag: TagInfo): Promise<void> {
  const target = await context.call('getBuildTarget', [tag.name]);
  if (!target) throw new GenericError('Target is missing for sidetag');
  if (target.build_tag !== tag.id || target.dest_tag !== tag.id)
    throw new GenericError('Target does not match sidetag');
  await context.callUnchecked('deleteBuildTarget', [target.id]);
  await context.callUnchecked('deleteTag', [tag.id]);
}

/** Side tags of everybody, of one user, or of one tag. */
export const listSideTags = exported({ doc: 'List side tags, by base tag, by user or all.', access: 'read' })(
  async (
    basetag: NameOrId | null = null,
    user: UserRef | null = null,
    queryOpts: QueryOpts | null = null,
  ): Promise<SideTag[]> => {
    if (typeof queryOpts !== 'object' || Array.isArray(queryOpts))
      throw new ParameterError(`queryOpts must be a dict, not ${repr(queryOpts)}`);
    const { sql, list } = context.db;
    const where = [
      sql`flag.active = TRUE AND flag.key = 'sidetag' AND flag.value = 'true'`,
      sql`owner.active = TRUE AND owner.key = 'sidetag_user_id'`,
    ];
    if (user !== null) {
      const { id } = await context.call('getUser', [user], { strict: true });
      where.push(sql`owner.value = ${String(id)}`);
    }
    if (basetag !== null) {
      const { id } = await getTag(basetag);
      where.push(
        sql`tag.id IN (SELECT tag_id FROM tag_inheritance WHERE active = TRUE AND parent_id = ${id})`,
      );
    }
    return list<SideTag>({
      columns: {
        id: sql`tag.id`,
        name: sql`tag.name`,
        user_id: sql`owner.value`,
        user_name: sql`users.name`,
      },
      from: sql`tag JOIN tag_extra AS flag ON flag.tag_id = tag.id JOIN tag_extra AS owner ON owner.tag_id = tag.id
        LEFT JOIN users ON CAST(users.id AS text) = owner.value`,
      where,
      opts: queryOpts,
    });
  },
);

/** Changes of a side tag; null keeps the current value. */
interface SideTagChanges {
  readonly debuginfo?: unknown;
  /** Values by the macro's name. */
  readonly rpm_macros?: unknown;
  readonly remove_rpm_macros?: unknown;
  /** Any extra data, for holders of `sidetag_admin`. */
  readonly extra?: unknown;
  readonly remove_extra?: unknown;
}

/**
 * Changes what the base tag lets owners of its side tags change: `sidetag_debuginfo_allowed` and `sidetag_rpm_macros_allowed`
 * in its extra data allow it.
 */
export const editSideTag = exported({ doc: 'Change debuginfo, rpm macros or extra data of a side tag.' })(
  async (
    sidetag: NameOrId,
    {
      debuginfo = null,
      rpm_macros = null,
      remove_rpm_macros = null,
      extra = null,
      remove_extra = null,
    }: SideTagChanges = {},
  ): Promise<null> => {
    const tag = await ownSideTag(sidetag);
    if ((extra !== null || remove_extra !== null) && !context.session.hasPerm('sidetag_admin'))
      throw new GenericError('Extra can be modified only with sidetag_admin or admin permissions.');
    const parent = await parentOf(tag);
    const changed = new Map(Object.entries(readStruct(extra ?? {})));
    let removed = remove_extra ?? [];
    if (debuginfo !== null) {
      if (!parent.extra.sidetag_debuginfo_allowed)
        throw new GenericError('Debuginfo setting is not allowed in parent tag.');
      changed.set('with_debuginfo', Boolean(debuginfo));
    }
    const allowed = holds(rpm_macros) || holds(remove_rpm_macros) ? allowedMacros(parent) : [];
    for (const [macro, value] of Object.entries(rpm_macros === null ? {} : readStruct(rpm_macros))) {
      if (!/^[\p{L}_]./su.test(macro)) throw new GenericError(`Invalid macro name ${repr(macro)}`);
      checkMacro(macro, allowed);
      changed.set(`rpm.macro.${macro}`, value);
    }
    const without = remove_rpm_macros === null ? [] : readTexts(remove_rpm_macros);
    for (const macro of without) checkMacro(macro, allowed);
    // Koji forgets remove_extra here, and clients do not give both.
    if (without.length > 0) removed = without.map((macro) => `rpm.macro.${macro}`);
    const changes = { extra: Object.fromEntries(changed), remove_extra: removed };
    await context.callUnchecked('editTag2', [tag.id], changes);
    return null;
  },
);

async function parentOf(tag: TagInfo): Promise<TagInfo> {
  const [link] = await context.call('getInheritanceData', [tag.id]);
  if (!link) throw new GenericError(`side tag ${tag.name} has no parent tag any more`);
  return getTag(link.parent_id);
}

function holds(value: unknown): boolean {
  return typeof value === 'object' && value !== null ? Object.keys(value).length > 0 : Boolean(value);
}

/** Patterns of the macros that owners of a tag's side tags may set: a list, or words. */
function allowedMacros({ name, extra }: TagInfo): readonly string[] {
  const given = extra.sidetag_rpm_macros_allowed ?? [];
  const patterns: unknown = typeof given === 'string' ? given.split(/\s+/).filter(Boolean) : given;
  if (!Array.isArray(patterns))
    throw new GenericError(`rpm_macros_allowed in ${name} has invalid type: ${typeName(patterns)}`);
  if (!patterns.every((pattern) => typeof pattern === 'string'))
    throw new GenericError(`Allowed rpm macro list ${repr(patterns)} is invalid for ${name}.`);
  if (patterns.length === 0) throw new GenericError('RPM macros change is not allowed in parent tag.');
  return patterns;
}

function checkMacro(macro: string, allowed: readonly string[]): void {
  if (!matchesAny(macro, allowed))
    throw new GenericError(`RPM macro ${macro} editing is not allowed via parent tag`);
}

function readStruct(value: unknown): Record<string, unknown> {
  if (typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Uint8Array))
    return { ...value };
  throw wrongType(value, 'dict');
}

function readTexts(value: unknown): string[] {
  if (!Array.isArray(value) || !value.every((item) => typeof item === 'string'))
    throw wrongType(value, 'list');
  return value;
}

function wrongType(value: unknown, wanted: string): ParameterError {
  return new ParameterError(
    `Invalid type for value '${plain(value)}': ${typeName(value)}, expected type <class '${wanted}'>`,
  );
}

/** Removes a side tag with its last build, if configured. */
export const removeEmptySideTag = callback('postUntag', async (_event, payload) => {
  if (!config.sidetag.remove_empty) return;
  const tag = await context.call('getTag', [payload.tag.id]);
  if (!tag || !isSideTag(tag)) return;
  const { sql, get } = context.db;
  if (await get(sql`SELECT build_id FROM tag_listing WHERE tag_id = ${tag.id} AND active = TRUE LIMIT 1`))
    return;
  try {
    await remove(tag);
  } catch (error) {
    if (!(error instanceof GenericError)) throw error;
    context.log.warn(`sidetag: ${tag.name} is empty and stays: ${error.message}`);
  }
});

/** `is_sidetag`: whether the tag that a policy is asked about is a side tag. */
export const isSideTagTest = policyTest('is_sidetag')(async (data) => {
  const tag = await tagIn(data.tag);
  return tag !== null && isSideTag(tag);
});

/** `is_sidetag_owner [tag|fromtag|both]`: whether these are side tags of the user that a policy is asked about. */
export const isSideTagOwnerTest = policyTest('is_sidetag_owner')(async (data, field = 'tag', ...more) => {
  if (more.length > 0) throw new GenericError('Just one argument is allowed for this test.');
  const tags = { tag: [data.tag], fromtag: [data.fromtag], both: [data.tag, data.fromtag] };
  if (!isKey(tags, field))
    throw new GenericError(`Policy test is_sidetag_owner has only /tag/fromtag/both options (got ${field})`);
  const user = await userIn(data);
  for (const info of tags[field]) {
    const tag = await tagIn(info);
    if (!tag || !user || !isOwner(tag, user)) return false;
  }
  return true;
});

function isKey<T extends object>(struct: T, key: PropertyKey): key is keyof T {
  return Object.hasOwn(struct, key);
}

async function tagIn(info: NameOrId | null | undefined): Promise<TagInfo | null> {
  return info === undefined || info === null ? null : context.call('getTag', [info]);
}

async function userIn({ user_id: given }: PolicyFields): Promise<Named | null> {
  return given === undefined ? context.session.user : context.call('getUser', [given]);
}
