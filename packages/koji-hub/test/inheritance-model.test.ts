import type {
  EventInfo,
  InheritanceNode,
  PackageListEntry,
  TagDifferences,
  TaggedBuild,
} from '@koji/core/api';
import * as fc from 'fast-check';
import { databases } from './support/databases.js';
import { asking } from './support/asking.js';
import type { Asking } from './support/asking.js';
import { startTestHub } from './support/test-hub.js';
import type { TestHub } from './support/test-hub.js';

const size = 5;
const packages = ['alpha', 'beta', 'gamma'];

interface Link {
  child: number;
  parent: number;
  priority: number;
  maxdepth: number | null;
  intransitive: boolean;
  noconfig: boolean;
  pkg_filter: string;
}

interface Graph {
  links: Link[];
  /** Whether a tag lists a package (true: blocks it), by `tag package`. */
  listed: { tag: number; pkg: number; blocked: boolean }[];
  /** Taggings in their order. */
  tagged: { tag: number; pkg: number; release: number }[];
}

const tag = fc.integer({ min: 0, max: size - 1 });
const pkg = fc.integer({ min: 0, max: packages.length - 1 });

/** Links from a tag to later ones, so that many ways lead to the same tag; a child has one parent of a priority. */
const graphs: fc.Arbitrary<Graph> = fc.record({
  links: fc
    .uniqueArray(
      fc.record({
        child: fc.integer({ min: 0, max: size - 2 }),
        step: fc.integer({ min: 1, max: 3 }),
        maxdepth: fc.oneof(
          { weight: 3, arbitrary: fc.constant(null) },
          { weight: 1, arbitrary: fc.integer({ min: 0, max: 3 }) },
        ),
        intransitive: fc.integer({ min: 0, max: 4 }).map((n) => n === 0),
        noconfig: fc.integer({ min: 0, max: 4 }).map((n) => n === 0),
        pkg_filter: fc.constantFrom('', '', '', '^(alpha|beta)$', 'a$', 'b'),
      }),
      { selector: (link) => `${link.child} ${link.step}`, minLength: 4, maxLength: 10 },
    )
    .map((links) =>
      links
        .map(({ step, ...link }, priority) => ({ ...link, parent: link.child + step, priority }))
        .filter((link) => link.parent < size),
    ),
  listed: fc.uniqueArray(
    fc.record({ tag, pkg, blocked: fc.integer({ min: 0, max: 3 }).map((n) => n === 0) }),
    { selector: (entry) => `${entry.tag} ${entry.pkg}`, minLength: 4, maxLength: 12 },
  ),
  tagged: fc.uniqueArray(fc.record({ tag, pkg, release: fc.integer({ min: 1, max: 2 }) }), {
    selector: (entry) => `${entry.tag} ${entry.pkg} ${entry.release}`,
    minLength: 3,
    maxLength: 12,
  }),
});

/** How a list is narrowed, sorted and cut. */
interface Part {
  order: string | null;
  offset: number;
  limit: number;
  latest: boolean | number;
  inherit: boolean;
  prefix: string | null;
  more: object;
}

const parts: fc.Arbitrary<Part> = fc.record({
  order: fc.constantFrom(
    ...[null, 'nvr', '-nvr', 'tag_name', '-tag_name', '-build_id', 'owner_name', '-completion_time', 'state'],
  ),
  offset: fc.integer({ min: 0, max: 3 }),
  limit: fc.integer({ min: 1, max: 4 }),
  latest: fc.constantFrom<boolean | number>(true, false, 2, 0),
  inherit: fc.boolean(),
  prefix: fc.constantFrom(null, 'a', 'B', '%'),
  more: fc.constantFrom<object>(
    {},
    { prefix: 'A' },
    { package: 'beta' },
    { owner: 'kojiadmin', extra: true },
    { type: 'image' },
    { prefix: '_', draft: false },
  ),
});

/** Sorts as `order` says; rows that are equal keep their places. */
function sortedBy<T extends object>(rows: readonly T[], order: string): T[] {
  const isReverse = order.startsWith('-');
  const key = (row: T): string | number =>
    (row as Record<string, string | number>)[order.replace('-', '')] ?? '';
  const compare = (a: T, b: T): number => (key(a) < key(b) ? -1 : key(a) > key(b) ? 1 : 0);
  return [...rows].sort((a, b) => (isReverse ? -compare(a, b) : compare(a, b)));
}

interface Reached {
  tag: number;
  child: number;
  depth: number;
  left: number | null;
  filters: string[];
}

/** The order of search: what is reached again is left out unless the earlier ways to it were narrower. */
function search({ links }: Graph, root: number): Reached[] {
  const found: Reached[] = [];
  const seen: { tag: number; left: number; noconfig: boolean; filtered: boolean }[] = [];
  const go = (way: number[], left: number, noconfig: boolean, filters: string[]): void => {
    if (left < 1) return;
    const at = way.at(-1)!;
    let unconfigured = noconfig;
    for (const link of links.filter(({ child }) => child === at).sort((a, b) => a.priority - b.priority)) {
      if (way.length > 1 && link.intransitive) continue;
      const own = link.maxdepth ?? Infinity;
      const next = left === Infinity ? own : Math.min(own, left) - 1;
      unconfigured ||= link.noconfig;
      const narrowed = link.pkg_filter === '' ? filters : [...filters, link.pkg_filter];
      const before = seen.filter((visit) => visit.tag === link.parent);
      if (before.some((v) => v.left >= next && (!v.noconfig || unconfigured) && !v.filtered)) continue;
      seen.push({ tag: link.parent, left: next, noconfig: link.noconfig, filtered: narrowed.length > 0 });
      const shown = next === Infinity ? null : next;
      found.push({ tag: link.parent, child: at, depth: way.length, left: shown, filters: narrowed });
      go([...way, link.parent], next, unconfigured, narrowed);
    }
  };
  go([root], Infinity, false, []);
  return found;
}

/** The packages that a tag lists, each as defined by the first tag in the order. */
function listing(graph: Graph, root: number): Map<number, { tag: number; blocked: boolean }> {
  const result = new Map<number, { tag: number; blocked: boolean }>();
  for (const { tag: at, filters } of [{ tag: root, filters: [] as string[] }, ...search(graph, root)])
    for (const entry of graph.listed.filter((one) => one.tag === at)) {
      const passes = filters.every((filter) => new RegExp(`^(?:${filter})`).test(packages[entry.pkg]!));
      if (passes && !result.has(entry.pkg)) result.set(entry.pkg, { tag: at, blocked: entry.blocked });
    }
  return result;
}

function builds(graph: Graph, root: number, latest: boolean): string[] {
  const open = listing(graph, root);
  const order = [root, ...search(graph, root).map((node) => node.tag)];
  const taken = new Set<number>();
  return order.flatMap((at) =>
    graph.tagged
      .filter((one) => one.tag === at)
      .reverse()
      .filter(({ pkg: of }) => open.get(of)?.blocked === false)
      .filter(({ pkg: of }) => !latest || (!taken.has(of) && taken.add(of)))
      .map((one) => `${at} ${packages[one.pkg]}-1-${one.release}`),
  );
}

describe.each(databases)('inheritance on $name', (kind) => {
  let hub: TestHub;
  let admin: Asking;
  let made = 0;

  beforeAll(async () => {
    hub = await startTestHub(kind, { DisableNotifications: 'yes' });
    admin = await asking(hub, 'kojiadmin');
    for (const name of packages)
      for (const release of ['1', '2']) await admin('createEmptyBuild', [name, '1', release, null]);
  });
  afterAll(() => hub.stop());

  /** Puts a graph into the hub, on tags of its own or in place of what these have. */
  async function build(
    graph: Graph,
    tags: readonly { name: string; id: number }[],
    old?: Graph,
  ): Promise<void> {
    // An entry that a tag inherits already would not become one of its own.
    for (const { name } of tags) await admin('setInheritanceData', [name, [], true]);
    for (const { tag: at, pkg: of, release } of old?.tagged ?? [])
      await admin('untagBuildBypass', [tags[at]!.name, `${packages[of]}-1-${release}`], { force: true });
    for (const { tag: at, pkg: of } of old?.listed ?? [])
      await admin('packageListRemove', [tags[at]!.name, packages[of], true]);
    for (const { tag: at, pkg: of, blocked } of graph.listed)
      await admin('packageListAdd', [tags[at]!.name, packages[of], 'kojiadmin'], {
        block: blocked,
        force: true,
      });
    for (const [at, { name }] of tags.entries()) {
      const links = graph.links.filter((link) => link.child === at);
      const data = links.map(({ parent, ...link }) => ({ ...link, parent_id: tags[parent]!.id }));
      await admin('setInheritanceData', [name, data, true]);
    }
    for (const { tag: at, pkg: of, release } of graph.tagged)
      await admin('tagBuildBypass', [tags[at]!.name, `${packages[of]}-1-${release}`], { force: true });
  }

  async function compare(
    graph: Graph,
    {
      tags,
      event,
      cuts,
    }: { tags: readonly { name: string; id: number }[]; event: number | null; cuts: readonly Part[] },
  ): Promise<void> {
    const place = new Map<number | undefined, number>(tags.map(({ id }, i) => [id, i]));
    for (const root of [0, 1]) {
      const { name } = tags[root]!;
      const nodes = await admin<InheritanceNode[]>('getFullInheritance', [name], { event });
      expect(
        nodes.map((node) => ({
          tag: place.get(node.parent_id),
          child: place.get(node.child_id),
          depth: node.currdepth,
          left: node.nextdepth,
          filters: node.filter,
        })),
      ).toEqual(search(graph, root));
      const entries = await admin<PackageListEntry[]>('listPackages', [], {
        tagID: name,
        inherited: true,
        event,
      });
      expect(
        new Map(entries.map((e) => [e.package_name, { tag: place.get(e.tag_id), blocked: e.blocked }])),
      ).toEqual(new Map([...listing(graph, root)].map(([of, entry]) => [packages[of], entry])));
      const named = (rows: TaggedBuild[]): string[] =>
        rows.map((row) => `${place.get(row.tag_id)} ${row.nvr}`);
      const all = await admin<TaggedBuild[]>('listTagged', [name], { inherit: true, event });
      expect(named(all)).toEqual(builds(graph, root, false));
      const first = await admin<TaggedBuild[]>('listTagged', [name], { inherit: true, latest: true, event });
      expect(named(first)).toEqual(builds(graph, root, true));
      expect(await admin('getLatestBuilds', [name], { event })).toEqual(first);
      await compareParts(name, event, cuts);
    }
    await compareTags([tags[0]!.name, tags[1]!.name], event);
  }

  /** The differences between two tags are those of their lists. */
  async function compareTags(names: readonly [string, string], event: number | null): Promise<void> {
    const found = await admin<TagDifferences | null>('getTagDifferences', [...names, event, event]);
    if (found === null) return;
    const lists = async <T>(read: (name: string) => Promise<Map<string, T>>) => {
      const [from, to] = [await read(names[0]), await read(names[1])];
      const keys = [...new Set([...from.keys(), ...to.keys()])].sort();
      return keys.map((key) => ({
        package_name: key,
        from: from.get(key) ?? null,
        to: to.get(key) ?? null,
      }));
    };
    const builds = await lists(async (name) => {
      const rows = await admin<TaggedBuild[]>('listTagged', [name], { inherit: true, latest: true, event });
      return new Map(rows.map(({ package_name, build_id, nvr }) => [package_name, { build_id, nvr }]));
    });
    const packages = await lists(async (name) => {
      const filter = { tagID: name, inherited: true, event };
      const rows = await admin<PackageListEntry[]>('listPackages', [], filter);
      return new Map(
        rows.map(({ package_name, owner_name, blocked }) => [package_name, { owner_name, blocked }]),
      );
    });
    for (const [part, all] of [
      [found.builds, builds],
      [found.packages, packages],
    ] as const) {
      const isSame = ({ from, to }: { from: unknown; to: unknown }): boolean =>
        JSON.stringify(from) === JSON.stringify(to);
      expect(part.rows).toEqual(all.filter((row) => !isSame(row)));
      expect(part.same).toBe(all.filter(isSame).length);
      expect(part.added).toBe(all.filter(({ from }) => from === null).length);
      expect(part.removed).toBe(all.filter(({ to }) => to === null).length);
      expect(part.changed).toBe(all.length - part.same - part.added - part.removed);
    }
  }

  /** Parts that the database finds are those of the whole lists. */
  async function compareParts(name: string, event: number | null, cuts: readonly Part[]): Promise<void> {
    for (const { order, offset, limit, latest, inherit, more, prefix } of cuts) {
      const filter = { event, latest, inherit, ...more };
      const all = await admin<TaggedBuild[]>('listTagged', [name], filter);
      const sorted = order === null ? all : sortedBy(all, order);
      expect(await admin('count', ['listTagged', name], filter)).toBe(all.length);
      const filterOpts = { order, offset, limit };
      expect(await admin('countAndFilterResults', ['listTagged', name], { ...filter, filterOpts })).toEqual([
        all.length,
        sorted.slice(offset, offset + limit),
      ]);
      const listed = { tagID: name, event, inherited: inherit, with_blocked: latest !== false, prefix };
      const entries = await admin<PackageListEntry[]>('listPackages', [], listed);
      const by = order?.endsWith('tag_name') ? order : null;
      const queryOpts = { offset, limit, ...(by === null ? {} : { order: by }) };
      expect(await admin('listPackages', [], { ...listed, queryOpts })).toEqual(
        (by === null ? entries : sortedBy(entries, by)).slice(offset, offset + limit),
      );
      const counted = await admin('listPackages', [], { ...listed, queryOpts: { countOnly: true } });
      expect(counted).toBe(entries.length);
    }
  }

  it('answers as the naive search does, now and at past events', async () => {
    await fc.assert(
      fc.asyncProperty(
        graphs,
        graphs,
        fc.array(parts, { minLength: 2, maxLength: 3 }),
        async (before, after, cuts) => {
          const tags: { name: string; id: number }[] = [];
          for (let at = 0; at < size; at++) {
            const name = `g${++made}`;
            tags.push({ name, id: await admin<number>('createTag', [name]) });
          }
          await build(before, tags);
          await compare(before, { tags, event: null, cuts });
          const { id: event } = await admin<EventInfo>('getLastEvent');
          await build(after, tags, before);
          await compare(after, { tags, event: null, cuts });
          await compare(before, { tags, event, cuts });
        },
      ),
      { numRuns: 5, endOnFailure: true },
    );
  });
});
