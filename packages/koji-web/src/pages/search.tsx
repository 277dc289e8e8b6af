import { parseNVR } from '@koji/core';
import type { Named } from '@koji/core/api';
import type { Calls } from '../calls.js';
import { listPart } from '../lists.js';
import { page, redirect } from '../page.js';
import type { Raw, Request } from '../page.js';
import { Empty, Filters, Section, Table } from '../parts/table.js';
import type { Listed } from '../parts/table.js';
import { findTask } from '../lists.js';
import { link } from '../routes.js';
import { labelOf } from '../parts/things.js';

const kinds = ['package', 'build', 'tag', 'target', 'user', 'host', 'rpm', 'maven', 'win'] as const;
type Kind = (typeof kinds)[number];

/** The page of a thing that a search found. */
function pageOf(kind: Kind, { id }: Named): string {
  switch (kind) {
    case 'package':
      return link('packageinfo', { packageID: id });
    case 'tag':
      return link('taginfo', { tagID: id });
    case 'target':
      return link('buildtargetinfo', { targetID: id });
    case 'user':
      return link('userinfo', { userID: id });
    case 'host':
      return link('hostinfo', { hostID: id });
    case 'rpm':
      return link('rpminfo', { rpmID: id });
    case 'maven':
    case 'win':
      return link('archiveinfo', { archiveID: id });
    default:
      return link('buildinfo', { buildID: id });
  }
}

/** Something that a word may mean. */
interface Hit {
  readonly kind: string;
  readonly name: string;
  readonly href: string;
}

const everything: readonly Kind[] = ['package', 'build', 'tag', 'target', 'user', 'host'];

/** Finds what a word may mean: a task by its number, builds and rpms by their full names, the rest by their beginnings. */
async function findEverything(calls: Calls, terms: string, limit: number): Promise<Hit[]> {
  const hits: Hit[] = [];
  if (/^#?\d{1,9}$/.test(terms)) {
    const task = await findTask(calls, Number(terms.replace('#', '')));
    if (task)
      hits.push({
        kind: 'task',
        name: `${task.id} ${labelOf(task)}`,
        href: link('taskinfo', { taskID: task.id }),
      });
    const build = await calls.getBuild(Number(terms.replace('#', '')));
    if (build) hits.push({ kind: 'build', name: build.nvr, href: link('buildinfo', { buildID: build.id }) });
  }
  const pattern = /[*?[\]]/.test(terms) ? terms : `${terms}*`;
  // Names in Koji contain none of these, so a text with one is not searched.
  if (/[\s<>"']/.test(terms)) return hits;
  for (const kind of everything) {
    if (kind === 'build' && !isBuildLike(terms)) continue;
    const rows = await calls.search(pattern, kind, 'glob', {
      limit,
      order: kind === 'build' ? '-id' : 'name',
    });
    hits.push(...rows.map((row) => ({ kind, name: row.name, href: pageOf(kind, row) })));
  }
  if (isBuildLike(terms)) {
    const rows = await calls.search(terms.replace(/\.rpm$/, ''), 'rpm', 'exact', { limit });
    hits.push(...rows.map((row) => ({ kind: 'rpm', name: row.name, href: pageOf('rpm', row) })));
  }
  const exact = (hit: Hit): number => (hit.name === terms ? 0 : 1);
  return hits.sort((a, b) => exact(a) - exact(b));
}

function isBuildLike(terms: string): boolean {
  if (terms.includes('*')) return terms.includes('-');
  try {
    parseNVR(terms.replace(/\.rpm$/, ''));
    return true;
  } catch {
    return /-\d/.test(terms);
  }
}

interface SearchData {
  readonly found: Listed<Named> | null;
  readonly hits: readonly Hit[] | null;
  readonly problem: string | null;
}

/** Search by name. A single result leads to its page. */
export const search = page('search', {
  load: loadSearch,
  title: (_, { terms }) => (terms === '' ? 'Search' : `${terms.slice(0, 80)}: search`),
  show: ({ found, hits, problem }, view) => {
    const { params } = view;
    return (
      <>
        <h1>Search</h1>
        <Filters
          view={view}
          filters={[
            { name: 'terms', label: 'Name', value: params.terms },
            {
              name: 'type',
              label: 'Kind',
              value: params.type,
              options: ['all', ...kinds].map((one) => [one, one] as const),
            },
            {
              name: 'match',
              label: 'Match',
              value: params.match,
              options: ['glob', 'regexp', 'exact'].map((one) => [one, one] as const),
            },
          ]}
        />
        {problem === null ? null : <p class="fault">{problem}</p>}
        {hits === null ? null : hits.length === 0 ? (
          <Empty>
            Nothing has a name that begins so. A * stands for any text:{' '}
            <code>*{params.terms.slice(0, 60)}*</code>
          </Empty>
        ) : (
          [...new Set(hits.map(({ kind }) => kind))].map((kind) => (
            <Section title={`${kind.charAt(0).toUpperCase()}${kind.slice(1)}s`}>
              <ul class="plain">
                {hits
                  .filter((hit) => hit.kind === kind)
                  .map(({ name, href }) => (
                    <li>
                      <a href={href}>
                        <bdi>{name}</bdi>
                      </a>
                    </li>
                  ))}
              </ul>
            </Section>
          ))
        )}
        {found === null ? null : (
          <Table
            view={view}
            list={found}
            things="results"
            columns={[
              { title: 'ID', order: 'id', numeric: true, wide: true, cell: ({ id }) => id },
              {
                title: 'Name',
                order: 'name',
                cell: (row) => (
                  <a href={pageOf(params.type as Kind, row)}>
                    <bdi>{row.name}</bdi>
                  </a>
                ),
              },
            ]}
            empty="Nothing fits. A * stands for any text."
          />
        )}
      </>
    );
  },
});

async function loadSearch({ calls, params }: Request<'search'>): Promise<SearchData | Raw> {
  const { type, match, start, order } = params;
  const terms = params.terms.trim();
  if (terms === '') return { found: null, hits: null, problem: null };
  if (type === 'all') {
    const hits = await findEverything(calls, terms, 20);
    const [first] = hits;
    if (first && (hits.length === 1 || hits.filter(({ name }) => name === terms).length === 1))
      return redirect((hits.find(({ name }) => name === terms) ?? first).href);
    return { found: null, hits, problem: null };
  }
  if (match === 'regexp' && !isRegexp(terms))
    return { found: null, hits: null, problem: 'This is no regular expression.' };
  const found = await listPart<Named>({ start, order }, (queryOpts) =>
    calls.search(terms, type, match, queryOpts),
  );
  const [only] = found.rows;
  if (only && found.total === 1 && start === 0) return redirect(pageOf(type, only));
  return { found, hits: null, problem: null };
}

function isRegexp(text: string): boolean {
  try {
    new RegExp(text);
    return true;
  } catch {
    return false;
  }
}

/** The few things that the beginning of a search may mean. */
export const suggest = page('suggest', {
  load: async ({ calls, params: { terms } }) => ({
    found: terms.trim().length < 2 ? [] : (await findEverything(calls, terms.trim(), 4)).slice(0, 12),
  }),
  title: () => 'Suggestions',
  show: ({ found }) => (
    <ul class="plain">
      {found.map(({ kind, name, href }) => (
        <li>
          <a href={href}>
            <bdi>{name}</bdi>
          </a>{' '}
          {kind}
        </li>
      ))}
    </ul>
  ),
});
