import { ConfigError } from '../errors.js';

/** One option of a configuration file. */
export interface Option<T> {
  /** Type name for the documentation. */
  readonly kind: string;
  /** Value if the file does not set it. */
  readonly default: T;
  /** One line of documentation. */
  readonly doc: string;
  /** Parses the text of the file; a string result is the problem with it. */
  readonly read: (text: string) => { value: T } | string;
  /** The file must set it; its default is never used. */
  readonly required?: boolean;
  /** The value is secret, such as a password. */
  readonly secret?: boolean;
  /** Why the option is accepted without effect; absent if it has an effect. */
  readonly withoutEffect?: string;
}

/** The options of a section, by name as the documentation spells them. */
export type OptionTable = Readonly<Record<string, Option<unknown>>>;

/** The values of a table's options. */
export type OptionValues<T extends OptionTable> = {
  readonly [K in keyof T]: T[K] extends Option<infer V> ? V : never;
};

/** Text. */
export function text(fallback: string, doc: string): Option<string>;
export function text(fallback: null, doc: string): Option<string | null>;
export function text(fallback: string | null, doc: string): Option<string | null> {
  return { kind: 'string', default: fallback, doc, read: (value) => ({ value }) };
}

/** A whole number. */
export function integer(fallback: number, doc: string): Option<number>;
export function integer(fallback: null, doc: string): Option<number | null>;
export function integer(fallback: number | null, doc: string): Option<number | null> {
  const read = (value: string): { value: number } | string => {
    const number = Number(value.replaceAll('_', ''));
    return /^[+-]?\d+(_\d+)*$/.test(value) && Number.isSafeInteger(number)
      ? { value: number }
      : 'not a whole number';
  };
  return { kind: 'integer', default: fallback, doc, read };
}

/** 1/yes/true/on or 0/no/false/off, in any case. */
export function boolean(fallback: boolean, doc: string): Option<boolean> {
  const read = (value: string): { value: boolean } | string => {
    if (/^(1|yes|true|on)$/i.test(value)) return { value: true };
    return /^(0|no|false|off)$/i.test(value) ? { value: false } : 'not a boolean (yes or no)';
  };
  return { kind: 'boolean', default: fallback, doc, read };
}

/** A number, whole or not. */
export function number(fallback: number, doc: string): Option<number>;
export function number(fallback: null, doc: string): Option<number | null>;
export function number(fallback: number | null, doc: string): Option<number | null> {
  const read = (value: string): { value: number } | string =>
    /^[+-]?(\d+(\.\d*)?|\.\d+)$/.test(value) ? { value: Number(value) } : 'not a number';
  return { kind: 'number', default: fallback, doc, read };
}

/** Words separated by spaces. */
export function words(fallback: readonly string[], doc: string): Option<readonly string[]> {
  return {
    kind: 'list (spaces)',
    default: fallback,
    doc,
    read: (value) => ({ value: value.split(/\s+/).filter(Boolean) }),
  };
}

/** Names separated by commas or spaces. */
export function names(fallback: readonly string[], doc: string): Option<readonly string[]> {
  return {
    kind: 'list (commas or spaces)',
    default: fallback,
    doc,
    read: (value) => ({ value: value.split(/[\s,]+/).filter(Boolean) }),
  };
}

/** Folders separated by colons. */
export function folders(fallback: readonly string[], doc: string): Option<readonly string[]> {
  return {
    kind: 'list (colons)',
    default: fallback,
    doc,
    read: (value) => ({ value: value.split(':').filter(Boolean) }),
  };
}

/** One of a few words. */
export function choice<const T extends string>(fallback: T, others: readonly T[], doc: string): Option<T> {
  const all = [fallback, ...others];
  const read = (value: string): { value: T } | string => {
    const found = all.find((one) => one === value);
    return found === undefined ? `not one of ${all.join(', ')}` : { value: found };
  };
  return { kind: all.join(' | '), default: fallback, doc, read };
}

/** Makes an option required. */
export function required<T>(option: Option<T>): Option<NonNullable<T>> {
  return { ...(option as Option<NonNullable<T>>), required: true };
}

/** Marks the value of an option as secret, so that no report shows it. */
export function secret<T>(option: Option<T>): Option<T> {
  return { ...option, secret: true };
}

/** Marks an option of Koji that is accepted but has no effect here, with the reason. */
export function withoutEffect<T>(option: Option<T>, why: string): Option<T> {
  return { ...option, doc: `${option.doc}. No effect here: ${why}`, withoutEffect: why };
}

/** Returns a line for each option that a file sets although it has no effect. */
export function effectWarnings(
  table: OptionTable,
  options: Readonly<Record<string, unknown>>,
  { file, section }: { readonly file: string; readonly section: string },
): string[] {
  return Object.entries(table)
    .filter(([name, { withoutEffect: why, default: usual }]) => why !== undefined && options[name] !== usual)
    .map(([name, option]) => `${file} [${section}] ${name} has no effect: ${option.withoutEffect ?? ''}`);
}

/** An option whose value must also pass `problemOf`, which returns the problem, or null. */
export function checked<T>(option: Option<T>, problemOf: (value: T) => string | null): Option<T> {
  const read = (text: string): { value: T } | string => {
    const found = option.read(text);
    return typeof found === 'string' ? found : (problemOf(found.value) ?? found);
  };
  return { ...option, read };
}

/** Source of a section's values, for messages, and what to do with unknown options. */
export interface SectionName {
  /** The file, or a function that returns the file that sets an option. */
  readonly file: string | ((option: string) => string);
  readonly section: string;
  /** With `fatal`, an unknown option is a problem; default `ignored`. */
  readonly unknown?: 'ignored' | 'fatal';
}

/**
 * Reads a section's values; missing ones have their default. Names are case-insensitive.
 *
 * @throws ConfigError with every problem of the section, one per line
 */
export function readOptions<T extends OptionTable>(
  table: T,
  values: ReadonlyMap<string, string>,
  { file, section, unknown = 'ignored' }: SectionName,
): OptionValues<T> {
  const problems: string[] = [];
  const result: Record<string, unknown> = {};
  const given = new Map([...values].map(([name, value]) => [name.toLowerCase(), value]));
  const where = (name: string): string =>
    `${typeof file === 'string' ? file : file(name)} [${section}] ${name}`;
  for (const [name, option] of Object.entries(table)) {
    const value = given.get(name.toLowerCase());
    if (value === undefined) {
      if (option.required === true) problems.push(`${where(name)}: is missing`);
      else result[name] = option.default;
      continue;
    }
    const read = option.read(value);
    const shown = option.secret === true ? '(secret)' : `'${value}'`;
    if (typeof read === 'string') problems.push(`${where(name)} = ${shown}: ${read}`);
    else result[name] = read.value;
  }
  const known = new Set(Object.keys(table).map((name) => name.toLowerCase()));
  const strange =
    unknown === 'fatal' ? [...values.keys()].filter((name) => !known.has(name.toLowerCase())) : [];
  problems.push(...strange.map((name) => `${where(name)}: unknown config option`));
  if (problems.length > 0) throw new ConfigError(problems.join('\n'));
  return result as OptionValues<T>;
}

/** An option as documentation shows it. */
export interface OptionDescription {
  readonly name: string;
  readonly kind: string;
  /** As written in a file; empty if there is none. */
  readonly default: string;
  readonly doc: string;
}

/** Rows of the documentation for a table of options. */
export function describeOptions(table: OptionTable): OptionDescription[] {
  return Object.entries(table).map(([name, option]) => ({
    name,
    kind: option.kind,
    default: defaultText(option.default, option.kind),
    doc: option.doc,
  }));
}

/** Returns a configuration file with every option commented out, with its default and description. */
export function sampleFile(section: string, table: OptionTable): string {
  const lines = describeOptions(table).map(
    (option) => `# ${option.doc} (${option.kind})\n#${option.name} = ${option.default}`.trimEnd() + '\n',
  );
  return `[${section}]\n\n${lines.join('\n')}`;
}

/** Returns an option's default as written in a file; empty if there is none. */
export function defaultText(value: unknown, kind = ''): string {
  if (typeof value === 'boolean') return value ? 'yes' : 'no';
  if (Array.isArray(value)) return value.join(kind === 'list (colons)' ? ':' : ' ');
  return typeof value === 'string' || typeof value === 'number' ? String(value) : '';
}
