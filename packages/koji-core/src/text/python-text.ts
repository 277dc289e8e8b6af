import { DateTime, Double } from '../wire/index.js';
import { byText } from '../sort-texts.js';

/** Formats a float like Python: `2.0`, `1e-05`, `inf`. */
export function pythonFloat(value: number): string {
  if (Number.isNaN(value)) return 'nan';
  if (!Number.isFinite(value)) return value > 0 ? 'inf' : '-inf';
  if (Object.is(value, -0)) return '-0.0';
  const size = Math.abs(value);
  if (value === 0 || (size >= 1e-4 && size < 1e16)) {
    const text = String(value);
    return text.includes('.') ? text : `${text}.0`;
  }
  const [digits = '', exponent = ''] = value.toExponential().split('e');
  return `${digits}e${exponent.slice(0, 1)}${exponent.slice(1).padStart(2, '0')}`;
}

/** Formats a received value like Python's `repr`; with `sorted`, keys of structs are in the order of pprint. */
export function pythonRepr(value: unknown, sorted = false): string {
  if (value === null || value === undefined) return 'None';
  switch (typeof value) {
    case 'boolean':
      return value ? 'True' : 'False';
    case 'number':
      return Number.isInteger(value) && !Object.is(value, -0) ? intText(value) : pythonFloat(value);
    case 'bigint':
      return value.toString();
    case 'string':
      return reprText(value);
    default:
  }
  if (value instanceof Double) return pythonFloat(value.value);
  if (value instanceof DateTime) return `<DateTime ${reprText(value.value)}>`;
  if (value instanceof Uint8Array) return reprBytes(value);
  if (Array.isArray(value)) return `[${value.map((item) => pythonRepr(item, sorted)).join(', ')}]`;
  const items = entriesOf(value, sorted).map(
    ([key, item]) => `${reprText(key)}: ${pythonRepr(item, sorted)}`,
  );
  return `{${items.join(', ')}}`;
}

/** Formats a value like Python's `str`: strings unchanged, anything else like `repr`. */
export function pythonStr(value: unknown): string {
  if (typeof value === 'string') return value;
  return value instanceof DateTime ? value.value : pythonRepr(value);
}

// Whole numbers beyond 2^53 are bigints, so a value in exponential form was not received as one.
function intText(value: number): string {
  return Math.abs(value) < 1e21 ? String(value) : BigInt(value).toString();
}

function entriesOf(value: object, sorted: boolean): [string, unknown][] {
  const entries = Object.entries(value);
  return sorted ? entries.sort(byText(([key]) => key)) : entries;
}

const unprintable = /[\p{C}\p{Z}]/u;

function reprText(text: string): string {
  const quote = text.includes("'") && !text.includes('"') ? '"' : "'";
  let out = '';
  for (const c of text) {
    if (c === quote || c === '\\') out += `\\${c}`;
    else if (c === '\n') out += '\\n';
    else if (c === '\r') out += '\\r';
    else if (c === '\t') out += '\\t';
    else out += c !== ' ' && unprintable.test(c) ? escaped(c.codePointAt(0) ?? 0) : c;
  }
  return `${quote}${out}${quote}`;
}

function escaped(code: number): string {
  const hex = code.toString(16);
  if (code < 0x100) return `\\x${hex.padStart(2, '0')}`;
  return code < 0x10000 ? `\\u${hex.padStart(4, '0')}` : `\\U${hex.padStart(8, '0')}`;
}

function reprBytes(bytes: Uint8Array): string {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1');
  const quote = text.includes("'") && !text.includes('"') ? '"' : "'";
  const out = text.replace(/[^ -~]|['"\\]/g, (c) => {
    if (c === '\\' || c === quote) return `\\${c}`;
    if (c === "'" || c === '"') return c;
    const short = { '\n': '\\n', '\r': '\\r', '\t': '\\t' }[c];
    return short ?? `\\x${c.charCodeAt(0).toString(16).padStart(2, '0')}`;
  });
  return `b${quote}${out}${quote}`;
}

/** Formats a value like Python's `pprint`: in 80 columns, structs sorted by key, long strings in pieces. */
export function pprint(value: unknown, width = 80): string {
  return new Printer(width).print(value);
}

const lengthOf = (text: string): number => Array.from(text).length;

class Printer {
  private out = '';

  constructor(private readonly width: number) {}

  print(value: unknown): string {
    this.format(value, { indent: 0, allowance: 0, level: 0 });
    return this.out;
  }

  /** `allowance` is the space needed after the value on its last line. */
  private format(value: unknown, at: { indent: number; allowance: number; level: number }): void {
    const whole = pythonRepr(value, true);
    const inside = { ...at, level: at.level + 1 };
    if (lengthOf(whole) <= this.width - at.indent - at.allowance) this.out += whole;
    else if (typeof value === 'string') this.text(value, inside);
    else if (Array.isArray(value)) this.list(value, inside);
    else if (isStruct(value)) this.struct(value, inside);
    else this.out += whole;
  }

  private list(
    items: readonly unknown[],
    { indent, allowance, level }: { indent: number; allowance: number; level: number },
  ): void {
    this.out += '[';
    items.forEach((item, i) => {
      if (i > 0) this.out += `,\n${' '.repeat(indent + 1)}`;
      const last = i === items.length - 1;
      this.format(item, { indent: indent + 1, allowance: last ? allowance + 1 : 1, level });
    });
    this.out += ']';
  }

  private struct(
    value: object,
    { indent, allowance, level }: { indent: number; allowance: number; level: number },
  ): void {
    this.out += '{';
    const entries = entriesOf(value, true);
    entries.forEach(([key, item], i) => {
      const name = `${reprText(key)}: `;
      this.out += (i > 0 ? `,\n${' '.repeat(indent + 1)}` : '') + name;
      const last = i === entries.length - 1;
      this.format(item, { indent: indent + 1 + lengthOf(name), allowance: last ? allowance + 1 : 1, level });
    });
    this.out += '}';
  }

  private text(text: string, at: { indent: number; allowance: number; level: number }): void {
    const alone = at.level === 1;
    const indent = at.indent + (alone ? 1 : 0);
    const allowance = at.allowance + (alone ? 1 : 0);
    const chunks = this.chunks(text, this.width - indent, allowance);
    if (chunks.length === 1) {
      this.out += chunks[0] ?? '';
      return;
    }
    const joined = chunks.join(`\n${' '.repeat(indent)}`);
    this.out += alone ? `(${joined})` : joined;
  }

  private chunks(text: string, width: number, allowance: number): string[] {
    const chunks: string[] = [];
    const lines = splitLines(text);
    lines.forEach((line, i) => {
      const lastLine = i === lines.length - 1;
      const whole = reprText(line);
      if (lengthOf(whole) <= width - (lastLine ? allowance : 0)) {
        chunks.push(whole);
        return;
      }
      const parts = line.match(/[^\s\x1c-\x1f\x85]*[\s\x1c-\x1f\x85]+|[^\s\x1c-\x1f\x85]+$/g) ?? [];
      let current = '';
      parts.forEach((part, j) => {
        const room = width - (lastLine && j === parts.length - 1 ? allowance : 0);
        if (lengthOf(reprText(current + part)) > room) {
          if (current) chunks.push(reprText(current));
          current = part;
        } else {
          current += part;
        }
      });
      if (current) chunks.push(reprText(current));
    });
    return chunks;
  }
}

function isStruct(value: unknown): value is object {
  if (typeof value !== 'object' || value === null) return false;
  return !(value instanceof Double || value instanceof DateTime || value instanceof Uint8Array);
}

function splitLines(text: string): string[] {
  return (
    text.match(
      /[^\n\r\v\f\x1c-\x1e\x85\u2028\u2029]*(?:\r\n|[\n\r\v\f\x1c-\x1e\x85\u2028\u2029])|[^\n\r\v\f\x1c-\x1e\x85\u2028\u2029]+$/g,
    ) ?? []
  );
}

/** Formats a value like `json.dumps(…, indent=2)`: ASCII only, floats as floats. */
export function pythonJson(value: unknown, indent = ''): string {
  const inner = `${indent}  `;
  if (Array.isArray(value)) {
    if (value.length === 0) return '[]';
    return `[\n${value.map((item) => inner + pythonJson(item, inner)).join(',\n')}\n${indent}]`;
  }
  if (isStruct(value)) {
    const entries = Object.entries(value);
    if (entries.length === 0) return '{}';
    const rows = entries.map(([key, item]) => `${inner}${asciiJson(key)}: ${pythonJson(item, inner)}`);
    return `{\n${rows.join(',\n')}\n${indent}}`;
  }
  return scalarJson(value);
}

function scalarJson(value: unknown): string {
  if (value === null || value === undefined) return 'null';
  if (typeof value === 'string') return asciiJson(value);
  if (typeof value === 'boolean') return String(value);
  if (value instanceof DateTime) return asciiJson(value.value);
  if (value instanceof Uint8Array) return asciiJson(Buffer.from(value).toString('base64'));
  const text = pythonRepr(value);
  return { inf: 'Infinity', '-inf': '-Infinity', nan: 'NaN' }[text] ?? text;
}

function asciiJson(text: string): string {
  return JSON.stringify(text).replace(
    /[\x7f-\uffff]/g,
    (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}
