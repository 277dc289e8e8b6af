/** Coordinates out of .pom files, which strangers write: every file is read in one pass, and nothing in it is looked up. */
import { readFile, stat } from 'node:fs/promises';
import { GenericError } from './faults.js';
import type { MavenPath } from './paths.js';

/** Nobody writes a longer one, or one that is nested deeper. */
const most = { bytes: 16 * 1024 * 1024, depth: 1000 };

/**
 * The coordinates in a .pom file; what the project does not say itself is its parent's. Entities that the file declares
 * become question marks.
 *
 * @throws GenericError when they are not all there, or the file is no XML
 */
export async function readPom(file: string): Promise<MavenPath> {
  if ((await stat(file)).size > most.bytes) throw new GenericError(`${file} is too large for a POM`);
  const values = new PomReader(await readFile(file, 'utf8'), file).coordinates();
  const get = (field: string): string => {
    const value = values.get(field);
    if (value === undefined) throw new GenericError(`could not extract ${field} from POM: ${file}`);
    return value;
  };
  return { group_id: get('groupId'), artifact_id: get('artifactId'), version: get('version') };
}

const fields = new Set(['groupId', 'artifactId', 'version']);

/** One pass over a file; `at` is where it is. */
class PomReader {
  private at = 0;
  private content = '';
  private readonly stack: string[] = [];
  private readonly values = new Map<string, string>();

  constructor(
    private readonly text: string,
    private readonly file: string,
  ) {}

  coordinates(): Map<string, string> {
    for (;;) {
      const next = this.text.indexOf('<', this.at);
      this.take(unescaped(this.text.slice(this.at, next === -1 ? undefined : next)));
      if (next === -1) break;
      this.at = next;
      this.readMarkup();
    }
    if (this.stack.length > 0) this.broken();
    return this.values;
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
    const name = stickyMatch(/[^\s/><"'=]+/y, this.text, this.at + (isEnd ? 2 : 1));
    if (name === '') this.broken();
    this.skipTag();
    if (isEnd) {
      if (this.stack.at(-1) !== name) this.broken();
      this.close();
      return;
    }
    if (this.stack.push(name) > most.depth) this.broken();
    this.content = '';
    if (this.text[this.at - 2] === '/') this.close();
  }

  private close(): void {
    const [field = '', parent] = [this.stack.at(-1), this.stack.at(-2)];
    const counts = this.stack.length <= 3 && fields.has(field);
    if (counts && (parent === 'project' || (parent === 'parent' && !this.values.has(field))))
      this.values.set(field, this.content.trim());
    this.content = '';
    this.stack.pop();
  }

  /** Only what stands in a field that may count is kept. */
  private take(text: string): void {
    if (this.stack.length <= 3 && fields.has(this.stack.at(-1) ?? '')) this.content += text;
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

  /** Goes behind the next `>` that is not in quotes. */
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
    throw new GenericError(`${this.file} is no well-formed POM`);
  }
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
