import type { Calls } from '../calls.js';
import { pieceLength, readPieces } from './task-files.js';
import type { TaskFile } from './task-files.js';

/** Lines between two marks, unless the lines are so long that the limit in bytes applies. */
const every = 1000;
/** Most files whose marks are kept. */
const kept = 50;

const newline = 10;

/** Offset of a line; the first line is 1. */
interface Mark {
  readonly line: number;
  readonly at: number;
}

/** Known offsets of the lines of a file. */
export interface Lines {
  /** Number of lines, including a last line without a line end. */
  readonly total: number;
  /** Returns the last mark at or before a line. */
  before(line: number): Mark;
}

interface Scanned {
  /** Bytes that were read. */
  readonly size: number;
  readonly ends: number;
  /** Offset of the unfinished line. */
  readonly lineStart: number;
  readonly marks: readonly Mark[];
}

const nothing: Scanned = { size: 0, ends: 0, lineStart: 0, marks: [{ line: 1, at: 0 }] };

/** Finds lines of large files by number. Each file is read once; appended data is read on demand. */
export class LineMarks {
  private readonly files = new Map<string, Scanned>();

  /** Counts the lines of the first `size` bytes of a file. */
  async find(calls: Calls, file: TaskFile, size: number): Promise<Lines> {
    const key = JSON.stringify([file.task, file.volume, file.name]);
    const known = this.files.get(key) ?? nothing;
    const scanned = await scan(calls, file, { known: known.size > size ? nothing : known, size });
    this.files.delete(key);
    this.files.set(key, scanned);
    const [oldest = ''] = this.files.keys();
    if (this.files.size > kept) this.files.delete(oldest);
    const { ends, lineStart, marks } = scanned;
    return {
      total: ends + (scanned.size > lineStart ? 1 : 0),
      before: (line) => marks.findLast((mark) => mark.line <= line) ?? { line: 1, at: 0 },
    };
  }
}

async function scan(
  calls: Calls,
  file: TaskFile,
  { known, size }: { readonly known: Scanned; readonly size: number },
): Promise<Scanned> {
  let { size: at, ends, lineStart } = known;
  const marks = [...known.marks];
  let last = marks.at(-1) ?? { line: 1, at: 0 };
  for await (const bytes of readPieces(calls, file, { from: at, to: size })) {
    for (let end = bytes.indexOf(newline); end !== -1; end = bytes.indexOf(newline, end + 1)) {
      ends++;
      lineStart = at + end + 1;
      if (ends + 1 - last.line < every && lineStart - last.at < pieceLength) continue;
      last = { line: ends + 1, at: lineStart };
      marks.push(last);
    }
    at += bytes.length;
  }
  return { size: at, ends, lineStart, marks };
}
