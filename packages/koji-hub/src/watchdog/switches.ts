/**
 * Plugin parts that are switched off in all processes, stored in the database: a plugin that kept the hub from answering, and a
 * callback that may fail and kept failing.
 */
import fs from 'node:fs/promises';
import path from 'node:path';
import { ownFolder } from '../domain/files/places.js';
import { isStruct } from '../domain/values/convert.js';
import type { Logger } from '@koji/core';
import type { Connection, Database } from '../db/connection.js';
import { sql } from '../db/sql.js';
import type { BlockNote } from './notes.js';

/** When a plugin is switched off. */
export interface SwitchRules {
  /** Times within {@link window} that it may block the hub; the last one switches it off. 0 never does. */
  readonly retries: number;
  /** Milliseconds until it is tried again. */
  readonly pause: number;
}

/** Milliseconds after which an earlier block no longer counts. */
const window = 3_600_000;
/** Milliseconds between two looks at what other processes found. */
const interval = 5000;

/** The folder of the notes, below the top of the file store. */
export function notesFolder(top: string): string {
  return path.join(top, ownFolder, 'blocks');
}

interface OffRow {
  readonly plugin: string;
  readonly kind: string;
  readonly name: string;
  readonly off_until: string;
}

/** Parts that are switched off; those found by other processes are known a few seconds later. */
export class PluginSwitches {
  /** By plugin, or plugin and event. */
  private off = new Map<string, Date>();
  private timer: NodeJS.Timeout | null = null;

  /** Until when a plugin, or its callback of an event, is switched off; null when it runs. */
  readonly offUntil = (plugin: string, event?: string): Date | null => {
    const until = this.off.get(keyOf(plugin, event));
    return until && until.getTime() > Date.now() ? until : null;
  };

  /** Reads what is in the database, now and from time to time. */
  async follow(database: Database, log: Logger): Promise<void> {
    await this.read(database);
    this.timer = setInterval(() => {
      this.read(database).catch((error: unknown) => log.error('which plugins are off is not known', error));
    }, interval).unref();
  }

  stop(): void {
    if (this.timer) clearInterval(this.timer);
  }

  private async read(database: Database): Promise<void> {
    const rows = await database.read((db) =>
      db.all<OffRow>(
        sql`SELECT plugin, kind, name, off_until FROM plugin_activity
            WHERE kind IN ('block', 'callback') AND off_until > ${new Date()} ORDER BY off_until`,
      ),
    );
    this.off = new Map(
      rows.map(({ plugin, kind, name, off_until: until }) => [
        keyOf(plugin, kind === 'callback' ? name : undefined),
        new Date(until),
      ]),
    );
  }
}

function keyOf(plugin: string, event: string | undefined): string {
  return event === undefined ? plugin : `${plugin} ${event}`;
}

/** Takes the notes that blocked processes left: each counts against its plugin, and the last that may be switches it off. */
export async function takeNotes(
  database: Database,
  folder: string,
  { rules, log }: { readonly rules: SwitchRules; readonly log: Logger },
): Promise<void> {
  const names = await fs.readdir(folder).catch((): string[] => []);
  for (const name of names.filter((file) => file.endsWith('.json'))) {
    const file = path.join(folder, name);
    const note = readNote(await fs.readFile(file, 'utf8').catch(() => ''));
    // One process takes it: the others find it gone.
    if (
      !(await fs.rm(file).then(
        () => true,
        () => false,
      )) ||
      !note
    )
      continue;
    const until = await database.write((db) => count(db, note, rules));
    if (until)
      log.error(
        `plugin ${note.plugin} is switched off until ${until.toISOString()}: it kept the hub from answering ${rules.retries} times within an hour, at last in ${note.part}`,
      );
  }
}

function readNote(text: string): BlockNote | null {
  try {
    const note: unknown = JSON.parse(text);
    const fields = ['plugin', 'part', 'message', 'at'];
    return isStruct(note) && fields.every((field) => typeof note[field] === 'string')
      ? (note as unknown as BlockNote)
      : null;
  } catch {
    return null;
  }
}

/** Counts a block; answers until when its plugin is off, if it is. */
async function count(db: Connection, note: BlockNote, { retries, pause }: SwitchRules): Promise<Date | null> {
  const at = new Date(note.at);
  await db.run(
    sql`UPDATE plugin_activity SET runs = 0 WHERE plugin = ${note.plugin} AND kind = 'block'
        AND last_failure_time < ${new Date(at.getTime() - window)}`,
  );
  await db.run(
    sql`INSERT INTO plugin_activity (plugin, kind, name, runs, failures, ignored, timeouts, skipped, seconds,
          last_failure, last_failure_time)
        VALUES (${note.plugin}, 'block', ${note.part}, 1, 1, 0, 0, 0, 0, ${note.message}, ${at})
        ON CONFLICT (plugin, kind, name) DO UPDATE SET runs = plugin_activity.runs + 1,
          failures = plugin_activity.failures + 1, last_time = excluded.last_time,
          last_failure = excluded.last_failure, last_failure_time = excluded.last_failure_time`,
  );
  const row = await db.get<{ blocks: number }>(
    sql`SELECT CAST(sum(runs) AS integer) AS blocks FROM plugin_activity WHERE plugin = ${note.plugin} AND kind = 'block'`,
  );
  if (retries === 0 || (row?.blocks ?? 0) < retries) return null;
  const until = new Date(Date.now() + pause);
  await db.run(
    sql`UPDATE plugin_activity SET off_until = ${until} WHERE plugin = ${note.plugin} AND kind = 'block'`,
  );
  return until;
}
