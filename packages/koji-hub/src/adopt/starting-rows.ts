import type { Connection } from '../db/connection.js';
import { rows } from '../db/migrations/0001-rows.js';
import { id, sql } from '../db/sql.js';
import { encodeRow, insertRows } from './encode.js';
import type { TableMap } from './mapping.js';

/** Tables of rows that the code of a hub counts on; what a site made of its channels and types of builds is its own. */
export const startingTables: ReadonlySet<string> = new Set(['permissions', 'archivetypes', 'locks']);

/** Adds the permissions, types of archives and locks that an older Koji did not have, as Koji's own upgrade scripts do. */
export async function addStartingRows(db: Connection, maps: readonly TableMap[]): Promise<void> {
  for (const table of maps.filter(({ name }) => startingTables.has(name))) {
    const known = await db.all<{ name: string }>(sql`SELECT name FROM ${id(table.name)}`);
    const names = new Set(known.map(({ name }) => name));
    const missing = (rows[table.name] ?? []).filter((row) => !names.has(String(row['name'])));
    const [first] = missing;
    if (!first) continue;
    const columns = Object.keys(first);
    const text = missing.map((row) =>
      encodeRow(
        row,
        columns.map((name) => [name, 'plain']),
        db.dialect,
      ),
    );
    await db.run(insertRows(table, columns, `[${text.join(',')}]`));
  }
}
