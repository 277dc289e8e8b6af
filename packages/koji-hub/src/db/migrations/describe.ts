import type { Dialect } from '../sql.js';
import type { Migration } from './migration.js';

/** A part of a migration, described for the administrator who decides when to run it. */
export interface StepWork {
  /** The work, such as `index task_by_time on task`. */
  readonly text: string;
  /** The table whose rows are all read for it; null when its size does not matter. */
  readonly reads: string | null;
  /** Operations that are blocked meanwhile, for longer than a moment. */
  readonly blocks: 'nothing' | 'writes' | 'everything';
}

/** Describes the work of a migration by its statements. Indexes on tables that it makes are not worth a word. */
export function describeWork(migration: Migration, dialect: Dialect): StepWork[] {
  const made = new Set<string>();
  const isOnline = dialect === 'postgres' && migration.indexes !== undefined;
  const works = migration[dialect].flatMap((statement) => {
    const work = describeFill(statement, isOnline) ?? describeStatement(statement, made);
    return work ?? [];
  });
  const wanted = (migration.indexes ?? []).filter(({ on }) => !on || on[dialect] !== undefined);
  const indexes = wanted.map(
    ({ name, table }): StepWork => ({
      text: `index ${name} on ${table}`,
      reads: table,
      blocks: dialect === 'postgres' ? 'nothing' : 'writes',
    }),
  );
  const tables: StepWork[] =
    made.size > 3
      ? [{ text: `${made.size} tables`, reads: null, blocks: 'nothing' }]
      : [...made].map((table) => ({ text: `table ${table}`, reads: null, blocks: 'nothing' }));
  return [...tables, ...merge(works), ...indexes];
}

/** Describes a statement that fills one table from another; null for any other one. */
function describeFill(statement: string, isOnline: boolean): StepWork | null {
  const [, into, from = null] =
    /^INSERT INTO "?(\w+)"? \([^)]*\)\s+SELECT\s.* FROM "?(\w+)/s.exec(statement) ?? [];
  if (into === undefined) return null;
  return { text: `rows of ${into}`, reads: from, blocks: isOnline ? 'nothing' : 'writes' };
}

/** Notes a new table in `made`. */
function describeStatement(statement: string, made: Set<string>): StepWork | null {
  const words = statement.replaceAll(/\s+/g, ' ').trim();
  const table = /^CREATE (?:VIRTUAL )?TABLE "?(\w+)/.exec(words)?.[1];
  if (table !== undefined) {
    made.add(table);
    return null;
  }
  const [, index, on = ''] = /^CREATE (?:UNIQUE )?INDEX "?(\w+)"? ON "?(\w+)/.exec(words) ?? [];
  if (index !== undefined)
    return made.has(on) ? null : { text: `index ${index} on ${on}`, reads: on, blocks: 'writes' };
  const [, altered, column] = /^ALTER TABLE "?(\w+)"? ADD COLUMN "?(\w+)/.exec(words) ?? [];
  if (altered !== undefined && column !== undefined)
    return { text: `column ${column} of ${altered}`, reads: null, blocks: 'nothing' };
  const trigger = /^CREATE TRIGGER .* ON "?(\w+)/.exec(words)?.[1];
  if (trigger !== undefined) return { text: `rules of ${trigger}`, reads: null, blocks: 'nothing' };
  if (words.startsWith('CREATE FUNCTION ')) return null;
  const changed = /^(?:ALTER TABLE|UPDATE|DELETE FROM|INSERT INTO) "?(\w+)/.exec(words)?.[1] ?? null;
  if (changed !== null && made.has(changed)) return null;
  return { text: words.slice(0, 70), reads: changed, blocks: 'everything' };
}

/** One line for works that are told the same way. */
function merge(works: readonly StepWork[]): StepWork[] {
  return [...new Map(works.map((work) => [work.text, work])).values()];
}
