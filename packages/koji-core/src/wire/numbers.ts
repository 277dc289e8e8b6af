// Numbers as accepted by Python's int() and float(), which a hub has always accepted.
const integerText = /^[+-]?[0-9]+$/;
const doubleText = /^[+-]?(?:(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:e[+-]?[0-9]+)?|inf|infinity|nan)$/i;
const strayUnderscore = /(?:^|[^0-9])_|_(?:[^0-9]|$)/;
// Python refuses longer integers; BigInt() would take quadratic time, and a regular expression would overflow the stack.
const mostDigits = 4300;

/**
 * Returns the text of a number without surrounding white space and underscores between digits, or undefined if it is not a
 * number.
 */
function numberText(text: string, pattern: RegExp): string | undefined {
  const stripped = strip(text);
  if (stripped.length > 2 * mostDigits || strayUnderscore.test(stripped)) return undefined;
  const plain = stripped.replaceAll('_', '');
  return pattern.test(plain) ? plain : undefined;
}

const space = /[^\S\ufeff]|\x85/;

function isSpace(text: string, at: number): boolean {
  const code = text.charCodeAt(at);
  // The most frequent ones are read without a pattern, because there may be millions.
  if (code < 0x80) return code === 0x20 || (code >= 0x09 && code <= 0x0d);
  return space.test(text.charAt(at));
}

/** Strips white space from both ends of a text like Python's strip(). */
export function strip(text: string): string {
  let from = 0;
  let to = text.length;
  while (from < to && isSpace(text, from)) from++;
  while (to > from && isSpace(text, to - 1)) to--;
  return text.slice(from, to);
}

/** Returns the integer in a text, a bigint above 2^53, or undefined. */
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

/** Returns the floating point number in a text, or undefined. */
export function readDouble(text: string): number | undefined {
  const plain = numberText(text, doubleText);
  if (plain === undefined) return undefined;
  if (!/[in]/i.test(plain)) return Number(plain);
  if (/nan$/i.test(plain)) return NaN;
  return plain.startsWith('-') ? -Infinity : Infinity;
}

/** Formats a floating point number like Python's repr(): always with a point or an exponent of two digits. */
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
