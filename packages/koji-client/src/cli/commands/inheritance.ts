import { parseInteger } from '@koji/core';
import type { InheritanceNode } from '@koji/core/api';
import { named } from '@koji/core/wire';
import { pythonRepr } from '@koji/core/text';
import { command } from '../command.js';
import type { Run } from '../command.js';
import { eventOptions, queriedEvent } from '../events.js';
import { linkFlags } from '../listing.js';
import { flag, text } from '../options.js';

interface Link {
  readonly parent_id: number;
  readonly priority: number;
}

const isDigits = (given: string | undefined): boolean => given !== undefined && /^\d+$/.test(given);

function wholeNumber(given: string): number {
  const value = parseInteger(given);
  if (value === null) throw new RangeError(`invalid literal for int() with base 10: ${pythonRepr(given)}`);
  return Number(value);
}

async function tagOf({ session, usageError }: Run, name: string): Promise<{ id: number; name: string }> {
  return (await session.getTag(name)) ?? usageError(`No such tag: ${name}`);
}

const linksOf = ({ session }: Run, tagId: number): Promise<Link[]> => session.getInheritanceData(tagId);

const priorityTaken = ({ fail }: Run, tag: string): never =>
  fail(
    `Error: There is already an active inheritance with that priority on ${tag}, ` +
      'please specify a different priority with --priority.',
  );

const addTagInheritance = command({
  name: 'add-tag-inheritance',
  category: 'admin',
  arguments: ['tag', 'tag'],
  examples: ['add-tag-inheritance --priority=10 f44-build f44'],
  summary: "Add to a tag's inheritance",
  usage: 'add-tag-inheritance [options] <tag> <parent-tag>',
  options: {
    priority: text('--priority', 'Specify priority'),
    maxdepth: text('--maxdepth', 'Specify max depth'),
    intransitive: flag('--intransitive', 'Set intransitive'),
    noconfig: flag('--noconfig', 'Set to packages only'),
    pkg_filter: text('--pkg-filter', 'Specify the package filter'),
    force: flag('--force', 'Force adding a parent to a tag that already has that parent tag'),
  },
  async run(run) {
    const { args, options, session, warn, login, usageError, fail } = run;
    const [tagName, parentName] = args;
    if (tagName === undefined || parentName === undefined || args.length !== 2)
      return usageError(
        "This command takes exactly two arguments: a tag name or ID and that tag's new parent name or ID",
      );
    await login();
    const tag = await tagOf(run, tagName);
    const parent = await tagOf(run, parentName);
    const links = await linksOf(run, tag.id);
    const priority = options.priority ? wholeNumber(options.priority) : 0;
    if (links.some((link) => link.parent_id === parent.id) && !options.force) {
      warn(
        `Error: You are attempting to add ${parent.name} as ${tag.name}'s parent even though it already is ` +
          `${tag.name}'s parent.`,
      );
      fail('Please use --force if this is what you really want to do.');
    }
    if (links.some((link) => link.priority === priority)) priorityTaken(run, tag.name);
    const added = {
      parent_id: parent.id,
      priority: options.priority || 0,
      maxdepth: isDigits(options.maxdepth) ? Number(options.maxdepth) : null,
      intransitive: options.intransitive ?? false,
      noconfig: options.noconfig ?? false,
      pkg_filter: options.pkg_filter ?? '',
    };
    await session.call('setInheritanceData', [tag.id, [...links, added]]);
  },
});

const atLeastOne = 'This command takes at least one argument: a tag name or ID';

/** Returns the tag and the only link that matches parent and priority of the command line. */
async function namedLink(
  run: Run,
  atMost: string,
): Promise<{ tag: { id: number; name: string }; link: Link }> {
  const { args, print, login, usageError, fail } = run;
  const [tagName, parentName, priorityText] = args;
  if (tagName === undefined) return usageError(atLeastOne);
  if (args.length > 3) return usageError(atMost);
  await login();
  const tag = await tagOf(run, tagName);
  const parent = parentName === undefined ? null : await tagOf(run, parentName);
  const priority = priorityText === undefined ? 0 : wholeNumber(priorityText);
  const links = (await linksOf(run, tag.id))
    .filter((link) => !parent || link.parent_id === parent.id)
    // As in Koji, a priority of 0 counts as none.
    .filter((link) => !priority || link.priority === priority);
  const [link] = links;
  if (!link) return fail('No inheritance link found to remove.  Please check your arguments');
  if (links.length === 1) return { tag, link };
  print('Multiple matches for tag.');
  if (!parent) fail('Please specify a parent on the command line.');
  if (!priority) fail('Please specify a priority on the command line.');
  return fail('Error: Key constraints may be broken.  Exiting.');
}

/** Sends all links of a tag, including the changed one. */
async function setLink(run: Run, tagId: number, link: Link, changes: Record<string, unknown>): Promise<void> {
  const links = await linksOf(run, tagId);
  const changed = links.map((other) =>
    other.parent_id === link.parent_id && other.priority === link.priority ? { ...other, ...changes } : other,
  );
  await run.session.setInheritanceData(tagId, changed);
}

const editTagInheritance = command({
  name: 'edit-tag-inheritance',
  category: 'admin',
  arguments: ['tag', 'tag', 'text'],
  examples: ['edit-tag-inheritance --priority=20 f44-build f44'],
  summary: 'Edit tag inheritance',
  usage: 'edit-tag-inheritance [options] <tag> <parent> [<priority>]',
  options: {
    priority: text('--priority', 'Specify a new priority'),
    maxdepth: text('--maxdepth', 'Specify max depth'),
    intransitive: flag('--intransitive', 'Set intransitive'),
    noconfig: flag('--noconfig', 'Set to packages only'),
    pkg_filter: text('--pkg-filter', 'Specify the package filter'),
  },
  async run(run) {
    const { options, fail } = run;
    const { tag, link } = await namedLink(
      run,
      'This command takes at most three argument: a tag name or ID, a parent tag name or ID, and a priority',
    );
    const { priority, maxdepth } = options;
    if (priority !== undefined) {
      const wanted = wholeNumber(priority);
      if ((await linksOf(run, tag.id)).some((other) => other.priority === wanted))
        priorityTaken(run, tag.name);
    }
    if (maxdepth !== undefined && !isDigits(maxdepth) && maxdepth.toLowerCase() !== 'none')
      fail(`Invalid maxdepth: ${maxdepth}`);
    await setLink(run, tag.id, link, {
      ...(isDigits(priority) ? { priority: Number(priority) } : {}),
      ...(maxdepth === undefined ? {} : { maxdepth: isDigits(maxdepth) ? Number(maxdepth) : null }),
      ...(options.intransitive ? { intransitive: true } : {}),
      ...(options.noconfig ? { noconfig: true } : {}),
      ...(options.pkg_filter ? { pkg_filter: options.pkg_filter } : {}),
    });
  },
});

const removeTagInheritance = command({
  name: 'remove-tag-inheritance',
  category: 'admin',
  arguments: ['tag', 'tag', 'text'],
  examples: ['remove-tag-inheritance f44-build f44'],
  summary: 'Remove a tag inheritance link',
  usage: 'remove-tag-inheritance <tag> <parent> [<priority>]',
  options: {},
  async run(run) {
    const { tag, link } = await namedLink(
      run,
      'This command takes at most three argument: a tag name or ID, a parent tag name or ID, and a priority',
    );
    await setLink(run, tag.id, link, { 'delete link': true });
  },
});

const listTagInheritance = command({
  name: 'list-tag-inheritance',
  category: 'info',
  arguments: ['tag'],
  examples: ['list-tag-inheritance f44-build'],
  summary: 'Print the inheritance information for a tag',
  usage: `list-tag-inheritance [options] <tag>

Prints tag inheritance with basic information about links.
Four flags could be seen in the output:
 M - maxdepth - limits inheritance to n-levels
 F - package filter (packages ignored for inheritance)
 I - intransitive link - inheritance immediately stops here
 N - noconfig - if tag is used in buildroot, its configuration values will not be used

Exact values for maxdepth and package filter can be inquired by taginfo command.
`,
  anonymous: true,
  data: { of: 'getFullInheritance' },
  options: {
    reverse: flag('--reverse', "Process tag's children instead of its parents"),
    stop: text('--stop'),
    jump: text('--jump'),
    ...eventOptions,
  },
  async run(run) {
    const { args, options, session, print, connect, usageError } = run;
    const [name] = args;
    if (name === undefined || args.length !== 1)
      return usageError('This command takes exactly one argument: a tag name or ID');
    for (const removed of ['stop', 'jump'] as const)
      if (options[removed]) return usageError(`--${removed} option has been removed in 1.26`);
    await connect();
    const event = await queriedEvent(run, options);
    const at = event ? { event: event.id } : {};
    const tag = (await session.getTag(name, named(at))) ?? usageError(`No such tag: ${name}`);
    const { reverse = false } = options;
    const nodes = await session.getFullInheritance(tag.id, named({ reverse, ...at }));
    run.data(nodes);
    print(`     ${tag.name} (${tag.id})`);
    for (const line of inheritanceTree(nodes, reverse)) print(line);
  },
});

/** Returns the lines of a tree: each node's flags and name, below its parent. */
function inheritanceTree(nodes: readonly InheritanceNode[], reverse: boolean): string[] {
  // The depths at which a line continues to a later sibling.
  const open = new Set<number>();
  return nodes.map((node, i) => {
    const { currdepth: depth } = node;
    const below = nodes.slice(i + 1);
    const hasSibling = below.some((other) =>
      reverse ? other.parent_id === node.parent_id : other.child_id === node.child_id,
    );
    const lines = Array.from({ length: depth - 1 }, (_, at) => (open.has(at + 1) ? '  │' : '   ')).join('');
    if (hasSibling) open.add(depth);
    else open.delete(depth);
    const id = reverse ? node.tag_id : node.parent_id;
    return `${linkFlags(node)}${lines}  ${hasSibling ? '├' : '└'}─${node.name} (${id})`;
  });
}

export const inheritance = [addTagInheritance, editTagInheritance, removeTagInheritance, listTagInheritance];
