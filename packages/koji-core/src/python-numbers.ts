const digits = String.raw`\d(?:_?\d)*`;
const whole = new RegExp(`^[+-]?${digits}$`);
const float = new RegExp(
  `^[+-]?(?:(?:${digits}\\.?(?:${digits})?|\\.${digits})(?:e[+-]?${digits})?|inf(?:inity)?|nan)$`,
  'i',
);

/** Returns the whole number that Python's `int` reads from a text, ignoring blanks around it and `_` between digits. */
export function parseInteger(text: string): number | bigint | null {
  const trimmed = text.trim();
  if (!whole.test(trimmed)) return null;
  const plain = trimmed.replaceAll('_', '');
  const number = Number(plain);
  return Number.isSafeInteger(number) ? number : BigInt(plain.replace('+', ''));
}

/** Returns the number that Python's `float` reads from a text, including `inf` and `nan`. */
export function parseFloating(text: string): number | null {
  const trimmed = text.trim();
  if (!float.test(trimmed)) return null;
  const named = /^([+-]?)(inf|nan)/i.exec(trimmed);
  if (!named) return Number(trimmed.replaceAll('_', ''));
  if (named[2]?.toLowerCase() === 'nan') return NaN;
  return named[1] === '-' ? -Infinity : Infinity;
}
