import { isUtf8 } from 'node:buffer';
import { WireError } from './errors.js';

/** Bytes or characters to process without a break: a few milliseconds at most. */
const pieceLength = 65_536;

/**
 * Returns the text of a document: decoded, with normalised line ends, without characters that XML forbids. Yields after each
 * piece of the work.
 */
export function* documentText(body: Uint8Array): Generator<void, string, void> {
  const reader = new TextReader();
  let text = '';
  for (let from = 0; from < body.length; from += pieceLength) {
    const to = Math.min(from + pieceLength, body.length);
    text += reader.read(body.subarray(from, to), to === body.length, () => text);
    yield;
  }
  return text;
}

/** Converts the bytes of a document to text, piece by piece. */
export class TextReader {
  private decode: DecodePiece | undefined;
  private afterReturn = false;
  /** The beginning of an incomplete character. */
  private rest = Buffer.alloc(0);
  /** Number of characters returned so far. */
  private size = 0;

  /** Returns the text of the next bytes. `before` returns the text of the previous bytes, or what is left of it. */
  read(piece: Uint8Array, isLast: boolean, before: () => string): string {
    const given = Buffer.from(piece.buffer, piece.byteOffset, piece.byteLength);
    const bytes = this.rest.length > 0 ? Buffer.concat([this.rest, given]) : given;
    if (!this.decode && bytes.length < longestDeclaration && !isLast) {
      this.rest = Buffer.from(bytes);
      return '';
    }
    this.decode ??= decoderOf(bytes);
    const to = isLast ? bytes.length : pieceEnd(bytes);
    this.rest = Buffer.from(bytes.subarray(to));
    const lines = withLineFeeds(bytes.subarray(0, to), this.afterReturn);
    if (to > 0) this.afterReturn = bytes[to - 1] === carriageReturn;
    const decoded = this.decode(lines);
    checkCharacters(decoded, this.size, before);
    const text = this.size === 0 && decoded.charCodeAt(0) === 0xfeff ? decoded.slice(1) : decoded;
    this.size += text.length;
    return text;
  }
}

/** End of the last complete UTF-8 character; for other encodings, a slightly earlier end does no harm. */
function pieceEnd(bytes: Buffer): number {
  // A character has at most four bytes, and all but the first look alike.
  for (let back = 1; back <= Math.min(4, bytes.length); back++) {
    const byte = bytes[bytes.length - back] ?? 0;
    if ((byte & 0xc0) === 0x80) continue;
    const length = byte < 0xc0 ? 1 : byte < 0xe0 ? 2 : byte < 0xf0 ? 3 : 4;
    return length > back ? bytes.length - back : bytes.length;
  }
  return bytes.length;
}

const carriageReturn = 0x0d;
const lineFeed = 0x0a;

/** Replaces each carriage return, alone or before a line feed, by a line feed. Far faster on bytes than on text. */
function withLineFeeds(bytes: Buffer, afterReturn: boolean): Buffer {
  if (!afterReturn && !bytes.includes(carriageReturn)) return bytes;
  const out = Buffer.allocUnsafe(bytes.length);
  let size = 0;
  let returned = afterReturn;
  for (const byte of bytes) {
    const isReturn = byte === carriageReturn;
    if (!returned || byte !== lineFeed) out[size++] = isReturn ? lineFeed : byte;
    returned = isReturn;
  }
  return out.subarray(0, size);
}

/** @param at position of the piece in the document */
function checkCharacters(piece: string, at: number, before: () => string): void {
  const illegal = piece.search(illegalCharacter);
  if (illegal === -1) return;
  const earlier = before();
  throw new WireError(
    `the character U+${piece.charCodeAt(illegal).toString(16).padStart(4, '0')} is not allowed in XML`,
    at + illegal,
    isInText(earlier + piece, earlier.length + illegal) ? 'unsupported' : 'malformed',
  );
}

/** Whether a position is in the text of an element, which callers provide, rather than in the document's markup. */
function isInText(text: string, position: number): boolean {
  const tag = text.lastIndexOf('<', position);
  const end = tag === -1 ? -1 : text.indexOf('>', tag);
  return end !== -1 && end < position;
}

/** Characters that XML 1.0 forbids everywhere, except lone surrogates. */
export const illegalCharacter = /[\0-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]/;

/** Bytes to search for a declaration. */
const longestDeclaration = 1000;

const declaredEncoding = /^(?:\xef\xbb\xbf)?<\?xml[^>]*?\sencoding\s*=\s*["']([A-Za-z][\w.-]*)["']/;

type DecodePiece = (bytes: Buffer) => string;

/** Returns how to decode a document's bytes, from its declaration. */
function decoderOf(bytes: Buffer): DecodePiece {
  const declared = declaredEncoding.exec(bytes.toString('latin1', 0, longestDeclaration))?.[1] ?? 'utf-8';
  switch (declared.toLowerCase()) {
    case 'utf-8':
    case 'utf8':
      return (piece) => {
        if (!isUtf8(piece)) throw new WireError('the body is not valid UTF-8', 0);
        return piece.toString('utf8');
      };
    case 'us-ascii':
      return (piece) => {
        const text = piece.toString('latin1');
        const other = text.search(/[\x80-\xff]/);
        if (other === -1) return text;
        throw new WireError('the body is declared to be ASCII but holds other bytes', other);
      };
    case 'iso-8859-1':
      return (piece) => piece.toString('latin1');
    default:
      throw new WireError(`the encoding '${declared}' is not supported; send UTF-8`, 0);
  }
}

const entities = [
  ['&lt;', '<'],
  ['&amp;', '&'],
  ['&gt;', '>'],
  ['&quot;', '"'],
  ['&apos;', "'"],
] as const;

/** Replaces the five entities and character references; `position` is the offset of `text` in the document. */
export function unescapeText(text: string, position: number): string {
  let at = text.indexOf('&');
  if (at === -1) return text;
  if (text.length > longText && !/&(?!(?:lt|gt|quot|apos|amp);)/.test(text)) return withoutEntities(text);
  let out = '';
  let from = 0;
  do {
    out += text.slice(from, at);
    const entity = entities.find(([name]) => text.startsWith(name, at));
    if (entity !== undefined) {
      out += entity[1];
      from = at + entity[0].length;
    } else {
      const [reference, character] = readReference(text, at, position + at);
      out += character;
      from = at + reference.length;
    }
    at = text.indexOf('&', from);
  } while (at !== -1);
  return out + text.slice(from);
}

/** Longer than the longest valid reference. */
const longestReference = 64;

/** Like {@link unescapeText}, in pieces. */
export function* unescapePieces(text: string, position: number): Generator<string, void, void> {
  for (let from = 0; from < text.length;) {
    let to = Math.min(from + pieceLength, text.length);
    if (to < text.length) {
      // A reference that may continue after the end is left to the next piece. Only the end is searched, because searching all
      // of the text for each piece would take quadratic time.
      const end = text.slice(to - longestReference + 1, to);
      const reference = end.lastIndexOf('&');
      if (reference !== -1 && !end.includes(';', reference)) to -= end.length - reference;
    }
    yield unescapeText(text.slice(from, to), position + from);
    from = to;
  }
}

/** Above this length, one pass per entity is faster than one step per occurrence. */
const longText = 4096;

/** Replaces the five entities in a text with no other use of `&`: `&amp;` last, because it could create another one. */
function withoutEntities(text: string): string {
  const others = entities.filter(([, character]) => character !== '&');
  const last = others.reduce((out, [name, character]) => out.split(name).join(character), text);
  return last.split('&amp;').join('&');
}

const characterReference = /&#(?:x([0-9a-fA-F]{1,32})|([0-9]{1,32}));/y;

function readReference(text: string, at: number, position: number): [string, string] {
  characterReference.lastIndex = at;
  const match = characterReference.exec(text);
  if (!match) {
    const name = /^&[^\s;&<]{1,40};/.exec(text.slice(at, at + 42))?.[0];
    const problem = name ? `the entity '${name}' is not defined` : "'&' without an entity: write it as &amp;";
    throw new WireError(problem, position);
  }
  const code = match[1] === undefined ? Number(match[2]) : parseInt(match[1], 16);
  const legal = code <= 0x10ffff && (code < 0xd800 || code > 0xdfff);
  const character = legal ? String.fromCodePoint(code) : '';
  if (!legal || illegalCharacter.test(character)) {
    throw new WireError(
      `'${match[0]}' stands for a character that XML does not allow`,
      position,
      code <= 0x10ffff ? 'unsupported' : 'malformed',
    );
  }
  return [match[0], character];
}

const xmlName =
  /[:A-Z_a-z\xc0-\xd6\xd8-\xf6\xf8-\u02ff\u0370-\u037d\u037f-\u1fff\u200c\u200d\u2070-\u218f\u2c00-\u2fef\u3001-\udbff\udc00-\udfff\uf900-\ufdcf\ufdf0-\ufffd][\w:.\-\xb7\xc0-\xd6\xd8-\xf6\xf8-\u037d\u037f-\u1fff\u200c\u200d\u203f\u2040\u2070-\u218f\u2c00-\u2fef\u3001-\udbff\udc00-\udfff\uf900-\ufdcf\ufdf0-\ufffd]*/;
const nameText = new RegExp(xmlName, 'y');

/** Maximum length of a name; a longer one is cut, and then not followed by what must follow a name. */
const longestName = 1024;

/** Returns the XML name at a position, '' if there is none. */
export function nameAt(text: string, position: number): string {
  const part = text.slice(position, position + longestName);
  nameText.lastIndex = 0;
  return nameText.exec(part)?.[0] ?? '';
}

/** Returns the first position at or after `position` that is not white space. */
export function skipSpace(text: string, position: number): number {
  let at = position;
  for (;;) {
    const c = text.charCodeAt(at);
    if (c !== 0x20 && c !== 0x0a && c !== 0x09 && c !== 0x0d) return at;
    at++;
  }
}

/** Returns the end of the comment that starts at a position. */
export function skipComment(text: string, position: number): number {
  const end = text.indexOf('--', position + 4);
  if (end === -1) throw new WireError('a comment is not closed', position);
  if (text[end + 2] !== '>') throw new WireError("'--' inside a comment", end);
  return end + 3;
}

/** Returns the end of the processing instruction that starts at a position. */
export function skipInstruction(text: string, position: number): number {
  const target = nameAt(text, position + 2);
  if (target === '') throw new WireError("'<?' without a name", position);
  if (target.toLowerCase() === 'xml') {
    throw new WireError('an XML declaration is only allowed at the very start', position);
  }
  const end = text.indexOf('?>', position + 2 + target.length);
  const after = position + 2 + target.length;
  if (end === -1) throw new WireError('a processing instruction is not closed', position);
  if (end !== after && skipSpace(text, after) === after) {
    throw new WireError('a processing instruction needs white space after its name', after);
  }
  return end + 2;
}

const declaration =
  /<\?xml[ \t\n]+version[ \t\n]*=[ \t\n]*(?:"[\w.-]*"|'[\w.-]*')(?:[ \t\n]+encoding[ \t\n]*=[ \t\n]*(?:"[A-Za-z][\w.-]*"|'[A-Za-z][\w.-]*'))?(?:[ \t\n]+standalone[ \t\n]*=[ \t\n]*(?:"(?:yes|no)"|'(?:yes|no)'))?[ \t\n]*\?>/y;
const documentType = new RegExp(
  `<!DOCTYPE[ \\t\\n]+${xmlName.source}` +
    String.raw`(?:[ \t\n]+SYSTEM[ \t\n]+(?:"[^"]*"|'[^']*')|[ \t\n]+PUBLIC[ \t\n]+(?:"[^"]*"|'[^']*')[ \t\n]+(?:"[^"]*"|'[^']*'))?[ \t\n]*>`,
  'y',
);

// Real ones are shorter, and on megabytes of white space the pattern would overflow the stack.
const longestPrologPart = 10_000;

function skipPattern(pattern: RegExp, text: string, position: number, problem: string): number {
  pattern.lastIndex = 0;
  if (!pattern.test(text.slice(position, position + longestPrologPart)))
    throw new WireError(problem, position);
  return position + pattern.lastIndex;
}

/**
 * Returns the start of the root element. Skips a document type, but refuses one that declares anything. Yields after each part.
 */
export function* skipProlog(text: string): Generator<void, number, void> {
  let at = 0;
  if (/^<\?xml\s/.test(text)) at = skipPattern(declaration, text, 0, 'the XML declaration is malformed');
  let typed = false;
  for (;;) {
    at = skipSpace(text, at);
    if (text.startsWith('<!--', at)) at = skipComment(text, at);
    else if (text.startsWith('<?', at)) at = skipInstruction(text, at);
    else if (text.startsWith('<!DOCTYPE', at) && !typed) {
      at = skipPattern(documentType, text, at, 'a document type with declarations is not accepted');
      typed = true;
    } else if (text[at] === '<') return at;
    else throw new WireError(at >= text.length ? 'there is no document' : 'the body is not XML', at);
    yield;
  }
}

/** Refuses anything but comments, instructions and white space after the root element. Yields after each of them. */
export function* checkEpilog(text: string, position: number): Generator<void, void, void> {
  let at = skipSpace(text, position);
  while (at < text.length) {
    if (text.startsWith('<!--', at)) at = skipComment(text, at);
    else if (text.startsWith('<?', at)) at = skipInstruction(text, at);
    else throw new WireError('there is more after the end of the document', at);
    at = skipSpace(text, at);
    yield;
  }
}

/** Checks and skips the attributes of a start tag, whose values are irrelevant; stops at `>` or `/`. */
export function skipAttributes(text: string, position: number, most: number): number {
  const seen = new Set<string>();
  for (let at = position; ;) {
    const next = skipSpace(text, at);
    const c = text[next];
    if (c === '>' || c === '/') return next;
    const name = nameAt(text, next);
    if (name === '' || next === at) throw new WireError('a start tag is malformed', next);
    if (seen.has(name)) throw new WireError(`the attribute '${name}' occurs twice`, next);
    if (seen.add(name).size > most) {
      throw new WireError(`an element has more than ${most} attributes`, next, 'unsupported');
    }
    at = skipSpace(text, next + name.length);
    if (text[at] !== '=') throw new WireError(`the attribute '${name}' has no value`, at);
    at = skipSpace(text, at + 1);
    const quote = text[at];
    const end = quote === '"' || quote === "'" ? text.indexOf(quote, at + 1) : -1;
    if (end === -1) throw new WireError(`the value of the attribute '${name}' is not in quotes`, at);
    const value = text.slice(at + 1, end);
    if (value.includes('<')) throw new WireError(`'<' in the value of the attribute '${name}'`, at);
    // The value is unused, and checking millions of references would block everything else.
    const references = value.indexOf('&');
    if (references !== -1 && value.length - references > pieceLength)
      throw new WireError(`the value of the attribute '${name}' is too long`, at, 'unsupported');
    unescapeText(value, at + 1);
    at = end + 1;
  }
}
