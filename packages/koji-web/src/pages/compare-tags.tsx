import type { FC } from 'hono/jsx';
import type { ListDifferences, TagInfo } from '@koji/core/api';
import { named } from '@koji/core/wire';
import type { Calls } from '../calls.js';
import { differencesOf } from '../differences.js';
import type { Differences } from '../differences.js';
import { found } from '../errors.js';
import { findEvent } from '../moments.js';
import type { Event } from '../moments.js';
import { page } from '../page.js';
import type { ParamsOf } from '../routes.js';
import { DifferenceList } from '../parts/differences.js';
import { TextFilter } from '../parts/table.js';
import { TagLink } from '../parts/things.js';
import { timeText } from '../parts/values.js';
import { link } from '../routes.js';
import { orOf } from './report-fallbacks.js';

interface Side {
  readonly tag: { readonly id: number; readonly name: string };
  /** Null for now. */
  readonly event: Event | null;
}

interface Data {
  readonly sides: readonly [Side, Side];
  /** The latest builds of packages by NVR. */
  readonly builds: Differences;
  /** The ids of the builds that differ. */
  readonly ids: Readonly<Record<string, number>>;
  readonly packages: Differences;
}

/** Two tags, or one tag at two moments, beside each other: latest builds and packages. */
export const comparetags = page('comparetags', {
  async load({ calls, params }): Promise<Data> {
    const { tagID, otherID, event, otherEvent, inherited } = params;
    const sides = await Promise.all([
      findSide(calls, tagID, event),
      findSide(calls, otherID ?? tagID, otherEvent),
    ]);
    return { sides, ...(await differences(calls, sides, inherited)) };
  },
  title: ({ sides: [from, to] }) => `${sideText(from)} and ${sideText(to)} compared`,
  show: ({ sides, builds, ids, packages }, view) => {
    const texts = [sideText(sides[0]), sideText(sides[1])] as const;
    return (
      <>
        <h1>
          <TagLink id={sides[0].tag.id} name={texts[0]} /> and{' '}
          <TagLink id={sides[1].tag.id} name={texts[1]} />
        </h1>
        <CompareForm params={view.params} />
        <DifferenceList
          title="Latest builds"
          id="builds"
          things="packages with builds"
          differences={builds}
          sides={texts}
          shown={(nvr) => (
            <a href={link('buildinfo', { buildID: ids[nvr] ?? 0 })}>
              <bdi>{nvr}</bdi>
            </a>
          )}
        />
        <DifferenceList
          title="Package list"
          id="packages"
          things="packages"
          differences={packages}
          sides={texts}
        />
      </>
    );
  },
});

function sideText({ tag, event }: Side): string {
  return event === null ? tag.name : `${tag.name} at ${timeText(event.at)}`;
}

/** Asks for the two sides of a comparison of tags. */
export const CompareForm: FC<{ params: ParamsOf<'comparetags'> }> = ({ params }) => (
  <form class="filters" method="get" action="comparetags">
    {(
      [
        ['tagID', 'Tag', params.tagID],
        ['event', 'At (day, time or event; empty: now)', params.event],
        ['otherID', 'Other tag (empty: the same)', params.otherID ?? ''],
        ['otherEvent', 'At', params.otherEvent],
      ] as const
    ).map(([name, label, value]) => (
      <TextFilter name={name} label={label} value={String(value)} required={name === 'tagID'} />
    ))}
    <label>
      <span>Inherited</span>
      <select name="inherited">
        <option value="1" selected={params.inherited}>
          yes
        </option>
        <option value="0" selected={!params.inherited}>
          no
        </option>
      </select>
    </label>
    <button type="submit">Compare</button>
  </form>
);

type Compared = Omit<Data, 'sides'>;

async function differences(calls: Calls, sides: Data['sides'], inherit: boolean): Promise<Compared> {
  const [from, to] = sides;
  const events = [from.event?.id ?? null, to.event?.id ?? null] as const;
  const found = await orOf(calls.getTagDifferences(from.tag.id, to.tag.id, ...events, inherit), () =>
    Promise.resolve(null),
  );
  if (found === null) return compareLists(calls, sides, inherit);
  const { builds, packages } = found;
  const both = builds.rows.flatMap(({ from: old, to: now }) => [old, now]);
  return {
    builds: shownBy(builds, ({ nvr }) => nvr),
    ids: Object.fromEntries(both.flatMap((one) => (one ? [[one.nvr, one.build_id]] : []))),
    packages: shownBy(packages, entryText),
  };
}

function shownBy<T>({ rows, ...counts }: ListDifferences<T>, textOf: (one: T) => string): Differences {
  const text = (one: T | null): string | null => (one === null ? null : textOf(one));
  return {
    ...counts,
    rows: rows.map((row) => ({ name: row.package_name, from: text(row.from), to: text(row.to) })),
  };
}

const entryText = ({ owner_name: owner, blocked }: { owner_name: string; blocked: boolean }): string =>
  `${owner}${blocked ? ', blocked' : ''}`;

/** Compares whole lists, where the hub can't compare them. */
async function compareLists(calls: Calls, sides: Data['sides'], inherited: boolean): Promise<Compared> {
  const [from, to] = await Promise.all(sides.map((side) => readContent(calls, side, inherited)));
  const builds = differencesOf(from?.builds ?? new Map(), to?.builds ?? new Map());
  const nvrs = new Set(builds.rows.flatMap((row) => [row.from, row.to]));
  const ids = [...(from?.ids ?? []), ...(to?.ids ?? [])];
  return {
    builds,
    ids: Object.fromEntries(ids.filter(([nvr]) => nvrs.has(nvr))),
    packages: differencesOf(from?.packages ?? new Map(), to?.packages ?? new Map()),
  };
}

interface Content {
  readonly builds: ReadonlyMap<string, string>;
  readonly ids: readonly (readonly [nvr: string, id: number])[];
  readonly packages: ReadonlyMap<string, string>;
}

async function readContent(calls: Calls, { tag, event }: Side, inherited: boolean): Promise<Content> {
  const at = event?.id ?? null;
  const [builds, packages] = await Promise.all([
    calls.listTagged(tag.id, named({ event: at, inherit: inherited, latest: true })),
    calls.listPackages(named({ tagID: tag.id, event: at, inherited, with_blocked: true })),
  ]);
  return {
    builds: new Map(builds.map((one) => [one.package_name, one.nvr])),
    ids: builds.map((one) => [one.nvr, one.build_id]),
    packages: new Map(
      packages.map((one) => [
        one.package_name,
        'tag_id' in one ? entryText({ owner_name: String(one.owner_name), blocked: one.blocked }) : '',
      ]),
    ),
  };
}

async function findSide(calls: Calls, wanted: string | number, moment: string): Promise<Side> {
  const event = await findEvent(calls, moment);
  const what = event ? `tag at ${timeText(event.at)} UTC:` : 'tag';
  const tag = found(await findTag(calls, wanted, event), what, wanted);
  return { tag: { id: tag.id, name: tag.name }, event };
}

/** Returns a tag as it was at an event, or is now; null if it did not exist. */
export function findTag(calls: Calls, wanted: string | number, event: Event | null): Promise<TagInfo | null> {
  return event === null ? calls.getTag(wanted) : calls.getTag(wanted, named({ event: event.id }));
}
