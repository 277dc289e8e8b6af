import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { GenericError, messageOf, type Logger } from '@koji/core';
import type { KojidOptions } from '@koji/core/config';
import type { ReportedActivity } from '@koji/plugin-sdk/host';

/** Outcome of a plugin's task. */
export interface TaskEnd {
  readonly plugin: string;
  readonly method: string;
  readonly milliseconds: number;
  /** Reason of the failure; null if the task succeeded. */
  readonly failure: string | null;
}

/** Activity of a plugin's tasks on this builder. */
export type StoredActivity = ReportedActivity & { readonly plugin: string };

function fileOf({ workdir }: KojidOptions): string {
  return path.join(workdir, 'plugin-activity.json');
}

/**
 * Reads the activity of plugins' tasks on this builder, which is empty before the first task.
 *
 * @throws GenericError with the file's name if the file can't be read
 */
export async function readActivity(options: KojidOptions): Promise<StoredActivity[]> {
  const file = fileOf(options);
  try {
    return JSON.parse(await readFile(file, 'utf8')) as StoredActivity[];
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw new GenericError(`${file} can't be read: ${messageOf(cause)}; remove it to start again`, { cause });
  }
}

/** Records the activity of plugins' tasks in a file of the builder's folder, for `kojid plugins`. */
export class ActivityFile {
  private writing: Promise<void> = Promise.resolve();

  constructor(
    private readonly options: KojidOptions,
    private readonly log: Logger,
  ) {}

  /** Adds a task that has ended. */
  add(end: TaskEnd): void {
    this.writing = this.writing
      .then(() => this.store(end))
      .catch((error: unknown) =>
        this.log.warn(`could not record the activity of plugins: ${messageOf(error)}`),
      );
  }

  /** Resolves when everything is written. */
  async close(): Promise<void> {
    await this.writing;
  }

  private async store({ plugin, method, milliseconds, failure }: TaskEnd): Promise<void> {
    const file = fileOf(this.options);
    const known = await readActivity(this.options);
    const isIt = (entry: StoredActivity): boolean => entry.plugin === plugin && entry.name === method;
    const old = known.find(isIt);
    const failed =
      failure === null ? {} : { last_failure: failure, last_failure_time: new Date().toISOString() };
    const entry: StoredActivity = {
      plugin,
      kind: 'task',
      name: method,
      runs: (old?.runs ?? 0) + 1,
      failures: (old?.failures ?? 0) + (failure === null ? 0 : 1),
      ignored: 0,
      timeouts: 0,
      skipped: 0,
      seconds: (old?.seconds ?? 0) + milliseconds / 1000,
      last_failure: old?.last_failure ?? null,
      last_failure_time: old?.last_failure_time ?? null,
      off_until: null,
      ...failed,
    };
    const all = [...known.filter((other) => !isIt(other)), entry];
    await mkdir(path.dirname(file), { recursive: true });
    // Replaced atomically, so that nobody reads half a file.
    await writeFile(`${file}.new`, JSON.stringify(all, null, 2));
    await rename(`${file}.new`, file);
  }
}
