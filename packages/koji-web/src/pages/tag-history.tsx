import type { FC } from 'hono/jsx';
import type { HistoryRow } from '@koji/core/api';
import { named } from '@koji/core/wire';
import type { Calls } from '../calls.js';
import { found } from '../errors.js';
import { page } from '../page.js';
import { Chip } from '../parts/states.js';
import { Empty, Rows } from '../parts/table.js';
import { BuildLink, TagLink, UserLink } from '../parts/things.js';
import { Time } from '../parts/values.js';
import { link } from '../routes.js';

/** A build that came into a tag or left it. */
export interface TagChange {
  readonly event: number;
  /** Epoch seconds. */
  readonly at: number;
  readonly kind: 'tagged' | 'untagged';
  readonly build: { readonly id: number; readonly nvr: string };
  readonly tag: { readonly id: number; readonly name: string };
  readonly user: { readonly id: number; readonly name: string };
}

/** Changes on a page of their own. */
const mostChanges = 150;

/** Reads the newest changes of what tags have: all of a tag or a build. */
export async function tagChanges(
  calls: Calls,
  subject: { readonly tag: number } | { readonly build: number },
  most: number,
): Promise<TagChange[]> {
  const read = async (order: string, more: object): Promise<HistoryRow[]> => {
    const conditions = { ...subject, ...more, queryOpts: { order, limit: most } };
    return (await calls.queryHistory(['tag_listing'], named(conditions)))['tag_listing'] ?? [];
  };
  const [created, revoked] = await Promise.all([
    read('-create_event', {}),
    read('-revoke_event', { active: false }),
  ]);
  return [
    ...created.map((row) => changeOf(row, 'tagged')),
    ...revoked.map((row) => changeOf(row, 'untagged')),
  ]
    .sort((a, b) => b.event - a.event)
    .slice(0, most);
}

function changeOf(row: HistoryRow, kind: TagChange['kind']): TagChange {
  const isNew = kind === 'tagged';
  return {
    event: (isNew ? row.create_event : row.revoke_event) ?? 0,
    at: Number(isNew ? row.create_ts : row.revoke_ts),
    kind,
    build: {
      id: Number(row['build_id']),
      nvr: [row['name'], row['version'], row['release']].map(String).join('-'),
    },
    tag: { id: Number(row['tag_id']), name: String(row['tag.name']) },
    user: {
      id: (isNew ? row.creator_id : row.revoker_id) ?? 0,
      name: (isNew ? row.creator_name : row.revoker_name) ?? '',
    },
  };
}

/** Changes of tags as a table; the column of what all of them have in common is left out. */
export const TagChanges: FC<{ changes: readonly TagChange[]; of: 'tag' | 'build' }> = ({ changes, of }) =>
  changes.length === 0 ? (
    <Empty>{of === 'tag' ? 'No build was ever in it.' : 'It was never in a tag.'}</Empty>
  ) : (
    <Rows
      label="history of tags"
      rows={changes}
      columns={[
        { title: 'When', cell: ({ at }) => <Time at={at} /> },
        {
          title: 'What',
          cell: ({ kind }) => <Chip tone={kind === 'tagged' ? 'good' : 'off'} word={kind} />,
        },
        of === 'tag'
          ? { title: 'Build', cell: ({ build }) => <BuildLink id={build.id} nvr={build.nvr} /> }
          : { title: 'Tag', cell: ({ tag }) => <TagLink id={tag.id} name={tag.name} /> },
        { title: 'By', wide: true, cell: ({ user }) => <UserLink id={user.id} name={user.name} /> },
        {
          title: 'Event',
          numeric: true,
          wide: true,
          cell: ({ event, tag }) => (
            <a href={link('builds', { tagID: tag.id, event: String(event) })} rel="nofollow">
              {event}
            </a>
          ),
        },
      ]}
    />
  );

/** The builds that came into a tag and left it. */
export const taghistory = page('taghistory', {
  async load({ calls, params: { tagID } }) {
    const tag = found(await calls.getTag(tagID, named({ event: 'auto' as const })), 'tag', tagID);
    return {
      tag: { id: tag.id, name: tag.name },
      changes: await tagChanges(calls, { tag: tag.id }, mostChanges),
    };
  },
  title: ({ tag }) => `History of ${tag.name}`,
  show: ({ tag, changes }) => (
    <>
      <h1>
        History of <TagLink id={tag.id} name={tag.name} />
      </h1>
      <p>
        {changes.length === mostChanges ? `The newest ${mostChanges} changes. ` : ''}
        An event leads to what the tag had then. <a href={link('comparetags', { tagID: tag.id })}>
          Compare
        </a>{' '}
        the tag with another one or with itself at another moment.
      </p>
      <TagChanges changes={changes} of="tag" />
    </>
  ),
});
