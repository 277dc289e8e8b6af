import { GenericError } from '@koji/core';
import { Double } from '@koji/core/wire';
import { repr } from './repr.js';

const token = /"(?:[^"\\]|\\.)*"|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/g;
const mark = '\u0001number:';

/**
 * Reads a JSON column. Floats stay floats ({@link Double}) and large integers exact, which `JSON.parse` alone would lose.
 *
 * @throws GenericError naming the column's text when it is no JSON
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

/** Writes a value for a JSON column in the form Koji writes: `{"a": [1, 2.0]}`, ASCII only. */
export function writeJson(value: unknown): string {
  return jsonOf(value, null);
}

/** As {@link writeJson}, for a file: each item on a line of its own, two spaces further in than what it is in. */
export function writeIndentedJson(value: unknown): string {
  return jsonOf(value, '\n');
}

function jsonOf(value: unknown, line: string | null): string {
  if (value === null || value === undefined) return 'null';
  if (typeof value === 'string') return ascii(JSON.stringify(value));
  if (typeof value === 'boolean' || typeof value === 'bigint') return String(value);
  if (typeof value === 'number') return Number.isFinite(value) ? String(value) : specialFloat(value);
  if (value instanceof Double) {
    const float = value.value;
    if (!Number.isFinite(float)) return specialFloat(float);
    return Number.isInteger(float) && Math.abs(float) < 1e16 ? `${float}.0` : String(float);
  }
  const deeper = line === null ? null : `${line}  `;
  const wrap = (open: string, items: readonly string[], close: string): string =>
    deeper === null || items.length === 0
      ? `${open}${items.join(', ')}${close}`
      : `${open}${deeper}${items.join(`,${deeper}`)}${line}${close}`;
  if (Array.isArray(value))
    return wrap(
      '[',
      value.map((item) => jsonOf(item, deeper)),
      ']',
    );
  const items = Object.entries(value).map(
    ([key, item]) => `${ascii(JSON.stringify(key))}: ${jsonOf(item, deeper)}`,
  );
  return wrap('{', items, '}');
}

// JSON has no words for these; Koji's databases hold them as Python writes them.
function specialFloat(value: number): string {
  if (Number.isNaN(value)) return 'NaN';
  return value > 0 ? 'Infinity' : '-Infinity';
}

function ascii(text: string): string {
  return text.replace(/[\u007f-\uffff]/g, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`);
}
