import type { MigrationInterface, QueryRunner } from 'typeorm';
import type { Dialect } from '../sql.js';

/** An index on a table that may be large. */
export interface NewIndex {
  readonly name: string;
  readonly table: string;
  readonly columns: readonly string[];
  /**
   * The index expression, if it is not just columns, by database; on a database without an expression the index does not exist.
   */
  readonly on?: Readonly<Partial<Record<Dialect, string>>>;
  /** Condition for the rows in it. */
  readonly where?: string;
  /** An extension of PostgreSQL that it needs; where the hub's account may not make it, there is no such index. */
  readonly extension?: string;
}

/** One step of the schema. Never changed once released; a later step corrects it. */
export interface Migration extends Readonly<Record<Dialect, readonly string[]>> {
  readonly number: number;
  readonly name: string;
  /** Rows to insert after the statements, by table. */
  readonly rows?: Readonly<Record<string, readonly Readonly<Record<string, string | number | null>>[]>>;
  /**
   * Indexes that PostgreSQL makes while others write. A step with such has no transaction, so that its statements may run again
   * after an interruption.
   */
  readonly indexes?: readonly NewIndex[];
  /**
   * Whether hubs of the previous version keep working after this step, because it only adds objects that they need not know.
   * The recorded name of the step says so, so that those hubs can tell.
   */
  readonly additive?: boolean;
}

/** Suffix of the name of an additive migration, before the number. */
const additiveMark = '+';

/** The name a migration is recorded under; TypeORM orders by the thirteen digits at its end. */
export function recordedName({ name, number, additive = false }: Migration): string {
  return `${name}${additive ? additiveMark : ''}${String(number).padStart(13, '0')}`;
}

/** Whether a recorded name, of whichever version, is one of an additive migration. */
export function isAdditive(recorded: string): boolean {
  return recorded.at(-14) === additiveMark;
}

/** A migration as TypeORM runs it. */
export function runnable(migration: Migration, dialect: Dialect): MigrationInterface {
  const isOnline = dialect === 'postgres' && migration.indexes !== undefined;
  return {
    name: recordedName(migration),
    ...(isOnline ? { transaction: false } : {}),

    async up(runner: QueryRunner): Promise<void> {
      for (const statement of migration[dialect]) await runner.query(statement);
      for (const index of migration.indexes ?? [])
        await makeIndex(runner, dialect, { index, isOnline });
      for (const [table, rows] of Object.entries(migration.rows ?? {})) {
        for (const row of rows) {
          const places = Object.keys(row).map((_, i) => (dialect === 'postgres' ? `$${i + 1}` : '?'));
          const text = `INSERT INTO ${table} (${Object.keys(row).join(', ')}) VALUES (${places.join(', ')})`;
          await runner.query(text, Object.values(row));
        }
      }
    },

    async down(): Promise<void> {
      throw new Error(`migration ${migration.number} (${migration.name}) cannot be undone: restore a backup`);
    },
  };
}

async function makeIndex(
  runner: QueryRunner,
  dialect: Dialect,
  { index, isOnline }: { readonly index: NewIndex; readonly isOnline: boolean },
): Promise<void> {
  if (index.on && index.on[dialect] === undefined) return;
  if (index.extension !== undefined && !(await hasExtension(runner, index.extension))) return;
  await (isOnline ? makeOnline(runner, index) : runner.query(indexStatement(dialect, index)));
}

function indexStatement(dialect: Dialect, { name, table, columns, on, where }: NewIndex, how = ''): string {
  const listed = columns.map((column) => `"${column}"`).join(', ');
  const some = where === undefined ? '' : ` WHERE ${where}`;
  return `CREATE INDEX ${how}"${name}" ON "${table}" ${on?.[dialect] ?? `(${listed})`}${some}`;
}

/** Creates an index without blocking writers. An interrupted one exists but is useless, and is created again. */
async function makeOnline(runner: QueryRunner, index: NewIndex): Promise<void> {
  const [found] = (await runner.query(
    `SELECT indisvalid AS valid FROM pg_index WHERE indexrelid = to_regclass($1)`,
    [`"${index.name}"`],
  )) as { valid: boolean }[];
  if (found?.valid) return;
  if (found) await runner.query(`DROP INDEX CONCURRENTLY "${index.name}"`);
  await runner.query(indexStatement('postgres', index, 'CONCURRENTLY '));
}

/** Whether the database has an extension, which is made where the hub's account may. */
async function hasExtension(runner: QueryRunner, name: string): Promise<boolean> {
  const has = async (): Promise<boolean> => {
    const rows = (await runner.query('SELECT 1 FROM pg_extension WHERE extname = $1', [
      name,
    ])) as readonly unknown[];
    return rows.length > 0;
  };
  if (await has()) return true;
  // Refused where it is not installed or the account may not: searches are slower then, and all else is the same.
  await runner.query(`CREATE EXTENSION IF NOT EXISTS ${name}`).catch(() => undefined);
  return has();
}
