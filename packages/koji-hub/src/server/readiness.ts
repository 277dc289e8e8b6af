import { setTimeout as sleep } from 'node:timers/promises';
import type { Hub } from '../call.js';
import { migrations } from '../db/migrations/index.js';
import { isAdditive, recordedName } from '../db/migrations/migration.js';
import { sql } from '../db/sql.js';

/** Milliseconds for which an answer is cached. */
const holds = 1000;
/** Milliseconds after which a database that does not answer counts as unreachable. */
const patience = 5000;

/** Checks whether a hub can answer calls: its database must be readable and have this version's schema. */
export class Readiness {
  private asked: Promise<string | null> | null = null;
  private until = -Infinity;

  constructor(private readonly hub: Pick<Hub, 'database' | 'logger'>) {}

  /** Returns the reason why the hub can't answer, or null. Concurrent callers share one check. */
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
      // Callers must not see addresses or statements.
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
