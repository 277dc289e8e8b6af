import type { FC } from 'hono/jsx';
import { BUILD_STATES } from '@koji/core';
import type {
  ArchiveInfo,
  BuildInfo,
  BuildLog,
  ChangelogEntry,
  RpmListItem,
  TagListItem,
  TaskInfo,
} from '@koji/core/api';
import { named } from '@koji/core/wire';
import { buildActions } from '../actions/links.js';
import type { Calls } from '../calls.js';
import { found } from '../errors.js';
import { archiveUrl, logUrl, rpmUrl } from '../files.js';
import { findTask, orNull } from '../lists.js';
import { page } from '../page.js';
import type { Site } from '../site.js';
import { BuildStateChip } from '../parts/states.js';
import { Empty, Facts, Rows, Section } from '../parts/table.js';
import { PackageLink, RpmLink, TagLink, TaskLink, UserLink } from '../parts/things.js';
import { External, Json, LongText, Size, Time, durationText, numberOf, timeText } from '../parts/values.js';
import { link } from '../routes.js';
import { Arches, loadArches } from './build-arches.js';
import type { ArchResult } from './build-arches.js';
import { TagChanges, tagChanges } from './tag-history.js';
import type { TagChange } from './tag-history.js';

interface BuildData {
  readonly build: BuildInfo;
  readonly tags: readonly TagListItem[];
  /** The newest changes of its tags. */
  readonly history: readonly TagChange[];
  /** The build of the package before this one. */
  readonly previous: number | null;
  readonly rpms: readonly RpmListItem[];
  readonly archives: readonly ArchiveInfo[];
  readonly types: Readonly<Record<string, unknown>>;
  readonly headers: Readonly<Record<string, unknown>> | null;
  readonly changelog: readonly ChangelogEntry[];
  readonly logs: readonly BuildLog[];
  readonly task: TaskInfo | null;
  readonly arches: readonly ArchResult[];
  /** Seconds that builds of the package take on average; only while it builds. */
  readonly average: number | null;
}

const headerFields = ['summary', 'description', 'license', 'disturl', 'vcs', 'url'];
const shownEntries = 5;
const shownChanges = 20;

/** Returns the newest complete build of the same package that is older; null if there is none. */
async function findPrevious(calls: Calls, { id, package_id: packageID }: BuildInfo): Promise<number | null> {
  const builds = await calls.listBuilds(
    named({ packageID, state: BUILD_STATES.COMPLETE, queryOpts: { order: '-build_id', limit: 50 } }),
  );
  return builds.find((one) => one.build_id < id)?.build_id ?? null;
}

/** A build with its rpms, archives, logs, tags and changelog. */
export const buildinfo = page('buildinfo', {
  async load({ calls, params }): Promise<BuildData> {
    const build = found(await calls.getBuild(params.buildID), 'build', params.buildID);
    const { id } = build;
    const isGoing = build.state === BUILD_STATES.BUILDING;
    const [tags, history, previous, rpms, archives, types, logs, task, arches, average] = await Promise.all([
      calls.listTags(id),
      tagChanges(calls, { build: id }, shownChanges),
      findPrevious(calls, build),
      calls.listBuildRPMs(id),
      calls.listArchives(named({ buildID: id })),
      calls.getBuildType(id),
      // A build whose name makes no path has no logs.
      orNull(calls.getBuildLogs(id)).then((all) => all ?? []),
      build.task_id === null ? null : findTask(calls, build.task_id),
      build.task_id === null ? [] : loadArches(calls, build.task_id),
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
      history,
      previous,
      rpms,
      archives,
      types: types ?? {},
      headers: headers,
      changelog: changelog ?? [],
      logs,
      task,
      arches,
      average: numberOf(average),
    };
  },
  title: ({ build }) => build.nvr,
  actions: ({ build }, login) => buildActions(build, login),
  live: ({ build }) => (build.state === BUILD_STATES.BUILDING ? `build:${build.id}` : null),
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
          <a href={link('comparebuilds', { buildID: data.previous, otherID: build.id })} rel="nofollow">
            compare{data.previous === null ? ' with another build' : ' with the build before'}
          </a>
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
        <Arches arches={data.arches} now={now} />
        {data.history.length > 0 ? (
          <Section title="History of tags" id="history">
            <TagChanges changes={data.history} of="build" />
          </Section>
        ) : null}
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

/** A link to a file, or the reason why there is none. */
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
