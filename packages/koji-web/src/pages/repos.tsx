import { REPO_STATES } from '@koji/core';
import type { BuildrootInfo, RepoRequest } from '@koji/core/api';
import { named } from '@koji/core/wire';
import { found } from '../errors.js';
import { repoUrl } from '../files.js';
import { listPart } from '../lists.js';
import { page } from '../page.js';
import { BuildrootStateChip, RepoStateChip } from '../parts/states.js';
import { Facts, Filters, Table } from '../parts/table.js';
import { HostLink, TagLink, TaskLink, UserLink } from '../parts/things.js';
import { Json, Time, YesNo } from '../parts/values.js';
import { link } from '../routes.js';
import { rootName } from './tasks.js';

/** A repository of a tag. */
export const repoinfo = page('repoinfo', {
  async load({ calls, params: { repoID } }) {
    const repo = found(await calls.repoInfo(repoID), 'repository', repoID);
    const buildroots = await calls.listBuildroots(named({ repoID, queryOpts: { countOnly: true } }));
    return { repo, buildroots };
  },
  title: ({ repo }) => `Repository ${repo.id}`,
  show: ({ repo, buildroots }, { site, now }) => {
    const url = repo.state === REPO_STATES.DELETED ? null : repoUrl(site, repo);
    return (
      <>
        <header class="thing">
          <p class="kind">Repository</p>
          <h1>{repo.id}</h1>
          <RepoStateChip state={repo.state} />
        </header>
        <Facts
          facts={[
            { name: 'Tag', value: <TagLink id={repo.tag_id} name={repo.tag_name} /> },
            { name: 'Task', value: <TaskLink id={repo.task_id ?? 0} />, show: repo.task_id !== null },
            { name: 'Event', value: String(repo.create_event) },
            { name: 'Created', value: <Time at={repo.create_ts} now={now} /> },
            { name: 'For distribution', value: <YesNo value={repo.dist} /> },
            {
              name: 'Files',
              value: url ? (
                <>
                  <a href={`${url}/`}>repodata</a> <a href={`${url}/repo.json`}>repo.json</a>
                </>
              ) : null,
            },
            { name: 'Buildroots', value: <a href={link('buildroots', { repoID: repo.id })}>{buildroots}</a> },
          ]}
        />
      </>
    );
  },
});

/** The buildroots of a repository. */
export const buildroots = page('buildroots', {
  load: async ({ calls, params }) => ({
    buildroots: await listPart<BuildrootInfo>(params, (queryOpts) =>
      calls.listBuildroots(named({ repoID: params.repoID, state: params.state, queryOpts })),
    ),
  }),
  title: () => 'Buildroots',
  show: ({ buildroots: list }, view) => (
    <>
      <h1>Buildroots</h1>
      <Table
        view={view}
        list={list}
        things="buildroots"
        columns={[
          {
            title: 'Buildroot',
            order: 'id',
            cell: (root) => <a href={link('buildrootinfo', { buildrootID: root.id })}>{rootName(root)}</a>,
          },
          { title: 'Host', cell: (root) => <HostLink id={root.host_id} name={root.host_name} /> },
          {
            title: 'State',
            order: 'state',
            cell: ({ state }) => (state === null ? null : <BuildrootStateChip state={state} />),
          },
        ]}
      />
    </>
  ),
});

/** A buildroot: where a build ran. */
export const buildrootinfo = page('buildrootinfo', {
  async load({ calls, params: { buildrootID } }) {
    return { buildroot: found(await calls.getBuildroot(buildrootID), 'buildroot', buildrootID) };
  },
  title: ({ buildroot }) => rootName(buildroot),
  show: ({ buildroot: root }, { now }) => (
    <>
      <header class="thing">
        <p class="kind">Buildroot {root.id}</p>
        <h1>
          <bdi>{rootName(root)}</bdi>
        </h1>
        {root.state === null ? null : <BuildrootStateChip state={root.state} />}
      </header>
      <Facts
        facts={[
          {
            name: 'Host',
            value: <HostLink id={root.host_id} name={root.host_name} />,
            show: root.host_id !== null,
          },
          { name: 'Arch', value: root.arch },
          { name: 'Task', value: <TaskLink id={root.task_id ?? 0} />, show: root.task_id !== null },
          { name: 'Created', value: <Time at={root.create_ts ?? null} now={now} /> },
          { name: 'Retired', value: <Time at={root.retire_ts ?? null} now={now} /> },
          {
            name: 'Repository',
            value: <a href={link('repoinfo', { repoID: root.repo_id ?? 0 })}>{root.repo_id}</a>,
            show: root.repo_id !== null,
          },
          {
            name: 'Tag',
            value: <TagLink id={root.tag_id} name={root.tag_name} />,
            show: root.tag_id !== null,
          },
          { name: 'Host OS', value: <bdi>{root.host_os}</bdi>, show: root.host_os !== null },
          {
            name: 'Made by',
            value: `${root.cg_name ?? ''} ${root.cg_version ?? ''}`,
            show: root.cg_name !== null,
          },
          { name: 'Container', value: root.container_type, show: root.container_type !== null },
          { name: 'Extra', value: <Json value={root.extra} />, show: root.extra !== null },
          {
            name: 'Contents',
            value: (
              <ul class="inline-list">
                {contents.map(([page, type, text]) => (
                  <li>
                    <a href={link(page, { buildrootID: root.id, type })}>{text}</a>
                  </li>
                ))}
              </ul>
            ),
          },
        ]}
      />
    </>
  ),
});

/** The lists of what is in a buildroot and what was built in it. */
const contents = [
  ['rpmlist', 'component', 'rpms in it'],
  ['rpmlist', 'built', 'rpms built in it'],
  ['archivelist', 'component', 'archives in it'],
  ['archivelist', 'built', 'archives built in it'],
] as const;

/** Requests for repositories. */
export const reporequests = page('reporequests', {
  async load({ calls, params: { active, tag: wanted, start, order } }) {
    const tag = wanted === null ? null : found(await calls.getTag(wanted), 'tag', wanted);
    const clauses = [
      ...(active === 'all' ? [] : [['active', active === 'true']]),
      ...(tag ? [['tag_id', tag.id]] : []),
    ] as never;
    const list = await listPart<RepoRequest>({ start, order }, (queryOpts) =>
      calls.repo.queryQueue(clauses, '**', queryOpts),
    );
    return { requests: list, tag };
  },
  title: () => 'Requests for repositories',
  show: ({ requests, tag }, view) => (
    <>
      <h1>
        Requests for repositories
        {tag ? (
          <>
            {' '}
            of <TagLink id={tag.id} name={tag.name} />
          </>
        ) : null}
      </h1>
      <Filters
        view={view}
        filters={[
          {
            name: 'active',
            label: 'Active',
            value: view.params.active,
            options: [
              ['true', 'yes'],
              ['false', 'no'],
              ['all', 'all'],
            ],
          },
        ]}
      />
      <Table
        view={view}
        list={requests}
        things="requests"
        columns={[
          {
            title: 'ID',
            order: 'id',
            cell: ({ id }) => <a href={link('reporequest', { reqID: id })}>{id}</a>,
          },
          { title: 'Tag', cell: (one) => <TagLink id={one.tag_id} name={one.tag_name} /> },
          { title: 'Priority', order: 'priority', numeric: true, cell: ({ priority }) => priority },
          { title: 'Owner', wide: true, cell: (one) => <UserLink id={one.owner} name={one.owner_name} /> },
          { title: 'Task', cell: ({ task_id: id }) => (id === null ? null : <TaskLink id={id} />) },
        ]}
        empty="No request waits."
      />
    </>
  ),
});

/** A request for a repository. */
export const reporequest = page('reporequest', {
  async load({ calls, params: { reqID } }) {
    const rows = (await calls.repo.queryQueue([['id', reqID]] as never, '**')) as unknown as RepoRequest[];
    return { request: found(rows[0], 'request for a repository', reqID) };
  },
  title: ({ request }) => `Request ${request.id}`,
  show: ({ request }) => (
    <>
      <header class="thing">
        <p class="kind">Request for a repository</p>
        <h1>{request.id}</h1>
      </header>
      <Facts
        facts={[
          { name: 'Tag', value: <TagLink id={request.tag_id} name={request.tag_name} /> },
          { name: 'At event', value: String(request.at_event), show: request.at_event !== null },
          { name: 'Since event', value: String(request.min_event), show: request.min_event !== null },
          { name: 'Priority', value: String(request.priority) },
          { name: 'Owner', value: <UserLink id={request.owner} name={request.owner_name} /> },
          { name: 'Active', value: <YesNo value={request.active} /> },
          { name: 'Task', value: <TaskLink id={request.task_id ?? 0} />, show: request.task_id !== null },
          {
            name: 'Repository',
            value: <a href={link('repoinfo', { repoID: request.repo_id ?? 0 })}>{request.repo_id}</a>,
            show: request.repo_id !== null,
          },
        ]}
      />
    </>
  ),
});
