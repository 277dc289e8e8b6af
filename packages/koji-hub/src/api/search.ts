import { GenericError, ParameterError } from '@koji/core';
import type { Named, SearchMethods } from '@koji/core/api';
import type { Call, Handlers } from '../call.js';
import { applyOpts, stream } from '../db/rows.js';
import type { Query } from '../db/rows.js';
import { namesIn } from '../db/beginnings.js';
import { expressionConditions, likeConditions } from '../db/name-search.js';
import type { NamedRows } from '../db/name-search.js';
import {
  anyOf,
  checkPattern,
  glob,
  id,
  join,
  likeOf,
  limitStatements,
  matches,
  sql,
  unlimitStatements,
} from '../db/sql.js';
import type { Sql } from '../db/sql.js';
import { truthy } from '../domain/values/convert.js';
import { plain, repr } from '../domain/values/repr.js';

/** Where things of a type are, what they are called, and by which names they are found. */
interface Searched {
  readonly from: Sql;
  readonly id: Sql;
  readonly name: Sql;
  /** The table whose rows have indexes by these names. */
  readonly indexed?: NamedRows;
  /** Further texts that may fit. */
  readonly also?: Sql;
  readonly where?: Sql;
  /** Columns besides id and name that the caller may sort by. */
  readonly orders?: Readonly<Record<string, Sql>>;
}

const named = (table: string): Searched => ({
  from: id(table),
  id: id(`${table}.id`),
  name: id(`${table}.name`),
});
const rpmName = sql`rpminfo.name || '-' || rpminfo.version || '-' || rpminfo.release || '.' || rpminfo.arch || '.rpm'`;
const winPath = sql`win_archives.relpath || '/' || archiveinfo.filename`;

const types = new Map<unknown, Searched>([
  ['package', { ...named('package'), indexed: 'package' }],
  ['user', named('users')],
  ['host', named('host')],
  [
    'build',
    {
      from: sql`build JOIN package ON package.id = build.pkg_id`,
      id: sql`build.id`,
      name: sql`package.name || '-' || build.version || '-' || build.release`,
      indexed: 'build',
      orders: { 'build.id': sql`build.id` },
    },
  ],
  [
    'tag',
    {
      ...named('tag'),
      from: sql`tag JOIN tag_config ON tag_config.tag_id = tag.id`,
      where: sql`tag_config.active = TRUE`,
    },
  ],
  [
    'target',
    {
      ...named('build_target'),
      from: sql`build_target JOIN build_target_config ON build_target_config.build_target_id = build_target.id`,
      where: sql`build_target_config.active = TRUE`,
    },
  ],
  [
    'rpm',
    {
      from: sql`rpminfo`,
      id: sql`rpminfo.id`,
      name: rpmName,
      indexed: 'rpminfo',
    },
  ],
  [
    'maven',
    {
      from: sql`archiveinfo JOIN maven_archives ON maven_archives.archive_id = archiveinfo.id`,
      id: sql`archiveinfo.id`,
      name: sql`archiveinfo.filename`,
      also: sql`maven_archives.group_id || '-' || maven_archives.artifact_id || '-' || maven_archives.version`,
      orders: { filename: sql`archiveinfo.filename` },
    },
  ],
  [
    'win',
    {
      from: sql`archiveinfo JOIN win_archives ON win_archives.archive_id = archiveinfo.id`,
      id: sql`archiveinfo.id`,
      name: sql`ltrim(${winPath}, '/')`,
      also: winPath,
    },
  ],
]);
const byFilename = new Set<unknown>(['maven', 'win']);

/** The longest that PostgreSQL may match a stranger's pattern, in milliseconds. */
const matchTime = 10_000;

/** Handlers of the methods that find things by name. */
export const search: Handlers<SearchMethods> = {
  async search({ terms, type, matchType, queryOpts }, call) {
    if (!truthy(terms)) throw new GenericError('empty search terms');
    // Koji no longer supports searching files, and finds none.
    if (type === 'file') return applyOpts<Named>([], queryOpts);
    const searched = types.get(type);
    if (!searched) throw new GenericError(`No such search type: ${plain(type)}`);
    const { from, also, where, orders } = searched;
    const fit = fitting(terms, matchType);
    const texts = [byFilename.has(type) ? sql`archiveinfo.filename` : searched.name, ...(also ? [also] : [])];
    const keyed = await keyConditions(call, searched, { terms, matchType });
    const columns = { id: searched.id, name: searched.name };
    const wanted: Query<Named> = {
      columns,
      from,
      where: [
        ...(where ? [where] : []),
        ...keyed,
        join(
          texts.map((text) => sql`(${fit(text)})`),
          ' OR ',
        ),
      ],
      opts: queryOpts,
      orders: { ...columns, ...orders },
    };
    return matchType === 'regexp' ? limited(call, wanted) : stream(call.db, wanted);
  },
};

/** The condition that a text fits what is searched. */
function fitting(terms: unknown, matchType: unknown): (text: Sql) => Sql {
  // Koji writes a list into its query as SQL's row of one, which is that one.
  const wanted: unknown =
    Array.isArray(terms) && terms.length === 1 && matchType !== 'glob' ? terms[0] : terms;
  if (typeof wanted !== 'string') throw new ParameterError(`search terms must be text, not ${repr(terms)}`);
  if (matchType === 'regexp') return (text) => matches(sql`(${text})`, wanted, { ignoreCase: true });
  if (matchType === 'glob') {
    checkPattern(wanted);
    return (text) => glob(sql`(${text})`, wanted.replaceAll('\\', '\\\\'));
  }
  return (text) => sql`(${text}) = ${wanted}`;
}

/** Returns conditions that indexes can find names by, which all names fulfil that fit. */
async function keyConditions(
  { db }: Call,
  { indexed }: Searched,
  { terms, matchType }: { readonly terms: unknown; readonly matchType: unknown },
): Promise<Sql[]> {
  if (!indexed || typeof terms !== 'string') return [];
  if (matchType === 'regexp') return expressionConditions(db, indexed, terms);
  if (matchType === 'glob') return likeConditions(db, indexed, likeOf(terms.replaceAll('\\', '\\\\')));
  if (indexed === 'package') return [];
  return [anyOf(indexed === 'build' ? sql`package.name` : sql`rpminfo.name`, namesIn(terms))];
}

/** Searches with a limit of time, which later statements of the same transaction do not have. */
async function limited(call: Call, wanted: Query<Named>): Promise<AsyncIterable<Named> | Named[]> {
  await call.db.all(limitStatements(matchTime));
  const found = await stream(call.db, wanted);
  if (Array.isArray(found) || !(Symbol.asyncIterator in Object(found))) {
    await call.db.all(unlimitStatements);
    return found;
  }
  return untilEnd(call, found);
}

async function* untilEnd(call: Call, found: AsyncIterable<Named>): AsyncGenerator<Named, void, void> {
  yield* found;
  await call.db.all(unlimitStatements);
}
