import type { DecodeLimits, DecoderSettings, Document } from './document.js';
import { WireError } from './errors.js';
import { Kind, holdsText, kindOf } from './kinds.js';
import { KojiScalar } from './koji-scalar.js';
import { MemberHeaders } from './member-headers.js';
import { Scalars } from './scalars.js';
import { both, finished, isSteps } from './steps.js';
import { longText, textPieces } from './text-pieces.js';
import { ValueStack } from './value-stack.js';
import { checkEpilog, nameAt, skipAttributes, skipComment, skipInstruction, unescapeText } from './xml.js';

/** State of a decoder between two tags, to return to. */
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

/**
 * One pass over a document. Accepts and interprets documents like Koji (expat with Python's xmlrpc): lenient about the nesting
 * of elements, strict about XML and values. Values are pushed onto one stack; an array or struct pops its own when it ends. The
 * forms that Koji itself writes have a fast path (`member`, `scalar`) with the same result.
 */
export class Decoder {
  private readonly open: string[] = [];
  private readonly openKinds: Kind[] = [];
  private readonly values: ValueStack;
  private readonly scalars: Scalars;
  private readonly marks: number[] = [];
  /** End of the last start tag; the text of text elements begins there. */
  private from = 0;
  /** Whether the last start tag was that of a value, which is a string if it ends now. */
  private bare = false;
  private insideText = false;
  private method: string | undefined;
  private ended: Kind = Kind.other;
  private nextReference: number;
  private nextCdataEnd: number;
  private readonly headers = new MemberHeaders();
  private readonly quick = new KojiScalar();
  private readonly plain = (from: number, to: number): boolean => this.isPlain(from, to);
  /** Remaining work of the last tag before the next one is read: a long value is created in pieces. */
  private unfinished: Iterator<void, void, void> | undefined;
  /** Whether the root element has ended. */
  private over = false;

  private readonly limits: DecodeLimits;
  private readonly mapRow: ((row: unknown) => unknown) | undefined;
  private readonly piecewise: boolean;
  /** Whether the outermost container is an array, whose values are rows. */
  private inRows = false;
  /** Complete rows. */
  private rows = 0;
  /** Offset of the text in the document. */
  private offset = 0;
  /** The last position outside of all arrays and structs, or between two values of the outermost one. */
  private place: Place;

  /** @param at position relative to the root element: before, in or after it */
  constructor(
    private text: string,
    public at: number,
    { limits, exactDoubles, mapRow, piecewise = false }: DecoderSettings,
  ) {
    this.limits = limits;
    const fail = (message: string, kind?: 'unsupported'): WireError => this.error(message, this.at, kind);
    this.values = new ValueStack(limits, fail);
    this.scalars = new Scalars(exactDoubles, fail);
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

  /** Records that another row may be complete, and that it is possible to return to this position. */
  private betweenValues(): void {
    const [mark] = this.marks;
    if (this.mapRow && this.inRows && mark !== undefined && this.values.size > mark + this.rows) {
      this.values.mapLast(this.mapRow);
      this.rows++;
    }
    if (this.piecewise) this.place = this.here();
  }

  private here(): Place {
    const { at, open, openKinds, marks, method, ended, over } = this;
    const { size } = this.values;
    return { at, size, open: [...open], openKinds: [...openKinds], marks: [...marks], method, ended, over };
  }

  /** The text from the last position to return to. */
  get rest(): string {
    return this.text.slice(this.place.at);
  }

  /** Returns to the last such position, and continues there with more of the document. */
  resume(more: string): void {
    const { at, size, open, openKinds, marks, method, ended, over } = this.place;
    this.text = this.rest + more;
    this.offset += at;
    this.at = 0;
    this.values.size = size;
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

  /** Continues the remaining work of the last tag; returns whether it is done. */
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
      params: this.values.since(0),
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

  /** Whether a text contains a reference, or an end of CDATA, which is not allowed in text; called in document order. */
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
      this.values.push(this.text.slice(from, to));
      return;
    }
    if (this.nextCdataEnd < to) throw this.error("']]>' in text", this.nextCdataEnd);
    if (to - from <= longText) this.values.push(unescapeText(this.text.slice(from, to), from));
    else this.unfinished = this.textSteps(from, to, (text) => this.values.push(text));
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
    const kind = kindOf(name);
    this.open.push(name);
    this.openKinds.push(kind);
    const empty = text.charCodeAt(end) === 0x2f;
    if (empty && text.charCodeAt(end + 1) !== 0x3e) throw this.error("'/' in a start tag", end);
    this.at = end + (empty ? 2 : 1);
    this.from = this.at;
    this.start(name, kind);
    if (empty) this.end(this.at);
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
      this.marks.push(this.values.size);
    } else if (this.bare && kind === Kind.other) {
      throw this.error(`<${name}> is not a type of value`, this.from);
    } else if (holdsText(kind)) {
      // Text would have to be collected again for each of them, at quadratic cost.
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

  /** Collects the text of a value and processes it. */
  private *textSteps(
    from: number,
    end: number,
    take: (text: string) => unknown,
  ): Generator<void, void, void> {
    let out = '';
    for (const piece of textPieces(this.text, from, end)) {
      out += piece;
      yield;
    }
    const more = take(out);
    if (isSteps(more)) yield* more;
  }

  /** Processes the text since the last start tag, at once unless it is long. */
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
        if (this.bare) this.withText(textEnd, (text) => this.values.push(text));
        this.bare = false;
        break;
      case Kind.nil:
        this.values.push(null);
        this.bare = false;
        break;
      case Kind.array:
      case Kind.struct: {
        const mark = this.marks.pop() ?? 0;
        if (kind === Kind.array) this.values.endArray(mark);
        else this.unfinished = this.values.endStruct(mark) ?? this.unfinished;
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
    } else this.values.push(this.scalars.valueOf(kind, text));
    return undefined;
  }

  private *base64Steps(text: string): Generator<void, void, void> {
    this.values.push(yield* this.scalars.base64(text));
  }

  /** Reads a scalar value in the form that Koji writes. */
  private value(): boolean {
    const { text, at } = this;
    if (this.insideText || !text.startsWith('<value><', at) || !this.scalar(at + 7)) return false;
    this.bare = false;
    return true;
  }

  /** Reads a member in the form that Koji writes, up to the start of its value if that is an array or struct. */
  private member(): boolean {
    const { text } = this;
    if (this.bare || this.insideText) return false;
    const header = this.headers.at(text, this.at, this.plain);
    if (header === null) return false;
    const type = this.at + header.text.length;
    if (text.charCodeAt(type) !== 0x3c) return false;
    this.values.push(header.key);
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

  /** Reads a scalar value in the form that Koji writes, starting at the start tag of its type. */
  private scalar(type: number): boolean {
    const { text, quick } = this;
    if (!quick.read(text, type)) return false;
    if (quick.kind === Kind.string) this.pushText(quick.from, quick.end);
    else if (quick.kind === Kind.double) {
      if (!this.isPlain(quick.from, quick.end)) return false;
      this.values.push(this.scalars.valueOf(Kind.double, text.slice(quick.from, quick.end)));
    } else this.values.push(quick.value);
    this.from = quick.from;
    this.at = quick.at;
    return true;
  }
}
