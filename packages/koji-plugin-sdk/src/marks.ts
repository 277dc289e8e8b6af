import type { Access, Needs } from '@koji/core/api';
import type { CallbackName } from './callbacks.js';
import type { ArgSchemas } from './schemas.js';
import type { WebPageMark, WebPanelMark } from './web-marks.js';

/** How an RPC method is to be exported. */
export interface ExportMark {
  /** The wire name, instead of the name that the function is exported under. */
  readonly alias?: string;
  /** A prefix: `module.name`. */
  readonly module?: string;
  /**
   * Argument names, for functions whose own can't be read; `name?` is optional, `*rest` and `**named` take the others. Or names
   * with schemas, which check the values.
   */
  readonly args?: readonly string[] | ArgSchemas;
  /** One line for `koji list-api` and `system.methodHelp`. */
  readonly doc?: string;
  /** What the caller must be. Default `none`: the function checks by itself. */
  readonly needs?: Needs;
  /** What it does to the database. Default `write`. */
  readonly access?: Access;
}

/** An option of a command. */
export interface CliOption {
  /** Its short and long forms: `['-q', '--quiet']`. */
  readonly flags: readonly string[];
  /** Default `text`; `int` is a whole number, a `list` may be given several times, `true` and `false` take no value. */
  readonly action?: 'text' | 'int' | 'list' | 'true' | 'false';
  /** One line for the command's help. */
  readonly help?: string;
  /** What stands for the value in the help. */
  readonly metavar?: string;
}

/** Options by the name that `tools.options` has them under, several where they set one value. */
export type CliOptionTable = Readonly<Record<string, CliOption | readonly CliOption[]>>;

/** How a command is to be added to the `koji` command. */
export interface CliMark<O extends CliOptionTable = CliOptionTable> {
  /** The command's name; default: the function's, without `handle_` or `anon_handle_` and with `-` for `_`. */
  readonly name?: string;
  /** One line for `koji help`. */
  readonly help?: string;
  /** The group in `koji help`. Default `misc`. */
  readonly group?: string;
  /** What follows the command's name in its usage line. */
  readonly usage?: string;
  /** Options by the name that `tools.options` has them under, several where they set one value. Default: none are read. */
  readonly options?: O;
  /** False: what begins with a dash is an option only before the first argument, as for a command that is passed on. */
  readonly interspersed?: boolean;
  /** Whether to log in first. Default: yes, unless the function's name begins with `anon_handle_`. */
  readonly login?: boolean;
}

/** Everything a plugin said about one function. */
export interface Marks {
  export?: ExportMark;
  callbacks?: readonly CallbackName[];
  ignoreError?: boolean;
  convertDatetime?: boolean;
  afterCommit?: boolean;
  cli?: CliMark;
  policyTest?: string;
  webPage?: WebPageMark;
  webPanel?: WebPanelMark;
  /** When it was marked: an ES module lists its exports by name, not in the order in which they were written. */
  order?: number;
}

// Registered symbols, so that marks set by a second copy of this package are seen.
const brand = Symbol.for('koji.plugin.marks');

/** Any function; plugins' are called with what the wire brings. */
export type AnyFunction = (...args: never[]) => unknown;

const counter = globalThis as { [brand]?: number };

/** Adds to what is known about a function. */
export function mark(fn: AnyFunction, marks: Marks): void {
  const holder = fn as AnyFunction & { [brand]?: Marks };
  if (!Object.hasOwn(holder, brand)) Object.defineProperty(holder, brand, { value: {} });
  const known = holder[brand] as Marks;
  counter[brand] = (counter[brand] ?? 0) + 1;
  known.order ??= counter[brand];
  Object.assign(known, marks);
}

/** What the wrappers, decorators and plain properties (`fn.exported = true`) of a function say together. */
export function marksOf(value: unknown): Marks {
  if (typeof value !== 'function') return {};
  const fn = value as unknown as Record<string | symbol, unknown>;
  const marks: Marks = Object.hasOwn(fn, brand) ? { ...(fn[brand] as Marks) } : {};
  const own = (name: string): unknown => (Object.hasOwn(fn, name) ? fn[name] : undefined);
  if (own('exported') === true) {
    const args = own('args');
    const doc = own('doc');
    marks.export = {
      ...(Array.isArray(args) ? { args: args as readonly string[] | ArgSchemas } : {}),
      ...(typeof doc === 'string' ? { doc } : {}),
      ...marks.export,
    };
  }
  const events = own('callbacks');
  if (Array.isArray(events)) marks.callbacks = [...(marks.callbacks ?? []), ...(events as CallbackName[])];
  return marks;
}
