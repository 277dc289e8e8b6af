import type { EventInfo, InheritanceNode } from '@koji/core/api';
import * as fc from 'fast-check';
import { walkParents } from '../src/domain/tags/inheritance.js';
import { databases } from './support/databases.js';
import { asking } from './support/asking.js';
import { faultOf, startTestHub } from './support/test-hub.js';
import type { TestHub } from './support/test-hub.js';

interface Link {
  tag_id: number;
  parent_id: number;
  name: string;
  priority: number;
  maxdepth: number | null;
  intransitive: boolean;
  noconfig: boolean;
  pkg_filter: string | null;
}

/** Links between a few tags, cycles among them; the parents of a tag have different priorities. */
const graphs = fc
  .uniqueArray(
    fc.record({
      tag_id: fc.integer({ min: 0, max: 5 }),
      parent_id: fc.integer({ min: 0, max: 5 }),
      priority: fc.integer({ min: 0, max: 9 }),
      maxdepth: fc.option(fc.integer({ min: 0, max: 3 })),
      intransitive: fc.boolean(),
      noconfig: fc.boolean(),
      pkg_filter: fc.constantFrom(null, '', 'a.*'),
    }),
    { selector: (link) => `${link.tag_id} ${link.priority}`, maxLength: 14 },
  )
  .map((links) => links.map((link) => ({ ...link, name: `t${link.parent_id}` })));

function byTag(links: readonly Link[]): Map<number, Link[]> {
  const groups = new Map<number, Link[]>();
  for (const link of [...links].sort((a, b) => a.priority - b.priority))
    groups.set(link.tag_id, [...(groups.get(link.tag_id) ?? []), link]);
  return groups;
}

/** Every way from the root that the rules allow, without leaving out any for being there already. */
function ways(links: readonly Link[], root: number, path: number[], left: number): Link[][] {
  if (left < 1) return [];
  return links
    .filter((link) => link.tag_id === (path.at(-1) ?? root))
    .filter((link) => link.parent_id !== root && !path.includes(link.parent_id))
    .filter((link) => path.length === 0 || !link.intransitive)
    .flatMap((link) => {
      const own = link.maxdepth ?? Infinity;
      const next = left === Infinity ? own : Math.min(own, left) - 1;
      return [[link], ...ways(links, root, [...path, link.parent_id], next).map((way) => [link, ...way])];
    });
}

describe('the order of inheritance', () => {
  it('reaches exactly the tags that some allowed way leads to', () => {
    fc.assert(
      fc.property(graphs, (links) => {
        const found = walkParents(0, byTag(links)).map((node) => node.parent_id);
        const reachable = ways(links, 0, [], Infinity).map((way) => way.at(-1)?.parent_id);
        expect(new Set(found)).toEqual(new Set(reachable));
      }),
      { numRuns: 500 },
    );
  });

  it('names a tag twice only when its first way was narrower', () => {
    fc.assert(
      fc.property(graphs, (links) => {
        const nodes = walkParents(0, byTag(links));
        nodes.forEach((node, i) => {
          const earlier = nodes.slice(0, i).filter((other) => other.parent_id === node.parent_id);
          for (const other of earlier) {
            const shallower =
              other.nextdepth !== null && (node.nextdepth === null || other.nextdepth < node.nextdepth);
            expect(other.filter.length > 0 || shallower || other.noconfig).toBe(true);
          }
        });
      }),
    );
  });
});

describe.each(databases)('inheritance on $name', (kind) => {
  let hub: TestHub;
  const link = (parent_id: number, priority: number, more = {}) => ({
    parent_id,
    priority,
    maxdepth: null,
    intransitive: false,
    noconfig: false,
    pkg_filter: '',
    ...more,
  });

  beforeAll(async () => {
    hub = await startTestHub(kind);
  });
  afterAll(() => hub.stop());

  it('is ordered by priority, depth first, and answers the past', async () => {
    const admin = await asking(hub, 'kojiadmin');
    const make = (name: string): Promise<number> => admin<number>('createTag', [name]);
    const [a, b, c, d] = [await make('a'), await make('b'), await make('c'), await make('d')];
    await admin('setInheritanceData', [a, [link(b, 10), link(c, 5)]]);
    await admin('setInheritanceData', [c, [link(d, 0)]]);
    const { id: event } = await admin<EventInfo>('getLastEvent');
    await admin('setInheritanceData', [a, [link(b, 1), { parent_id: c, 'delete link': true }]]);
    const names = (nodes: readonly InheritanceNode[]): string[] => nodes.map((node) => node.name);
    expect(names(await admin<InheritanceNode[]>('getFullInheritance', ['a'], { event }))).toEqual([
      'c',
      'd',
      'b',
    ]);
    expect(names(await admin<InheritanceNode[]>('getFullInheritance', ['a']))).toEqual(['b']);
    expect(
      names(await admin<InheritanceNode[]>('getFullInheritance', ['d'], { event, reverse: true })),
    ).toEqual(['c', 'a']);
    await expect(faultOf(admin('getFullInheritance', ['a'], { event: 'x' }))).resolves.toEqual([
      1000,
      "Invalid event: 'x'",
    ]);
  });

  it('does not end in a cycle', async () => {
    const admin = await asking(hub, 'kojiadmin');
    const x = await admin<number>('createTag', ['x']);
    const y = await admin<number>('createTag', ['y'], { parent: 'x' });
    await admin('setInheritanceData', [x, link(y, 0)]);
    expect(await admin('getFullInheritance', ['x'])).toHaveLength(1);
  });

  it('refuses two parents of one priority and names them', async () => {
    const admin = await asking(hub, 'kojiadmin');
    const [p, q, child] = [
      await admin<number>('createTag', ['p']),
      await admin<number>('createTag', ['q']),
      await admin<number>('createTag', ['child']),
    ];
    await expect(faultOf(admin('setInheritanceData', ['child', [link(p, 3), link(q, 3)]]))).resolves.toEqual([
      1000,
      `Multiple parent tags ([${p}, ${q}]) cannot have the same priority value (3) on child tag ${child}`,
    ]);
  });
});
