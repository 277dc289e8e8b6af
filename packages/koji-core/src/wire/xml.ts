import { isUtf8 } from 'node:buffer';
import { WireError } from './errors.js';

/** The text of a document: decoded, line ends as XML wants them, without characters XML forbids. */
export function documentText(body: Uint8Array): string {
  const bytes = Buffer.from(body.buffer, body.byteOffset, body.byteLength);
  let text = decodeBytes(bytes);
  const illegal = text.search(illegalCharacter);
  if (illegal !== -1) {
    throw new WireError(
      `the character U+${text.charCodeAt(illegal).toString(16).padStart(4, '0')} is not allowed in XML`,
      illegal,
    );
  }
  if (text.includes('\r')) text = text.replace(/\r\n?/g, '\n');
  return text.charCodeAt(0) === 0xfeff ? text.slice(1) : text;
}

/** Characters that XML 1.0 doesn't allow anywhere, lone surrogates apart. */
export const illegalCharacter = /[\0-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]/;

const declaredEncoding = /^(?:\xef\xbb\xbf)?<\?xml[^>]*?\sencoding\s*=\s*["']([A-Za-z][\w.-]*)["']/;

function decodeBytes(bytes: Buffer): string {
  const declared = declaredEncoding.exec(bytes.toString('latin1', 0, 1000))?.[1] ?? 'utf-8';
  switch (declared.toLowerCase()) {
    case 'utf-8':
    case 'utf8':
      if (!isUtf8(bytes)) throw new WireError('the body is not valid UTF-8', 0);
      return bytes.toString('utf8');
    case 'us-ascii': {
      const text = bytes.toString('latin1');
      const other = text.search(/[\x80-\xff]/);
      if (other !== -1) throw new WireError('the body is declared to be ASCII but holds other bytes', other);
      return text;
    }
    case 'iso-8859-1':
      return bytes.toString('latin1');
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

/** Replaces the five entities and character references; `position` is where `text` starts in the document. */
export function unescapeText(text: string, position: number): string {
  let at = text.indexOf('&');
  if (at === -1) return text;
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
    throw new WireError(`'${match[0]}' stands for a character that XML does not allow`, position);
  }
  return [match[0], character];
}

const xmlName =
  /[:A-Z_a-z\xc0-\xd6\xd8-\xf6\xf8-\u02ff\u0370-\u037d\u037f-\u1fff\u200c\u200d\u2070-\u218f\u2c00-\u2fef\u3001-\udbff\udc00-\udfff\uf900-\ufdcf\ufdf0-\ufffd][\w:.\-\xb7\xc0-\xd6\xd8-\xf6\xf8-\u037d\u037f-\u1fff\u200c\u200d\u203f\u2040\u2070-\u218f\u2c00-\u2fef\u3001-\udbff\udc00-\udfff\uf900-\ufdcf\ufdf0-\ufffd]*/;
const nameText = new RegExp(xmlName, 'y');

/** The XML name at a position, '' when there is none. */
export function nameAt(text: string, position: number): string {
  nameText.lastIndex = position;
  return nameText.exec(text)?.[0] ?? '';
}

/** The first position at or after `position` that holds no white space. */
export function skipSpace(text: string, position: number): number {
  let at = position;
  for (;;) {
    const c = text.charCodeAt(at);
    if (c !== 0x20 && c !== 0x0a && c !== 0x09 && c !== 0x0d) return at;
    at++;
  }
}

/** Where the comment that starts at a position ends. */
export function skipComment(text: string, position: number): number {
  const end = text.indexOf('--', position + 4);
  if (end === -1) throw new WireError('a comment is not closed', position);
  if (text[end + 2] !== '>') throw new WireError("'--' inside a comment", end);
  return end + 3;
}

/** Where the processing instruction that starts at a position ends. */
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

// Nobody writes a longer one, and on megabytes of white space the pattern would run out of stack.
const longestPrologPart = 10_000;

function skipPattern(pattern: RegExp, text: string, position: number, problem: string): number {
  pattern.lastIndex = 0;
  if (!pattern.test(text.slice(position, position + longestPrologPart)))
    throw new WireError(problem, position);
  return position + pattern.lastIndex;
}

/** Where the root element starts. A document type is passed over unread; one that declares anything is refused. */
export function skipProlog(text: string): number {
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
  }
}

/** Refuses anything but comments, instructions and white space after the root element. */
export function checkEpilog(text: string, position: number): void {
  let at = skipSpace(text, position);
  while (at < text.length) {
    if (text.startsWith('<!--', at)) at = skipComment(text, at);
    else if (text.startsWith('<?', at)) at = skipInstruction(text, at);
    else throw new WireError('there is more after the end of the document', at);
    at = skipSpace(text, at);
  }
}

/** Checks and passes over the attributes of a start tag, whose values mean nothing here; stops at `>` or `/`. */
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
    unescapeText(value, at + 1);
    at = end + 1;
  }
}
