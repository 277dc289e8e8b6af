/** Parts of logs by line numbers. */
import type { Calls } from '../calls.js';
import type { Lines } from './line-marks.js';
import { readPieces } from './task-files.js';
import type { TaskFile } from './task-files.js';

/** Lines of a window. */
export const windowLines = 300;
/** Most characters in a window; longer lines make it shorter. */
const windowLength = 45_000;
/** Characters of a line that are shown. */
const lineLength = 4000;
/** Bytes that one search looks at. */
const searched = 1 << 24;

/** Some lines of a log. */
export interface Window {
  /** The number of the first line. */
  readonly first: number;
  readonly lines: readonly string[];
}

/** A log whose lines were counted. */
export interface Log {
  readonly file: TaskFile;
  readonly size: number;
  readonly lines: Lines;
}

/** Reads the lines from a number on, as many as a window has. */
export async function readWindow(calls: Calls, log: Log, first: number): Promise<Window> {
  return { first, lines: await readLines(calls, log, { first, most: windowLines, length: windowLength }) };
}

/** Reads the lines from a number on, until there are so many or they have so many characters. */
export async function readLines(
  calls: Calls,
  log: Log,
  {
    first,
    most,
    length: longest = 1 << 20,
  }: { readonly first: number; readonly most: number; readonly length?: number },
): Promise<string[]> {
  const lines: string[] = [];
  let length = 0;
  for await (const piece of piecesFrom(calls, log, first))
    for (const { number, bytes } of linesOf(piece)) {
      if (number < first) continue;
      const text = cut(bytes);
      lines.push(text);
      length += text.length;
      if (lines.length >= most || length >= longest) return lines;
    }
  return lines;
}

/** Result or progress of a search. */
export interface Found {
  readonly line: number | null;
  /** The line to continue from; null at the end of the log. */
  readonly next: number | null;
}

/** Finds the next line with a text, from a line on; case doesn't matter. */
export async function findText(
  calls: Calls,
  log: Log,
  { text, from }: { readonly text: string; readonly from: number },
): Promise<Found> {
  const wanted = text.toLowerCase();
  const has = (bytes: Buffer): boolean => plainText(bytes.toString('utf8')).toLowerCase().includes(wanted);
  let length = 0;
  for await (const piece of piecesFrom(calls, log, from)) {
    length += piece.bytes.length;
    const end = piece.first + lineCount(piece.bytes);
    // Most pieces do not contain the text, which one search of the whole piece shows.
    if (has(piece.bytes))
      for (const { number, bytes } of linesOf(piece))
        if (number >= from && has(Buffer.from(cut(bytes)))) return { line: number, next: number + 1 };
    if (length > searched) return { line: null, next: end };
  }
  return { line: null, next: null };
}

interface Line {
  readonly number: number;
  readonly bytes: Buffer;
}

/** Consecutive whole lines of a log. */
interface Piece {
  /** The number of the first line. */
  readonly first: number;
  readonly bytes: Buffer;
}

/**
 * Reads the lines from the mark before a number in pieces of the file, because a step of an asynchronous loop for each of a
 * million lines takes seconds. The end of a very long line is cut off.
 */
async function* piecesFrom(
  calls: Calls,
  { file, size, lines }: Log,
  first: number,
): AsyncGenerator<Piece, void, void> {
  const mark = lines.before(first);
  let number = mark.line;
  let rest: Buffer = Buffer.alloc(0);
  for await (const read of readPieces(calls, file, { from: mark.at, to: size })) {
    const end = read.lastIndexOf(10) + 1;
    if (end > 0) {
      const bytes = rest.length > 0 ? Buffer.concat([rest, read.subarray(0, end)]) : read.subarray(0, end);
      yield { first: number, bytes };
      number += lineCount(bytes);
      rest = Buffer.alloc(0);
    }
    if (rest.length < lineLength * 4) rest = Buffer.concat([rest, read.subarray(end)]);
  }
  if (rest.length > 0) yield { first: number, bytes: rest };
}

/** Counts the line ends. */
function lineCount(bytes: Buffer): number {
  let count = 0;
  for (let at = bytes.indexOf(10); at !== -1; at = bytes.indexOf(10, at + 1)) count++;
  return count;
}

function linesOf({ first, bytes }: Piece): Line[] {
  const found: Line[] = [];
  let from = 0;
  for (let end = bytes.indexOf(10); end !== -1; end = bytes.indexOf(10, from)) {
    found.push({ number: first + found.length, bytes: bytes.subarray(from, end) });
    from = end + 1;
  }
  if (from < bytes.length) found.push({ number: first + found.length, bytes: bytes.subarray(from) });
  return found;
}

function cut(bytes: Buffer): string {
  const text = bytes
    .subarray(0, lineLength * 4)
    .toString('utf8')
    .replace(/\r$/, '');
  return text.length > lineLength ? `${text.slice(0, lineLength)}…` : text;
}

const marks = /\u001b\[[0-9;?]*[A-Za-z]/g;

/** Returns text without the escape sequences for colours. */
export function plainText(text: string): string {
  return text.replace(marks, '');
}

const tones: Readonly<Record<string, string>> = {
  1: 'strong',
  31: 'bad',
  32: 'good',
  33: 'waiting',
  34: 'busy',
  35: 'busy',
  36: 'busy',
};

/** A part of a line in one colour. */
export interface Coloured {
  readonly text: string;
  readonly tone: string | null;
}

/** Splits a line where its colour changes. */
export function coloured(line: string): Coloured[] {
  const pieces: Coloured[] = [];
  let tone: string | null = null;
  let from = 0;
  for (const { 0: mark, index } of line.matchAll(marks)) {
    if (index > from) pieces.push({ text: line.slice(from, index), tone });
    from = index + mark.length;
    if (mark.endsWith('m')) tone = tones[mark.slice(2, -1).split(';').at(-1) ?? ''] ?? null;
  }
  if (from < line.length) pieces.push({ text: line.slice(from), tone });
  return pieces;
}
