/** Files of tasks' outputs. */
import type { Calls } from '../calls.js';

/** A file of a task's output. */
export interface TaskFile {
  readonly task: number;
  readonly name: string;
  readonly volume: string;
}

/** Returns the output files of a task by name and volume. */
export type Output = Readonly<Record<string, Readonly<Record<string, { readonly st_size: string }>>>>;

/** Bytes that one call reads. */
export const pieceLength = 1 << 20;

/** Returns the output files of a task. */
export function outputOf(calls: Calls, task: number): Promise<Output> {
  return calls.listTaskOutput(task, true, true);
}

/** Returns the size of a file in bytes; null when the task has no such file. */
export async function findSize(calls: Calls, { task, name, volume }: TaskFile): Promise<number | null> {
  const files = await outputOf(calls, task);
  const file = Object.hasOwn(files, name) ? files[name]?.[volume] : undefined;
  return file ? Number(file.st_size) : null;
}

/** Reads a part of a file. */
export async function readPart(
  calls: Calls,
  { task, name, volume }: TaskFile,
  { from, length }: { readonly from: number; readonly length: number },
): Promise<Buffer> {
  return Buffer.from(await calls.downloadTaskOutput(task, name, from, length, volume), 'base64');
}

/** Reads a file from a byte on, in pieces, to its size. */
export async function* readPieces(
  calls: Calls,
  file: TaskFile,
  { from, to }: { readonly from: number; readonly to: number },
): AsyncGenerator<Buffer, void, void> {
  for (let at = from; at < to;) {
    const bytes = await readPart(calls, file, { from: at, length: Math.min(pieceLength, to - at) });
    if (bytes.length === 0) return;
    at += bytes.length;
    yield bytes;
  }
}
