/** A name with the source of its default; null when it has none. */
export interface NamedParameter {
  readonly name: string;
  readonly fallback: string | null;
}

/** One parameter of a function, as its source says. */
export type Parameter =
  | ({ readonly kind: 'name' } & NamedParameter)
  | { readonly kind: 'rest'; readonly name: string }
  | {
      readonly kind: 'object';
      readonly fallback: string | null;
      readonly names: readonly NamedParameter[];
      /** Whether the pattern ends with `...others`. */
      readonly others: boolean;
    }
  /** An array pattern, or an object pattern with a computed key: nothing that a caller could name. */
  | { readonly kind: 'unnamed'; readonly source: string };

/**
 * Reads a function's parameters from its source: plain, default, rest and destructured ones of functions, arrows and
 * methods, as written or minified.
 *
 * @returns null when the source does not say: bound and native functions, classes
 */
export function parametersOf(fn: (...args: never[]) => unknown): Parameter[] | null {
  const source = Function.prototype.toString.call(fn);
  const list = listSource(source);
  return list === null ? null : splitAt(list, ',').map(parseParameter);
}

/** Maximum length of a list of parameters in characters. */
const longestList = 10_000;

const identifier = /^[\p{ID_Start}$_][\p{ID_Continue}$\u200c\u200d]*$/u;
const opening = '([{';
const closing = ')]}';

/** A piece of source that must be taken as a whole. */
interface Token {
  readonly kind: 'space' | 'string' | 'regexp' | 'word' | 'mark';
  readonly text: string;
  readonly start: number;
}

const wordsBeforeRegexp = new Set(
  'return typeof instanceof in of new delete void throw case do else yield await'.split(' '),
);

/** Cuts source into tokens; brackets inside of strings, templates, expressions and comments are thus no brackets. */
function* tokens(source: string): Generator<Token> {
  let last: Token | null = null;
  for (let at = 0; at < source.length;) {
    const end = tokenEnd(source, at, last);
    const token: Token = { kind: end.kind, text: source.slice(at, end.at), start: at };
    yield token;
    if (token.kind !== 'space') last = token;
    at = end.at;
  }
}

function tokenEnd(source: string, at: number, last: Token | null): { kind: Token['kind']; at: number } {
  const rest = source.slice(at, at + 2);
  const char = rest[0] ?? '';
  if (rest === '//') return { kind: 'space', at: lineEnd(source, at) };
  if (rest === '/*') return { kind: 'space', at: after(source, '*/', at + 2) };
  if (/\s/u.test(char)) return { kind: 'space', at: at + 1 };
  if (char === '"' || char === "'") return { kind: 'string', at: stringEnd(source, at, char) };
  if (char === '`') return { kind: 'string', at: templateEnd(source, at) };
  if (char === '/' && mayBeRegexp(last)) return { kind: 'regexp', at: regexpEnd(source, at) };
  const word = /[\p{ID_Continue}$\u200c\u200d]+/uy;
  word.lastIndex = at;
  if (word.test(source)) return { kind: 'word', at: word.lastIndex };
  if (rest === '=>') return { kind: 'mark', at: at + 2 };
  if (source.startsWith('...', at)) return { kind: 'mark', at: at + 3 };
  return { kind: 'mark', at: at + 1 };
}

function mayBeRegexp(last: Token | null): boolean {
  if (last === null) return true;
  if (last.kind === 'word') return wordsBeforeRegexp.has(last.text);
  return last.kind === 'mark' && !closing.includes(last.text);
}

function after(source: string, text: string, from: number): number {
  const found = source.indexOf(text, from);
  return found === -1 ? source.length : found + text.length;
}

function lineEnd(source: string, at: number): number {
  const end = /[\n\r\u2028\u2029]/u.exec(source.slice(at));
  return end ? at + end.index : source.length;
}

function stringEnd(source: string, at: number, quote: string): number {
  let i = at + 1;
  while (i < source.length && source[i] !== quote) i += source[i] === '\\' ? 2 : 1;
  return i + 1;
}

function templateEnd(source: string, at: number): number {
  let i = at + 1;
  while (i < source.length && source[i] !== '`') {
    if (source.startsWith('${', i)) i += 1 + bracketEnd(source.slice(i + 1));
    else i += source[i] === '\\' ? 2 : 1;
  }
  return i + 1;
}

function regexpEnd(source: string, at: number): number {
  let inClass = false;
  let i = at + 1;
  for (; i < source.length && (inClass || source[i] !== '/'); i += 1) {
    if (source[i] === '\\') i += 1;
    else if (source[i] === '[') inClass = true;
    else if (source[i] === ']') inClass = false;
  }
  return i + 1;
}

/** The length of the bracketed part that source begins with. */
function bracketEnd(source: string): number {
  let depth = 0;
  for (const { kind, text, start } of tokens(source)) {
    if (kind !== 'mark') continue;
    if (opening.includes(text)) depth += 1;
    else if (closing.includes(text)) depth -= 1;
    if (depth === 0) return start + 1;
  }
  return source.length;
}

/** The source between the brackets of a function's parameters. */
function listSource(source: string): string | null {
  let last = '';
  for (const { kind, text, start } of tokens(source)) {
    if (kind === 'space') continue;
    if (text === 'class' && last === '') return null;
    if (text === '=>') return last;
    if (text === '(') {
      const rest = source.slice(start);
      const end = bracketEnd(rest);
      return /^\s*\{\s*\[native code\]\s*\}$/u.test(rest.slice(end)) ? null : rest.slice(1, end - 1);
    }
    // A computed method name may hold anything: `['a(b']() {}`.
    if (text === '[') return listSource(source.slice(start + bracketEnd(source.slice(start))));
    last = text;
  }
  return null;
}

/** The text between the brackets that open at a position of the source. */
export function listAt(source: string, at: number): string {
  const rest = source.slice(at, at + longestList);
  return rest.slice(1, bracketEnd(rest) - 1);
}

/** Cuts source at a mark that is in no brackets; an empty last part is dropped, comments and spaces around too. */
export function splitAt(source: string, mark: string, most = Infinity): string[] {
  const parts: string[] = [''];
  let depth = 0;
  for (const { kind, text } of tokens(source)) {
    if (kind === 'mark' && opening.includes(text)) depth += 1;
    if (kind === 'mark' && closing.includes(text)) depth -= 1;
    const isCut = depth === 0 && kind === 'mark' && text === mark && parts.length < most;
    if (isCut) parts.push('');
    else if (depth > 0 || kind !== 'space' || text.trim() === '') parts.push((parts.pop() ?? '') + text);
  }
  const trimmed = parts.map((part) => part.trim());
  if (trimmed.at(-1) === '') trimmed.pop();
  return trimmed;
}

function withDefault(source: string): { target: string; fallback: string | null } {
  const [target = '', fallback = null] = splitAt(source, '=', 2);
  return { target, fallback };
}

function parseParameter(source: string): Parameter {
  if (source.startsWith('...')) {
    const name = source.slice(3).trim();
    return identifier.test(name) ? { kind: 'rest', name } : { kind: 'unnamed', source };
  }
  const { target, fallback } = withDefault(source);
  if (identifier.test(target)) return { kind: 'name', name: target, fallback };
  return (target.startsWith('{') && parsePattern(target, fallback)) || { kind: 'unnamed', source };
}

function parsePattern(target: string, fallback: string | null): Parameter | null {
  const names: NamedParameter[] = [];
  let others = false;
  for (const part of splitAt(target.slice(1, -1), ',')) {
    if (part.startsWith('...')) {
      others = true;
      continue;
    }
    const [key = '', renamed] = splitAt(part, ':', 2);
    const { target: own, fallback: ownFallback } = withDefault(renamed ?? part);
    const name = renamed === undefined ? (identifier.test(own) ? own : null) : unquoted(key);
    if (name === null) return null;
    names.push({ name, fallback: ownFallback });
  }
  return { kind: 'object', fallback, names, others };
}

/** A key of a pattern as plain text; null for computed ones. */
function unquoted(key: string): string | null {
  if (identifier.test(key) || /^\d+$/.test(key)) return key;
  const quoted = /^(["'])([^\\]*)\1$/.exec(key);
  return quoted?.[2] ?? null;
}
