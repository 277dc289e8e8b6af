import { GenericError } from '@koji/core';
import { Double } from '@koji/core/wire';
import { repr } from './repr.js';

const token = /"(?:[^"\\]|\\.)*"|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/g;
const mark = '\u0001number:';

/**
 * Reads a JSON column. Floats stay floats ({@link Double}) and large integers exact, which `JSON.parse` alone would lose.
 *
 * @throws GenericError with the column's text if it is not JSON
 */
export function readJson(text: unknown, what: string): unknown {
  if (text === null || text === undefined) return null;
  const source = typeof text === 'string' ? text : JSON.stringify(text);
  try {
    if (!/\d[.eE]|\d{16}/.test(source)) return JSON.parse(source) as unknown;
    const marked = source.replace(token, (found) =>
      /^".*|^-?\d{1,15}$/s.test(found) ? found : JSON.stringify(mark + found),
    );
    return JSON.parse(marked, (_key, value: unknown) =>
      typeof value === 'string' && value.startsWith(mark) ? numberOf(value.slice(mark.length)) : value,
    ) as unknown;
  } catch {
    throw new GenericError(`${what}: ${repr(text)}`);
  }
}

function numberOf(text: string): unknown {
  if (/[.eE]/.test(text)) return new Double(Number(text));
  const whole = Number(text);
  return Number.isSafeInteger(whole) ? whole : BigInt(text);
}
