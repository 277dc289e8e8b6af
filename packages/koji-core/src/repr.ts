import { Double } from './wire/values.js';

/**
 * Formats a value for Koji's fault texts: `'name'`, `None`, `{'id': 5}`, `2.0`.
 *
 * @param longest maximum length of a text, after which `…` follows
 */
export function repr(value: unknown, longest = Infinity): string {
  if (typeof value === 'bigint') return String(value);
  if (typeof value === 'number') return Number.isInteger(value) ? String(value) : floatText(value);
  if (value === null || value === undefined) return 'None';
  if (typeof value === 'boolean') return value ? 'True' : 'False';
  if (typeof value === 'string') return quoted(cut(value, longest));
  if (value instanceof Double) return floatText(value.value);
  if (value instanceof Uint8Array)
    return bytesText(value.length > longest ? value.subarray(0, longest) : value);
  if (Array.isArray(value)) return `[${value.map((item) => repr(item, longest)).join(', ')}]`;
  if (typeof value === 'object')
    return `{${Object.entries(value)
      .map(([key, item]) => `${repr(key, longest)}: ${repr(item, longest)}`)
      .join(', ')}}`;
  return typeName(value);
}

function cut(text: string, longest: number): string {
  return text.length > longest ? `${text.slice(0, longest)}…` : text;
}

/** Formats a value inside a text: like {@link repr}, but strings are complete and without quotes. */
export function plain(value: unknown, longest = Infinity): string {
  return typeof value === 'string' ? value : repr(value, longest);
}

/** Returns the type of a value in Koji's fault texts: `<class 'str'>`. */
export function typeName(value: unknown): string {
  return `<class '${className(value)}'>`;
}

function className(value: unknown): string {
  if (value === null || value === undefined) return 'NoneType';
  if (typeof value === 'boolean') return 'bool';
  if (typeof value === 'string') return 'str';
  if (typeof value === 'bigint') return 'int';
  if (typeof value === 'number') return Number.isInteger(value) ? 'int' : 'float';
  if (value instanceof Double) return 'float';
  if (value instanceof Uint8Array) return 'bytes';
  return Array.isArray(value) ? 'list' : 'dict';
}

function floatText(value: number): string {
  if (Number.isNaN(value)) return 'nan';
  if (!Number.isFinite(value)) return value > 0 ? 'inf' : '-inf';
  const size = Math.abs(value);
  if (size !== 0 && (size < 1e-4 || size >= 1e16))
    return value.toExponential().replace(/e([+-])(\d)$/, 'e$10$2');
  const text = Object.is(value, -0) ? '-0' : String(value);
  return Number.isInteger(value) ? `${text}.0` : text;
}

function bytesText(bytes: Uint8Array): string {
  const text = Buffer.from(bytes).toString('latin1');
  const quote = text.includes("'") && !text.includes('"') ? '"' : "'";
  const body = text.replace(/[^ -~]|\\/g, (c) => escapes[c] ?? hex(c));
  return `b${quote}${quote === "'" ? body.replaceAll("'", "\\'") : body}${quote}`;
}

const escapes: Readonly<Record<string, string>> = { '\\': '\\\\', '\n': '\\n', '\r': '\\r', '\t': '\\t' };

function quoted(text: string): string {
  const quote = text.includes("'") && !text.includes('"') ? '"' : "'";
  const body = text.replace(/[\\\u0000-\u001f\u007f-\u00a0\u00ad]/g, (c) => escapes[c] ?? hex(c));
  return quote + (quote === "'" ? body.replaceAll("'", "\\'") : body) + quote;
}

function hex(character: string): string {
  return `\\x${character.charCodeAt(0).toString(16).padStart(2, '0')}`;
}
