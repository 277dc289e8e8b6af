import type { QueryRunner } from 'typeorm';
import type { Dialect } from '../sql.js';

/** An index that is made while the table is read and written. */
export interface LateIndex {
  readonly name: string;
  /** What it is on, as in `CREATE INDEX name ON …`. */
  readonly on: string;
  /** An extension of PostgreSQL that it needs; without the extension there is no such index. */
  readonly extension?: string;
  /** An index that it does the work of, which is dropped. */
  readonly replaces?: string;
}

/**
 * Makes an index unless it exists. On PostgreSQL nobody waits for it meanwhile; what an interrupted run left unfinished is
 * made again.
 */
export async function makeIndex(runner: QueryRunner, dialect: Dialect, index: LateIndex): Promise<void> {
  const { name, on, extension, replaces } = index;
  const aside = dialect === 'postgres' ? 'CONCURRENTLY ' : '';
  if (extension !== undefined && !(await hasExtension(runner, extension))) return;
  if (dialect === 'postgres') await dropUnfinished(runner, name);
  await runner.query(`CREATE INDEX ${aside}IF NOT EXISTS ${name} ON ${on}`);
  if (replaces !== undefined) await runner.query(`DROP INDEX ${aside}IF EXISTS ${replaces}`);
}

async function dropUnfinished(runner: QueryRunner, name: string): Promise<void> {
  const rows = (await runner.query(
    'SELECT 1 FROM pg_index WHERE indexrelid = to_regclass($1) AND NOT indisvalid',
    [name],
  )) as readonly unknown[];
  if (rows.length > 0) await runner.query(`DROP INDEX CONCURRENTLY ${name}`);
}

/** Whether the database has an extension, which is made where the hub's account may. */
async function hasExtension(runner: QueryRunner, name: string): Promise<boolean> {
  const found = async (): Promise<boolean> => {
    const rows = (await runner.query('SELECT 1 FROM pg_extension WHERE extname = $1', [
      name,
    ])) as readonly unknown[];
    return rows.length > 0;
  };
  if (await found()) return true;
  // Refused where it is not installed or the account may not: searches are slower then, and all else is the same.
  await runner.query(`CREATE EXTENSION IF NOT EXISTS ${name}`).catch(() => undefined);
  return found();
}
