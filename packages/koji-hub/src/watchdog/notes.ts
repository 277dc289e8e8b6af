import { randomUUID } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';

/** The note of a process that a plugin had blocked, or whose memory it had filled. */
export interface BlockNote {
  readonly plugin: string;
  /** The code that ran, `method greet`. */
  readonly part: string;
  /** The text for the log. */
  readonly message: string;
  /** ISO time. */
  readonly at: string;
}

/** Leaves a note for the process that comes next. */
export function leaveNote(folder: string, note: BlockNote): void {
  fs.mkdirSync(folder, { recursive: true, mode: 0o700 });
  fs.writeFileSync(path.join(folder, `${randomUUID()}.json`), JSON.stringify(note), { mode: 0o600 });
}
