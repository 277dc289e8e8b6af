import { isDate, isMap, isUint8Array } from 'node:util/types';
import { base64Piece, encodeBase64 } from './base64.js';
import { EncodeError } from './errors.js';
import { doubleToText } from './numbers.js';
import { EncodedRows, RowStream } from './row-stream.js';
import { DateTime, Double } from './values.js';

const prolog = "<?xml version='1.0'?>\n";
const chunkLength = 65_536;
const deepest = 512;
/** Length in characters above which a text is written in pieces of that length. */
const longText = 32_768;
const responseStart = `${prolog}<methodResponse>\n<params>\n<param>\n`;
const responseEnd = '</param>\n</params>\n</methodResponse>\n';

/** A call as text. Params that are async iterables are refused: calls are small. */
export function encodeCall(method: string, params: readonly unknown[]): string {
  const start = `${prolog}<methodCall>\n<methodName>${escapeText(method)}</methodName>\n<params>\n`;
  const body = params.map((param, i) => `<param>\n${encodeValue(param, `params[${i}]`)}</param>\n`);
  return `${start}${body.join('')}</params>\n</methodCall>\n`;
}

/** A response with its value as text. */
export function encodeResponse(value: unknown): string {
  const chunks: string[] = [];
  for (const chunk of encodeResponseChunks(value)) {
    // Makes V8 flatten the chunk while its pieces are fresh, which is twice as fast as joining millions of pieces at the end.
    chunk.charCodeAt(0);
    chunks.push(chunk);
  }
  return chunks.join('');
}

/** A fault as text. */
export function encodeFault(code: number, text: string): string {
  const fault = encodeValue({ faultCode: code, faultString: text }, 'fault');
  return `${prolog}<methodResponse>\n<fault>\n${fault}</fault>\n</methodResponse>\n`;
}

/**
 * Encodes a response in chunks of about 64 KiB. Iterables at any depth are read as the chunks are consumed, and closed with the
 * generator.
 */
export function* encodeResponseChunks(value: unknown): Generator<string, void, void> {
  const encoder = new Encoder('value', responseStart);
  try {
    encoder.begin(value);
    for (let state = encoder.run(); state !== 'done'; state = encoder.run()) {
      if (state === 'wait') throw encoder.error('an async iterable is only sent in an async response');
      yield encoder.take();
    }
    yield encoder.take(responseEnd);
  } finally {
    void encoder.close();
  }
}

/** A part of a document: a text, or its bytes. */
export type Chunk = string | Uint8Array;

/** Text before and after the value of a response. */
export const responseFrame: readonly [start: string, end: string] = [responseStart, responseEnd];

/** Encodes a value in chunks like {@link encodeResponseStream}, without the frame of a response. */
export async function* encodeValueStream(value: unknown): AsyncGenerator<Chunk, void, void> {
  yield* chunksOf(new Encoder('value', ''), value);
}

/**
 * Like {@link encodeResponseChunks}, but also accepts async iterables of rows at any depth, each written as an array. Rows that are
 * already encoded are passed on as bytes.
 */
export async function* encodeResponseStream(value: unknown): AsyncGenerator<Chunk, void, void> {
  yield* chunksOf(new Encoder('value', responseStart), value, responseEnd);
}

async function* chunksOf(encoder: Encoder, value: unknown, end = ''): AsyncGenerator<Chunk, void, void> {
  try {
    encoder.begin(value);
    for (let state = encoder.run(); state !== 'done'; state = encoder.run()) {
      if (state === 'chunk') yield encoder.take();
      else {
        const written = await encoder.next();
        if (!written) continue;
        yield encoder.take();
        yield written;
      }
    }
    yield encoder.take(end);
  } finally {
    await encoder.close();
  }
}

/** The text of a value alone, without the document around it. */
export const encodeValueText = (value: unknown): string => encodeValue(value, 'value');

function encodeValue(value: unknown, name: string): string {
  const encoder = new Encoder(name, '');
  let out = '';
  encoder.begin(value);
  for (let state = encoder.run(); state !== 'done'; state = encoder.run()) {
    if (state === 'wait') throw encoder.error('an async iterable is only sent in an async response');
    out += encoder.take();
  }
  return out + encoder.take();
}

// Characters that are not written unchanged, including lone surrogates and characters that XML forbids.
const special = /[^\t\n -%'-;=?-\ud7ff\ue000-\ufffd]/;
const unsendable =
  /[\0-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/;

/** Whether a code unit is the first half of a surrogate pair. */
export const isHighSurrogate = (code: number): boolean => code >= 0xd800 && code <= 0xdbff;

/**
 * Escapes a text for XML.
 *
 * @param offset position of the text in the complete text
 * @throws EncodeError for a character that can't be sent
 */
export function escapeText(text: string, offset = 0): string {
  if (!special.test(text)) return text;
  const bad = unsendable.exec(text);
  if (bad) {
    const code = bad[0].charCodeAt(0).toString(16).padStart(4, '0').toUpperCase();
    throw new EncodeError(`the character U+${code} at offset ${offset + bad.index} can't be sent in XML`);
  }
  const escaped = text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
  // An unescaped carriage return would arrive as a line feed.
  return escaped.includes('\r') ? escaped.replaceAll('\r', '&#13;') : escaped;
}

/** Start of a member, up to its value and, for the most frequent types, into it, which means fewer pieces to append. */
interface MemberStart {
  open: string;
  string: string;
  int: string;
}

const memberStarts = new Map<string, MemberStart>();

function memberStart(key: string): MemberStart {
  const known = memberStarts.get(key);
  if (known !== undefined) return known;
  const open = `<member>\n<name>${escapeText(key)}</name>\n`;
  const start = { open, string: `${open}<value><string>`, int: `${open}<value><int>` };
  // Keys may come from callers (such as file names), so the cache must not grow with them.
  if (memberStarts.size >= 4096) memberStarts.clear();
  if (key.length <= 64) memberStarts.set(key, start);
  return start;
}

/** Continuation of a member whose long name has already been written. */
const namedStart: MemberStart = { open: '', string: '<value><string>', int: '<value><int>' };

interface StructFrame {
  kind: 'struct';
  items: Readonly<Record<string, unknown>>;
  keys: readonly string[];
  inMember: boolean;
  /** Whether the name of the current member has been written. */
  named: boolean;
}

/**
 * A partly written array, struct or iterable, where `at` counts the started items; or a long text or bytes, with the number of
 * written characters.
 */
type Frame = { outer: Frame | undefined; source: object; at: number } & (
  | { kind: 'array'; items: readonly unknown[] }
  | StructFrame
  | { kind: 'pieces'; length: number; piece: (from: number) => Piece; end: string }
  | { kind: 'iterable'; items: Iterator<unknown> }
  | {
      kind: 'asyncIterable';
      items: AsyncIterator<unknown>;
      portion: readonly unknown[] | 'end';
      next: number;
    }
);

/** A part of a long text, and the start of the next one. */
interface Piece {
  readonly text: string;
  readonly to: number;
}

/** Writes one value without recursion, so that it can pause anywhere: for a full chunk, or to wait for a row. */
class Encoder {
  private frame: Frame | undefined;
  private depth = 0;

  constructor(
    private readonly name: string,
    private out: string,
  ) {}

  take(end = ''): string {
    const chunk = this.out + end;
    this.out = '';
    return chunk;
  }

  begin(value: unknown): void {
    this.write(value);
  }

  run(): 'chunk' | 'wait' | 'done' {
    for (let frame = this.frame; frame !== undefined; frame = this.frame) {
      if (this.out.length >= chunkLength) return 'chunk';
      switch (frame.kind) {
        case 'struct':
          this.writeStruct(frame);
          break;
        case 'array':
          this.writeArray(frame);
          break;
        case 'pieces':
          this.writePiece(frame);
          break;
        case 'iterable': {
          const next = frame.items.next();
          if (next.done) this.endArray();
          else this.writeItem(frame, next.value);
          break;
        }
        case 'asyncIterable': {
          const { portion } = frame;
          if (portion === 'end') this.endArray();
          else if (frame.next < portion.length) this.writeItem(frame, portion[frame.next++]);
          else return 'wait';
        }
      }
    }
    return 'done';
  }

  /** Waits for the next rows of the async iterable at which `run` paused. Returns them if they are already encoded, otherwise null. */
  async next(): Promise<Uint8Array | null> {
    const { frame } = this;
    if (frame?.kind !== 'asyncIterable') return null;
    const read: IteratorResult<unknown, unknown> = await frame.items.next();
    frame.next = 0;
    frame.portion = [];
    if (read.done) frame.portion = 'end';
    else if (!(frame.source instanceof RowStream)) frame.portion = [read.value];
    else if (read.value instanceof EncodedRows) {
      frame.at += read.value.count;
      return read.value.bytes;
    } else frame.portion = read.value as unknown[];
    return null;
  }

  /** Closes the iterables that have not ended. */
  close(): Promise<unknown> {
    const closing: unknown[] = [];
    for (let frame = this.frame; frame !== undefined; frame = frame.outer) {
      if (frame.kind === 'iterable' || frame.kind === 'asyncIterable') closing.push(frame.items.return?.());
    }
    this.frame = undefined;
    return Promise.all(closing);
  }

  error(problem: string): EncodeError {
    return new EncodeError(`${this.path()}: ${problem}`);
  }

  private path(): string {
    const parts: string[] = [];
    for (let frame = this.frame; frame !== undefined; frame = frame.outer) {
      if (frame.kind === 'pieces') continue;
      const key = frame.kind === 'struct' ? (frame.keys[frame.at - 1] ?? '') : undefined;
      if (key === undefined) parts.unshift(`[${frame.at - 1}]`);
      else parts.unshift(/^[A-Za-z_]\w*$/.test(key) ? `.${key}` : `[${JSON.stringify(key)}]`);
    }
    const shown = parts.length > 20 ? [...parts.slice(0, 20), '…'] : parts;
    return this.name + shown.join('');
  }

  private push(frame: Frame): void {
    if (this.depth >= deepest) {
      const inside = this.contains(frame.source);
      throw this.error(inside ? 'it contains itself' : `values are nested deeper than ${deepest} levels`);
    }
    this.depth++;
    this.frame = frame;
  }

  private contains(source: object): boolean {
    for (let frame = this.frame; frame !== undefined; frame = frame.outer) {
      if (frame.source === source) return true;
    }
    return false;
  }

  private pop(): void {
    this.depth--;
    this.frame = this.frame?.outer;
  }

  private endArray(): void {
    this.out += '</data></array></value>\n';
    this.pop();
  }

  private writeItem(frame: Frame, value: unknown): void {
    frame.at++;
    if (value === undefined) throw this.error('undefined is no value');
    this.write(value);
  }

  private writeArray(frame: Frame & { kind: 'array' }): void {
    const { items } = frame;
    while (frame.at < items.length) {
      this.writeItem(frame, items[frame.at]);
      if (this.frame !== frame || this.out.length >= chunkLength) return;
    }
    this.endArray();
  }

  private writeStruct(frame: Frame & StructFrame): void {
    const { items, keys } = frame;
    if (frame.inMember) this.out += '</member>\n';
    frame.inMember = false;
    while (frame.named || frame.at < keys.length) {
      const key = keys[frame.named ? frame.at - 1 : frame.at++] as string;
      const value = items[key];
      if (value === undefined) continue;
      if (key.length > longText && !frame.named) {
        frame.named = true;
        this.out += '<member>\n<name>';
        this.startText(key, '</name>\n');
        return;
      }
      const start = frame.named ? namedStart : this.memberStart(key);
      frame.named = false;
      if (typeof value === 'string' && value.length <= longText) {
        this.out += start.string + this.text(value) + '</string></value>\n</member>\n';
      } else if (typeof value === 'number' && (value | 0) === value) {
        this.out += `${start.int}${value}</int></value>\n</member>\n`;
      } else if (!this.writeMember(frame, start, value)) return;
      if (this.out.length >= chunkLength) return;
    }
    this.out += '</struct></value>\n';
    this.pop();
  }

  /** Returns false for an array, a struct or a long text, which must be written first. */
  private writeMember(frame: Frame & StructFrame, start: MemberStart, value: unknown): boolean {
    this.out += start.open;
    this.write(value);
    frame.inMember = this.frame !== frame;
    if (frame.inMember) return false;
    this.out += '</member>\n';
    return true;
  }

  private memberStart(key: string): MemberStart {
    try {
      return memberStart(key);
    } catch (error) {
      throw this.error(messageOf(error));
    }
  }

  private write(value: unknown): void {
    switch (typeof value) {
      case 'string':
        if (value.length > longText) {
          this.out += '<value><string>';
          this.startText(value, '</string></value>\n');
        } else this.out += '<value><string>' + this.text(value) + '</string></value>\n';
        return;
      case 'number':
        this.writeNumber(value);
        return;
      case 'boolean':
        this.out += value ? '<value><boolean>1</boolean></value>\n' : '<value><boolean>0</boolean></value>\n';
        return;
      case 'bigint':
        this.writeBigint(value);
        return;
      case 'object':
        if (value === null) this.out += '<value><nil/></value>';
        else this.writeObject(value);
        return;
      default:
        throw this.error(`${typeof value === 'undefined' ? 'undefined' : `a ${typeof value}`} is no value`);
    }
  }

  /** Starts a long text, which has no children and does not count as a level. */
  private startText(text: string, end: string): void {
    const piece = (from: number): Piece => {
      let to = Math.min(from + longText, text.length);
      // Surrogate pairs are not split.
      if (to < text.length && isHighSurrogate(text.charCodeAt(to - 1))) to -= 1;
      return { text: this.text(text.slice(from, to), from), to };
    };
    this.frame = { kind: 'pieces', outer: this.frame, source: {}, at: 0, length: text.length, piece, end };
  }

  private startBytes(bytes: Uint8Array, end: string): void {
    const piece = (from: number): Piece => {
      const to = Math.min(from + base64Piece, bytes.length);
      return { text: encodeBase64(bytes.subarray(from, to)), to };
    };
    this.frame = { kind: 'pieces', outer: this.frame, source: {}, at: 0, length: bytes.length, piece, end };
  }

  private writePiece(frame: Frame & { kind: 'pieces' }): void {
    const { text, to } = frame.piece(frame.at);
    frame.at = to;
    this.out += text;
    if (to < frame.length) return;
    this.out += frame.end;
    this.frame = frame.outer;
  }

  private text(text: string, offset = 0): string {
    if (!special.test(text)) return text;
    try {
      return escapeText(text, offset);
    } catch (error) {
      throw this.error(messageOf(error));
    }
  }

  private writeNumber(value: number): void {
    if ((value | 0) === value) this.out += `<value><int>${value}</int></value>\n`;
    else if (Number.isSafeInteger(value)) this.out += `<value><i8>${value}</i8></value>\n`;
    else this.out += `<value><double>${doubleToText(value)}</double></value>\n`;
  }

  private writeBigint(value: bigint): void {
    if (value !== BigInt.asIntN(64, value)) throw this.error(`${value} does not fit in 64 bits`);
    const tag = value === BigInt.asIntN(32, value) ? 'int' : 'i8';
    this.out += `<value><${tag}>${value}</${tag}></value>\n`;
  }

  private writeObject(value: object): void {
    const outer = this.frame;
    if (Array.isArray(value)) {
      this.push({ kind: 'array', outer, source: value, at: 0, items: value });
      this.out += '<value><array><data>\n';
    } else if (isPlain(value)) {
      const items = value as Record<string, unknown>;
      this.push({
        kind: 'struct',
        outer,
        source: value,
        at: 0,
        items,
        keys: Object.keys(items),
        inMember: false,
        named: false,
      });
      this.out += '<value><struct>\n';
    } else this.writeOther(value);
  }

  private writeOther(value: object): void {
    const outer = this.frame;
    if (value instanceof Double) this.out += `<value><double>${doubleToText(value.value)}</double></value>\n`;
    else if (value instanceof DateTime) {
      this.out += `<value><dateTime.iso8601>${this.text(value.value)}</dateTime.iso8601></value>\n`;
    } else if (isDate(value)) this.out += `<value><string>${this.date(value)}</string></value>\n`;
    else if (isUint8Array(value)) {
      this.out += '<value><base64>\n';
      if (value.length > base64Piece) this.startBytes(value, '</base64></value>\n');
      else this.out += `${encodeBase64(value)}</base64></value>\n`;
    } else if (isMap(value)) {
      const items = this.mapItems(value);
      this.push({
        kind: 'struct',
        outer,
        source: value,
        at: 0,
        items,
        keys: Object.keys(items),
        inMember: false,
        named: false,
      });
      this.out += '<value><struct>\n';
    } else if (isIterable(value)) {
      this.push({ kind: 'iterable', outer, source: value, at: 0, items: value[Symbol.iterator]() });
      this.out += '<value><array><data>\n';
    } else if (isAsyncIterable(value)) {
      const items = (value instanceof RowStream ? value.encoded : value)[Symbol.asyncIterator]();
      this.push({ kind: 'asyncIterable', outer, source: value, at: 0, items, portion: [], next: 0 });
      this.out += '<value><array><data>\n';
    } else throw this.error(`${className(value)} can't be sent`);
  }

  private mapItems(map: ReadonlyMap<unknown, unknown>): Record<string, unknown> {
    const items = Object.create(null) as Record<string, unknown>;
    for (const [key, value] of map) {
      if (typeof key !== 'string') throw this.error('a key of the map is not a text');
      items[key] = value;
    }
    return items;
  }

  private date(date: Date): string {
    if (Number.isNaN(date.getTime())) throw this.error('the date is invalid');
    return pythonDate(date);
  }
}

/** Formats a date like Koji; an invalid one is a RangeError. */
export function pythonDate(date: Date): string {
  return date.toISOString().replace('T', ' ').replace('Z', '000+00:00');
}

/** Whether a value is a struct: Object.prototype of any realm is accepted, an instance of a class is an error. */
export function isPlain(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype === Object.prototype || prototype === null) return true;
  return (
    Object.getPrototypeOf(prototype) === null &&
    Object.hasOwn(prototype as object, 'hasOwnProperty') &&
    !(Symbol.iterator in value)
  );
}

/** Whether a value is an iterable. */
export function isIterable(value: object): value is Iterable<unknown> {
  return Symbol.iterator in value;
}

/** Whether a value is an async iterable. */
export function isAsyncIterable(value: object): value is AsyncIterable<unknown> {
  return Symbol.asyncIterator in value;
}

/** Returns a description of a value's type, for an error. */
export function className(value: object): string {
  const { constructor } = value as { constructor?: { name?: string } };
  const name = constructor?.name ?? 'object';
  return name === 'Promise' ? 'a Promise (is an await missing?)' : `an instance of ${name}`;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
