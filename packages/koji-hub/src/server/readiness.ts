import { setTimeout as sleep } from 'node:timers/promises';
import type { Hub } from '../call.js';
import { migrations } from '../db/migrations/index.js';
import { isAdditive, recordedName } from '../db/migrations/migration.js';
import { sql } from '../db/sql.js';

/** Milliseconds for which an answer holds, however many ask. */
const holds = 1000;
/** Milliseconds after which a database that does not answer counts as one that can't be reached. */
const patience = 5000;

/** Whether a hub can answer calls: its database can be read and has the schema of this version. */
export class Readiness {
  private asked: Promise<string | null> | null = null;
  private until = -Infinity;

  constructor(private readonly hub: Pick<Hub, 'database' | 'logger'>) {}

  /** Returns what keeps the hub from answering, null for nothing. Those who ask at the same time share one look. */
  problem(): Promise<string | null> {
    if (this.asked && performance.now() < this.until) return this.asked;
    this.until = Infinity;
    this.asked = this.look().finally(() => (this.until = performance.now() + holds));
    return this.asked;
  }

  private async look(): Promise<string | null> {
    const stop = new AbortController();
    const late = sleep(patience, undefined, { signal: stop.signal, ref: false }).then(
      () => 'the database does not answer',
      () => null,
    );
    try {
      return await Promise.race([this.compare(), late]);
    } catch (error) {
      // Callers see no address or statement.
      this.hub.logger('koji.http').warn('the hub is not ready: the database cannot be read', error);
      return 'the database cannot be read';
    } finally {
      stop.abort();
    }
  }

  private async compare(): Promise<string | null> {
    const rows = await this.hub.database.read((db) =>
      db.all<{ name: string }>(sql`SELECT name FROM migrations`),
    );
    const applied = new Set(rows.map(({ name }) => name));
    const known = new Set(migrations.map(recordedName));
    const isComplete = [...known].every((name) => applied.has(name));
    const isNewer = [...applied].some((name) => !known.has(name) && !isAdditive(name));
    return isComplete && !isNewer ? null : 'the schema of the database is of another version';
  }
}
