import { Double } from './wire/values.js';

/** Formats a value as Koji's JSON: `{"a": [1, 2.0]}`, ASCII only, floats as floats, large integers exact. */
export function writeJson(value: unknown): string {
  return jsonOf(value, null);
}

/** Like {@link writeJson}, but for files: each item is on its own line, indented by two more spaces than its parent. */
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
