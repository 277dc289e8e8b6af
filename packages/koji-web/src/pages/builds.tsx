import type { FC } from 'hono/jsx';
import { BUILD_STATES } from '@koji/core';
import type {
  ArchiveInfo,
  BuildInfo,
  BuildListItem,
  BuildLog,
  ChangelogEntry,
  RpmListItem,
  TagListItem,
  TaggedBuild,
  TaskInfo,
} from '@koji/core/api';
import { named } from '@koji/core/wire';
import type { Calls } from '../calls.js';
import { found } from '../errors.js';
import { archiveUrl, logUrl, rpmUrl } from '../files.js';
import { findTask, findUser, listPart, partOf } from '../lists.js';
import { page } from '../page.js';
import type { Request } from '../page.js';
import type { Site } from '../site.js';
import { BuildStateChip } from '../parts/states.js';
import { Empty, Facts, Filters, Prefixes, Rows, Section, Table } from '../parts/table.js';
import type { Column, Listed } from '../parts/table.js';
import { BuildLink, PackageLink, RpmLink, TagLink, TaskLink, UserLink } from '../parts/things.js';
import {
  External,
  Json,
  LongText,
  Size,
  Time,
  durationText,
  numberOf,
  secondsOf,
  timeText,
} from '../parts/values.js';
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
}

/** Builds by user, tag, package, state and type. */
export const builds = page('builds', {
  async load({ calls, params }): Promise<BuildsData> {
    const { userID, tagID, packageID } = params;
    const [types, tag, user, pkg] = await Promise.all([
      calls.listBTypes(),
      tagID === null
        ? null
        : calls.getTag(tagID, named({ event: 'auto' as const })).then((one) => found(one, 'tag', tagID)),
      userID === null ? null : findUser(calls, userID).then((one) => found(one, 'user', userID)),
      packageID === null ? null : findPackage(calls, packageID),
    ]);
    const names = types.map(({ name }) => name);
    const type = names.includes(params.type) ? params.type : null;
    const filter = { tag, user, package: pkg };
    return {
      builds: tag
        ? await taggedBuilds(calls, params, { ...filter, type })
        : await allBuilds(calls, params, { ...filter, type }),
      types: names,
      tag: tag ? { id: tag.id, name: tag.name } : null,
      user: user ? { id: user.id, name: user.name } : null,
      package: pkg,
    };
  },
  title: ({ tag, user, package: pkg }) =>
    [
      'Builds',
      ...(pkg ? [`of ${pkg.name}`] : []),
      ...(user ? [`by ${user.name}`] : []),
      ...(tag ? [`in ${tag.name}`] : []),
    ].join(' '),
  show: (data, view) => {
    const { params } = view;
    const yesNo = [
      ['1', 'yes'],
      ['0', 'no'],
    ] as const;
    const ofTag = [
      { name: 'latest', label: 'Latest only', value: params.latest ? '1' : '0', options: yesNo },
      { name: 'inherited', label: 'Inherited', value: params.inherited ? '1' : '0', options: yesNo },
    ];
    const ofState = [
      {
        name: 'state',
        label: 'State',
        value: params.state === null ? 'all' : String(params.state),
        options: [
          ['all', 'all'],
          ...Object.entries(BUILD_STATES).map(
            ([name, value]) => [String(value), name.toLowerCase()] as const,
          ),
        ] as const,
      },
    ];
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
        </h1>
        <Filters
          view={view}
          filters={[
            ...(data.tag ? ofTag : ofState),
            {
              name: 'type',
              label: 'Type',
              value: data.types.includes(params.type) ? params.type : 'all',
              options: [['all', 'all'], ...data.types.map((type) => [type, type] as const)],
            },
          ]}
        />
        <Prefixes view={view} current={params.prefix} />
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

/** Returns a package by id or name. */
export async function findPackage(
  calls: Calls,
  wanted: string | number,
): Promise<{ readonly id: number; readonly name: string }> {
  return found(await calls.getPackage(wanted), 'package', wanted);
}

interface Filter {
  readonly tag: { readonly id: number } | null;
  readonly user: { readonly id: number; readonly name: string } | null;
  readonly package: { readonly id: number; readonly name: string } | null;
  readonly type: string | null;
}

function allBuilds(
  calls: Calls,
  { prefix, state, order, start }: Request<'builds'>['params'],
  { user, package: pkg, type }: Filter,
): Promise<Listed<BuildListItem>> {
  const filter = { prefix, state, type, userID: user?.id ?? null, packageID: pkg?.id ?? null };
  return listPart({ start, order: order.replace('tag_name', 'nvr') }, (queryOpts) =>
    calls.listBuilds(named({ ...filter, queryOpts })),
  );
}

async function taggedBuilds(
  calls: Calls,
  { prefix, order, start, latest, inherited }: Request<'builds'>['params'],
  { tag, user, package: pkg, type }: Filter,
): Promise<Listed<TaggedBuild>> {
  const all = await calls.listTagged(
    tag?.id ?? 0,
    named({
      inherit: inherited,
      latest,
      prefix,
      type,
      owner: user?.name ?? null,
      package: pkg?.name ?? null,
    }),
  );
  return partOf(all, { start, order });
}

interface BuildData {
  readonly build: BuildInfo;
  readonly tags: readonly TagListItem[];
  readonly rpms: readonly RpmListItem[];
  readonly archives: readonly ArchiveInfo[];
  readonly types: Readonly<Record<string, unknown>>;
  readonly headers: Readonly<Record<string, unknown>> | null;
  readonly changelog: readonly ChangelogEntry[];
  readonly logs: readonly BuildLog[];
  readonly task: TaskInfo | null;
  /** Seconds that builds of the package take on average; only while it builds. */
  readonly average: number | null;
}

const headerFields = ['summary', 'description', 'license', 'disturl', 'vcs', 'url'];
const shownEntries = 5;

/** A build with its rpms, archives, logs, tags and changelog. */
export const buildinfo = page('buildinfo', {
  async load({ calls, params }): Promise<BuildData> {
    const build = found(await calls.getBuild(params.buildID), 'build', params.buildID);
    const { id } = build;
    const isGoing = build.state === BUILD_STATES.BUILDING;
    const [tags, rpms, archives, types, logs, task, average] = await Promise.all([
      calls.listTags(id),
      calls.listBuildRPMs(id),
      calls.listArchives(named({ buildID: id })),
      calls.getBuildType(id),
      calls.getBuildLogs(id),
      build.task_id === null ? null : findTask(calls, build.task_id),
      isGoing ? calls.getAverageBuildDuration(build.package_id) : null,
    ]);
    const source = rpms.find(({ arch }) => arch === 'src');
    // A source rpm may be gone from the store, or never have been in it.
    const [headers, changelog] = await Promise.all([
      source ? orNull(calls.getRPMHeaders(named({ rpmID: source.id, headers: headerFields }))) : null,
      source
        ? orNull(calls.getChangelogEntries(named({ buildID: id, queryOpts: { limit: shownEntries } })))
        : null,
    ]);
    return {
      build,
      tags,
      rpms,
      archives,
      types: types ?? {},
      headers: headers,
      changelog: changelog ?? [],
      logs,
      task,
      average: numberOf(average),
    };
  },
  title: ({ build }) => build.nvr,
  live: ({ build }) => build.state === BUILD_STATES.BUILDING,
  show: (data, { site, now }) => {
    const { build, tags, rpms, archives, changelog } = data;
    return (
      <>
        <header class="thing">
          <p class="kind">Build {build.id}</p>
          <h1>
            <bdi>{build.nvr}</bdi>
          </h1>
          <BuildStateChip state={build.state} />
        </header>
        <BuildFacts data={data} now={now} />
        <div class="columns">
          <Section title="Tags" note={tags.length}>
            {tags.length === 0 ? (
              <Empty>
                In no tag. <code>koji tag-build TAG {build.nvr}</code> puts it into one.
              </Empty>
            ) : (
              <ul class="plain">
                {tags.map(({ id, name }) => (
                  <li>
                    <TagLink id={id} name={name} />
                  </li>
                ))}
              </ul>
            )}
          </Section>
          <Logs data={data} site={site} />
        </div>
        <Section title="RPMs" note={rpms.length} id="rpms">
          {rpms.length === 0 ? (
            <Empty>
              {build.state === BUILD_STATES.BUILDING ? 'None yet: the build goes on.' : 'It has none.'}
            </Empty>
          ) : rpms.length > mostRpms ? (
            <RpmMatrix rpms={rpms} />
          ) : (
            <RpmList build={build} rpms={rpms} site={site} />
          )}
        </Section>
        {archives.length > 0 ? <Archives build={build} archives={archives} site={site} /> : null}
        {changelog.length > 0 ? (
          <Section title="Changelog" note={`newest ${changelog.length}`} id="changelog">
            {changelog.map((entry) => (
              <article class="entry">
                <h3>
                  <time datetime={entry.date.slice(0, 10)}>{timeText(entry.date_ts).slice(0, 10)}</time>{' '}
                  <bdi>{entry.author}</bdi>
                </h3>
                <LongText text={entry.text} />
              </article>
            ))}
          </Section>
        ) : null}
      </>
    );
  },
});

/** Returns null where the hub has no answer. */
export function orNull<T>(answer: Promise<T>): Promise<T | null> {
  return answer.catch((error: unknown) => {
    if (error instanceof Error && 'faultCode' in error) return null;
    throw error;
  });
}

const textOf = (value: unknown): string => (typeof value === 'string' ? value : '');

const BuildFacts: FC<{ data: BuildData; now: number }> = ({ data, now }) => {
  const { build, headers, task, types, average } = data;
  const start = numberOf(build.start_ts) ?? numberOf(build.creation_ts);
  const end = numberOf(build.completion_ts);
  const expected = end === null && average !== null && start !== null ? start + average : null;
  const special = Object.entries(types).filter(([name, info]) => name !== 'rpm' && info !== null);
  return (
    <>
      {textOf(headers?.['summary']) === '' ? null : <p class="lead">{textOf(headers?.['summary'])}</p>}
      <Facts
        facts={[
          { name: 'Package', value: <PackageLink id={build.package_id} name={build.package_name} /> },
          { name: 'Version', value: <bdi>{build.version}</bdi> },
          { name: 'Release', value: <bdi>{build.release}</bdi> },
          { name: 'Epoch', value: build.epoch === null ? null : String(build.epoch) },
          { name: 'Draft', value: 'yes', show: build.draft },
          { name: 'Built by', value: <UserLink id={build.owner_id} name={build.owner_name} /> },
          { name: 'Started', value: <Time at={start} now={now} exact /> },
          { name: 'Completed', value: <Time at={end} now={now} exact />, show: end !== null },
          { name: 'Expected', value: <Time at={expected} now={now} />, show: expected !== null },
          {
            name: 'Took',
            value: durationText((end ?? 0) - (start ?? 0)),
            show: end !== null && start !== null && build.task_id !== null,
          },
          {
            name: 'Promoted',
            value: (
              <>
                <Time at={build.promotion_ts} /> by{' '}
                <UserLink id={build.promoter_id} name={build.promoter_name} />
              </>
            ),
            show: build.promotion_ts !== null,
          },
          {
            name: 'Task',
            value: <TaskLink id={build.task_id ?? 0} task={task} />,
            show: build.task_id !== null,
          },
          { name: 'Volume', value: <bdi>{build.volume_name}</bdi>, show: build.volume_name !== 'DEFAULT' },
          { name: 'Content generator', value: <bdi>{build.cg_name}</bdi>, show: build.cg_name !== null },
          { name: 'License', value: textOf(headers?.['license']) },
          { name: 'Source', value: <External url={build.source ?? ''} />, show: Boolean(build.source) },
          {
            name: 'VCS',
            value: <External url={textOf(headers?.['vcs'])} />,
            show: textOf(headers?.['vcs']) !== '',
          },
          {
            name: 'DistURL',
            value: <External url={textOf(headers?.['disturl'])} />,
            show: textOf(headers?.['disturl']) !== '',
          },
          {
            name: 'Home page',
            value: <External url={textOf(headers?.['url'])} />,
            show: textOf(headers?.['url']) !== '',
          },
          ...special.map(([name, info]) => ({ name, value: <Json value={info} /> })),
          { name: 'Extra', value: <Json value={build.extra} />, show: build.extra !== null },
        ]}
      />
      {textOf(headers?.['description']) === '' ? null : (
        <details class="description">
          <summary>Description</summary>
          <pre>{textOf(headers?.['description'])}</pre>
        </details>
      )}
    </>
  );
};

const Logs: FC<{ data: BuildData; site: Site }> = ({ data: { logs }, site }) => {
  const folders = [...new Set(logs.map(({ dir }) => dir))];
  return (
    <Section title="Logs" note={logs.length} id="logs">
      {logs.length === 0 ? <Empty>No logs are kept with this build.</Empty> : null}
      {folders.map((folder) => (
        <p class="logs">
          <b>{folder === '.' ? 'all' : folder}</b>{' '}
          {logs
            .filter(({ dir }) => dir === folder)
            .map((log) => (
              <>
                <a href={logUrl(site, log)}>{log.name}</a>{' '}
              </>
            ))}
        </p>
      ))}
    </Section>
  );
};

/** More rpms than that are shown as a matrix, so that the page stays small. */
const mostRpms = 120;

const isDebug = ({ name }: RpmListItem): boolean => /-debug(info|source)$|-debuginfo-/.test(name);

/** The architectures of rpms: that of the source first. */
function archesOf(rpms: readonly RpmListItem[]): string[] {
  const rank = (arch: string): number => (arch === 'src' ? 0 : arch === 'noarch' ? 1 : 2);
  return [...new Set(rpms.map(({ arch }) => arch))].sort((a, b) => rank(a) - rank(b) || (a < b ? -1 : 1));
}

const RpmList: FC<{ build: BuildInfo; rpms: readonly RpmListItem[]; site: Site }> = ({
  build,
  rpms,
  site,
}) => {
  const isGone = build.state === BUILD_STATES.DELETED;
  return (
    <>
      {archesOf(rpms).map((arch) => {
        const own = rpms.filter((rpm) => rpm.arch === arch);
        const sorted = [...own.filter((rpm) => !isDebug(rpm)), ...own.filter(isDebug)];
        return (
          <>
            <h3 class="arch">{arch}</h3>
            <Rows
              label={`rpms of ${arch}`}
              rows={sorted}
              columns={[
                { title: 'RPM', cell: (rpm) => <RpmLink id={rpm.id} name={`${rpm.nvr}.${rpm.arch}.rpm`} /> },
                { title: 'Size', numeric: true, cell: ({ size }) => <Size bytes={size} /> },
                {
                  title: 'Download',
                  cell: (rpm) => (
                    <Download
                      url={rpm.metadata_only || isGone ? null : rpmUrl(site, build, rpm)}
                      why={rpm.metadata_only ? 'metadata only' : 'deleted'}
                    />
                  ),
                },
              ]}
            />
          </>
        );
      })}
    </>
  );
};

/** A link to a file, or why there is none. */
export const Download: FC<{ url: string | null; why: string }> = ({ url, why }) =>
  url === null ? <span class="none">{why}</span> : <a href={url}>download</a>;

/** Names down, architectures across. */
const RpmMatrix: FC<{ rpms: readonly RpmListItem[] }> = ({ rpms }) => {
  const arches = archesOf(rpms);
  const names = [...new Set(rpms.map(({ name }) => name))].sort();
  const byKey = new Map(rpms.map((rpm) => [`${rpm.name} ${rpm.arch}`, rpm]));
  return (
    <Rows
      label="rpms by name and architecture"
      rows={names}
      columns={[
        { title: 'Name', cell: (name) => <bdi>{name}</bdi> },
        ...arches.map((arch) => ({
          title: arch,
          numeric: true,
          cell: (name: string) => {
            const rpm = byKey.get(`${name} ${arch}`);
            return rpm ? (
              <a href={link('rpminfo', { rpmID: rpm.id })}>
                <Size bytes={rpm.size} />
              </a>
            ) : null;
          },
        })),
      ]}
    />
  );
};

const mostArchives = 200;

const Archives: FC<{ build: BuildInfo; archives: readonly ArchiveInfo[]; site: Site }> = ({
  build,
  archives,
  site,
}) => (
  <Section title="Archives" note={archives.length} id="archives">
    <Rows
      label="archives"
      rows={archives.slice(0, mostArchives)}
      columns={[
        {
          title: 'File',
          cell: ({ id, filename }) => (
            <a href={link('archiveinfo', { archiveID: id })}>
              <bdi>{filename}</bdi>
            </a>
          ),
        },
        { title: 'Kind', wide: true, cell: ({ btype }) => btype },
        { title: 'Type', wide: true, cell: ({ type_name: type }) => type },
        { title: 'Size', numeric: true, cell: ({ size }) => <Size bytes={size} /> },
        {
          title: 'Download',
          cell: (archive) => (
            <Download
              url={
                archive.metadata_only || build.state === BUILD_STATES.DELETED
                  ? null
                  : archiveUrl(site, build, archive)
              }
              why={archive.metadata_only ? 'metadata only' : 'deleted'}
            />
          ),
        },
      ]}
    />
    {archives.length > mostArchives ? (
      <p class="note">The first {mostArchives} are shown; the JSON of this page has all of them.</p>
    ) : null}
  </Section>
);
