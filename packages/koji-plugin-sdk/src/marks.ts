import type { Access, Needs } from '@koji/core/api';
import type { CallbackName } from './callbacks.js';
import type { ArgSchemas } from './schemas.js';
import type { WebPageMark, WebPanelMark } from './web-marks.js';

/** Options of an exported method. */
export interface ExportMark {
  /** The wire name, if it differs from the name of the export. */
  readonly alias?: string;
  /** A prefix: `module.name`. */
  readonly module?: string;
  /**
   * Names of the arguments, for functions whose names cannot be read; `name?` is optional, `*rest` and `**named` take the rest.
   * Alternatively names with schemas, which check the values.
   */
  readonly args?: readonly string[] | ArgSchemas;
  /** One line for `koji list-api` and `system.methodHelp`. */
  readonly doc?: string;
  /** Permission that the caller needs. Default `none`: the function checks by itself. */
  readonly needs?: Needs;
  /** Kind of database access. Default `write`. */
  readonly access?: Access;
}

/** An option of a command. */
export interface CliOption {
  /** Its short and long forms: `['-q', '--quiet']`. */
  readonly flags: readonly string[];
  /** Default `text`; `int` is a whole number, a `list` may be passed several times, `true` and `false` take no value. */
  readonly action?: 'text' | 'int' | 'list' | 'true' | 'false';
  /** One line for the command's help. */
  readonly help?: string;
  /** The placeholder of the value in the help. */
  readonly metavar?: string;
}

/** Options by their name in `tools.options`. Several options may set one value. */
export type CliOptionTable = Readonly<Record<string, CliOption | readonly CliOption[]>>;

/** Options of a command for `koji`. */
export interface CliMark<O extends CliOptionTable = CliOptionTable> {
  /** The command's name; default: the function's, without `handle_` or `anon_handle_` and with `-` for `_`. */
  readonly name?: string;
  /** One line for `koji help`. */
  readonly help?: string;
  /** The group in `koji help`. Default `misc`. */
  readonly group?: string;
  /** The part of the usage line after the command's name. */
  readonly usage?: string;
  /** Options by their name in `tools.options`; several may set one value. Default: options are not parsed. */
  readonly options?: O;
  /** If false, options end at the first argument, for example for a command that is passed on. */
  readonly interspersed?: boolean;
  /** Whether to log in first. Default: yes, unless the function's name begins with `anon_handle_`. */
  readonly login?: boolean;
}

/** All marks of one function. */
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
  /** The order of marking: an ES module lists its exports by name, not in the order of the source. */
  order?: number;
}

// Registered symbols, which are the same in all copies of this package.
const brand = Symbol.for('koji.plugin.marks');

/** Any function. Functions of plugins are called with values from the wire. */
export type AnyFunction = (...args: never[]) => unknown;

const counter = globalThis as { [brand]?: number };

/** Adds to the marks of a function. */
export function mark(fn: AnyFunction, marks: Marks): void {
  const holder = fn as AnyFunction & { [brand]?: Marks };
  if (!Object.hasOwn(holder, brand)) Object.defineProperty(holder, brand, { value: {} });
  const known = holder[brand] as Marks;
  counter[brand] = (counter[brand] ?? 0) + 1;
  known.order ??= counter[brand];
  Object.assign(known, marks);
}

/** Returns the combined marks of wrappers, decorators and plain properties (`fn.exported = true`) of a function. */
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
