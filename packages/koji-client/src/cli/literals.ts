import { double } from '@koji/core/wire';

/** A text that is not a literal; `kind` distinguishes a valid expression from a syntax error. */
export class LiteralError extends Error {
  override name = 'LiteralError';

  constructor(
    message: string,
    readonly kind: 'expression' | 'syntax' = 'syntax',
  ) {
    super(message);
  }
}

const constants = new Map<string, unknown>([
  ['None', null],
  ['True', true],
  ['False', false],
]);

/** Converts a command's argument: whole numbers, floats, `None`, `True` and `False`; anything else stays text. */
export function valueOfArgument(text: string): unknown {
  const number = text.trim();
  if (/^[+-]?\d+(_\d+)*$/.test(number)) return wholeNumber(number.replaceAll('_', ''));
  const float = floatOf(number);
  if (float !== null) return double(float);
  return constants.has(text) ? constants.get(text) : text;
}

function wholeNumber(text: string): number | bigint {
  const value = Number(text);
  return Number.isSafeInteger(value) ? value : BigInt(text.replace(/^\+/, ''));
}

function floatOf(text: string): number | null {
  const plain = text.replace(/(?<=\d)_(?=\d)/g, '');
  if (/^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(plain)) return Number(plain);
  const word = /^([+-]?)(inf|infinity|nan)$/i.exec(plain);
  if (!word) return null;
  if (word[2]?.toLowerCase() === 'nan') return NaN;
  return word[1] === '-' ? -Infinity : Infinity;
}

const token =
  /\s*(?:([rRbBuU]{0,2}(?:'''(?:[^\\]|\\[^])*?'''|"""(?:[^\\]|\\[^])*?"""|'(?:[^'\\\n]|\\[^])*'|"(?:[^"\\\n]|\\[^])*"))|(0[xX][\da-fA-F_]+|0[oO][0-7_]+|0[bB][01_]+|(?:\d[\d_]*\.?[\d_]*|\.\d[\d_]*)(?:[eE][+-]?\d+)?)|([\p{L}_][\p{L}\p{N}_]*)|(\*\*|\/\/|<<|>>|[=!<>]=|[-+*/%|&^~()[\]{},:.@<>]))/uy;

interface Token {
  readonly kind: 'string' | 'number' | 'name' | 'mark';
  readonly text: string;
}

/** Parses a Python literal: numbers, strings, None, True, False, and lists, tuples and dicts of them. */
export function pythonLiteral(text: string): unknown {
  return new Reader(tokensOf(text)).all();
}

function tokensOf(text: string): Token[] {
  const source = text.trim();
  const tokens: Token[] = [];
  token.lastIndex = 0;
  while (token.lastIndex < source.length) {
    const match = token.exec(source);
    if (!match) throw new LiteralError('invalid syntax');
    const kinds = ['string', 'number', 'name', 'mark'] as const;
    const at = kinds.findIndex((_, i) => match[i + 1] !== undefined);
    tokens.push({ kind: kinds[at] ?? 'mark', text: match[at + 1] ?? '' });
  }
  return tokens;
}

/** A part of an expression that is not a literal, so the whole is not one either if the rest can be parsed. */
const notLiteral = Symbol('not a literal');

class Reader {
  private at = 0;
  private literal = true;

  constructor(private readonly tokens: readonly Token[]) {}

  all(): unknown {
    const value = this.expression();
    const items = [value];
    while (this.take(',')) if (this.at < this.tokens.length) items.push(this.expression());
    if (this.at < this.tokens.length || this.tokens.length === 0) throw new LiteralError('invalid syntax');
    if (!this.literal) throw new LiteralError('malformed value', 'expression');
    return this.tokens.at(-1)?.text === ',' || items.length > 1 ? items : value;
  }

  private expression(): unknown {
    let value = this.operand();
    while (
      /^([-+*/%|&^@<>]|\*\*|\/\/|<<|>>|[=!<>]=|and|or|in|is|if|else)$/.test(this.tokens[this.at]?.text ?? '')
    ) {
      this.at++;
      if (this.tokens[this.at]?.text === 'not') this.at++;
      this.operand();
      value = this.none();
    }
    return value;
  }

  private operand(): unknown {
    if (this.tokens[this.at]?.text === 'not') {
      this.at++;
      this.operand();
      return this.none();
    }
    for (const sign of ['-', '+', '~'] as const) {
      if (!this.take(sign)) continue;
      const value = this.operand();
      if (sign === '~' || !isNumber(value)) return this.none();
      return sign === '-' ? negative(value) : value;
    }
    return this.trailers(this.atom());
  }

  /** `.name`, `(…)` and `[…]` after a value. */
  private trailers(value: unknown): unknown {
    let found = value;
    for (;;) {
      if (this.take('.')) {
        if (this.next().kind !== 'name') throw new LiteralError('invalid syntax');
      } else if (this.take('(')) this.items(')');
      else if (this.take('[')) this.items(']');
      else return found;
      found = this.none();
    }
  }

  private atom(): unknown {
    const { kind, text } = this.next();
    if (kind === 'number') return numberOf(text);
    if (kind === 'name') return constants.has(text) ? constants.get(text) : this.none();
    if (kind === 'string') return this.strings(text);
    if (text === '[') return this.items(']').values;
    if (text === '(') {
      const { values, comma } = this.items(')');
      return values.length === 1 && !comma ? values[0] : values;
    }
    if (text === '{') return this.dict();
    throw new LiteralError('invalid syntax');
  }

  private strings(first: string): unknown {
    let value = stringOf(first);
    while (this.tokens[this.at]?.kind === 'string') value += stringOf(this.next().text);
    return value;
  }

  private items(end: string): { values: unknown[]; comma: boolean } {
    const values: unknown[] = [];
    let comma = false;
    while (!this.take(end)) {
      values.push(this.expression());
      comma = this.take(',');
      if (!comma && this.mark() !== end) throw new LiteralError('invalid syntax');
    }
    return { values, comma };
  }

  private dict(): unknown {
    const entries: [string, unknown][] = [];
    while (!this.take('}')) {
      const key = this.expression();
      if (!this.take(':')) throw new LiteralError('a set cannot be sent');
      const value = this.expression();
      if (typeof key !== 'string') throw new LiteralError('dictionary key must be string', 'expression');
      entries.push([key, value]);
      if (!this.take(',') && this.mark() !== '}') throw new LiteralError('invalid syntax');
    }
    return Object.fromEntries(entries);
  }

  private none(): typeof notLiteral {
    this.literal = false;
    return notLiteral;
  }

  private mark(): string {
    const next = this.tokens[this.at];
    return next?.kind === 'mark' ? next.text : '';
  }

  private take(mark: string): boolean {
    if (this.mark() !== mark) return false;
    this.at++;
    return true;
  }

  private next(): Token {
    const next = this.tokens[this.at++];
    if (!next) throw new LiteralError('unexpected end');
    return next;
  }
}

function isNumber(value: unknown): boolean {
  return (
    typeof value === 'number' ||
    typeof value === 'bigint' ||
    (typeof value === 'object' && value !== null && 'value' in value)
  );
}

function negative(value: unknown): unknown {
  if (typeof value === 'number') return value === 0 ? 0 : -value;
  return typeof value === 'bigint' ? -value : double(-Number(value));
}

function numberOf(text: string): unknown {
  const plain = text.replaceAll('_', '');
  if (/^0[xob]/i.test(plain)) return Number(plain);
  if (/^\d+$/.test(plain)) {
    if (/^0+[1-9]/.test(plain))
      throw new LiteralError('leading zeros in decimal integer literals are not permitted');
    return wholeNumber(plain);
  }
  return double(Number(plain));
}

const escapes: Record<string, string> = {
  n: '\n',
  r: '\r',
  t: '\t',
  a: '\x07',
  b: '\b',
  f: '\f',
  v: '\v',
  '\\': '\\',
  "'": "'",
  '"': '"',
  '\n': '',
};

function stringOf(source: string): string {
  const [, prefix = '', quote = ''] = /^([a-z]*)('''|"""|'|")/i.exec(source) ?? [];
  const body = source.slice(prefix.length + quote.length, source.length - quote.length);
  if (/b/i.test(prefix)) throw new LiteralError('bytes cannot be given here', 'expression');
  if (/r/i.test(prefix)) return body;
  return body.replace(
    /\\(?:x([\da-fA-F]{2})|u([\da-fA-F]{4})|U([\da-fA-F]{8})|([0-7]{1,3})|([^]))/g,
    (whole, ...groups: (string | undefined)[]) => {
      const [x, u, long, octal, c] = groups;
      const hex = x ?? u ?? long;
      if (hex !== undefined) return String.fromCodePoint(parseInt(hex, 16));
      if (octal !== undefined) return String.fromCharCode(parseInt(octal, 8));
      return c !== undefined && Object.hasOwn(escapes, c) ? (escapes[c] ?? '') : whole;
    },
  );
}

/** Parses JSON, distinguishing floats from whole numbers like the wire does. */
export function jsonLiteral(text: string): unknown {
  JSON.parse(text);
  const tokens = text.match(/"(?:[^"\\]|\\.)*"|[-+\d.eE]+|true|false|null|[[\]{},:]/g) ?? [];
  let at = 0;
  const value = (): unknown => {
    const next = tokens[at++] ?? '';
    if (next === '[') return list();
    if (next === '{') return struct();
    if (/^-?\d+$/.test(next)) return wholeNumber(next);
    if (/^[-\d]/.test(next)) return double(Number(next));
    return JSON.parse(next) as unknown;
  };
  const list = (): unknown[] => {
    const items: unknown[] = [];
    while (tokens[at] !== ']') {
      items.push(value());
      if (tokens[at] === ',') at++;
    }
    at++;
    return items;
  };
  const struct = (): Record<string, unknown> => {
    const entries: [string, unknown][] = [];
    while (tokens[at] !== '}') {
      const key = JSON.parse(tokens[at] ?? '') as string;
      at += 2;
      entries.push([key, value()]);
      if (tokens[at] === ',') at++;
    }
    at++;
    return Object.fromEntries(entries);
  };
  return value();
}
