import { BUILD_STATES } from '@koji/core';
import type { BuildListItem, TaggedBuild } from '@koji/core/api';
import { named } from '@koji/core/wire';
import type { Calls } from '../calls.js';
import { found } from '../errors.js';
import { findUser, listPart, taggedPart } from '../lists.js';
import { findEvent } from '../moments.js';
import type { Event } from '../moments.js';
import { page } from '../page.js';
import type { Request, View } from '../page.js';
import { BuildStateChip } from '../parts/states.js';
import { Filters, Prefixes, Table } from '../parts/table.js';
import type { Column, Filter, Listed } from '../parts/table.js';
import { BuildLink, PackageLink, TagLink, UserLink } from '../parts/things.js';
import { Time, numberOf, secondsOf, timeText } from '../parts/values.js';
import { link } from '../routes.js';

type Row = BuildListItem | TaggedBuild;

const finished = (build: Row): number | null =>
  'completion_ts' in build ? numberOf(build.completion_ts) : secondsOf(build.completion_time);

/** The columns of builds in lists. */
export const buildColumns: readonly Column<Row>[] = [
  {
    title: 'ID',
    order: 'build_id',
    numeric: true,
    wide: true,
    cell: ({ build_id: id }) => <span class="id">{id}</span>,
  },
  { title: 'NVR', order: 'nvr', cell: ({ build_id: id, nvr }) => <BuildLink id={id} nvr={nvr} /> },
  {
    title: 'Built by',
    order: 'owner_name',
    wide: true,
    cell: ({ owner_id: id, owner_name: name }) => <UserLink id={id} name={name} />,
  },
  { title: 'Finished', order: 'completion_time', cell: (build) => <Time at={finished(build)} /> },
  { title: 'State', order: 'state', cell: ({ state }) => <BuildStateChip state={state} /> },
];
const tagColumn: Column<Row> = {
  title: 'Tag',
  order: 'tag_name',
  wide: true,
  cell: (build) => ('tag_id' in build ? <TagLink id={build.tag_id} name={build.tag_name} /> : null),
};
export const taggedColumns = [...buildColumns.slice(0, 2), tagColumn, ...buildColumns.slice(2)];

interface BuildsData {
  readonly builds: Listed<Row>;
  readonly types: readonly string[];
  readonly tag: { readonly id: number; readonly name: string } | null;
  readonly user: { readonly id: number; readonly name: string } | null;
  readonly package: { readonly id: number; readonly name: string } | null;
  /** The moment whose builds of the tag these are; null for now. */
  readonly event: Event | null;
}

/** Builds by user, tag, package, state and type. */
export const builds = page('builds', {
  async load({ calls, params }): Promise<BuildsData> {
    const { userID, tagID, packageID } = params;
    const event = tagID === null ? null : await findEvent(calls, params.event);
    const [types, tag, user, pkg] = await Promise.all([
      calls.listBTypes(),
      tagID === null
        ? null
        : calls
            .getTag(tagID, named({ event: event?.id ?? ('auto' as const) }))
            .then((one) => found(one, 'tag', tagID)),
      userID === null ? null : findUser(calls, userID).then((one) => found(one, 'user', userID)),
      packageID === null ? null : findPackage(calls, packageID),
    ]);
    const names = types.map(({ name }) => name);
    const type = names.includes(params.type) ? params.type : null;
    const filter = { tag, user, package: pkg, event };
    return {
      builds: tag
        ? await taggedBuilds(calls, params, { ...filter, type })
        : await allBuilds(calls, params, { ...filter, type }),
      types: names,
      tag: tag ? { id: tag.id, name: tag.name } : null,
      user: user ? { id: user.id, name: user.name } : null,
      package: pkg,
      event,
    };
  },
  title: ({ tag, user, package: pkg, event }) =>
    [
      'Builds',
      ...(pkg ? [`of ${pkg.name}`] : []),
      ...(user ? [`by ${user.name}`] : []),
      ...(tag ? [`in ${tag.name}`] : []),
      ...(event ? [`at ${timeText(event.at)}`] : []),
    ].join(' '),
  show: (data, view) => {
    return (
      <>
        <h1>
          Builds
          {data.package ? (
            <>
              {' '}
              of <PackageLink id={data.package.id} name={data.package.name} />
            </>
          ) : null}
          {data.user ? (
            <>
              {' '}
              by <UserLink id={data.user.id} name={data.user.name} />
            </>
          ) : null}
          {data.tag ? (
            <>
              {' '}
              in <TagLink id={data.tag.id} name={data.tag.name} />
            </>
          ) : null}
          {data.event ? (
            <>
              {' '}
              at <Time at={data.event.at} />
            </>
          ) : null}
        </h1>
        <Filters view={view} filters={filtersOf(data, view)} />
        <Prefixes view={view} current={view.params.prefix} />
        <Table
          view={view}
          list={data.builds}
          things="builds"
          anchor="buildlist"
          columns={data.tag ? taggedColumns : buildColumns}
          empty={
            <>
              No build fits. <a href={link('builds')}>Show all builds</a>.
            </>
          }
        />
      </>
    );
  },
});

function filtersOf(data: BuildsData, view: View<'builds'>): Filter[] {
  const { params } = view;
  const yesNo = [
    ['1', 'yes'],
    ['0', 'no'],
  ] as const;
  const ofTag = [
    { name: 'latest', label: 'Latest only', value: params.latest ? '1' : '0', options: yesNo },
    { name: 'inherited', label: 'Inherited', value: params.inherited ? '1' : '0', options: yesNo },
    { name: 'event', label: 'At (day, time or event)', value: params.event },
  ];
  const ofState = [
    {
      name: 'state',
      label: 'State',
      value: params.state === null ? 'all' : String(params.state),
      options: [
        ['all', 'all'],
        ...Object.entries(BUILD_STATES).map(([name, value]) => [String(value), name.toLowerCase()] as const),
      ] as const,
    },
  ];
  const type = {
    name: 'type',
    label: 'Type',
    value: data.types.includes(params.type) ? params.type : 'all',
    options: [['all', 'all'], ...data.types.map((one) => [one, one] as const)] as const,
  };
  return [...(data.tag ? ofTag : ofState), type];
}

/** Returns a package by id or name. */
export async function findPackage(
  calls: Calls,
  wanted: string | number,
): Promise<{ readonly id: number; readonly name: string }> {
  return found(await calls.getPackage(wanted), 'package', wanted);
}

interface Wanted {
  readonly tag: { readonly id: number } | null;
  readonly user: { readonly id: number; readonly name: string } | null;
  readonly package: { readonly id: number; readonly name: string } | null;
  readonly type: string | null;
  readonly event: Event | null;
}

function allBuilds(
  calls: Calls,
  { prefix, state, order, start }: Request<'builds'>['params'],
  { user, package: pkg, type }: Wanted,
): Promise<Listed<BuildListItem>> {
  const filter = { prefix, state, type, userID: user?.id ?? null, packageID: pkg?.id ?? null };
  return listPart({ start, order: order.replace('tag_name', 'nvr') }, (queryOpts) =>
    calls.listBuilds(named({ ...filter, queryOpts })),
  );
}

function taggedBuilds(
  calls: Calls,
  { prefix, order, start, latest, inherited }: Request<'builds'>['params'],
  { tag, user, package: pkg, type, event }: Wanted,
): Promise<Listed<TaggedBuild>> {
  const filter = {
    event: event?.id ?? null,
    inherit: inherited,
    latest,
    prefix,
    type,
    owner: user?.name ?? null,
    package: pkg?.name ?? null,
  };
  return taggedPart(calls, tag?.id ?? 0, filter, { start, order });
}
