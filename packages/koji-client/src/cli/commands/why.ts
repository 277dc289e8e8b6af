import { named } from '@koji/core/wire';
import type { HistoryRow, InheritanceNode, PackageListEntry, TaggedBuild } from '@koji/core/api';
import { command } from '../command.js';
import type { Run } from '../command.js';
import { text } from '../options.js';
import { asctime } from '@koji/core/text';

/** What the hub knows about a build and a tag. */
interface Facts {
  readonly nvr: string;
  readonly package: string;
  readonly tag: string;
  /** The tags below `tag` in the order of search; those that a link's package filter keeps out have a reason. */
  readonly chain: readonly { readonly name: string; readonly filteredBy: string | null }[];
  /** The builds of the package that the tag shows, the latest first. */
  readonly shown: readonly TaggedBuild[];
  /** The entry of the package list that counts. */
  readonly entry: PackageListEntry | null;
  /** The taggings of the build, in every tag. */
  readonly taggings: readonly HistoryRow[];
  /** The entries of the package in the package lists of every tag. */
  readonly entries: readonly HistoryRow[];
}

const why = command({
  name: 'why',
  category: 'info',
  extra: true,
  arguments: ['build'],
  examples: ['why bash-5.2-1 --tag f44-build'],
  summary: 'Explain why a tag has a build, or does not have it',
  usage: `why [options] <n-v-r> --tag <tag>

Prints which tag the build comes from, the latest build of the package, what keeps the build out,
and who tagged, untagged and blocked it.`,
  anonymous: true,
  options: { tag: text(['-t', '--tag'], 'The tag, which may inherit the build') },
  async run(run) {
    const { args, options, connect, usageError } = run;
    const [nvr] = args;
    if (nvr === undefined || args.length > 1) return usageError('Please specify one build');
    if (!options.tag) return usageError('Please specify a tag with --tag');
    await connect();
    const facts = await factsOf(run, nvr, options.tag);
    printVerdict(run, facts);
    printChain(run, facts);
    printElsewhere(run, facts);
    printHistory(run, facts);
    return undefined;
  },
});

async function factsOf({ session, fail }: Run, nvr: string, tagName: string): Promise<Facts> {
  const first = session.multicall({ strict: true });
  const [asked, tag] = [first.getBuild(nvr), first.getTag(tagName)];
  await first.run();
  const build = asked.result ?? fail(`No such build: ${nvr}`);
  const { id, name } = tag.result ?? fail(`No such tag: ${tagName}`);
  const calls = session.multicall({ strict: true });
  const inheritance = calls.getFullInheritance(id);
  const shown = calls.listTagged(id, named({ inherit: true, package: build.name }));
  const entry = calls.getPackageConfig(id, build.package_id);
  const taggings = calls.queryHistory(['tag_listing'], named({ build: build.id }));
  const entries = calls.queryHistory(['tag_packages'], named({ package: build.package_id }));
  await calls.run();
  return {
    nvr: build.nvr,
    package: build.name,
    tag: name,
    chain: inheritance.result.map((link) => ({ name: link.name, filteredBy: filterOf(link, build.name) })),
    shown: shown.result,
    entry: entry.result,
    taggings: taggings.result['tag_listing'] ?? [],
    entries: entries.result['tag_packages'] ?? [],
  };
}

/** Returns the first package filter on the way to a tag that the package does not pass. */
function filterOf({ filter }: InheritanceNode, name: string): string | null {
  const patterns = filter as readonly string[];
  return patterns.find((pattern) => !matches(pattern, name)) ?? null;
}

// The pattern is one of Python's; what this engine cannot read is left to the hub.
function matches(pattern: string, name: string): boolean {
  try {
    return new RegExp(`^(?:${pattern})`).test(name);
  } catch {
    return true;
  }
}

const isActive = (row: HistoryRow): boolean => Boolean(row.active);
const tagOf = (row: HistoryRow): string => String(row['tag.name']);
const at = (seconds: unknown): string => asctime(Number(seconds));
const person = (name: unknown): string => (typeof name === 'string' ? ` by ${name}` : '');

function printVerdict({ print }: Run, facts: Facts): void {
  const { nvr, tag, shown } = facts;
  const found = shown.find((build) => build.nvr === nvr);
  if (!found) {
    print(`${nvr} is not in ${tag}: ${reasonWhyNot(facts)}.`);
    const [latest] = shown;
    if (latest) print(`Latest there: ${latest.nvr}, tagged into ${latest.tag_name}`);
    return;
  }
  const from = found.tag_name === tag ? 'tagged into it' : `inherited from ${found.tag_name}`;
  print(`${nvr} is in ${tag}: ${from}.`);
  const [latest] = shown;
  if (!latest || latest.nvr === nvr) {
    print(`It is the latest build of ${facts.package} there.`);
    return;
  }
  const reason =
    latest.tag_name === found.tag_name
      ? `was tagged into ${latest.tag_name} after it`
      : `is in ${latest.tag_name}, which comes before ${found.tag_name} in the inheritance`;
  print(`It is not the latest: ${latest.nvr} ${reason}.`);
}

function reasonWhyNot({ package: name, tag, chain, entry, taggings, shown }: Facts): string {
  const active = new Set(taggings.filter(isActive).map(tagOf));
  const holders = [{ name: tag, filteredBy: null }, ...chain].filter((link) => active.has(link.name));
  if (holders.length === 0) {
    const left = taggings.filter((row) => [tag, ...chain.map((link) => link.name)].includes(tagOf(row)));
    return left.length > 0
      ? `it was untagged from ${[...new Set(left.map(tagOf))].join(', ')}`
      : 'neither this tag nor any tag it inherits from has it';
  }
  if (!entry) {
    const filter = holders.find((link) => link.filteredBy !== null)?.filteredBy;
    return filter
      ? `the inheritance takes only packages that match '${filter}'`
      : `package ${name} is not in the package list of ${tag} or of a tag it inherits from`;
  }
  if (entry.blocked) return `package ${name} is blocked in ${entry.tag_name}`;
  return shown.length === 0 ? `the hub shows no build of ${name} there` : 'the hub does not show it there';
}

function printChain({ print }: Run, { tag, chain, taggings, entries }: Facts): void {
  print('\nInheritance, in the order of search:');
  const tagged = new Map(taggings.filter(isActive).map((row) => [tagOf(row), row]));
  const blocked = new Set(entries.filter((row) => isActive(row) && row['blocked']).map(tagOf));
  for (const { name, filteredBy } of [{ name: tag, filteredBy: null }, ...chain]) {
    const row = tagged.get(name);
    const notes = [
      row ? `tagged ${at(row.create_ts)}${person(row.creator_name)}` : 'does not have the build',
      ...(blocked.has(name) ? ['blocks the package'] : []),
      ...(filteredBy === null ? [] : [`only packages that match '${filteredBy}'`]),
    ];
    print(`  ${name}: ${notes.join(', ')}`);
  }
}

function printElsewhere({ print }: Run, { tag, chain, taggings }: Facts): void {
  const known = new Set([tag, ...chain.map(({ name }) => name)]);
  const others = [...new Set(taggings.filter(isActive).map(tagOf))].filter((name) => !known.has(name)).sort();
  if (others.length > 0) print(`\nOther tags that have it: ${others.join(', ')}`);
}

function printHistory({ print }: Run, facts: Facts): void {
  const known = new Set([facts.tag, ...facts.chain.map(({ name }) => name)]);
  const lines = [
    ...facts.taggings.flatMap((row) =>
      changes(row, `tagged into ${tagOf(row)}`, `untagged from ${tagOf(row)}`),
    ),
    ...facts.entries
      .filter((row) => known.has(tagOf(row)) && row['blocked'])
      .flatMap((row) =>
        changes(
          row,
          `${facts.package} blocked in ${tagOf(row)}`,
          `${facts.package} unblocked in ${tagOf(row)}`,
        ),
      ),
  ].sort((a, b) => a.event - b.event);
  if (lines.length === 0) return;
  print('\nHistory:');
  for (const { line } of lines) print(`  ${line}`);
}

interface Change {
  readonly event: number;
  readonly line: string;
}

/** Returns the events of a row of history: it came, and it went if it is not active any more. */
function changes(row: HistoryRow, came: string, went: string): Change[] {
  const all: Change[] = [
    { event: row.create_event, line: `${at(row.create_ts)} ${came}${person(row.creator_name)}` },
  ];
  if (row.revoke_event !== null)
    all.push({
      event: row.revoke_event,
      line: `${at(row.revoke_ts)} ${went}${person(row.revoker_name)}`,
    });
  return all;
}

export const explaining = [why];
