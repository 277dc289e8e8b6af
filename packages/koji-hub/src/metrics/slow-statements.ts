/** Tells of statements that took long, with the plan that the database has for them. */
import type { Logger } from '@koji/core';
import type { Database, StatementWatch } from '../db/connection.js';
import { sql } from '../db/sql.js';
import type { Sql } from '../db/sql.js';
import { currentMethod } from '../server/call-fields.js';

/** Milliseconds for which a statement's plan is not shown again. */
const showAgain = 600_000;
/** Statements that are remembered. */
const mostKnown = 1000;
/** How much of a statement's text a line shows. */
const longestText = 4000;

/** Logs statements that take `limit` milliseconds or more; their values are shown to nobody. */
export class SlowStatements {
  private readonly shown = new Map<string, number>();

  constructor(
    private readonly limit: number,
    private readonly log: Logger,
    private readonly database: Pick<Database, 'dialect' | 'read'>,
  ) {}

  readonly watch: StatementWatch = (query, milliseconds) => {
    if (milliseconds < this.limit) return;
    const { text } = query.render(this.database.dialect);
    const took = `${(milliseconds / 1000).toFixed(3)} s`;
    this.log.warn(`a statement of ${currentMethod() ?? 'the hub itself'} took ${took}: ${oneLine(text)}`);
    if (this.isDue(text)) void this.showPlan(query, text);
  };

  private isDue(text: string): boolean {
    const now = performance.now();
    if (now - (this.shown.get(text) ?? -Infinity) < showAgain) return false;
    if (this.shown.size >= mostKnown) this.shown.clear();
    this.shown.set(text, now);
    return true;
  }

  private async showPlan(query: Sql, text: string): Promise<void> {
    try {
      const lines = await this.planOf(query);
      this.log.warn(`the plan of ${oneLine(text)}\n${lines.map((line) => `  ${line}`).join('\n')}`);
    } catch (error) {
      this.log.info(`there is no plan to show of ${oneLine(text)}`, error);
    }
  }

  private async planOf(query: Sql): Promise<string[]> {
    const { dialect } = this.database;
    const how = dialect === 'postgres' ? sql`EXPLAIN ` : sql`EXPLAIN QUERY PLAN `;
    const rows = await this.database.read((db) =>
      db.all<{ 'QUERY PLAN'?: string; detail?: string }>(sql`${how}${query}`),
    );
    return rows.map((row) => withoutTexts(row['QUERY PLAN'] ?? row.detail ?? ''));
  }
}

function oneLine(text: string): string {
  const line = text.replace(/\s+/g, ' ').trim();
  return line.length > longestText ? `${line.slice(0, longestText)}…` : line;
}

/** PostgreSQL shows values in its plans. */
function withoutTexts(line: string): string {
  return line.replace(/'(?:[^']|'')*'/g, "'…'");
}
