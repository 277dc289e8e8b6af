/** Conditions that let an index find names by their beginning, whatever the case, beside a pattern that implies them. */
import { Sql, anyOf, id, sql } from './sql.js';

/** The most letters of a beginning that help to find a name; a pattern may be megabytes long. */
const longestBeginning = 100;

/** Returns the common beginnings of texts that match a pattern with SQL wildcards, in lower case; empty if unknown. */
export function beginningOf(pattern: string): string {
  let start = '';
  for (let i = 0; i < pattern.length && start.length < longestBeginning; i++) {
    let letter = pattern.charAt(i);
    if (letter === '%' || letter === '_') break;
    if (letter === '\\') letter = pattern.charAt(++i);
    // The lower case of other letters, and in some languages of I, differs between databases.
    if (!/^[\x20-\x7e]$/.test(letter) || letter === 'I') break;
    start += letter.toLowerCase();
  }
  return start;
}

/** Whether a name, which has an index by its lower case, begins with a text in lower case. */
export function beginsWith(name: Sql, start: string): Sql {
  const folded = foldCase(name);
  const last = String.fromCharCode(start.charCodeAt(start.length - 1) + 1);
  const end = start.slice(0, -1) + last;
  const compare = (sign: string): Sql =>
    new Sql([(dialect) => (dialect === 'postgres' ? ` ~${sign}~ ` : sign)]);
  return sql`(${folded}${compare('>=')}${start} AND ${folded}${compare('<')}${end})`;
}

/** Whether the name of a row is one that a text can be of which begins so and is a name, a dash and more. */
export function compoundBeginsWith(table: 'package' | 'rpminfo', start: string): Sql {
  const name = id(`${table}.name`);
  const rows = sql`SELECT ${id(`${table}.id`)} FROM ${id(table)} WHERE`;
  // One after the other, since SQLite reads a whole table for two conditions of which one holds.
  return sql`${id(`${table}.id`)} IN (${rows} ${beginsWith(name, start)}
    UNION ALL ${rows} ${anyOf(foldCase(name), namesIn(start))})`;
}

/** The names that a text can be of that is a name, a dash and more. */
export function namesIn(text: string): string[] {
  // No name has as many dashes.
  const parts = text.split('-', 100);
  return parts.slice(1).map((_, i) => parts.slice(0, i + 1).join('-'));
}

function foldCase(column: Sql): Sql {
  return new Sql([
    (dialect) => (dialect === 'postgres' ? 'lower(' : ''),
    ...column.parts,
    (dialect) => (dialect === 'postgres' ? ')' : ' COLLATE NOCASE'),
  ]);
}
