import { decodeBase64 } from './base64.js';
import { WireError } from './errors.js';
import { readDouble, readInteger, strip } from './numbers.js';
import { DateTime, Double } from './values.js';
import {
  checkEpilog,
  nameAt,
  skipAttributes,
  skipComment,
  skipInstruction,
  unescapePieces,
  unescapeText,
} from './xml.js';

/** What a document may hold at most; going past one of them is a {@link WireError} of kind `unsupported`. */
export interface DecodeLimits {
  /** Arrays and structs inside each other; 512, a little more than Koji's own encoder manages. */
  depth: number;
  /** Values and struct keys in all; 50 million. */
  values: number;
  /** Members of one struct; 200,000. */
  keys: number;
  /** Attributes of one element; 64. */
  attributes: number;
  /** Length of an element's name; 256. */
  nameLength: number;
}

/** What a document holds. */
export interface Document {
  method: string | undefined;
  params: unknown[];
  isFault: boolean;
}

/** Characters of a text from which on it is made in pieces. */
const longText = 65_536;
/** Keys and values of a struct from which on it is made in pieces; even. */
const manyMembers = 8192;

/** What the end of an element does. */
const enum Kind {
  other,
  value,
  nil,
  boolean,
  integer,
  double,
  string,
  base64,
  dateTime,
  methodName,
  array,
  struct,
  params,
  fault,
}

const kinds = new Map<string, Kind>([
  ['value', Kind.value],
  ['nil', Kind.nil],
  ['boolean', Kind.boolean],
  ['i1', Kind.integer],
  ['i2', Kind.integer],
  ['i4', Kind.integer],
  ['i8', Kind.integer],
  ['int', Kind.integer],
  ['biginteger', Kind.integer],
  ['double', Kind.double],
  ['float', Kind.double],
  ['bigdecimal', Kind.double],
  ['string', Kind.string],
  ['name', Kind.string],
  ['base64', Kind.base64],
  ['dateTime.iso8601', Kind.dateTime],
  ['methodName', Kind.methodName],
  ['array', Kind.array],
  ['struct', Kind.struct],
  ['params', Kind.params],
  ['fault', Kind.fault],
]);

const holdsText = (kind: Kind): boolean => kind >= Kind.boolean && kind <= Kind.methodName;

/** How a document is decoded. */
export interface DecoderSettings {
  readonly limits: DecodeLimits;
  readonly exactDoubles: boolean;
  /** Makes what takes the place of each value of the outermost array. */
  readonly mapRow?: ((row: unknown) => unknown) | undefined;
  /** Whether the text is the begin of a document, of which more comes: see `resume`. */
  readonly piecewise?: boolean;
}

/** Where a decoder was between two tags, to go back to. */
interface Place {
  readonly at: number;
  readonly size: number;
  readonly open: readonly string[];
  readonly openKinds: readonly Kind[];
  readonly marks: readonly number[];
  readonly method: string | undefined;
  readonly ended: Kind;
  readonly over: boolean;
}

/** How a member starts, in the form Koji writes: a row's members start like those of the row before. */
interface Header {
  text: string;
  key: string;
  next: Header | undefined;
}

const memberStart = '<member>\n<name>';

/**
 * One pass over a document. Which documents are accepted and what they mean follows Koji (expat under Python's xmlrpc), so
 * it is lenient about how elements nest and strict about XML and values. Values gather on one stack; an array or struct
 * takes its own from it when it ends. The forms Koji itself writes are read in a stride (`member`, `scalar`), with
 * the same outcome as element by element.
 */
export class Decoder {
  private readonly open: string[] = [];
  private readonly openKinds: Kind[] = [];
  private stack: unknown[] = [];
  private size = 0;
  private readonly marks: number[] = [];
  /** Where the last start tag ended: text elements mean the text since then. */
  private from = 0;
  /** Whether the last start tag was that of a value, which is a string then if it ends. */
  private bare = false;
  private insideText = false;
  private method: string | undefined;
  private ended: Kind = Kind.other;
  private nextReference: number;
  private nextCdataEnd: number;
  private readonly headers = new Map<string, Header>();
  private header: Header | undefined;
  /** What is left to do of the last tag before the next one is read: a long value is made in pieces. */
  private unfinished: Iterator<void, void, void> | undefined;
  /** Whether the root element has ended. */
  private over = false;

  private readonly limits: DecodeLimits;
  private readonly exactDoubles: boolean;
  private readonly mapRow: ((row: unknown) => unknown) | undefined;
  private readonly piecewise: boolean;
  /** Whether the outermost of arrays and structs is an array, whose values are rows. */
  private inRows = false;
  /** Rows that are complete. */
  private rows = 0;
  /** Where the text starts in the document. */
  private offset = 0;
  /** The last place outside of any array and struct, or between two values of the outermost one. */
  private place: Place;

  /** @param at where it is: before, in or after the root element */
  constructor(
    private text: string,
    public at: number,
    { limits, exactDoubles, mapRow, piecewise = false }: DecoderSettings,
  ) {
    this.limits = limits;
    this.exactDoubles = exactDoubles;
    this.mapRow = mapRow;
    this.piecewise = piecewise;
    this.place = this.here();
    this.nextReference = this.find('&', 0);
    this.nextCdataEnd = this.find(']]>', 0);
  }

  /** Reads up to `most` tags; returns true at the end of the root element. */
  step(most: number): boolean {
    const { text } = this;
    for (let i = 0; i < most; i++) {
      if (!this.isFinished()) return false;
      if (this.marks.length <= 1 && !this.bare && !this.insideText) this.betweenValues();
      if (this.over) return true;
      const tag = text.indexOf('<', this.at);
      if (tag === -1) throw this.error(`the document ends inside <${this.open.at(-1)}>`, text.length);
      if (tag > this.at) {
        this.checkText(this.at, tag);
        this.at = tag;
        if (this.unfinished) continue;
      }
      const next = text.charCodeAt(tag + 1);
      if (next === 0x2f) this.endTag();
      else if (next === 0x21) this.markup();
      else if (next === 0x3f) this.at = skipInstruction(text, tag);
      else if (!(next === 0x6d ? this.member() : next === 0x76 && this.value())) this.startTag();
      this.over = this.open.length === 0;
    }
    return false;
  }

  /** Notes that another row may be complete, and that this is a place to go back to. */
  private betweenValues(): void {
    const [mark] = this.marks;
    if (this.mapRow && this.inRows && mark !== undefined && this.size > mark + this.rows) {
      this.stack[this.size - 1] = this.mapRow(this.stack[this.size - 1]);
      this.rows++;
    }
    if (this.piecewise) this.place = this.here();
  }

  private here(): Place {
    const { at, size, open, openKinds, marks, method, ended, over } = this;
    return { at, size, open: [...open], openKinds: [...openKinds], marks: [...marks], method, ended, over };
  }

  /** The text from the last place on that there is to go back to. */
  get rest(): string {
    return this.text.slice(this.place.at);
  }

  /** Goes back to the last such place, and on from there with more of the document. */
  resume(more: string): void {
    const { at, size, open, openKinds, marks, method, ended, over } = this.place;
    this.text = this.rest + more;
    this.offset += at;
    this.at = 0;
    this.size = size;
    this.open.splice(0, Infinity, ...open);
    this.openKinds.splice(0, Infinity, ...openKinds);
    this.marks.splice(0, Infinity, ...marks);
    this.bare = false;
    this.insideText = false;
    this.method = method;
    this.ended = ended;
    this.over = over;
    this.unfinished = undefined;
    this.nextReference = this.find('&', 0);
    this.nextCdataEnd = this.find(']]>', 0);
    this.place = this.here();
  }

  /** Checks what comes after the root element; yields after each part of it. */
  epilog(): Generator<void, void, void> {
    return checkEpilog(this.text, this.at);
  }

  /** Goes on with what is left to do of the last tag; returns whether that was all. */
  private isFinished(): boolean {
    if (this.unfinished && !this.unfinished.next().done) return false;
    this.unfinished = undefined;
    return true;
  }

  finish(): Document {
    if (this.ended === Kind.other)
      throw this.error('there is neither a method name nor params nor a fault', 0);
    return {
      method: this.method,
      params: this.stack.slice(0, this.size),
      isFault: this.ended === Kind.fault,
    };
  }

  private error(message: string, at: number = this.at, kind?: 'unsupported'): WireError {
    return new WireError(message, this.offset + at, kind);
  }

  private find(what: string, from: number): number {
    const at = this.text.indexOf(what, from);
    return at === -1 ? Infinity : at;
  }

  /** Whether text holds a reference, or an end of CDATA, which text may not; asked in document order. */
  private isPlain(from: number, to: number): boolean {
    if (this.nextReference < from) this.nextReference = this.find('&', from);
    if (this.nextCdataEnd < from) this.nextCdataEnd = this.find(']]>', from);
    return this.nextReference >= to && this.nextCdataEnd >= to;
  }

  private checkText(from: number, to: number): void {
    if (this.isPlain(from, to)) return;
    if (this.nextCdataEnd < to) throw this.error("']]>' in text", this.nextCdataEnd);
    if (to - from <= longText) unescapeText(this.text.slice(from, to), from);
    else
      this.unfinished = both(
        this.unfinished,
        this.textSteps(from, to, () => undefined),
      );
  }

  /** Pushes the text of a value. */
  private pushText(from: number, to: number): void {
    if (this.isPlain(from, to)) {
      this.push(this.text.slice(from, to));
      return;
    }
    if (this.nextCdataEnd < to) throw this.error("']]>' in text", this.nextCdataEnd);
    if (to - from <= longText) this.push(unescapeText(this.text.slice(from, to), from));
    else this.unfinished = this.textSteps(from, to, (text) => this.push(text));
  }

  private push(value: unknown): void {
    if (this.size >= this.limits.values) {
      throw this.error(`there are more than ${this.limits.values} values`, this.at, 'unsupported');
    }
    this.stack[this.size++] = value;
  }

  private markup(): void {
    const { text, at } = this;
    if (text.startsWith('<!--', at)) this.at = skipComment(text, at);
    else if (text.startsWith('<![CDATA[', at)) {
      const end = text.indexOf(']]>', at);
      if (end === -1) throw this.error('a CDATA section is not closed');
      this.at = end + 3;
    } else throw this.error("'<!' starts nothing that is allowed here");
  }

  private startTag(): void {
    const { text, limits } = this;
    const name = nameAt(text, this.at + 1);
    if (name === '') throw this.error("'<' without a name: write it as &lt;");
    if (name.length > limits.nameLength)
      throw this.error('the name of an element is too long', this.at, 'unsupported');
    let end = this.at + 1 + name.length;
    if (text.charCodeAt(end) !== 0x3e) end = skipAttributes(text, end, limits.attributes);
    const kind = this.kindOf(name);
    this.open.push(name);
    this.openKinds.push(kind);
    const empty = text.charCodeAt(end) === 0x2f;
    if (empty && text.charCodeAt(end + 1) !== 0x3e) throw this.error("'/' in a start tag", end);
    this.at = end + (empty ? 2 : 1);
    this.from = this.at;
    this.start(name, kind);
    if (empty) this.end(this.at);
  }

  private kindOf(name: string): Kind {
    return kinds.get(name) ?? kinds.get(name.slice(name.lastIndexOf(':') + 1)) ?? Kind.other;
  }

  private start(name: string, kind: Kind): void {
    if (kind === Kind.array || kind === Kind.struct) {
      if (this.marks.length >= this.limits.depth) {
        throw this.error(
          `values are nested deeper than ${this.limits.depth} levels`,
          this.from,
          'unsupported',
        );
      }
      if (this.marks.length === 0) this.inRows = kind === Kind.array;
      this.marks.push(this.size);
    } else if (this.bare && kind === Kind.other) {
      throw this.error(`<${name}> is not a type of value`, this.from);
    } else if (holdsText(kind)) {
      // Text would have to be gathered again for each of them, at a cost that is quadratic.
      if (this.insideText) throw this.error(`<${name}> inside of a plain value`, this.from, 'unsupported');
      this.insideText = true;
    }
    if (this.open.length > 8 + 8 * this.limits.depth) {
      throw this.error('elements are nested too deep', this.from, 'unsupported');
    }
    this.bare = kind === Kind.value;
  }

  private endTag(): void {
    const { text, at } = this;
    const name = this.open.at(-1) ?? '';
    let end = at + 2 + name.length;
    if (!text.startsWith(name, at + 2)) throw this.error(`<${name}> is not closed by its own end tag`);
    if (text.charCodeAt(end) !== 0x3e) {
      const wrong = nameAt(text, at + 2) !== name;
      end += /^[ \t\n]*/.exec(text.slice(end, end + 256))?.[0].length ?? 0;
      if (wrong || text[end] !== '>') throw this.error(`<${name}> is not closed by its own end tag`);
    }
    this.end(at);
    this.at = end + 1;
  }

  /** The text since the last start tag, whichever elements ended in between, in pieces. */
  private *textPieces(from: number, end: number): Generator<string, void, void> {
    const { text } = this;
    for (let at = from; at < end;) {
      const tag = text.indexOf('<', at);
      const stop = tag === -1 || tag > end ? end : tag;
      if (stop > at) yield* unescapePieces(text.slice(at, stop), at);
      if (stop === end) break;
      if (text.startsWith('<!--', stop)) at = skipComment(text, stop);
      else if (text.startsWith('<?', stop)) at = skipInstruction(text, stop);
      else if (text.startsWith('<![CDATA[', stop)) {
        at = text.indexOf(']]>', stop) + 3;
        yield text.slice(stop + 9, at - 3);
      } else at = text.indexOf('>', stop) + 1;
      if (stop - from > longText) yield '';
    }
  }

  /** Gathers the text of a value and hands it on. */
  private *textSteps(
    from: number,
    end: number,
    take: (text: string) => unknown,
  ): Generator<void, void, void> {
    let out = '';
    for (const piece of this.textPieces(from, end)) {
      out += piece;
      yield;
    }
    const more = take(out);
    if (isSteps(more)) yield* more;
  }

  /** Hands on the text since the last start tag, at once unless it is long. */
  private withText(end: number, take: (text: string) => unknown): void {
    const { text, from } = this;
    if (end - from > longText) this.unfinished = this.textSteps(from, end, take);
    else if (text.indexOf('<', from) < end) finished(this.textSteps(from, end, take));
    else {
      const more = take(unescapeText(text.slice(from, end), from));
      if (isSteps(more)) finished(more);
    }
  }

  private end(textEnd: number): void {
    this.open.pop();
    const kind = this.openKinds.pop() ?? Kind.other;
    if (holdsText(kind)) {
      this.insideText = false;
      this.withText(textEnd, (text) => this.endText(kind, text));
      if (kind !== Kind.methodName) this.bare = false;
      return;
    }
    switch (kind) {
      case Kind.value:
        if (this.bare) this.withText(textEnd, (text) => this.push(text));
        this.bare = false;
        break;
      case Kind.nil:
        this.push(null);
        this.bare = false;
        break;
      case Kind.array:
      case Kind.struct: {
        const mark = this.marks.pop() ?? 0;
        if (kind === Kind.struct) this.endStruct(mark);
        else this.replaceFrom(mark, this.stack.slice(mark, this.size));
        this.bare = false;
        break;
      }
      case Kind.params:
      case Kind.fault:
        this.ended = kind;
    }
  }

  private endText(kind: Kind, text: string): unknown {
    if (kind === Kind.base64) return this.base64Steps(text);
    if (kind === Kind.methodName) {
      this.method = text;
      this.ended = kind;
    } else this.push(this.valueOf(kind, text));
    return undefined;
  }

  private *base64Steps(text: string): Generator<void, void, void> {
    this.push(this.known(yield* decodeBase64(this.ascii(text)), text, 'base64'));
  }

  /** Puts an array or struct in the place of what it holds. */
  private replaceFrom(mark: number, value: unknown): void {
    this.size = mark;
    this.push(value);
  }

  private valueOf(kind: Kind, text: string): unknown {
    switch (kind) {
      case Kind.boolean:
        if (text !== '0' && text !== '1') throw this.error(`'${brief(text)}' is not a boolean: 0 or 1`);
        return text === '1';
      case Kind.integer:
        return this.known(readInteger(text), text, 'an integer');
      case Kind.double: {
        const value = this.known(readDouble(text), text, 'a number');
        return this.exactDoubles && Number.isInteger(value) ? new Double(value) : value;
      }
      case Kind.dateTime:
        return new DateTime(strip(text));
      default:
        return text;
    }
  }

  private known<T>(value: T | undefined, text: string, wanted: string): T {
    if (value === undefined) throw this.error(`'${brief(text)}' is not ${wanted}`);
    return value;
  }

  private ascii(text: string): string {
    if (/[^\0-\x7f]/.test(text)) throw this.error('base64 holds characters beyond ASCII');
    return text;
  }

  private endStruct(mark: number): void {
    const { size } = this;
    if ((size - mark) % 2 !== 0) throw this.error('a member of a struct lacks its name or value');
    if ((size - mark) / 2 > this.limits.keys) {
      throw this.error(`a struct has more than ${this.limits.keys} members`, this.at, 'unsupported');
    }
    if (size - mark > manyMembers) this.unfinished = this.structSteps(mark);
    else this.replaceFrom(mark, this.structOf({}, mark, size));
  }

  private *structSteps(mark: number): Generator<void, void, void> {
    const { size } = this;
    const struct = {};
    for (let from = mark; from < size; from += manyMembers) {
      this.structOf(struct, from, Math.min(from + manyMembers, size));
      yield;
    }
    this.replaceFrom(mark, struct);
  }

  /** Adds members to a struct, from keys and values that follow each other on the stack. */
  private structOf(struct: Record<string, unknown>, from: number, to: number): Record<string, unknown> {
    const { stack } = this;
    for (let i = from; i < to; i += 2) {
      const key = stack[i];
      if (typeof key !== 'string') throw this.badKey(key);
      if (key === '__proto__') {
        Object.defineProperty(struct, key, {
          value: stack[i + 1],
          enumerable: true,
          configurable: true,
          writable: true,
        });
      } else struct[key] = stack[i + 1];
    }
    return struct;
  }

  private badKey(key: unknown): WireError {
    const hashable = typeof key !== 'object' || key === null || key instanceof Double;
    return this.error('a key of a struct is not a text', this.at, hashable ? 'unsupported' : undefined);
  }

  /** Reads a value that is no array or struct in the form Koji writes. */
  private value(): boolean {
    const { text, at } = this;
    if (this.insideText || !text.startsWith('<value><', at) || !this.scalar(at + 7)) return false;
    this.bare = false;
    return true;
  }

  /** Reads a member in the form Koji writes, up to the start of its value if that is an array or struct. */
  private member(): boolean {
    const { text } = this;
    if (this.bare || this.insideText) return false;
    let header = this.header?.next;
    if (header === undefined || !text.startsWith(header.text, this.at)) {
      header = this.findHeader();
      if (header === undefined) return false;
    }
    this.header = header;
    const type = this.at + header.text.length;
    if (text.charCodeAt(type) !== 0x3c) return false;
    this.push(header.key);
    if (this.scalar(type)) {
      if (text.startsWith('</member>\n', this.at)) {
        this.at += 10;
        return true;
      }
    } else {
      this.from = type;
      this.at = type;
      this.bare = true;
    }
    this.open.push('member');
    this.openKinds.push(Kind.other);
    if (this.bare) {
      this.open.push('value');
      this.openKinds.push(Kind.value);
    }
    return true;
  }

  private findHeader(): Header | undefined {
    const { text, at } = this;
    if (!text.startsWith(memberStart, at)) return undefined;
    const nameEnd = text.indexOf('<', at + memberStart.length);
    if (nameEnd === -1 || !text.startsWith('</name>\n<value>', nameEnd)) return undefined;
    if (!this.isPlain(at, nameEnd)) return undefined;
    const key = text.slice(at + memberStart.length, nameEnd);
    let header = this.headers.get(key);
    if (header === undefined) {
      header = { text: `${memberStart}${key}</name>\n<value>`, key, next: undefined };
      if (this.headers.size < 4096) this.headers.set(key, header);
    }
    if (this.header !== undefined) this.header.next = header;
    return header;
  }

  /**
   * Reads a value that is no array or struct in the form Koji writes, from its type's start tag to the line end after
   * the value.
   */
  private scalar(type: number): boolean {
    const { text } = this;
    switch (text.charCodeAt(type + 1)) {
      case 0x73: {
        if (!text.startsWith('string>', type + 1)) return false;
        const from = type + 8;
        const end = text.indexOf('<', from);
        if (end === -1 || !text.startsWith('</string></value>\n', end)) return false;
        this.pushText(from, end);
        return this.passed(from, end + 18);
      }
      case 0x69: {
        const eight = text.charCodeAt(type + 2) === 0x38;
        if (!text.startsWith(eight ? '8>' : 'nt>', type + 2)) return false;
        const from = type + (eight ? 4 : 5);
        const end = this.integer(from, eight ? '</i8></value>\n' : '</int></value>\n');
        return end !== -1 && this.passed(from, end);
      }
      case 0x6e:
        if (!text.startsWith('nil/></value>', type + 1)) return false;
        this.push(null);
        return this.passed(type + 6, type + 14);
      case 0x64: {
        if (!text.startsWith('double>', type + 1)) return false;
        const from = type + 8;
        const end = text.indexOf('<', from);
        if (end === -1 || !text.startsWith('</double></value>\n', end)) return false;
        if (!this.isPlain(from, end)) return false;
        this.push(this.valueOf(Kind.double, text.slice(from, end)));
        return this.passed(from, end + 18);
      }
      case 0x62: {
        const value = text.charCodeAt(type + 9) - 0x30;
        if (!text.startsWith('boolean>', type + 1) || (value !== 0 && value !== 1)) return false;
        if (!text.startsWith('</boolean></value>\n', type + 10)) return false;
        this.push(value === 1);
        return this.passed(type + 9, type + 29);
      }
      default:
        return false;
    }
  }

  private passed(from: number, at: number): true {
    this.from = from;
    this.at = at;
    return true;
  }

  private integer(from: number, close: string): number {
    const { text } = this;
    const negative = text.charCodeAt(from) === 0x2d;
    let at = negative ? from + 1 : from;
    const first = at;
    let value = 0;
    for (
      let digit = text.charCodeAt(at) - 0x30;
      digit >= 0 && digit <= 9;
      digit = text.charCodeAt(at) - 0x30
    ) {
      value = value * 10 + digit;
      at++;
    }
    if (at === first || at - first > 15 || !text.startsWith(close, at)) return -1;
    this.push(negative && value !== 0 ? -value : value);
    return at + close.length;
  }
}

function isSteps(value: unknown): value is Generator<void, void, void> {
  return typeof value === 'object' && value !== null && Symbol.iterator in value;
}

function* both(
  first: Iterator<void, void, void> | undefined,
  second: Generator<void, void, void>,
): Generator<void, void, void> {
  if (first) while (!first.next().done) yield;
  yield* second;
}

function brief(text: string): string {
  return text.length > 40 ? `${text.slice(0, 40)}…` : text;
}

/** Runs steps to their end without a break. */
export function finished<T>(steps: Iterator<unknown, T, void>): T {
  for (let step = steps.next(); ; step = steps.next()) if (step.done) return step.value;
}
