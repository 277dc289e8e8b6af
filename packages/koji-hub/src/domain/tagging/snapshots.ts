import { GenericError, ParameterError } from '@koji/core';
import type { PackageListEntry, TagGroup, TagInfo, TaggedBuild } from '@koji/core/api';
import type { Call } from '../../call.js';
import { getBuild } from '../builds/builds.js';
import { addGroup, addGroupPackage, addGroupRequirement, readTagGroups } from '../tags/comps.js';
import { addPackage, readPackageList } from '../tags/package-lists.js';
import { addToTag, readTaggedBuilds, tagAll, untagBuild } from './tagging.js';
import { createTag, editTag, findTag, getTag } from '../tags/tags.js';
import { getUser } from '../users/users.js';

/** The parts of a tag to copy. */
export interface CopyParts {
  readonly config: boolean;
  readonly pkgs: boolean;
  readonly builds: boolean;
  readonly groups: boolean;
  /** How many builds of each package, as for tagged builds. */
  readonly latest: unknown;
  /** Takes inherited builds, too. */
  readonly inherit: boolean;
  /** Copies the tag as it was then. */
  readonly event: number | null;
  /** Copies from and to a locked tag, and changes what is blocked. */
  readonly force: boolean;
}

/** The ends of a copy. */
interface Ends {
  readonly from: TagInfo;
  readonly to: TagInfo;
}

/** Copies a tag to a new one, without a look at permissions; every step gets an event of its own. */
export async function copyTag(call: Call, source: unknown, name: unknown, parts: CopyParts): Promise<void> {
  const { event } = parts;
  checkParts(parts);
  if (await findTag(call, name)) throw new GenericError('Target tag already exists');
  const from = await getTag(call, source, { event });
  if (from.locked && !parts.force) throw new GenericError('Source tag is locked, use force to copy');
  const to = await getTag(call, await createTag(call, { name, ...(parts.config ? configOf(from) : {}) }));
  call.nextEvent();
  if (parts.pkgs)
    for (const entry of await readPackageList(call, { tagId: from.id, event, inherit: true }))
      await copyEntry(call, to, entry, { block: entry.blocked, update: false });
  if (parts.builds) {
    const builds = await oldestFirst(call, from, parts);
    await tagAll(
      call,
      to.id,
      builds.map((build) => build.build_id),
    );
  }
  if (!parts.groups) return;
  for (const group of await readTagGroups(call, from.id, { event })) {
    const ref = { tag: to.id, group: group.name };
    await step(call, addGroup(call, ref, { block: group.blocked, force: true }));
    for (const { package: pkg, blocked: block } of group.packagelist ?? [])
      await step(call, addGroupPackage(call, ref, pkg, { block, force: true }));
    for (const { name: required, blocked: block } of group.grouplist ?? [])
      await step(call, addGroupRequirement(call, ref, required, { block, force: true }));
  }
}

/**
 * Makes a tag equal to another one, without checking permissions except for untagging builds. Each step has its own event.
 *
 * @throws GenericError if a tag is locked, or `remove` finds objects of the copy that no snapshot removes
 */
export async function updateCopy(
  call: Call,
  source: unknown,
  target: unknown,
  parts: CopyParts & { readonly remove: boolean },
): Promise<void> {
  checkParts(parts);
  const from = await getTag(call, source, { event: parts.event });
  let to = await getTag(call, target);
  if ((from.locked || to.locked) && !parts.force)
    throw new GenericError('Source or destination tag is locked, use force to copy');
  if (parts.config) {
    const remove_extra = Object.keys(to.extra).filter((key) => !Object.hasOwn(from.extra, key));
    await step(call, editTag(call, to.id, { ...configOf(from), remove_extra }));
    to = await getTag(call, to.id);
  }
  const ends = { from, to };
  if (parts.pkgs) await alignPackages(call, ends, parts.event);
  if (parts.builds) await alignBuilds(call, ends, parts);
  if (parts.groups) await alignGroups(call, ends, parts);
}

function checkParts({ builds, pkgs }: CopyParts): void {
  if (builds && !pkgs) throw new ParameterError("builds can't be used without pkgs in snapshotTag");
}

function configOf({ arches, perm_id: perm, locked, maven_support, maven_include_all, extra }: TagInfo) {
  return { arches, perm, locked, maven_support, maven_include_all, extra };
}

async function step(call: Call, done: Promise<void>): Promise<void> {
  await done;
  call.nextEvent();
}

function copyEntry(
  call: Call,
  to: TagInfo,
  entry: PackageListEntry,
  how: { readonly block: boolean; readonly update: boolean },
): Promise<void> {
  const { owner_id: owner, extra_arches: extraArches } = entry;
  const change = { ...how, owner, extraArches, force: true, policy: false };
  return step(call, addPackage(call, to.id, entry.package_name, change));
}

async function oldestFirst(call: Call, tag: TagInfo, parts: CopyParts): Promise<TaggedBuild[]> {
  const { event, inherit, latest } = parts;
  return (await readTaggedBuilds(call, tag.id, { event, inherit, latest })).reverse();
}

async function alignPackages(call: Call, { from, to }: Ends, event: number | null): Promise<void> {
  const wanted = await readPackageList(call, { tagId: from.id, event, inherit: true });
  const present = await readPackageList(call, { tagId: to.id, inherit: true });
  const named = (entries: readonly PackageListEntry[]): Set<string> =>
    new Set(entries.map((entry) => entry.package_name));
  const wantedNames = named(wanted);
  const presentNames = named(present);
  for (const entry of present)
    if (!wantedNames.has(entry.package_name)) await copyEntry(call, to, entry, { block: true, update: true });
  for (const entry of wanted)
    if (!presentNames.has(entry.package_name))
      await copyEntry(call, to, entry, { block: entry.blocked, update: false });
}

type ByPackage = Map<string, Map<string, TaggedBuild>>;

function byPackage(builds: readonly TaggedBuild[]): ByPackage {
  const packages: ByPackage = new Map();
  for (const build of builds) {
    const own = packages.get(build.package_name) ?? new Map<string, TaggedBuild>();
    packages.set(build.package_name, own.set(build.nvr, build));
  }
  return packages;
}

async function alignBuilds(
  call: Call,
  { from, to }: Ends,
  parts: CopyParts & { readonly remove: boolean },
): Promise<void> {
  const { force, remove } = parts;
  const wanted = byPackage(await oldestFirst(call, from, parts));
  // All of its builds, whatever `latest` says: only so the latest ones can stand alone in the end.
  const present = byPackage((await readTaggedBuilds(call, to.id, {})).reverse());
  const stray = [...present.keys()].find((name) => !wanted.has(name));
  if (remove && stray !== undefined) throw onlyInCopy('builds of package', stray, to, 'untag them');
  const user = await getUser(call, null);
  for (const [name, builds] of wanted) {
    const plan = planOrder([...builds.values()], [...(present.get(name)?.values() ?? [])], remove);
    for (const { build_id: id } of plan.untag) await step(call, untagBuild(call, to.id, id, { force }));
    for (const { build_id: id } of plan.tag)
      await step(call, addToTag(call, { tag: to, build: await getBuild(call, id), user, force }));
  }
}

/**
 * Returns the builds to untag and then to tag, so that a tag has the given builds in their order; both lists are oldest first.
 * Unwanted builds that stay are put before all others.
 */
export function planOrder<T extends { readonly nvr: string }>(
  wanted: readonly T[],
  present: readonly T[],
  remove: boolean,
): { untag: T[]; tag: T[] } {
  const names = new Set(wanted.map((build) => build.nvr));
  const extra = present.filter((build) => !names.has(build.nvr));
  const untag = remove ? extra : [];
  const order = remove ? wanted : [...extra, ...wanted];
  let left = remove ? present.filter((build) => names.has(build.nvr)) : present;
  const tag: T[] = [];
  for (const build of order) {
    const place = left.findIndex(({ nvr }) => nvr === build.nvr);
    const skipped = place < 0 ? left : left.slice(0, place);
    untag.push(...skipped);
    left = place < 0 ? [] : left.slice(place + 1);
    if (place < 0) tag.push(build);
  }
  return { untag, tag };
}

async function alignGroups(
  call: Call,
  { from, to }: Ends,
  { event, force, remove }: CopyParts & { readonly remove: boolean },
): Promise<void> {
  const wanted = await groupsByName(call, from, event);
  const present = await groupsByName(call, to, null);
  const refTo = (group: string) => ({ tag: to.id, group });
  for (const [name, { blocked: block }] of wanted)
    if (present.get(name)?.blocked !== block) await step(call, addGroup(call, refTo(name), { block, force }));
  if (remove)
    for (const [name, group] of present) {
      if (wanted.has(name)) continue;
      if (group.tag_id === to.id) throw onlyInCopy('group', name, to, 'remove it');
      await step(call, addGroup(call, refTo(name), { block: true, force }));
    }
  for (const [name, group] of wanted) {
    const own = present.get(name);
    if (own) await alignGroup(call, to, { wanted: group, present: own }, { force, remove });
  }
}

async function groupsByName(call: Call, tag: TagInfo, event: number | null): Promise<Map<string, TagGroup>> {
  const groups = await readTagGroups(call, tag.id, { event, withBlocked: true });
  return new Map(groups.map((group) => [group.name, group]));
}

async function alignGroup(
  call: Call,
  to: TagInfo,
  { wanted, present }: { readonly wanted: TagGroup; readonly present: TagGroup },
  { force, remove }: { readonly force: boolean; readonly remove: boolean },
): Promise<void> {
  const ref = { tag: to.id, group: wanted.name };
  const packages = new Map((wanted.packagelist ?? []).map((entry) => [entry.package, entry]));
  const ownPackages = present.packagelist ?? [];
  const required = new Set((wanted.grouplist ?? []).map((entry) => entry.name));
  const ownRequired = present.grouplist ?? [];
  for (const name of packages.keys())
    if (!ownPackages.some((entry) => entry.package === name))
      await step(call, addGroupPackage(call, ref, name, { block: false, force }));
  for (const { name, blocked: block } of wanted.grouplist ?? [])
    if (!ownRequired.some((entry) => entry.name === name))
      await step(call, addGroupRequirement(call, ref, name, { block, force }));
  if (!remove) return;
  for (const { package: name, tag_id: tagId } of ownPackages.filter((entry) => !entry.blocked)) {
    const entry = packages.get(name);
    if (entry?.blocked) await step(call, addGroupPackage(call, ref, name, { block: true, force }));
    else if (!entry && tagId === to.id)
      throw onlyInCopy(`group ${wanted.name}'s package`, name, to, 'remove it');
  }
  for (const { name } of ownRequired.filter((entry) => !entry.blocked))
    if (!required.has(name)) await step(call, addGroupRequirement(call, ref, name, { block: true, force }));
}

// Koji breaks at these places and changes nothing; clients rely on the latter.
function onlyInCopy(what: string, name: string, to: TagInfo, remedy: string): GenericError {
  return new GenericError(`${what} ${name} is only in tag ${to.name}: ${remedy} before the snapshot`);
}
