import { GenericError } from './faults.js';

/** Description of an XML file, and limits for reading it. */
export interface XmlFile {
  /** Its name, for errors. */
  readonly file: string;
  /** Expected kind, for errors: `POM`. */
  readonly kind: string;
  /** Maximum depth of elements. */
  readonly depth: number;
}

/**
 * Reads an untrusted XML file in one pass, without resolving references. Entities that the file declares become question marks.
 * A subclass gets every element and text, in order; `stack` has the names of the enclosing elements.
 */
export abstract class XmlReader {
  protected readonly stack: string[] = [];
  private at = 0;

  constructor(
    private readonly text: string,
    private readonly file: XmlFile,
  ) {}

  /** An element starts, the last one of `stack`; `attributes` is the text of its tag after the name. */
  protected abstract open(attributes: string): void;
  /** Text of the last element of `stack`, which may be one piece of several. */
  protected abstract take(text: string): void;
  /** The last element of `stack` ends. */
  protected abstract close(): void;

  /** @throws GenericError if the file is not well-formed */
  protected read(): void {
    for (;;) {
      const next = this.text.indexOf('<', this.at);
      this.take(unescaped(this.text.slice(this.at, next === -1 ? undefined : next)));
      if (next === -1) break;
      this.at = next;
      this.readMarkup();
    }
    if (this.stack.length > 0) this.broken();
  }

  private readMarkup(): void {
    if (this.starts('<!--')) this.skipTo('-->', 4);
    else if (this.starts('<?')) this.skipTo('?>', 2);
    else if (this.starts('<![CDATA[')) {
      const from = this.at + '<![CDATA['.length;
      this.skipTo(']]>', '<![CDATA['.length);
      this.take(this.text.slice(from, this.at - ']]>'.length));
    } else if (this.starts('<!DOCTYPE')) this.skipDoctype();
    else this.readTag();
  }

  private readTag(): void {
    const isEnd = this.starts('</');
    const nameAt = this.at + (isEnd ? 2 : 1);
    const name = stickyMatch(/[^\s/><"'=]+/y, this.text, nameAt);
    if (name === '') this.broken();
    this.skipTag();
    if (isEnd) {
      if (this.stack.at(-1) !== name) this.broken();
      this.leave();
      return;
    }
    if (this.stack.push(name) > this.file.depth) this.broken();
    this.open(this.text.slice(nameAt + name.length, this.at - 1));
    if (this.text[this.at - 2] === '/') this.leave();
  }

  private leave(): void {
    this.close();
    this.stack.pop();
  }

  private starts(text: string): boolean {
    return this.text.startsWith(text, this.at);
  }

  private skipTo(end: string, from: number): void {
    const found = this.text.indexOf(end, this.at + from);
    if (found === -1) this.broken();
    this.at = found + end.length;
  }

  private skipDoctype(): void {
    this.at += stickyMatch(/[^[>]*/y, this.text, this.at).length;
    if (this.starts('[')) this.skipTo(']', 0);
    this.skipTo('>', 0);
  }

  /** Skips to after the next `>` outside of quotes. */
  private skipTag(): void {
    for (;;) {
      this.at += stickyMatch(/[^"'>]*/y, this.text, this.at).length;
      const char = this.text[this.at];
      this.at += 1;
      if (char === '>') return;
      if (char === undefined) this.broken();
      this.skipTo(char, 0);
    }
  }

  private broken(): never {
    throw new GenericError(`${this.file.file} is no well-formed ${this.file.kind}`);
  }
}

/** Returns an attribute of a tag, or null if it is missing. */
export function xmlAttribute(attributes: string, name: string): string | null {
  for (const [, found, , double, single] of attributes.matchAll(/([^\s=/"']+)\s*=\s*("([^"]*)"|'([^']*)')/g))
    if (found === name) return unescaped(double ?? single ?? '');
  return null;
}

function stickyMatch(pattern: RegExp, text: string, at: number): string {
  pattern.lastIndex = at;
  return pattern.exec(text)?.[0] ?? '';
}

const entities: Readonly<Record<string, string>> = { lt: '<', gt: '>', amp: '&', quot: '"', apos: "'" };

function unescaped(text: string): string {
  return text.replace(/&(?:#(\d{1,7})|#x([0-9a-fA-F]{1,6})|([^;&\s]*));/g, (_, decimal, hex, name) => {
    if (name !== undefined) return entities[name as string] ?? '?';
    const code = decimal === undefined ? Number.parseInt(hex as string, 16) : Number(decimal);
    return code > 0 && code <= 0x10ffff ? String.fromCodePoint(code) : '?';
  });
}
