import fs from 'node:fs';
import path from 'node:path';
import { ConfigError, hideSecret } from '@koji/core';
import {
  boolean,
  checked,
  choice,
  defaultText,
  folders,
  integer,
  isReference,
  number,
  parseIni,
  readOptions,
  readSecret,
  required,
  secret,
  text,
} from '@koji/core/config';
import type { Option, OptionTable, OptionValues, Sections } from '@koji/core/config';

/** Words separated by spaces or commas. Files of Koji's plugins use both. */
function words(fallback: readonly string[], doc: string): Option<readonly string[]> {
  const read = (value: string): { value: readonly string[] } => ({
    value: value.split(/[\s,]+/).filter(Boolean),
  });
  return { kind: 'list (spaces or commas)', default: fallback, doc, read };
}

/**
 * Kinds of options. Each takes a default and one line of documentation. The value of a `secret` can be kept elsewhere,
 * `file:PATH` or `env:NAME`. No report, log, fault or page shows it.
 */
export const option = { boolean, checked, choice, folders, integer, number, required, secret, text, words };

/** Options by section. A section `path*` matches all sections whose names begin with `path`. */
export type ConfigShape = Readonly<Record<string, OptionTable>>;

/** The values of a plugin's options. */
export type ConfigValues<S extends ConfigShape> = {
  readonly [K in keyof S]: K extends `${string}*`
    ? ReadonlyMap<string, OptionValues<S[K]>>
    : OptionValues<S[K]>;
};

/** One option and its current value. */
export interface ConfigSetting {
  readonly section: string;
  readonly name: string;
  readonly kind: string;
  readonly doc: string;
  /** The value as written in the file; for a default, as it would be written. */
  readonly value: string;
  /** Whether the file contains the option. */
  readonly given: boolean;
}

/** A report on a plugin's options and its file. */
export interface ConfigReport {
  readonly file: string;
  readonly exists: boolean;
  readonly settings: readonly ConfigSetting[];
  /** Wrong or missing values, one line each. */
  readonly problems: readonly string[];
  /** Options in the file that the plugin does not declare. */
  readonly unknown: readonly string[];
}

/** A configuration that a plugin declared. */
export interface DeclaredConfig {
  readonly name: string;
  report(): ConfigReport;
}

interface Shared {
  folder: string | null;
  /** Counts the loads. Values from an earlier load are read again. */
  load: number;
  readonly declared: DeclaredConfig[];
}

// All copies of this package must read the folder that was set by the program that loads the plugins.
const key = Symbol.for('koji.plugin.config');
const holder = globalThis as { [key]?: Shared | undefined };
const shared = (holder[key] ??= { folder: null, load: 0, declared: [] });

/** Sets the folder of the plugins' configuration files. The loader calls it before it imports. Returns the previous folder. */
export function setConfigFolder(folder: string | null): string | null {
  const before = shared.folder;
  shared.folder = folder;
  shared.load += 1;
  return before;
}

/** All configurations declared so far, in this order. */
export function declaredConfigs(): readonly DeclaredConfig[] {
  return shared.declared;
}

interface Reading {
  readonly report: ConfigReport;
  readonly values: Readonly<Record<string, unknown>>;
}

/**
 * Declares the options of a plugin. They are in the plugin's own file `NAME.conf` in the folder `plugins` beside hub.conf or
 * kojid.conf. The program that loads the plugin checks the file first and reports every problem. A missing file counts as an
 * empty one. Values are read at their first use. The file follows the rules of Python's ConfigParser: options of `[DEFAULT]`
 * apply to every section, `%(name)s` is replaced by the value of another option, and `%%` is a `%`.
 *
 * @param options.otherName another name of the file, which is read if the first one is missing
 * @param options.interpolation false leaves every `%` unchanged, like Python's RawConfigParser
 * @throws ConfigError with file, section and option, when a missing or invalid value is read
 * @example
 * const config = pluginConfig('rpmcheck', {
 *   rpmcheck: { max_size: option.integer(1_000_000, 'Bytes that a checked RPM may have') },
 * });
 * config.rpmcheck.max_size; // a number
 */
export function pluginConfig<const S extends ConfigShape>(
  name: string,
  shape: S,
  { otherName, interpolation = true }: { readonly otherName?: string; readonly interpolation?: boolean } = {},
): ConfigValues<S> {
  if (!/^[\w.-]+$/.test(name)) throw new ConfigError(`'${name}' can't be the name of a plugin's file`);
  let last: { load: number; reading: Reading } | null = null;
  const reading = (): Reading => {
    if (shared.folder === null)
      throw new ConfigError(`where ${name}.conf is, is known only in plugins that Koji loads, not outside`);
    if (last?.load !== shared.load)
      last = {
        load: shared.load,
        reading: read(fileOf(shared.folder, name, otherName), shape, interpolation),
      };
    return last.reading;
  };
  shared.declared.push({ name, report: () => reading().report });
  const config = {};
  for (const section of Object.keys(shape)) {
    const get = (): unknown => {
      const { report, values } = reading();
      if (report.problems.length > 0) throw new ConfigError(report.problems.join('\n'));
      return values[section];
    };
    Object.defineProperty(config, section, { enumerable: true, get });
  }
  return config as ConfigValues<S>;
}

function fileOf(folder: string, name: string, otherName: string | undefined): string {
  const [file, other] = [name, otherName ?? name].map((one) => path.join(folder, `${one}.conf`)) as [
    string,
    string,
  ];
  return !fs.existsSync(file) && fs.existsSync(other) ? other : file;
}

function read(file: string, shape: ConfigShape, interpolation: boolean): Reading {
  const exists = fs.existsSync(file);
  const problems: string[] = [];
  const isSecret = (section: string, name: string): boolean =>
    Object.entries(tableFor(shape, section) ?? {}).some(
      ([own, option]) => own.toLowerCase() === name && option.secret === true,
    );
  let sections: Sections;
  try {
    sections = parseIni([{ file, text: exists ? fs.readFileSync(file, 'utf8') : '' }], {
      interpolation,
      isSecret,
    });
  } catch (error) {
    problems.push(...linesOf(error));
    sections = parseIni([]);
  }
  const values: Record<string, unknown> = {};
  const settings: ConfigSetting[] = [];
  const take = (section: string, table: OptionTable): unknown => {
    try {
      const given = sections.get(section) ?? new Map<string, string>();
      settings.push(...settingsOf(section, table, given));
      const secrets = secretsOf(table, given, path.dirname(file));
      problems.push(...secrets.problems.map((problem) => `${file} [${section}] ${problem}`));
      return readOptions(table, secrets.given, { file, section });
    } catch (error) {
      problems.push(...linesOf(error));
      return {};
    }
  };
  for (const [section, table] of Object.entries(shape)) {
    if (!section.endsWith('*')) values[section] = take(section, table);
    else {
      const own = sections.keys().filter((one) => tableFor(shape, one) === table);
      values[section] = new Map(own.map((one) => [one, take(one, table)]));
    }
  }
  const unknown = unknownIn(sections, shape);
  return { report: { file, exists, settings, problems, unknown }, values };
}

/** Returns the options of a section: its own, or those of the first `path*` that matches its name. */
function tableFor(shape: ConfigShape, section: string): OptionTable | undefined {
  if (Object.hasOwn(shape, section)) return shape[section];
  const found = Object.keys(shape).find((one) => one.endsWith('*') && section.startsWith(one.slice(0, -1)));
  return found === undefined ? undefined : shape[found];
}

/** Replaces the references to secrets with the secrets, which are hidden in all output from now on. */
function secretsOf(
  table: OptionTable,
  given: ReadonlyMap<string, string>,
  folder: string,
): { readonly given: ReadonlyMap<string, string>; readonly problems: readonly string[] } {
  const values = new Map(given);
  const problems: string[] = [];
  for (const [name, option] of Object.entries(table)) {
    const text = given.get(name.toLowerCase());
    if (option.secret !== true || text === undefined) continue;
    const secret = readSecret(text, folder);
    if (typeof secret === 'string') problems.push(`${name} = ${text}: ${secret}`);
    else {
      hideSecret(secret.value);
      values.set(name.toLowerCase(), secret.value);
    }
  }
  return { given: values, problems };
}

/** Returns options in the file that the plugin does not declare. An option of `DEFAULT` is known if any section has or uses it. */
function unknownIn(sections: Sections, shape: ConfigShape): string[] {
  const namesOf = (table: OptionTable | undefined): string[] =>
    Object.keys(table ?? {}).map((name) => name.toLowerCase());
  const everywhere = new Set(Object.values(shape).flatMap(namesOf));
  const inDefault = sections.own('DEFAULT').filter((one) => !everywhere.has(one) && !sections.refersTo(one));
  const inSections = sections.keys().flatMap((section) => {
    const table = tableFor(shape, section);
    if (!table) return [`[${section}]`];
    const names = namesOf(table);
    const strange = sections.own(section).filter((one) => !names.includes(one) && !sections.refersTo(one));
    return strange.map((one) => `[${section}] ${one}`);
  });
  return [...inDefault.map((one) => `[DEFAULT] ${one}`), ...inSections];
}

/** A ConfigError has a line for each problem. */
function linesOf(error: unknown): string[] {
  if (!(error instanceof ConfigError)) throw error;
  return error.message.split('\n');
}

function settingsOf(
  section: string,
  table: OptionTable,
  given: ReadonlyMap<string, string>,
): ConfigSetting[] {
  return Object.entries(table).map(([name, { kind, doc, default: fallback, secret: hidden }]) => {
    const own = given.get(name.toLowerCase());
    return {
      section,
      name,
      kind,
      doc,
      value: own !== undefined && hidden === true ? shownSecret(own) : (own ?? defaultText(fallback, kind)),
      given: own !== undefined,
    };
  });
}

/** The source of a secret may be shown, unlike the secret. */
function shownSecret(text: string): string {
  return isReference(text) ? `(secret from ${text})` : '(secret)';
}
