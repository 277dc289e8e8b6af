import type { Child, FC } from 'hono/jsx';
import { REPO_STATES } from '@koji/core';
import type { InheritanceNode, TagExternalRepo, TagInfo, TagListItem, TargetInfo } from '@koji/core/api';
import { named } from '@koji/core/wire';
import { tagActions, tagsActions, targetActions, targetsActions } from '../actions/links.js';
import type { Calls } from '../calls.js';
import { InheritanceGraph } from '../charts/inheritance.js';
import { found } from '../errors.js';
import { listPart, partOf } from '../lists.js';
import { page } from '../page.js';
import { Empty, Facts, Rows, Section, Table } from '../parts/table.js';
import { TagLink } from '../parts/things.js';
import { External, Json, YesNo } from '../parts/values.js';
import { link } from '../routes.js';
import { TagChanges, tagChanges } from './tag-history.js';

/** Tags. */
export const tags = page('tags', {
  load: async ({ calls, params }) => ({
    tags: await listPart<TagListItem>(params, (queryOpts) => calls.listTags(named({ queryOpts }))),
  }),
  title: () => 'Tags',
  actions: (_, login) => tagsActions(login),
  show: ({ tags: list }, view) => (
    <>
      <h1>Tags</h1>
      <Table
        view={view}
        list={list}
        things="tags"
        columns={[
          { title: 'ID', order: 'id', numeric: true, wide: true, cell: ({ id }) => id },
          { title: 'Name', order: 'name', cell: ({ id, name }) => <TagLink id={id} name={name} /> },
          { title: 'Arches', wide: true, cell: ({ arches }) => <bdi>{arches}</bdi> },
          { title: 'Locked', wide: true, cell: ({ locked }) => <YesNo value={locked} /> },
        ]}
        empty={
          <>
            No tags yet. <code>koji add-tag NAME</code> makes one.
          </>
        }
      />
    </>
  ),
});

const shownDepth = 7;
const shownChanges = 10;

/** A tag with its settings, inheritance, repositories and targets. */
export const taginfo = page('taginfo', {
  async load({ calls, params }) {
    const tag = found(
      await calls.getTag(params.tagID, named({ event: 'auto' as const })),
      'tag',
      params.tagID,
    );
    const { id } = tag;
    if (tag.revoke_event) {
      const event = await calls.getEvent(tag.revoke_event);
      return {
        tag,
        deleted: event,
        parents: [],
        children: [],
        from: [],
        to: [],
        repo: null,
        external: [],
        history: [],
        counts: null,
      };
    }
    const [parents, children, from, to, repo, external, history, packages, unblocked, builds] =
      await Promise.all([
        calls.getFullInheritance(id),
        calls.getFullInheritance(id, named({ reverse: true })),
        calls.getBuildTargets(named({ buildTagID: id })),
        calls.getBuildTargets(named({ destTagID: id })),
        calls.getRepo(id, REPO_STATES.READY),
        calls.getExternalRepoList(id),
        tagChanges(calls, { tag: id }, shownChanges),
        countListed(calls, id, true),
        countListed(calls, id, false),
        calls.count('listTagged', id, named({ inherit: true, latest: true })),
      ]);
    return {
      tag,
      deleted: null,
      parents,
      children,
      from,
      to,
      repo,
      external,
      history,
      counts: { packages, unblocked, builds },
    };
  },
  title: ({ tag }) => tag.name,
  actions: ({ tag }, login) => tagActions(tag, login),
  show: (data, view) => {
    const { tag, parents, children, from, to, repo, external, counts } = data;
    return (
      <>
        <header class="thing">
          <p class="kind">Tag {tag.id}</p>
          <h1>
            <bdi>{tag.name}</bdi>
          </h1>
          {data.deleted ? <span class="state off">deleted</span> : null}
        </header>
        <TagFacts tag={tag} />
        {counts ? <TagFigures tag={tag} counts={counts} repo={repo} /> : null}
        {parents.length + children.length > 0 ? (
          <Section title="Inheritance" id="inheritance">
            <InheritanceGraph graph={{ tag, parents, children }} />
          </Section>
        ) : null}
        <div class="columns">
          <Section title="Inherits from" note={parents.length}>
            <Inheritance
              nodes={parents}
              all={view.params.all}
              tag={tag}
              empty={
                <>
                  No parents. <code>koji add-tag-inheritance {tag.name} PARENT</code> adds one.
                </>
              }
            />
          </Section>
          <Section title="Inherited by" note={children.length}>
            <Inheritance nodes={children} all={view.params.all} tag={tag} empty="No tag inherits from it." />
          </Section>
        </div>
        <ExternalRepos repos={external} />
        <div class="columns">
          <Targets title="Targets that build from it" targets={from} command={`NAME ${tag.name} DEST-TAG`} />
          <Targets
            title="Targets that put results here"
            targets={to}
            command={`NAME BUILD-TAG ${tag.name}`}
          />
        </div>
        <Section
          title="Newest changes"
          id="history"
          note={
            <>
              <a href={link('taghistory', { tagID: tag.id })}>all</a>,{' '}
              <a href={link('comparetags', { tagID: tag.id })} rel="nofollow">
                compare
              </a>
            </>
          }
        >
          <TagChanges changes={data.history} of="tag" />
        </Section>
      </>
    );
  },
});

/** Returns how many packages a tag lists, inherited ones included. */
async function countListed(calls: Calls, tagID: number, withBlocked: boolean): Promise<number> {
  const queryOpts = { countOnly: true };
  const filter = { tagID, inherited: true, with_owners: false, with_blocked: withBlocked, queryOpts };
  return Number(await calls.listPackages(named(filter)));
}

const ExternalRepos: FC<{ repos: readonly TagExternalRepo[] }> = ({ repos }) =>
  repos.length === 0 ? null : (
    <Section title="External repositories">
      <Rows
        label="external repositories"
        rows={repos}
        columns={[
          {
            title: 'Name',
            cell: (one) => (
              <a href={link('externalrepoinfo', { extrepoID: one.external_repo_id })}>
                <bdi>{one.external_repo_name}</bdi>
              </a>
            ),
          },
          { title: 'URL', wide: true, cell: ({ url }) => <External url={url} /> },
          { title: 'Merge mode', cell: ({ merge_mode: mode }) => mode },
          {
            title: 'From',
            cell: ({ tag_id: id, tag_name: name }) => <TagLink id={id} name={name} />,
          },
        ]}
      />
    </Section>
  );

interface FigureProps {
  readonly tag: TagInfo;
  readonly counts: { readonly packages: number; readonly unblocked: number; readonly builds: number };
  readonly repo: { readonly id: number } | null;
}

/** Numbers of a tag's contents, each of which links to the list. */
const TagFigures: FC<FigureProps> = ({ tag, counts, repo }) => (
  <ul class="figures">
    <Figure href={link('builds', { tagID: tag.id })} value={counts.builds} text="latest builds" />
    <Figure href={link('packages', { tagID: tag.id, blocked: 0 })} value={counts.unblocked} text="packages" />
    <Figure href={link('packages', { tagID: tag.id })} value={counts.packages} text="with blocked ones" />
    {repo ? (
      <Figure href={link('repoinfo', { repoID: repo.id })} value={repo.id} text="newest repository" />
    ) : (
      <Figure
        href={link('reporequests', { tag: tag.id, active: 'all' })}
        value={0}
        text="repositories: show requests"
      />
    )}
  </ul>
);

const Figure: FC<{ href: string; value: number; text: string }> = ({ href, value, text }) => (
  <li>
    <a href={href}>
      <b>{value}</b> {text}
    </a>
  </li>
);

const TagFacts: FC<{ tag: TagInfo }> = ({ tag }) => (
  <Facts
    facts={[
      { name: 'Arches', value: <bdi>{tag.arches}</bdi>, show: Boolean(tag.arches) },
      { name: 'Locked', value: <YesNo value={tag.locked} /> },
      { name: 'Permission', value: tag.perm ?? 'none' },
      { name: 'Maven', value: 'supported', show: tag.maven_support },
      { name: 'Maven include all', value: 'yes', show: tag.maven_include_all },
      { name: 'Extra', value: <Json value={tag.extra} />, show: Object.keys(tag.extra).length > 0 },
    ]}
  />
);

const mostNodes = 300;

interface InheritanceProps {
  readonly nodes: readonly InheritanceNode[];
  readonly all: boolean;
  readonly tag: TagInfo;
  readonly empty: Child;
}

const Inheritance: FC<InheritanceProps> = ({ nodes, all, tag, empty }) => {
  const shown = nodes.filter(({ currdepth }) => all || currdepth <= shownDepth).slice(0, mostNodes);
  if (nodes.length === 0) return <Empty>{empty}</Empty>;
  return (
    <ul class="plain tree">
      {shown.map((node) => (
        <li class={`depth-${Math.min(node.currdepth, 5)}`}>
          <TagLink id={node.tag_id ?? node.parent_id} name={node.name} />{' '}
          <span class="note">
            {node.priority}
            {node.maxdepth === null ? '' : `, ${node.maxdepth} deep`}
            {node.intransitive ? ', intransitive' : ''}
            {node.noconfig ? ', no configuration' : ''}
          </span>
        </li>
      ))}
      {shown.length < nodes.length ? (
        <li>
          <a href={link('taginfo', { tagID: tag.id, all: 1 })}>Show all {nodes.length}</a>
        </li>
      ) : null}
    </ul>
  );
};

const Targets: FC<{ title: string; targets: readonly TargetInfo[]; command: string }> = ({
  title,
  targets,
  command,
}) => (
  <Section title={title} note={targets.length}>
    {targets.length === 0 ? (
      <Empty>
        No targets. <code>koji add-target {command}</code> makes one.
      </Empty>
    ) : (
      <ul class="plain">
        {targets.slice(0, 200).map(({ id, name }) => (
          <li>
            <a href={link('buildtargetinfo', { targetID: id })}>
              <bdi>{name}</bdi>
            </a>
          </li>
        ))}
      </ul>
    )}
  </Section>
);

/** Build targets. */
export const buildtargets = page('buildtargets', {
  load: async ({ calls, params }) => ({ targets: partOf(await calls.getBuildTargets(), params) }),
  title: () => 'Build targets',
  actions: (_, login) => targetsActions(login),
  show: ({ targets }, view) => (
    <>
      <h1>Build targets</h1>
      <Table
        view={view}
        list={targets}
        things="build targets"
        columns={[
          { title: 'ID', order: 'id', numeric: true, wide: true, cell: ({ id }) => id },
          {
            title: 'Name',
            order: 'name',
            cell: ({ id, name }) => (
              <a href={link('buildtargetinfo', { targetID: id })}>
                <bdi>{name}</bdi>
              </a>
            ),
          },
          { title: 'Builds from', cell: (one) => <TagLink id={one.build_tag} name={one.build_tag_name} /> },
          { title: 'Result goes to', cell: (one) => <TagLink id={one.dest_tag} name={one.dest_tag_name} /> },
        ]}
        empty={
          <>
            No targets yet. <code>koji add-target NAME BUILD-TAG DEST-TAG</code> makes one.
          </>
        }
      />
    </>
  ),
});

/** A build target. */
export const buildtargetinfo = page('buildtargetinfo', {
  async load({ calls, params }) {
    const wanted = params.targetID ?? params.name;
    return { target: found(await calls.getBuildTarget(wanted), 'build target', wanted) };
  },
  title: ({ target }) => target.name,
  actions: ({ target }, login) => targetActions(target, login),
  show: ({ target }) => (
    <>
      <header class="thing">
        <p class="kind">Build target {target.id}</p>
        <h1>
          <bdi>{target.name}</bdi>
        </h1>
      </header>
      <Facts
        facts={[
          { name: 'Builds from', value: <TagLink id={target.build_tag} name={target.build_tag_name} /> },
          { name: 'Result goes to', value: <TagLink id={target.dest_tag} name={target.dest_tag_name} /> },
        ]}
      />
    </>
  ),
});

/** An external repository and the tags that use it. */
export const externalrepoinfo = page('externalrepoinfo', {
  async load({ calls, params: { extrepoID } }) {
    const repo = found(await calls.getExternalRepo(extrepoID), 'external repository', extrepoID);
    return { repo, tags: await calls.getTagExternalRepos(named({ repo_info: repo.id })) };
  },
  title: ({ repo }) => repo.name,
  show: ({ repo, tags: users }) => (
    <>
      <header class="thing">
        <p class="kind">External repository {repo.id}</p>
        <h1>
          <bdi>{repo.name}</bdi>
        </h1>
      </header>
      <Facts facts={[{ name: 'URL', value: <External url={repo.url} /> }]} />
      <Section title="Tags that use it" note={users.length}>
        {users.length === 0 ? (
          <Empty>
            No tags. <code>koji add-external-repo -t TAG {repo.name}</code> adds it to one.
          </Empty>
        ) : (
          <ul class="plain">
            {users.map(({ tag_id: id, tag_name: name, merge_mode: mode }) => (
              <li>
                <TagLink id={id} name={name} /> <span class="note">{mode}</span>
              </li>
            ))}
          </ul>
        )}
      </Section>
    </>
  ),
});
