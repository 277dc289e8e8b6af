import type { MigrationInterface, QueryRunner } from 'typeorm';
import type { Dialect } from '../sql.js';

/** One step of the schema. Never changed once released; a later step corrects it. */
export interface Migration extends Readonly<Record<Dialect, readonly string[]>> {
  readonly number: number;
  readonly name: string;
  /** Rows to insert after the statements, by table. */
  readonly rows?: Readonly<Record<string, readonly Readonly<Record<string, string | number | null>>[]>>;
}

/** The name a migration is recorded under; TypeORM orders by the thirteen digits at its end. */
export function recordedName(migration: Migration): string {
  return `${migration.name}${String(migration.number).padStart(13, '0')}`;
}

/** A migration as TypeORM runs it. */
export function runnable(migration: Migration, dialect: Dialect): MigrationInterface {
  return {
    name: recordedName(migration),

    async up(runner: QueryRunner): Promise<void> {
      for (const statement of migration[dialect]) await runner.query(statement);
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
