import { named } from '@koji/core/wire';
import { compareTexts } from '@koji/core';
import { pythonStr } from '@koji/core/text';
import { command } from '../command.js';
import type { Run } from '../command.js';
import { eventOptions, queriedEvent } from '../events.js';
import { flag } from '../options.js';
import { checkPerm } from '../permissions.js';

/** Returns tag and group of a command that changes a group of a tag, and whether the tag defines the group itself. */
async function tagAndGroup(run: Run): Promise<{ tag: string; group: string; exists: boolean }> {
  const { args, session, login, usageError, fail } = run;
  const [tag, group] = args;
  if (tag === undefined || group === undefined || args.length !== 2)
    return usageError('Please specify a tag name and a group name');
  await login();
  await checkPerm(run, 'tag');
  if (!(await session.getTag(tag))) fail(`No such tag: ${tag}`);
  const groups = await session.getTagGroups(tag, named({ inherit: false }));
  return { tag, group, exists: groups.some(({ name }) => name === group) };
}

const addGroup = command({
  name: 'add-group',
  category: 'admin',
  arguments: ['tag', 'group'],
  examples: ['add-group f44-build build'],
  summary: 'Add a group to a tag',
  usage: 'add-group <tag> <group>',
  options: {},
  async run(run) {
    const { tag, group, exists } = await tagAndGroup(run);
    if (exists) run.fail(`Group ${group} already exists for tag ${tag}`);
    await run.session.groupListAdd(tag, group);
  },
});

/** Calls a method for a group that the tag must have. */
async function forGroup(run: Run, method: 'groupListBlock' | 'groupListRemove'): Promise<void> {
  const { tag, group, exists } = await tagAndGroup(run);
  if (!exists) run.fail(`Group ${group} doesn't exist within tag ${tag}`);
  await run.session[method](tag, group);
}

const blockGroup = command({
  name: 'block-group',
  category: 'admin',
  arguments: ['tag', 'group'],
  examples: ['block-group f44-build build'],
  summary: 'Block group in tag',
  usage: 'block-group <tag> <group>',
  options: {},
  run: (run) => forGroup(run, 'groupListBlock'),
});

const removeGroup = command({
  name: 'remove-group',
  category: 'admin',
  arguments: ['tag', 'group'],
  examples: ['remove-group f44-build build'],
  summary: 'Remove group from tag',
  usage: 'remove-group <tag> <group>',
  options: {},
  run: (run) => forGroup(run, 'groupListRemove'),
});

/** Calls a method for each package of a group. */
async function forPackages(
  { args, session, login, usageError }: Run,
  method: 'groupPackageListAdd' | 'groupPackageListBlock' | 'groupPackageListUnblock',
): Promise<void> {
  const [tag, group, ...names] = args;
  if (tag === undefined || group === undefined || names.length === 0)
    return usageError('You must specify a tag name, group name, and one or more package names');
  await login();
  for (const name of names) await session[method](tag, group, name);
}

const addGroupPkg = command({
  name: 'add-group-pkg',
  category: 'admin',
  arguments: ['tag', 'group', 'package...'],
  examples: ['add-group-pkg f44-build build gcc make'],
  summary: "Add a package to a group's package listing",
  usage: 'add-group-pkg [options] <tag> <group> <pkg> [<pkg> ...]',
  options: {},
  run: (run) => forPackages(run, 'groupPackageListAdd'),
});

const blockGroupPkg = command({
  name: 'block-group-pkg',
  category: 'admin',
  arguments: ['tag', 'group', 'package...'],
  examples: ['block-group-pkg f44-build build make'],
  summary: "Block a package from a group's package listing",
  usage: `block-group-pkg [options] <tag> <group> <pkg> [<pkg> ...]
Note that blocking is propagated through the inheritance chain, so it is not exactly the same as package removal.`,
  options: {},
  run: (run) => forPackages(run, 'groupPackageListBlock'),
});

const unblockGroupPkg = command({
  name: 'unblock-group-pkg',
  category: 'admin',
  arguments: ['tag', 'group', 'package...'],
  examples: ['unblock-group-pkg f44-build build make'],
  summary: "Unblock a package from a group's package listing",
  usage: 'unblock-group-pkg [options] <tag> <group> <pkg> [<pkg> ...]',
  options: {},
  run: (run) => forPackages(run, 'groupPackageListUnblock'),
});

/** Calls a method for a group that another group requires. */
async function forRequired(
  { args, session, login, usageError }: Run,
  method: 'groupReqListAdd' | 'groupReqListBlock' | 'groupReqListUnblock',
): Promise<void> {
  const [tag, group, required] = args;
  if (tag === undefined || group === undefined || required === undefined || args.length !== 3)
    return usageError('You must specify a tag name and two group names');
  await login();
  await session[method](tag, group, required);
}

const addGroupReq = command({
  name: 'add-group-req',
  category: 'admin',
  arguments: ['tag', 'group', 'group'],
  examples: ['add-group-req f44-build build srpm-build'],
  summary: "Add a group to a group's required list",
  usage: 'add-group-req [options] <tag> <target group> <required group>',
  options: {},
  run: (run) => forRequired(run, 'groupReqListAdd'),
});

const blockGroupReq = command({
  name: 'block-group-req',
  category: 'admin',
  arguments: ['tag', 'group', 'group'],
  examples: ['block-group-req f44-build build srpm-build'],
  summary: "Block a group's requirement listing",
  usage: 'block-group-req [options] <tag> <group> <blocked req>',
  options: {},
  run: (run) => forRequired(run, 'groupReqListBlock'),
});

const unblockGroupReq = command({
  name: 'unblock-group-req',
  category: 'admin',
  arguments: ['tag', 'group', 'group'],
  examples: ['unblock-group-req f44-build build srpm-build'],
  summary: "Unblock a group's requirement listing",
  usage: 'unblock-group-req [options] <tag> <group> <requirement>',
  options: {},
  run: (run) => forRequired(run, 'groupReqListUnblock'),
});

const listGroups = command({
  name: 'list-groups',
  category: 'info',
  arguments: ['tag', 'group'],
  examples: ['list-groups f44-build'],
  summary: 'Print the group listings',
  usage: 'list-groups [options] <tag> [<group>]',
  anonymous: true,
  data: { of: 'getTagGroups' },
  options: {
    ...eventOptions,
    incl_blocked: flag('--show-blocked', 'Show blocked packages and groups'),
  },
  async run(run) {
    const { args, options, session, print, data, connect, usageError } = run;
    const [tag, only] = args;
    if (tag === undefined || args.length > 2) return usageError('Incorrect number of arguments');
    await connect();
    const event = await queriedEvent(run, options);
    const groups = await session.getTagGroups(
      tag,
      named({
        ...(options.incl_blocked ? { incl_blocked: true } : {}),
        ...(event ? { event: event.id } : {}),
      }),
    );
    const tagName = tagNames(run);
    const shown = groups
      .filter(({ name }) => only === undefined || name === only)
      .sort((a, b) => compareTexts(a.name, b.name));
    data(shown);
    for (const group of shown) {
      print(`${group.name}  [${await tagName(group.tag_id)}]`);
      for (const { name, tag_id: id } of [...(group.grouplist ?? [])].sort((a, b) =>
        compareTexts(a.name, b.name),
      ))
        print(`  @${name}  [${await tagName(id)}]`);
      for (const entry of [...(group.packagelist ?? [])].sort((a, b) => compareTexts(a.package, b.package))) {
        const { package: name, basearchonly, type, tag_id: id } = entry;
        const blocked = entry.blocked ? ' [BLOCKED]' : '';
        print(`  ${name}: ${pythonStr(basearchonly)}, ${type}  [${await tagName(id)}]${blocked}`);
      }
    }
  },
});

/** Returns a function that looks up the name of each tag once. */
function tagNames({ session }: Run): (id: number) => Promise<string> {
  const names = new Map<number, string>();
  return async (id) => {
    let name = names.get(id);
    if (name === undefined) {
      name = (await session.getTag(id))?.name ?? String(id);
      names.set(id, name);
    }
    return name;
  };
}

export const groups = [
  addGroup,
  blockGroup,
  removeGroup,
  addGroupPkg,
  blockGroupPkg,
  unblockGroupPkg,
  addGroupReq,
  blockGroupReq,
  unblockGroupReq,
  listGroups,
];
