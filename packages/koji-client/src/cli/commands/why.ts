import { named } from '@koji/core/wire';
import type { HistoryRow, InheritanceNode, PackageListEntry, TaggedBuild } from '@koji/core/api';
import { command } from '../command.js';
import type { Run } from '../command.js';
import { text } from '../options.js';
import { asctime } from '@koji/core/text';

/** The hub's data about a build and a tag. */
interface Facts {
  readonly nvr: string;
  readonly package: string;
  readonly tag: string;
  /** The tags below `tag` in search order; those excluded by a link's package filter have a reason. */
  readonly chain: readonly { readonly name: string; readonly filteredBy: string | null }[];
  /** The builds of the package that the tag shows, latest first. */
  readonly shown: readonly TaggedBuild[];
  /** The entry of the package list that applies. */
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
  data: {
    adds: {
      nvr: 'the build',
      tag: 'the tag',
      in_tag: 'whether the tag has the build',
      from_tag: 'the tag that contains the build; null if none does',
      latest: 'whether it is the latest build of the package there',
      latest_nvr: 'the latest build of the package there; null if there is none',
      latest_from_tag: 'the tag that holds the latest build',
      reason: 'why the tag does not have the build, or why the build is not the latest; null otherwise',
      inheritance:
        'the tags in the order of search: tag, tagged (seconds of 1970), tagged_by, blocked, pkg_filter',
      other_tags: 'names of other tags that have the build',
      history: 'events, the oldest first: event, time, text, user',
    },
    one: true,
  },
  options: { tag: text(['-t', '--tag'], 'The tag, which may inherit the build') },
  async run(run) {
    const { args, options, connect, usageError } = run;
    const [nvr] = args;
    if (nvr === undefined || args.length > 1) return usageError('Please specify one build');
    if (!options.tag) return usageError('Please specify a tag with --tag');
    await connect();
    const facts = await factsOf(run, nvr, options.tag);
    run.data({
      ...verdictOf(facts),
      inheritance: chainOf(facts),
      other_tags: otherTags(facts),
      history: historyOf(facts),
    });
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

/** Returns the first package filter on the path to a tag that excludes the package. */
function filterOf({ filter }: InheritanceNode, name: string): string | null {
  const patterns = filter as readonly string[];
  return patterns.find((pattern) => !matches(pattern, name)) ?? null;
}

// The pattern is in Python's syntax; one that this engine can't parse is left to the hub.
function matches(pattern: string, name: string): boolean {
  try {
    return new RegExp(`^(?:${pattern})`).test(name);
  } catch {
    return true;
  }
}

const isActive = (row: HistoryRow): boolean => Boolean(row.active);
const tagOf = (row: HistoryRow): string => String(row['tag.name']);
const nameIn = (name: unknown): string | null => (typeof name === 'string' ? name : null);
const by = (name: string | null): string => (name === null ? '' : ` by ${name}`);

/** Explains whether the tag has the build, and if not, why; or why it is not the latest. */
interface Verdict {
  readonly nvr: string;
  readonly tag: string;
  readonly in_tag: boolean;
  readonly from_tag: string | null;
  readonly latest: boolean;
  readonly latest_nvr: string | null;
  readonly latest_from_tag: string | null;
  readonly reason: string | null;
}

function verdictOf(facts: Facts): Verdict {
  const { nvr, tag, shown } = facts;
  const found = shown.find((build) => build.nvr === nvr) ?? null;
  const latest = shown[0] ?? null;
  const isLatest = found !== null && latest?.nvr === nvr;
  return {
    nvr,
    tag,
    in_tag: found !== null,
    from_tag: found?.tag_name ?? null,
    latest: isLatest,
    latest_nvr: latest?.nvr ?? null,
    latest_from_tag: latest?.tag_name ?? null,
    reason: isLatest ? null : found && latest ? reasonWhyOlder(found, latest) : reasonWhyNot(facts),
  };
}

function printVerdict({ print }: Run, facts: Facts): void {
  const { nvr, tag, from_tag, latest, latest_nvr, latest_from_tag, reason } = verdictOf(facts);
  if (from_tag === null) {
    print(`${nvr} is not in ${tag}: ${reason}.`);
    if (latest_nvr !== null) print(`Latest there: ${latest_nvr}, tagged into ${latest_from_tag}`);
    return;
  }
  print(`${nvr} is in ${tag}: ${from_tag === tag ? 'tagged into it' : `inherited from ${from_tag}`}.`);
  if (latest) print(`It is the latest build of ${facts.package} there.`);
  else print(`It is not the latest: ${latest_nvr} ${reason}.`);
}

function reasonWhyOlder(build: TaggedBuild, latest: TaggedBuild): string {
  return latest.tag_name === build.tag_name
    ? `was tagged into ${latest.tag_name} after it`
    : `is in ${latest.tag_name}, which comes before ${build.tag_name} in the inheritance`;
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

/** A tag of the inheritance, and its data about the build. */
interface Link {
  readonly tag: string;
  /** Epoch seconds; null if the build is not tagged into it. */
  readonly tagged: number | null;
  readonly tagged_by: string | null;
  readonly blocked: boolean;
  readonly pkg_filter: string | null;
}

function chainOf({ tag, chain, taggings, entries }: Facts): Link[] {
  const tagged = new Map(taggings.filter(isActive).map((row) => [tagOf(row), row]));
  const blocked = new Set(entries.filter((row) => isActive(row) && row['blocked']).map(tagOf));
  return [{ name: tag, filteredBy: null }, ...chain].map(({ name, filteredBy }) => {
    const row = tagged.get(name);
    return {
      tag: name,
      tagged: row ? Number(row.create_ts) : null,
      tagged_by: nameIn(row?.creator_name),
      blocked: blocked.has(name),
      pkg_filter: filteredBy,
    };
  });
}

function printChain({ print }: Run, facts: Facts): void {
  print('\nInheritance, in the order of search:');
  for (const { tag, tagged, tagged_by, blocked, pkg_filter } of chainOf(facts)) {
    const notes = [
      tagged === null ? 'does not have the build' : `tagged ${asctime(tagged)}${by(tagged_by)}`,
      ...(blocked ? ['blocks the package'] : []),
      ...(pkg_filter === null ? [] : [`only packages that match '${pkg_filter}'`]),
    ];
    print(`  ${tag}: ${notes.join(', ')}`);
  }
}

function otherTags({ tag, chain, taggings }: Facts): string[] {
  const known = new Set([tag, ...chain.map(({ name }) => name)]);
  return [...new Set(taggings.filter(isActive).map(tagOf))].filter((name) => !known.has(name)).sort();
}

function printElsewhere({ print }: Run, facts: Facts): void {
  const others = otherTags(facts);
  if (others.length > 0) print(`\nOther tags that have it: ${others.join(', ')}`);
}

function historyOf(facts: Facts): Change[] {
  const known = new Set([facts.tag, ...facts.chain.map(({ name }) => name)]);
  return [
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
}

function printHistory({ print }: Run, facts: Facts): void {
  const all = historyOf(facts);
  if (all.length === 0) return;
  print('\nHistory:');
  for (const { time, text: what, user } of all) print(`  ${asctime(time)} ${what}${by(user)}`);
}

interface Change {
  readonly event: number;
  /** Epoch seconds. */
  readonly time: number;
  readonly text: string;
  readonly user: string | null;
}

/** Returns the events of a history row: its creation and, unless it is still active, its revocation. */
function changes(row: HistoryRow, came: string, went: string): Change[] {
  const all: Change[] = [
    {
      event: row.create_event,
      time: Number(row.create_ts),
      text: came,
      user: nameIn(row.creator_name),
    },
  ];
  if (row.revoke_event !== null)
    all.push({
      event: row.revoke_event,
      time: Number(row.revoke_ts),
      text: went,
      user: nameIn(row.revoker_name),
    });
  return all;
}

export const explaining = [why];
