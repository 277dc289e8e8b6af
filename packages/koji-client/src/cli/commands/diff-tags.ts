import type { EventInfo, PackageListEntry, TaggedBuild } from '@koji/core/api';
import { named } from '@koji/core/wire';
import { GenericError } from '@koji/core';
import { command } from '../command.js';
import type { Run } from '../command.js';
import { differenceFields, differencesOf, linesOf } from '../differences.js';
import type { Difference } from '../differences.js';
import { flag, time, timeHelp } from '../options.js';
import { asctime } from '@koji/core/text';

/** A tag at a point in time. */
interface Side {
  readonly tag: string;
  /** Null for now. */
  readonly event: number | null;
  readonly shown: string;
}

const diffTags = command({
  name: 'diff-tags',
  category: 'info',
  extra: true,
  arguments: ['tag', 'tag'],
  examples: ['diff-tags f44 f44-updates', 'diff-tags --since "2 days ago" f44'],
  summary: 'Show how two tags differ, or how a tag changed',
  usage: `diff-tags [options] <tag> <other-tag>
       %prog diff-tags [options] --since <time> <tag>

Compares the latest build of each package and the package lists, inherited ones included.
A line begins with - for what only the first has, with + for what only the second has,
and with ~ for what both have in different versions.`,
  anonymous: true,
  data: { adds: { part: "'build' or 'package'", ...differenceFields } },
  options: {
    since: time('--since', `Compare the tag at this time with now, ${timeHelp}`),
    until: time('--until', 'Compare with this time instead of now (same format as for --since)'),
    own: flag('--no-inherit', 'Without what the tags inherit'),
    all: flag('--all', 'Compare all builds of each package, not only the latest'),
    builds: flag('--builds', 'Compare builds only, not the package lists'),
  },
  async run(run) {
    const { args, options, session, print, data, connect, usageError } = run;
    if (args.length === 0 || args.length > 2) return usageError('Please specify one tag or two');
    if (args.length === 1 && options.since === undefined)
      return usageError('Please specify a second tag, or a time with --since');
    if (args.length === 2 && options.since !== undefined)
      return usageError('Please specify only one tag with --since');
    await connect();
    const [before, after] = await sidesOf(run, options);
    const inherit = !options.own;
    const calls = session.multicall({ strict: true });
    const builds = [before, after].map(({ tag, event }) =>
      calls.listTagged(tag, named({ event, inherit, latest: !options.all })),
    );
    const lists = options.builds
      ? []
      : [before, after].map(({ tag, event }) =>
          calls.listPackages(named({ tagID: tag, event, inherited: inherit })),
        );
    await calls.run();
    print(`--- ${before.shown}\n+++ ${after.shown}`);
    const found = diffBuildsOf(builds[0]?.result ?? [], builds[1]?.result ?? []);
    const inLists = diffPackages(entriesOf(lists[0]), entriesOf(lists[1]));
    data(found.map((difference) => ({ part: 'build', ...difference })));
    data(inLists.map((difference) => ({ part: 'package', ...difference })));
    for (const lines of [linesOf('Builds', found), linesOf('Packages', inLists)])
      if (lines.length > 0) print(`\n${lines.join('\n')}`);
    if (found.length + inLists.length === 0) print('No differences');
    return undefined;
  },
});

async function sidesOf(
  { args, session, fail }: Pick<Run, 'args' | 'session' | 'fail'>,
  { since, until }: { readonly since: number | undefined; readonly until: number | undefined },
): Promise<[Side, Side]> {
  const [first = '', second = first] = args;
  const calls = session.multicall({ strict: true });
  const tags = [first, second].map((tag) => calls.getTag(tag));
  await calls.run();
  tags.forEach(({ result }, i) => result ?? fail(`No such tag: ${[first, second][i]}`));
  const eventBefore = async (before: number | undefined) =>
    before === undefined
      ? null
      : ((await lastEvent(session, before)) ?? fail(`No event before ${asctime(before)}`));
  const [from, to] = [await eventBefore(since), await eventBefore(until)];
  const side = (tag: string, moment: EventInfo | null): Side => ({
    tag,
    event: moment?.id ?? null,
    shown: moment ? `${tag} at ${asctime(Number(moment.ts))}` : tag,
  });
  // With two tags, --until applies to both.
  return [side(first, args.length === 2 ? to : from), side(second, to)];
}

async function lastEvent(session: Run['session'], before: number): Promise<EventInfo | null> {
  try {
    return await session.getLastEvent(named({ before }));
  } catch (error) {
    // The hub's answer if there is none.
    if (error instanceof GenericError) return null;
    throw error;
  }
}

function diffBuildsOf(before: readonly TaggedBuild[], after: readonly TaggedBuild[]): Difference[] {
  return differencesOf(versionsOf(before), versionsOf(after));
}

/** The versions of each package, latest first. */
function versionsOf(builds: readonly TaggedBuild[]): Map<string, string> {
  const versions = new Map<string, string>();
  for (const { name, version, release } of builds) {
    const known = versions.get(name);
    const one = `${version}-${release}`;
    versions.set(name, known === undefined ? one : `${known}, ${one}`);
  }
  return versions;
}

const entriesOf = (list: { readonly result: unknown } | undefined): readonly PackageListEntry[] =>
  (list?.result ?? []) as readonly PackageListEntry[];

function diffPackages(before: readonly PackageListEntry[], after: readonly PackageListEntry[]): Difference[] {
  const of = (entries: readonly PackageListEntry[]) =>
    new Map(
      entries.map((entry) => [
        entry.package_name,
        `(owner ${entry.owner_name ?? 'none'}${entry.blocked ? ', blocked' : ''})`,
      ]),
    );
  return differencesOf(of(before), of(after));
}

export const diffingTags = [diffTags];
