/** Takes old builds out of tags, as a policy says. */
import { ConfigError, messageOf } from '@koji/core';
import { PolicySet, libraryTests, matchField, matchesAny, testsByName } from '@koji/core/policy';
import type { PolicyData, PolicyTest } from '@koji/core/policy';
import { commaList } from './config.js';
import { count, deed, nvrOf, wantsPackage } from './collection.js';
import type { Collection, NamedBuild } from './collection.js';
import { parseDuration } from './durations.js';

interface Tag {
  readonly id: number;
  readonly name: string;
  readonly locked: boolean;
  readonly maven_include_all: boolean;
}

interface Entry {
  readonly build_id: number;
  readonly name: string;
  readonly version: string;
  readonly release: string;
  readonly create_ts: number;
  readonly maven_build_id?: number | null;
}

/** A build in a tag, as the tests of the policy see it. */
interface Candidate extends PolicyData {
  readonly tag: string;
  readonly package: string;
  /** Its place among the builds of the package in the tag, 0 is tagged last. */
  readonly order: number;
  readonly buildId: number;
  /** Seconds since it was tagged. */
  readonly age: number;
}

const policyName = 'prune';
const actions: ReadonlySet<string> = new Set(['keep', 'untag', 'skip']);

/** A build that went out of tags, or would. */
interface Pruned extends NamedBuild {
  readonly tags: Set<string>;
}

/**
 * Reads the pruning policy: lines of `TEST && TEST :: ACTION`, whose actions are keep, untag and skip.
 *
 * @throws ConfigError for rules that make no sense
 */
export function readPrunePolicy(text: string): PolicySet<Collection> {
  const lines = text.split('\n').map((line) => line.split('#', 1)[0] ?? '');
  for (const [i, line] of lines.entries()) {
    const action = /(?:::|!!)\s*(.*)$/.exec(line)?.[1]?.trim();
    if (action !== undefined && action !== '{' && !actions.has(action))
      throw new ConfigError(
        `policy ${policyName} line ${i + 1}: '${action}' is none of keep, untag and skip`,
      );
  }
  return new PolicySet([[policyName, text]], testsByName<Collection>(libraryTests, pruneTests));
}

const comparisons: Readonly<Record<string, (a: number, b: number) => boolean>> = {
  '<': (a, b) => a < b,
  '>': (a, b) => a > b,
  '<=': (a, b) => a <= b,
  '>=': (a, b) => a >= b,
  '=': (a, b) => a === b,
  '!=': (a, b) => a !== b,
};

/** A test such as `order > 2`. */
function comparing(name: 'order' | 'age', read: (text: string) => number | null): PolicyTest<Collection> {
  return {
    name,
    check: ([operator = '', ...rest]) => {
      if (!Object.hasOwn(comparisons, operator)) return `'${operator}' compares nothing`;
      return read(rest.join(' ')) === null ? `'${rest.join(' ')}' is no value to compare with` : null;
    },
    run: ([operator = '', ...rest], data) => {
      const [own, other] = [Number(data[name]), read(rest.join(' '))];
      return other !== null && (comparisons[operator]?.(own, other) ?? false);
    },
  };
}

const pruneTests: readonly PolicyTest<Collection>[] = [
  matchField('tag', 'tag'),
  matchField('package', 'package'),
  comparing('order', (text) => (/^[+-]?\d+$/.test(text) ? Number(text) : null)),
  comparing('age', parseDuration),
  {
    name: 'volume',
    run: async (patterns, data, { context: { hub } }) => {
      const build = await hub.call<{ volume_name?: string | null }>('getBuild', [data.buildId]);
      return matchesAny(build.volume_name ?? '', patterns);
    },
  },
  {
    name: 'sig',
    run: async (patterns, data, { context: { signatures } }) => {
      const keys = await signatures.of(Number(data.buildId));
      return keys.some((key) => signatures.fits(key, patterns));
    },
  },
  {
    name: 'hastag',
    run: async (patterns, data, { context: { hub } }) => {
      const tags = await hub.call<{ name: string }[]>('listTags', [data.buildId]);
      return tags.some(({ name }) => matchesAny(name, patterns));
    },
  },
];

/** One round over all tags. */
export async function prune(collection: Collection): Promise<void> {
  const { hub, config, report } = collection;
  report.part('prune: builds that the policy takes out of tags');
  if (config.policy === null) {
    report.line('no policy in section prune: nothing to do');
    return;
  }
  const policy = readPrunePolicy(config.policy);
  const tags = await hub.call<Tag[]>('listTags', [], { perms: true, queryOpts: { order: 'name' } });
  const pruned = new Map<number, Pruned>();
  for (const tag of tags) {
    const lock = lockOf(collection, tag);
    if (lock === 'left alone') continue;
    await pruneTag(collection, { tag, policy, pruned });
  }
  if (config.options.purge) await purge(collection, [...pruned.values()]);
  report.line(`${pruned.size} builds ${deed(collection, 'untagged')}`);
}

/** Whether a tag is pruned at all. */
function lockOf({ config, report }: Collection, { name, locked }: Tag): 'left alone' | 'open' {
  const {
    trashcan_tag: trashcan,
    ignore_tags: ignored,
    tag_filter: filter,
    bypass_locks: bypass,
  } = config.options;
  const wanted = commaList(filter);
  if (name === trashcan || matchesAny(name, commaList(ignored))) return 'left alone';
  if (wanted.length > 0 && !matchesAny(name, wanted)) return 'left alone';
  if (!locked || matchesAny(name, commaList(bypass))) return 'open';
  report.detail(`tag ${name}: left alone, it is locked`);
  return 'left alone';
}

interface Pruning {
  readonly tag: Tag;
  readonly policy: PolicySet<Collection>;
  readonly pruned: Map<number, Pruned>;
}

async function pruneTag(collection: Collection, { tag, policy, pruned }: Pruning): Promise<void> {
  const { hub, now, report } = collection;
  const history = await hub.call<{ tag_listing?: Entry[] }>('queryHistory', [], {
    tables: ['tag_listing'],
    tag: tag.id,
    active: true,
  });
  const entries = [...(history.tag_listing ?? [])].sort((a, b) => b.create_ts - a.create_ts);
  for (const [name, builds] of byPackage(entries, tag)) {
    if (!wantsPackage(collection, name)) continue;
    let order = 0;
    for (const entry of builds) {
      const nvr = nvrOf(entry);
      const age = now - entry.create_ts;
      const candidate: Candidate = { tag: tag.name, package: name, order, age, buildId: entry.build_id };
      const decision = await policy.apply(policyName, candidate, collection);
      if (decision?.action !== 'skip') order += 1;
      report.detail(
        `${nvr} in ${tag.name}: ${decision ? `${decision.action} by line ${decision.line}` : 'no rule'}`,
      );
      if (decision?.action !== 'untag' || !(await untag(collection, tag, entry))) continue;
      const known = pruned.get(entry.build_id) ?? { id: entry.build_id, nvr, tags: new Set<string>() };
      known.tags.add(tag.name);
      pruned.set(entry.build_id, known);
    }
  }
}

function byPackage(entries: readonly Entry[], tag: Tag): Map<string, Entry[]> {
  const groups = new Map<string, Entry[]>();
  for (const entry of entries) {
    // Such a tag keeps each version of an artifact for itself.
    const isOwn = tag.maven_include_all && Boolean(entry.maven_build_id);
    const name = isOwn ? `${entry.name}-${entry.version}` : entry.name;
    const group = groups.get(name);
    if (group) group.push(entry);
    else groups.set(name, [entry]);
  }
  return new Map([...groups].sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** Untags a build, if the run acts. Returns whether it is untagged, or would be. */
async function untag(collection: Collection, tag: Tag, entry: Entry): Promise<boolean> {
  const { hub, acts, report } = collection;
  const call = { method: 'untagBuildBypass', args: [tag.id, entry.build_id], named: { force: true } };
  const [outcome] = acts ? await hub.callAll([call]) : [];
  const fault = outcome && 'fault' in outcome ? outcome.fault : null;
  report.line(
    `${nvrOf(entry)} in ${tag.name}: ${fault === null ? deed(collection, 'untagged') : `FAILED: ${fault}`}`,
  );
  count(collection, fault === null ? 'untagged' : 'failed');
  return fault === null;
}

/** Deletes builds that are in no tag any more. */
async function purge(collection: Collection, builds: readonly Pruned[]): Promise<void> {
  const { hub, acts, report, signatures } = collection;
  for (const { id, nvr, tags: gone } of builds)
    try {
      const tags = await hub.call<{ name: string }[]>('listTags', [], { build: id, perms: false });
      const left = tags.map(({ name }) => name).filter((name) => acts || !gone.has(name));
      const key = left.length > 0 ? null : signatures.protecting(await signatures.of(id, { fresh: true }));
      if (left.length > 0) report.detail(`${nvr}: kept, still tagged ${left.join(', ')}`);
      else if (key !== null) report.line(`${nvr}: kept, signed with the key ${key}`);
      else {
        if (acts) await hub.call('deleteBuild', [id]);
        report.line(`${nvr}: ${deed(collection, 'purged')}`);
        count(collection, 'purged');
      }
    } catch (error) {
      report.line(`${nvr}: FAILED: ${messageOf(error)}`);
      count(collection, 'failed');
    }
}
