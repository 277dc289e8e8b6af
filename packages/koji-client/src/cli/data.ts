import type { Api } from '@koji/core/api';
import { pythonJson, pythonStr } from '@koji/core/text';
import { UsageError, optional, text } from './options.js';
import type { Output } from './output.js';

/** The output of a command for `--json` and `--format`: a list of objects, or one object. */
export interface DataShape {
  /** The hub's method whose answer, or an entry of it, each object is; if absent, all fields are in `adds`. */
  readonly of?: keyof Api;
  /** Fields that the command adds, with their descriptions. */
  readonly adds?: Readonly<Record<string, string>>;
  /** There is a single object, however many arguments are given. */
  readonly one?: true;
}

/** An object of a command's output, with the fields of the hub's answer. */
export type Row = Readonly<Record<string, unknown>>;

/** Output passed at once: an object, or several. */
export type Told = object | readonly object[];

/** The options of every command that has a `DataShape`. Koji does not have them. */
export const dataOptions = {
  json_fields: optional('--json', 'Print JSON: all fields, or those named', {
    metavar: 'FIELD,...',
    extra: true,
  }),
  row_format: text('--format', 'Print a line for each thing, such as "%{id} %-20{name}"', {
    metavar: 'TEMPLATE',
    extra: true,
  }),
};

/** Collects a command's output and prints it at the end, instead of the command's text. */
export class DataPrinter {
  private readonly rows: Row[] = [];
  /** Whether there was any output, even an empty list. */
  private used = false;

  private constructor(
    private readonly shape: DataShape,
    private readonly render: (rows: readonly Row[], one: boolean) => string,
  ) {}

  /**
   * Returns the printer selected by the options, or null for text.
   * @throws UsageError for a wrong template or list of fields
   */
  static from(shape: DataShape, options: Readonly<Record<string, unknown>>): DataPrinter | null {
    const { json_fields: fields, row_format: template } = options;
    if (typeof fields === 'string' && typeof template === 'string')
      throw new UsageError('--json and --format exclude each other');
    if (typeof template === 'string') return new DataPrinter(shape, readTemplate(template));
    return typeof fields === 'string' ? new DataPrinter(shape, readFields(fields)) : null;
  }

  add(found: Told | (() => Told)): void {
    this.used = true;
    const told: Told = typeof found === 'function' ? (found as () => Told)() : found;
    for (const row of Array.isArray(told) ? (told as Row[]) : [told as Row]) this.rows.push(row);
  }

  /**
   * Prints the collected output. A command that failed before any output prints nothing.
   * @throws UsageError when no row has a field that was asked for
   */
  print(out: Output, failed = false): void {
    if (failed && !this.used) return;
    out.write(this.render(this.rows, this.shape.one === true));
  }
}

/** Parses the fields of `--json=id,extra.image`; an empty text means all. */
function readFields(given: string): (rows: readonly Row[], one: boolean) => string {
  const names = given === '' ? null : given.split(',').map((name) => name.trim());
  if (names?.includes('')) throw new UsageError(`option --json: an empty name in '${given}'`);
  return (rows, one) => {
    if (names) for (const name of names) checkField('--json', rows, name);
    const chosen = names
      ? rows.map((row) => Object.fromEntries(names.map((name) => [name, fieldOf(row, name) ?? null])))
      : rows;
    return `${pythonJson(one ? (chosen[0] ?? null) : chosen)}\n`;
  };
}

const escapes: Readonly<Record<string, string>> = { n: '\n', t: '\t', '\\': '\\' };

/** Parses a template of `rpm --queryformat`: `%{field}`, `%-20{field}`, `%%`, `\t`, `\n`; it makes a line for each row. */
function readTemplate(given: string): (rows: readonly Row[]) => string {
  const names: string[] = [];
  const parts = [...given.matchAll(/%(-?\d*)\{([^}]*)\}|%%|\\([\s\S])|[^%\\]+|[%\\]/g)].map(
    ([part, width = '', name, escaped]): ((row: Row) => string) => {
      if (escaped !== undefined) return () => escapes[escaped] ?? escaped;
      if (name === undefined && part === '%')
        throw new UsageError(
          `option --format: a % that does not start %{field} in '${given}' (write %% for one)`,
        );
      if (name === undefined) return () => (part === '%%' ? '%' : part);
      if (name.trim() === '') throw new UsageError(`option --format: an empty name in '${given}'`);
      names.push(name);
      const room = Math.abs(Number(width || 0));
      return (row) => {
        const value = fieldText(fieldOf(row, name));
        return width.startsWith('-') ? value.padEnd(room) : value.padStart(room);
      };
    },
  );
  return (rows) => {
    for (const name of names) checkField('--format', rows, name);
    return rows.map((row) => `${parts.map((part) => part(row)).join('')}\n`).join('');
  };
}

/** Returns the value of a dotted name, or undefined. */
function fieldOf(row: Row, name: string): unknown {
  // A field may have a dot in its own name, for example in list-history.
  if (Object.hasOwn(row, name)) return row[name];
  let value: unknown = row;
  for (const key of name.split('.')) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, key)) return undefined;
    value = (value as Row)[key];
  }
  return value;
}

/** A field that no row has is a misspelled name. Only the outermost name is checked, because structs differ from row to row. */
function checkField(option: string, rows: readonly Row[], name: string): void {
  const first = name.split('.')[0] ?? name;
  if (rows.length === 0 || rows.some((row) => Object.hasOwn(row, first) || Object.hasOwn(row, name))) return;
  const known = [...new Set(rows.flatMap((row) => Object.keys(row)))].sort();
  throw new UsageError(`option ${option}: no field '${name}' (there are: ${known.join(', ')})`);
}

/** Formats a value for a line of text: empty for null and missing values, JSON for structs. */
function fieldText(value: unknown): string {
  if (value === null || value === undefined) return '';
  if (typeof value === 'boolean') return String(value);
  if (Array.isArray(value) && value.every((item) => typeof item === 'string' || typeof item === 'number'))
    return value.join(' ');
  if (Array.isArray(value) || Object.getPrototypeOf(value) === Object.prototype)
    return pythonJson(value).replaceAll(/\n\s*/g, ' ');
  return pythonStr(value);
}
