import type { Call } from '../../call.js';
import type { Connection } from '../../db/connection.js';
import { syncAll, syncIfThere } from './durable.js';

/**
 * Files and folders that a transaction changed, which must be durable before it commits. They are synced together: those of one
 * folder take one sync of it, and a disk makes several syncs durable at the price of one.
 */
export class Syncs {
  private readonly paths = new Set<string>();
  /** Syncs of new folders. Other calls use such a folder at once, so these do not wait for the end of the transaction. */
  private readonly begun: Promise<void>[] = [];

  /** Syncs them before the commit. What is gone by then needs no sync. */
  add(...paths: readonly string[]): void {
    for (const path of paths) this.paths.add(path);
  }

  /** Begins to sync a folder in which another was made. */
  begin(folder: string): void {
    const sync = syncIfThere(folder);
    // It is awaited by `finish`.
    sync.catch(() => undefined);
    this.begun.push(sync);
  }

  /** Syncs what waits at or below a path, which is about to get another name. */
  async leave(path: string): Promise<void> {
    const below = [...this.paths].some((one) => one === path || one.startsWith(`${path}/`));
    if (below) await this.finish();
  }

  /** Resolves once everything is durable. */
  async finish(): Promise<void> {
    const begun = this.begun.splice(0);
    const waiting = [...this.paths];
    this.paths.clear();
    await Promise.all([...begun, syncAll(waiting)]);
  }
}

/** Parts of a multicall share those of their transaction. */
const syncs = new WeakMap<Connection, Syncs>();

/** Returns the syncs that the transaction of a call owes. */
export function syncsOf({ db }: Call): Syncs {
  const found = syncs.get(db) ?? new Syncs();
  syncs.set(db, found);
  return found;
}

/** Makes all files that calls of a transaction changed durable; due before its commit. */
export async function syncChanges(db: Connection): Promise<void> {
  await syncs.get(db)?.finish();
}
