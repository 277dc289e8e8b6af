import { GenericError } from '@koji/core';

/** A statement of a step: the same for both databases, or one for each. */
export type TableStatement = string | { readonly sqlite: string; readonly postgres: string };

/** A table of a plugin, for `${…}` in `context.db.sql`. */
export interface PluginTable {
  /** The name without the plugin's prefix. */
  readonly table: string;
}

/** The hub's view of a plugin's tables. */
export interface DeclaredTables {
  readonly names: readonly string[];
  /** The steps that create and change them, oldest first. */
  readonly steps: readonly (readonly TableStatement[])[];
}

const brand = Symbol.for('koji.plugin.tables');
const tableBrand = Symbol.for('koji.plugin.table');

/**
 * Declares the tables of a plugin. Export it. Only add steps, never change them. Each step runs once on a database, in a
 * transaction, at the start of a hub on SQLite and with `koji-hub migrate` on PostgreSQL. In a step, `{name}` is a table of the
 * plugin or one of its indexes. Other tables cannot be used.
 *
 * @param names lower-case letters, digits and `_`; in the database they are `plugin_PLUGIN__NAME`
 * @example
 * export const store = tables(
 *   ['note'],
 *   [
 *     ['CREATE TABLE {note} (build_id integer PRIMARY KEY, word text NOT NULL)'],
 *     ['CREATE INDEX {note_by_word} ON {note} (word)'],
 *   ],
 * );
 *
 * export const wordOf = exported({ access: 'read' })(async (build: number) => {
 *   const { db } = context;
 *   return db.get<{ word: string }>(db.sql`SELECT word FROM ${store.note} WHERE build_id = ${build}`);
 * });
 */
export function tables<const N extends string>(
  names: readonly N[],
  steps: readonly (readonly TableStatement[])[],
): Readonly<Record<N, PluginTable>> {
  for (const name of names)
    if (!/^[a-z][a-z0-9_]{0,29}$/.test(name))
      throw new GenericError(`'${name}' can't be the name of a table`);
  for (const statement of steps.flat())
    for (const text of typeof statement === 'string' ? [statement] : Object.values(statement))
      check(text, names);
  const made = {} as Record<N, PluginTable>;
  for (const name of names) made[name] = Object.defineProperty({ table: name }, tableBrand, { value: true });
  return Object.defineProperty(made, brand, { value: { names, steps } satisfies DeclaredTables });
}

const own = String.raw`\{[a-z][a-z0-9_]{0,49}\}`;
const starts = new RegExp(
  String.raw`^(CREATE TABLE|ALTER TABLE|DROP TABLE|INSERT INTO|UPDATE|DELETE FROM|DROP INDEX|CREATE (UNIQUE )?INDEX ${own} ON) ${own}`,
  'i',
);

/** Rejects statements that could affect a table of another plugin or of the hub by mistake. */
function check(text: string, names: readonly string[]): void {
  const refused = (why: string): GenericError => new GenericError(`a step of tables ${why}: ${text}`);
  if (!starts.test(text))
    throw refused('must create, alter, drop or fill {TABLE}, in one line that begins so');
  if (text.includes(';')) throw refused('has a semicolon: write one statement each');
  if (/\b(FROM|JOIN|REFERENCES|INTO)\s+(?!\{)/i.test(text))
    throw refused('names a table that is not a {TABLE}');
  for (const [, name = ''] of text.matchAll(/\{([^}]*)\}/g))
    if (!names.some((table) => name === table || name.startsWith(`${table}_`)))
      throw refused(`names {${name}}, which is none of ${names.join(', ')}`);
}

/** Returns the hub's side of {@link tables}; null for anything else. */
export function tablesOf(value: unknown): DeclaredTables | null {
  if (typeof value !== 'object' || value === null || !(brand in value)) return null;
  return value[brand] as DeclaredTables;
}

/** Returns whether a value represents a table of the running plugin. */
export function isPluginTable(value: unknown): value is PluginTable {
  return typeof value === 'object' && value !== null && tableBrand in value;
}
