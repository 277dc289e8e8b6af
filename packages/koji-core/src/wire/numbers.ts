// What int() and float() of Python read, since that is what a hub has always accepted.
const integerText = /^[+-]?[0-9]+$/;
const doubleText = /^[+-]?(?:(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:e[+-]?[0-9]+)?|inf|infinity|nan)$/i;
const strayUnderscore = /(?:^|[^0-9])_|_(?:[^0-9]|$)/;
// Python refuses integers that are longer; BigInt() would take quadratic time, a regular expression the stack.
const mostDigits = 4300;

/** The text of a number without white space around it and underscores between digits; undefined when it is none. */
function numberText(text: string, pattern: RegExp): string | undefined {
  const stripped = strip(text);
  if (stripped.length > 2 * mostDigits || strayUnderscore.test(stripped)) return undefined;
  const plain = stripped.replaceAll('_', '');
  return pattern.test(plain) ? plain : undefined;
}

const space = /[^\S\ufeff]|\x85/;

function isSpace(text: string, at: number): boolean {
  const code = text.charCodeAt(at);
  // The common ones without a pattern: there may be millions.
  if (code < 0x80) return code === 0x20 || (code >= 0x09 && code <= 0x0d);
  return space.test(text.charAt(at));
}

/** A text without the white space at its ends, as Python's strip() sees it. */
export function strip(text: string): string {
  let from = 0;
  let to = text.length;
  while (from < to && isSpace(text, from)) from++;
  while (to > from && isSpace(text, to - 1)) to--;
  return text.slice(from, to);
}

/** The integer a text holds, a bigint past 2^53; undefined when it is none. */
export function readInteger(text: string): number | bigint | undefined {
  const plain = numberText(text, integerText);
  if (plain === undefined) return undefined;
  const digits = plain.replace(/^[+-]/, '');
  if (digits.length > mostDigits) return undefined;
  const negative = plain.startsWith('-');
  const value = Number(digits);
  if (Number.isSafeInteger(value)) return negative && value !== 0 ? -value : value;
  return negative ? -BigInt(digits) : BigInt(digits);
}

/** The floating point number a text holds; undefined when it is none. */
export function readDouble(text: string): number | undefined {
  const plain = numberText(text, doubleText);
  if (plain === undefined) return undefined;
  if (!/[in]/i.test(plain)) return Number(plain);
  if (/nan$/i.test(plain)) return NaN;
  return plain.startsWith('-') ? -Infinity : Infinity;
}

/** A floating point number as Python's repr() writes it: always with a point or an exponent of two digits. */
export function doubleToText(value: number): string {
  if (Number.isNaN(value)) return 'nan';
  if (!Number.isFinite(value)) return value > 0 ? 'inf' : '-inf';
  const size = Math.abs(value);
  if (size !== 0 && (size < 1e-4 || size >= 1e16)) {
    return value.toExponential().replace(/e([+-])(\d)$/, 'e$10$2');
  }
  const text = Object.is(value, -0) ? '-0' : String(value);
  return Number.isInteger(value) ? `${text}.0` : text;
}
