import { isDate, isMap, isUint8Array } from 'node:util/types';
import { className, isAsyncIterable, isHighSurrogate, isIterable, isPlain, pythonDate } from './encode.js';
import { EncodeError } from './errors.js';
import { doubleToText } from './numbers.js';
import { RowStream } from './row-stream.js';
import { DateTime, Double } from './values.js';

const chunkLength = 65_536;
const deepest = 512;
/** Characters of a text, or bytes, to write at once; a multiple of three, so that base64 needs no padding in between. */
const pieceLength = 30_000;

/**
 * Encodes a value as JSON in chunks of about 64 KiB. Iterables at any depth, including async ones, are read as the chunks are
 * consumed, and closed with the generator. Whole floats keep their point (`2.0`) and large integers all digits; inf and nan are
 * null, bytes are base64, dates are strings as in XML-RPC. Members without a value are omitted.
 *
 * @param start text before the value
 * @param end text after it
 */
export async function* encodeJsonStream(
  value: unknown,
  start = '',
  end = '',
): AsyncGenerator<string, void, void> {
  const encoder = new JsonEncoder(start);
  try {
    encoder.write(value);
    for (let state = encoder.run(); state !== 'done'; state = encoder.run()) {
      if (state === 'wait') await encoder.next();
      else yield encoder.take();
    }
    yield encoder.take(end);
  } finally {
    await encoder.close();
  }
}

/** Encodes a value as JSON like {@link encodeJsonStream}, for small values without async iterables. */
export function encodeJson(value: unknown): string {
  const encoder = new JsonEncoder('');
  encoder.write(value);
  let out = '';
  for (let state = encoder.run(); state !== 'done'; state = encoder.run()) {
    if (state === 'wait') throw new EncodeError('an async iterable is only sent in an async response');
    out += encoder.take();
  }
  return out + encoder.take();
}

type Frame = { readonly outer: Frame | undefined; readonly source: object; isFirst: boolean } & (
  | { readonly kind: 'struct'; readonly items: Readonly<Record<string, unknown>>; keys: string[]; at: number }
  | { readonly kind: 'list'; readonly items: Iterator<unknown> }
  | {
      readonly kind: 'rows';
      readonly items: AsyncIterator<unknown>;
      portion: readonly unknown[];
      at: number;
      over: boolean;
    }
  | {
      readonly kind: 'pieces';
      readonly length: number;
      at: number;
      readonly piece: (from: number) => { text: string; to: number };
    }
);

/** Writes one value without recursion, so that it can pause anywhere. */
class JsonEncoder {
  private frame: Frame | undefined;
  private depth = 0;

  constructor(private out: string) {}

  take(end = ''): string {
    const chunk = this.out + end;
    this.out = '';
    return chunk;
  }

  run(): 'chunk' | 'wait' | 'done' {
    for (let frame = this.frame; frame !== undefined; frame = this.frame) {
      if (this.out.length >= chunkLength) return 'chunk';
      switch (frame.kind) {
        case 'struct':
          this.writeMember(frame);
          break;
        case 'list': {
          const next = frame.items.next();
          if (next.done) this.end(']');
          else this.writeItem(frame, next.value);
          break;
        }
        case 'pieces': {
          const { text, to } = frame.piece(frame.at);
          frame.at = to;
          this.out += text;
          if (to >= frame.length) this.end('"');
          break;
        }
        case 'rows':
          if (frame.over) this.end(']');
          else if (frame.at < frame.portion.length) this.writeItem(frame, frame.portion[frame.at++]);
          else return 'wait';
      }
    }
    return 'done';
  }

  /** Waits for the next rows of the async iterable at which `run` paused. */
  async next(): Promise<void> {
    const { frame } = this;
    if (frame?.kind !== 'rows') return;
    const read: IteratorResult<unknown, unknown> = await frame.items.next();
    frame.at = 0;
    if (read.done) frame.over = true;
    else frame.portion = frame.source instanceof RowStream ? (read.value as unknown[]) : [read.value];
  }

  /** Closes the iterables that have not ended. */
  async close(): Promise<void> {
    const closing: unknown[] = [];
    for (let frame = this.frame; frame !== undefined; frame = frame.outer)
      if (frame.kind === 'list' || frame.kind === 'rows') closing.push(frame.items.return?.());
    this.frame = undefined;
    await Promise.all(closing);
  }

  write(value: unknown): void {
    switch (typeof value) {
      case 'string':
        this.writeText(value);
        return;
      case 'number':
        this.out += numberText(value);
        return;
      case 'boolean':
      case 'bigint':
        this.out += String(value);
        return;
      case 'object':
        if (value === null) this.out += 'null';
        else this.writeObject(value);
        return;
      default:
        throw new EncodeError(
          `${typeof value === 'undefined' ? 'undefined' : `a ${typeof value}`} is no value`,
        );
    }
  }

  private writeObject(value: object): void {
    if (value instanceof Double)
      this.out += Number.isFinite(value.value) ? doubleToText(value.value) : 'null';
    else if (value instanceof DateTime) this.writeText(value.value);
    else if (isDate(value)) this.writeText(pythonDate(value));
    else if (isUint8Array(value)) this.writeBytes(value);
    else if (Array.isArray(value) || (!isPlain(value) && !isMap(value) && isIterable(value)))
      this.push('[', { ...this.base(value), kind: 'list', items: (value as unknown[])[Symbol.iterator]() });
    else if (isAsyncIterable(value)) {
      const items = (value instanceof RowStream ? value.portions : value)[Symbol.asyncIterator]();
      this.push('[', { ...this.base(value), kind: 'rows', items, portion: [], at: 0, over: false });
    } else if (isPlain(value) || isMap(value)) {
      const items = (isMap(value) ? Object.fromEntries(value) : value) as Record<string, unknown>;
      this.push('{', { ...this.base(value), kind: 'struct', items, keys: Object.keys(items), at: 0 });
    } else throw new EncodeError(`${className(value)} can't be sent`);
  }

  private base(source: object): { outer: Frame | undefined; source: object; isFirst: boolean } {
    return { outer: this.frame, source, isFirst: true };
  }

  private push(bracket: string, frame: Frame): void {
    if (this.depth >= deepest)
      throw new EncodeError(`values are nested deeper than ${deepest} levels, or one contains itself`);
    this.depth += 1;
    this.out += bracket;
    this.frame = frame;
  }

  private end(bracket: string): void {
    if (this.frame?.kind !== 'pieces') this.depth -= 1;
    this.out += bracket;
    this.frame = this.frame?.outer;
  }

  private writeMember(frame: Frame & { kind: 'struct' }): void {
    const { items, keys } = frame;
    while (frame.at < keys.length) {
      const key = keys[frame.at++] ?? '';
      const value = items[key];
      if (value === undefined) continue;
      this.out += `${frame.isFirst ? '' : ','}${JSON.stringify(key)}:`;
      frame.isFirst = false;
      this.write(value);
      if (this.frame !== frame || this.out.length >= chunkLength) return;
    }
    this.end('}');
  }

  private writeItem(frame: Frame, value: unknown): void {
    if (!frame.isFirst) this.out += ',';
    frame.isFirst = false;
    this.write(value);
  }

  private writeText(text: string): void {
    if (text.length <= pieceLength) {
      this.out += JSON.stringify(text);
      return;
    }
    const piece = (from: number): { text: string; to: number } => {
      let to = Math.min(from + pieceLength, text.length);
      // Surrogate pairs are not split.
      if (to < text.length && isHighSurrogate(text.charCodeAt(to - 1))) to -= 1;
      return { text: JSON.stringify(text.slice(from, to)).slice(1, -1), to };
    };
    this.startPieces(text.length, piece);
  }

  private writeBytes(bytes: Uint8Array): void {
    const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const piece = (from: number): { text: string; to: number } => {
      const to = Math.min(from + pieceLength, buffer.length);
      return { text: buffer.toString('base64', from, to), to };
    };
    this.startPieces(buffer.length, piece);
  }

  /** Starts a long text, which has no children and does not count as a level. */
  private startPieces(length: number, piece: (from: number) => { text: string; to: number }): void {
    this.out += '"';
    this.frame = { ...this.base({}), kind: 'pieces', length, at: 0, piece };
  }
}

function numberText(value: number): string {
  if (Number.isInteger(value) && !Number.isSafeInteger(value)) return doubleToText(value);
  return Number.isFinite(value) ? String(value) : 'null';
}
