/** The tables of plugins: their steps, what of them is done, and how they go. */
import { createHash } from 'node:crypto';
import { ConfigError } from '@koji/core';
import type { LoadedPlugin } from '@koji/plugin-sdk/host';
import type { Connection, Opened } from './connection.js';
import { Sql, id, sql } from './sql.js';
import type { Dialect } from './sql.js';

/**
 * The name of a plugin's table in the database. Two underscores end the plugin's part, which has none, so that no plugin's
 * names begin with another one's.
 *
 * @throws ConfigError for one that PostgreSQL would cut
 */
export function pluginTableName(plugin: string, table: string): string {
  const own = plugin
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, '_')
    .replaceAll(/^_|_$/g, '');
  const name = `plugin_${own}__${table}`;
  if (name.length > 63)
    throw new ConfigError(
      `plugin ${plugin}: the name of its table or index ${name} is longer than 63 characters`,
    );
  return name;
}

/** A step that a database lacks. */
interface Pending {
  readonly plugin: string;
  readonly number: number;
  readonly digest: string;
  readonly statements: readonly string[];
}

function stepsOf({ name, tables }: LoadedPlugin, dialect: Dialect): Pending[] {
  const all = tables.flatMap(({ steps }) => steps);
  return all.map((step, i) => {
    const statements = step.map((one) =>
      (typeof one === 'string' ? one : one[dialect]).replaceAll(
        /\{([^}]*)\}/g,
        (_, table: string) => `"${pluginTableName(name, table)}"`,
      ),
    );
    const digest = createHash('sha256').update(statements.join('\n')).digest('hex');
    return { plugin: name, number: i + 1, digest, statements };
  });
}

/**
 * Finds the steps that a database lacks.
 *
 * @throws ConfigError when a later version of a plugin was at the database, or a step that is done has changed
 */
async function pendingSteps(db: Connection, plugins: readonly LoadedPlugin[]): Promise<Pending[]> {
  const rows = await db.all<{ plugin: string; number: number; digest: string }>(
    sql`SELECT plugin, number, digest FROM plugin_migration ORDER BY plugin, number`,
  );
  return plugins.flatMap((plugin) => {
    const steps = stepsOf(plugin, db.dialect);
    const done = rows.filter((row) => row.plugin === plugin.name);
    if (done.length > steps.length)
      throw new ConfigError(
        `plugin ${plugin.name}: its tables are of a later version (step ${done.length}, and this one knows ${steps.length}): use that version, or restore a backup`,
      );
    const changed = done.find(({ digest }, i) => digest !== steps[i]?.digest);
    if (changed)
      throw new ConfigError(
        `plugin ${plugin.name}: step ${changed.number} of its tables was another one when it ran here: leave it as it was, and add a step`,
      );
    return steps.slice(done.length);
  });
}

/** Names of steps that are to be done, as an operator reads them. */
export async function missingSteps(database: Opened, plugins: readonly LoadedPlugin[]): Promise<string[]> {
  if (!plugins.some(({ tables }) => tables.length > 0)) return [];
  const pending = await database.read((db) => pendingSteps(db, plugins));
  return pending.map(({ plugin, number }) => `tables of plugin ${plugin}, step ${number}`);
}

/** Does all steps that a database lacks, each in a transaction of its own. Returns which. */
export async function migratePlugins(database: Opened, plugins: readonly LoadedPlugin[]): Promise<string[]> {
  const done: string[] = [];
  if (!plugins.some(({ tables }) => tables.length > 0)) return done;
  for (;;) {
    const step = await database.write(async (db) => {
      const [next] = await pendingSteps(db, plugins);
      if (!next) return null;
      const { plugin, number, digest, statements } = next;
      const row = sql`INSERT INTO plugin_migration (plugin, number, digest) VALUES (${plugin}, ${number}, ${digest})`;
      // Another process may do the same: it is waited for, and has done it then.
      if ((await db.run(sql`${row} ON CONFLICT DO NOTHING`)) === 0) return undefined;
      for (const statement of statements) await db.run(new Sql([statement]));
      return `tables of plugin ${plugin}, step ${number}`;
    });
    if (step === null) return done;
    if (step !== undefined) done.push(step);
  }
}

/** A table that a plugin has made, and how many rows it has. */
export interface PluginTableFacts {
  readonly table: string;
  readonly rows: number;
}

/** The tables in a database that are a plugin's, whether it is enabled or not. */
export async function listPluginTables(db: Connection, plugin: string): Promise<PluginTableFacts[]> {
  const prefix = pluginTableName(plugin, '');
  const names = await db.all<{ name: string }>(
    db.dialect === 'postgres'
      ? sql`SELECT table_name AS name FROM information_schema.tables WHERE table_schema = current_schema() ORDER BY 1`
      : sql`SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY 1`,
  );
  const facts: PluginTableFacts[] = [];
  for (const { name } of names.filter((one) => one.name.startsWith(prefix))) {
    const row = await db.get<{ rows: number }>(
      sql`SELECT CAST(count(*) AS integer) AS rows FROM ${id(name)}`,
    );
    facts.push({ table: name, rows: row?.rows ?? 0 });
  }
  return facts;
}

/** Drops the tables of a plugin, with the note of their steps. */
export async function dropPluginTables(db: Connection, plugin: string): Promise<void> {
  for (const { table } of await listPluginTables(db, plugin)) await db.run(sql`DROP TABLE ${id(table)}`);
  await db.run(sql`DELETE FROM plugin_migration WHERE plugin = ${plugin}`);
}
