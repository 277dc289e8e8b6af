import { parseFloating } from '@koji/core';
import { double } from '@koji/core/wire';
import { parseTime, pythonRepr } from '@koji/core/text';
import { wrapText } from './text-wrap.js';
import { sortTexts } from '@koji/core';

/** Wrong use of a command: usage and message go to standard error, the exit code is 2. */
export class UsageError extends Error {
  override name = 'UsageError';
}

/** Declaration of an option; `T` is the type of its value. */
export interface OptionDef<T> {
  /** Long and short forms, as shown in the help. */
  readonly flags: readonly string[];
  readonly action: 'text' | 'list' | 'pairs' | 'optional' | 'true' | 'false';
  /** If absent, the help does not list the option. */
  readonly help?: string;
  /** Not in Koji: shown in the help only on a terminal, and never matched by an abbreviation. */
  readonly extra?: true;
  readonly metavar?: string;
  /** Parses a given text; throws UsageError for a wrong one. */
  readonly read?: (text: string, flag: string) => unknown;
  /** The allowed values. */
  readonly choices?: readonly string[];
  readonly initial?: T;
}

/** One option, or several that set the same value (`--wait`, `--nowait`). */
export type OptionTable = Readonly<Record<string, OptionDef<unknown> | readonly OptionDef<unknown>[]>>;

type ValueOf<O> = O extends OptionDef<infer T> ? T : O extends readonly OptionDef<infer T>[] ? T : never;

/** The values of a table's options by name. */
export type OptionValues<O extends OptionTable> = { [K in keyof O]: ValueOf<O[K]> };

type Flags = string | readonly string[];
interface Shown {
  readonly metavar?: string;
  readonly extra?: true;
}

const flagsOf = (flags: Flags): readonly string[] => (typeof flags === 'string' ? [flags] : flags);

/** An option with a value; the last one wins. */
export function text(flags: Flags, help?: string, shown: Shown = {}): OptionDef<string | undefined> {
  return { flags: flagsOf(flags), action: 'text', ...(help === undefined ? {} : { help }), ...shown };
}

/** An option with an optional value after a `=`; the value is empty if it is omitted. */
export function optional(flags: Flags, help?: string, shown: Shown = {}): OptionDef<string | undefined> {
  return { ...text(flags, help, shown), action: 'optional' };
}

/** An option that may be given several times. */
export function texts(flags: Flags, help?: string, shown: Shown = {}): OptionDef<readonly string[]> {
  return { ...text(flags, help, shown), action: 'list', initial: [] };
}

/** An option with two values that may be given several times. */
export function pairs(
  flags: Flags,
  help?: string,
  shown: Shown = {},
): OptionDef<readonly (readonly string[])[]> {
  return { ...text(flags, help, shown), action: 'pairs', initial: [] };
}

/** An option with a whole number; hexadecimal, octal and binary ones as in C. */
export function int(flags: Flags, help?: string, shown: Shown = {}): OptionDef<number | undefined> {
  return { ...text(flags, help, shown), read: readInt } as OptionDef<number | undefined>;
}

/** An option with a number. */
export function decimal(flags: Flags, help?: string, shown: Shown = {}): OptionDef<number | undefined> {
  return { ...text(flags, help, shown), read: readDecimal } as OptionDef<number | undefined>;
}

/** The help text about times, once per command. */
export const timeHelp =
  'time is specified as timestamp or date/time in any format which can be parsed by dateutil.parser. ' +
  'e.g. "2020-12-31 12:35" or "December 31st 12:35"';

/** An option with a time, as epoch seconds. */
export function time(flags: Flags, help?: string, shown: Shown = {}): OptionDef<number | undefined> {
  return { ...text(flags, help, shown), read: readTime } as OptionDef<number | undefined>;
}

/** An option with one of some values. */
export function choice<T extends string>(
  flags: Flags,
  choices: readonly T[],
  help?: string,
): OptionDef<T | undefined> {
  const read = (given: string, name: string): T => {
    const found = choices.find((value) => value === given);
    if (found !== undefined) return found;
    const known = choices.map((value) => pythonRepr(value)).join(', ');
    throw new UsageError(`option ${name}: invalid choice: ${pythonRepr(given)} (choose from ${known})`);
  };
  return { ...text(flags, help), read, choices } as OptionDef<T | undefined>;
}

/** An option without a value. */
export function flag(flags: Flags, help?: string): OptionDef<boolean | undefined> {
  return { flags: flagsOf(flags), action: 'true', ...(help === undefined ? {} : { help }) };
}

/** An option without a value that reverts another option with the same name. */
export function noFlag(flags: Flags, help?: string): OptionDef<boolean | undefined> {
  return { flags: flagsOf(flags), action: 'false', ...(help === undefined ? {} : { help }) };
}

function readInt(given: string, name: string): number {
  const match = /^(0x[0-9a-f]+|0b[01]+|0o?[0-7]*|[1-9]\d*)$/i.exec(given.trim().replace(/^\+/, ''));
  const digits = match?.[1]?.toLowerCase() ?? '';
  const value = /^0[0-7]/.test(digits) ? parseInt(digits, 8) : Number(digits === '' ? NaN : digits);
  const negative = /^-(\d+)$/.exec(given.trim());
  if (negative) return -Number(negative[1]);
  if (!Number.isSafeInteger(value))
    throw new UsageError(`option ${name}: invalid integer value: ${pythonRepr(given)}`);
  return value;
}

function readDecimal(given: string, name: string): unknown {
  const value = parseFloating(given);
  if (value === null)
    throw new UsageError(`option ${name}: invalid floating-point value: ${pythonRepr(given)}`);
  return double(value);
}

function readTime(given: string, name: string): number {
  const seconds = parseTime(given);
  if (seconds === null)
    throw new UsageError(`option ${name}: invalid time specification: ${pythonRepr(given)}`);
  return seconds;
}

interface Known {
  readonly dest: string;
  readonly def: OptionDef<unknown>;
}

/** Thrown by `--help`: there is nothing to run. */
export class HelpAsked extends Error {
  override name = 'HelpAsked';
}

/**
 * Parses arguments like Python's optparse: options anywhere (unless `interspersed` is false), long ones abbreviated as long as
 * they are unique, `--` ends them.
 */
export class OptionParser<O extends OptionTable> {
  private readonly known: Known[];

  constructor(
    readonly usage: string,
    readonly options: O,
    private readonly settings: {
      interspersed?: boolean;
      description?: string;
      epilog?: string;
      /** Not in Koji's help, like extra options. */
      examples?: string;
    } = {},
  ) {
    this.known = Object.entries(options).flatMap(([dest, defs]) =>
      (Array.isArray(defs) ? (defs as OptionDef<unknown>[]) : [defs as OptionDef<unknown>]).map((def) => ({
        dest,
        def,
      })),
    );
  }

  /** @throws UsageError, or HelpAsked for `-h` and `--help` */
  parse(argv: readonly string[]): { options: OptionValues<O>; args: string[] } {
    const values: Record<string, unknown> = {};
    for (const { dest, def } of this.known) values[dest] ??= def.initial;
    const left = [...argv];
    const args: string[] = [];
    for (let arg = left.shift(); arg !== undefined; arg = left.shift()) {
      if (arg === '--') {
        args.push(...left.splice(0));
      } else if (arg.startsWith('--')) {
        this.long(arg, left, values);
      } else if (arg.startsWith('-') && arg.length > 1) {
        this.short(arg, left, values);
      } else {
        args.push(arg);
        if (this.settings.interspersed === false) args.push(...left.splice(0));
      }
    }
    return { options: values as OptionValues<O>, args };
  }

  /** `Usage: …`, as printed before messages and in the help. */
  get usageText(): string {
    return `Usage: ${this.usage}\n`;
  }

  /** Returns the help: usage, every visible option, epilog; with `extras`, also the options that are not in Koji. */
  help(columns: number, extras = false): string {
    const shown = this.known.filter(({ def }) => def.help !== undefined && (extras || !def.extra));
    const rows = [
      { names: '-h, --help', help: 'show this help message and exit' },
      ...shown.map(({ dest, def }) => ({ names: namesOf(dest, def), help: def.help ?? '' })),
    ];
    const width = columns - 2;
    const longest = Math.max(...rows.map((row) => row.names.length)) + 2;
    const column = Math.min(longest + 2, Math.max(Math.min(24, width - 20), 4));
    const lines = rows.map((row) =>
      helpRow(row.names, wrapText(row.help, Math.max(width - column, 11)), column),
    );
    const { description, epilog = '', examples = '' } = this.settings;
    const about = description === undefined ? '' : `\n${wrapText(description, width).join('\n')}\n`;
    return `${this.usageText}${about}\nOptions:\n${lines.join('')}${epilog}${extras ? examples : ''}`;
  }

  private long(arg: string, left: string[], values: Record<string, unknown>): void {
    const equals = arg.indexOf('=');
    const name = this.match(equals === -1 ? arg : arg.slice(0, equals));
    const optional = this.find(name);
    if (optional?.def.action === 'optional') {
      values[optional.dest] = equals === -1 ? '' : arg.slice(equals + 1);
      return;
    }
    if (equals !== -1) left.unshift(arg.slice(equals + 1));
    if (name === '--help') {
      if (equals !== -1) throw new UsageError('--help option does not take a value');
      throw new HelpAsked();
    }
    const found = this.find(name) as Known;
    if (takesValue(found.def)) {
      this.store(found, name, left, values);
    } else {
      if (equals !== -1) throw new UsageError(`${name} option does not take a value`);
      values[found.dest] = found.def.action === 'true';
    }
  }

  private short(arg: string, left: string[], values: Record<string, unknown>): void {
    for (let i = 1; i < arg.length; i++) {
      const name = `-${arg.charAt(i)}`;
      if (name === '-h' && !this.find(name)) throw new HelpAsked();
      const found = this.find(name);
      if (!found) throw new UsageError(`no such option: ${name}`);
      if (takesValue(found.def)) {
        if (i + 1 < arg.length) left.unshift(arg.slice(i + 1));
        this.store(found, name, left, values);
        return;
      }
      values[found.dest] = found.def.action === 'true';
    }
  }

  private store({ dest, def }: Known, name: string, left: string[], values: Record<string, unknown>): void {
    const given = left.shift();
    const second = def.action === 'pairs' ? left.shift() : '';
    if (given === undefined || second === undefined)
      throw new UsageError(
        `${name} option requires ${def.action === 'pairs' ? '2 arguments' : '1 argument'}`,
      );
    const value = def.action === 'pairs' ? [given, second] : def.read ? def.read(given, name) : given;
    values[dest] =
      def.action === 'list' || def.action === 'pairs' ? [...(values[dest] as unknown[]), value] : value;
  }

  private match(given: string): string {
    const all = [
      '--help',
      ...this.known.flatMap(({ def }) => def.flags.filter((name) => name.startsWith('--'))),
    ];
    if (all.includes(given)) return given;
    const possible = sortTexts(
      all.filter((name) => name.startsWith(given) && this.find(name)?.def.extra !== true),
    );
    if (possible.length === 1) return possible[0] as string;
    if (possible.length > 1) throw new UsageError(`ambiguous option: ${given} (${possible.join(', ')}?)`);
    throw new UsageError(`no such option: ${given}`);
  }

  private find(name: string): Known | undefined {
    return this.known.find(({ def }) => def.flags.includes(name));
  }
}

/** Returns whether an option is followed by a value. */
export function takesValue(def: OptionDef<unknown>): boolean {
  return def.action === 'text' || def.action === 'list' || def.action === 'pairs';
}

function namesOf(dest: string, def: OptionDef<unknown>): string {
  const metavar = def.metavar ?? dest.toUpperCase();
  const short = def.flags.filter((name) => !name.startsWith('--'));
  const long = def.flags.filter((name) => name.startsWith('--'));
  if (def.action === 'optional') return [...short, ...long.map((name) => `${name}[=${metavar}]`)].join(', ');
  if (!takesValue(def)) return [...short, ...long].join(', ');
  return [...short.map((name) => `${name} ${metavar}`), ...long.map((name) => `${name}=${metavar}`)].join(
    ', ',
  );
}

function helpRow(names: string, help: readonly string[], column: number): string {
  const room = column - 4;
  const first = names.length > room ? `  ${names}\n${' '.repeat(column)}` : `  ${names.padEnd(room)}  `;
  if (help.length === 0) return `${first.trimEnd()}\n`;
  return first + help.map((line, i) => `${i > 0 ? ' '.repeat(column) : ''}${line}\n`).join('');
}
