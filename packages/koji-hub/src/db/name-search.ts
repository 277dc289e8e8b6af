/** Conditions that let an index find names, whatever the case, beside a pattern or a regular expression that implies them. */
import type { Connection } from './connection.js';
import { beginningOf, beginsWith, compoundBeginsWith } from './beginnings.js';
import { requiredTexts } from './regexp.js';
import { id, like, matches, sql } from './sql.js';
import type { Sql } from './sql.js';

/** Tables whose rows are searched by a text: that of a build begins with its package's name, that of an rpm with its own. */
export type NamedRows = 'package' | 'build' | 'rpminfo';

/** Letters of a trigram. */
const letters = 3;
/** The most trigrams and words that are looked up; a pattern may be long, and a few of them leave few names. */
const most = { trigrams: 40, words: 10 } as const;
/** Rows that are read at once, rather than that trigrams narrow them further. */
const fewRows = 500;

/** Returns conditions that follow from the pattern of a name, with the wildcards of SQL; few rows fulfil them. */
export async function likeConditions(db: Connection, rows: NamedRows, pattern: string): Promise<Sql[]> {
  const start = beginningOf(pattern);
  const starts = start === '' ? [] : [beginning(rows, start)];
  const texts = textsWithin(pattern);
  const hasMore = texts.some((text, i) => text.length >= letters && (i > 0 || text.toLowerCase() !== start));
  if (!hasMore) return starts;
  // The ends of a name are ends of words.
  if (db.dialect === 'sqlite')
    return [await sqliteTexts(db, rows, { texts, within: textsWithin(`-${pattern}-`) })];
  return rows === 'build' ? [...starts, buildNamed((name) => like(name, pattern))] : starts;
}

/** As {@link likeConditions}, for a regular expression. */
export async function expressionConditions(db: Connection, rows: NamedRows, pattern: string): Promise<Sql[]> {
  const texts = requiredTexts(pattern).flatMap(plainTexts);
  if (!texts.some((text) => text.length >= letters)) return [];
  if (db.dialect === 'sqlite') return [await sqliteTexts(db, rows, { texts, within: texts })];
  return rows === 'build' ? [buildNamed((name) => matches(name, pattern, { ignoreCase: true }))] : [];
}

const beginning = (rows: NamedRows, start: string): Sql =>
  rows === 'package'
    ? beginsWith(id('package.name'), start)
    : compoundBeginsWith(rows === 'build' ? 'package' : rows, start);

/** Returns the texts that every text has which matches a pattern with the wildcards of SQL. */
function textsWithin(pattern: string): string[] {
  const texts = [''];
  for (let i = 0; i < pattern.length; i++) {
    const letter = pattern.charAt(i);
    if (letter === '%' || letter === '_') texts.push('');
    else texts.push(`${texts.pop() ?? ''}${letter === '\\' ? pattern.charAt(++i) : letter}`);
  }
  return texts.flatMap(plainTexts);
}

/** The parts of a text whose upper and lower case every database and every program knows as one. */
const plainTexts = (text: string): string[] => text.split(/[^\x20-\x7e]/);

/**
 * SQLite keeps the words and the trigrams of names in tables. Trigrams find any text, but each may be in most names; whole words find
 * few names at once.
 */
async function sqliteTexts(
  db: Connection,
  rows: NamedRows,
  { texts, within }: { readonly texts: readonly string[]; readonly within: readonly string[] },
): Promise<Sql> {
  const words = wordsWithin(within);
  if (words.length > 0) {
    const found = foundBy(`${rows}_words`, words);
    const row = await db.get<{ n: number }>(
      sql`SELECT count(*) AS n FROM (${found} LIMIT ${fewRows + 1}) AS found`,
    );
    if (row && row.n <= fewRows) return sql`${id(`${rows}.id`)} IN (${found})`;
  }
  return sql`${id(`${rows}.id`)} IN (${foundBy(`${rows}_trigrams`, trigramsOf(texts))})`;
}

/** The rows whose names have all the parts. */
function foundBy(table: string, parts: readonly string[]): Sql {
  const wanted = parts.map((part) => `"${part.replaceAll('"', '""')}"`).join(' ');
  return sql`SELECT rowid FROM ${id(table)} WHERE ${id(table)} MATCH ${wanted}`;
}

function trigramsOf(texts: readonly string[]): string[] {
  const found = new Set<string>();
  for (const text of texts)
    for (let i = 0; i + letters <= text.length && found.size < most.trigrams; i++)
      found.add(text.slice(i, i + letters).toLowerCase());
  return [...found];
}

/** The words that end within a text on both sides, the longest first. */
function wordsWithin(texts: readonly string[]): string[] {
  const found = texts.flatMap(
    (text) => text.toLowerCase().match(/(?<=[^a-z0-9])[a-z0-9]+(?=[^a-z0-9])/g) ?? [],
  );
  return [...new Set(found)].sort((a, b) => b.length - a.length).slice(0, most.words);
}

/** PostgreSQL has the names of builds, which are of two tables, in a table with an index by trigrams. */
const buildNamed = (fits: (name: Sql) => Sql): Sql =>
  sql`build.id IN (SELECT build_nvr.build_id FROM build_nvr WHERE ${fits(sql`build_nvr.nvr`)})`;
