import fs from 'node:fs';
import path from 'node:path';
import { ConfigError } from '@koji/core';
import { parseIni } from '@koji/core/config';

// All copies of this package must look where the program that loads the plugins said.
const key = Symbol.for('koji.plugin.config-folder');
const shared = globalThis as { [key]?: string };

/** Says where the plugins' configuration files are; the loader does, before it imports. */
export function setConfigFolder(folder: string): void {
  shared[key] = folder;
}

/** A plugin's configuration file: options by section, read as Koji's own files are. */
export class PluginConfig {
  /** The file, whether it exists or not. */
  readonly file: string;
  private readonly sections: ReturnType<typeof parseIni>;

  constructor(file: string) {
    this.file = file;
    const text = fs.existsSync(file) ? fs.readFileSync(file, 'utf8') : '';
    this.sections = parseIni([{ file, text }]);
  }

  /** The sections that the file has. */
  sectionNames(): string[] {
    return [...this.sections.keys()];
  }

  /** An option's text; `fallback` when it is not there, and an error when there is none. */
  text(section: string, option: string, fallback?: string): string {
    return this.read(section, option, fallback, (text) => text);
  }

  /** Words separated by spaces or commas. */
  words(section: string, option: string, fallback?: readonly string[]): readonly string[] {
    return this.read(section, option, fallback, (text) => text.split(/[\s,]+/).filter((word) => word !== ''));
  }

  integer(section: string, option: string, fallback?: number): number {
    return this.read(section, option, fallback, (text) => {
      if (!/^[+-]?\d+$/.test(text)) throw this.error(section, option, `'${text}' is not a whole number`);
      return Number(text);
    });
  }

  /** `yes`, `true`, `on`, `1`, or `no`, `false`, `off`, `0`. */
  boolean(section: string, option: string, fallback?: boolean): boolean {
    return this.read(section, option, fallback, (text) => {
      if (/^(yes|true|on|1)$/i.test(text)) return true;
      if (/^(no|false|off|0)$/i.test(text)) return false;
      throw this.error(section, option, `'${text}' is neither yes nor no`);
    });
  }

  private read<T>(section: string, option: string, fallback: T | undefined, convert: (text: string) => T): T {
    const text = this.sections.get(section)?.get(option.toLowerCase());
    if (text !== undefined) return convert(text);
    if (fallback === undefined) throw this.error(section, option, 'is missing');
    return fallback;
  }

  private error(section: string, option: string, problem: string): ConfigError {
    return new ConfigError(`${this.file} [${section}] ${option}: ${problem}`);
  }
}

/**
 * Reads a plugin's own file `NAME.conf` from the folder `plugins` beside hub.conf or kojid.conf. A file that is not there
 * is an empty one.
 *
 * @throws ConfigError naming file, section and option when a value is missing or wrong
 * @example
 * const limit = pluginConfig('rpmcheck').integer('rpmcheck', 'max_size', 1_000_000);
 */
export function pluginConfig(name: string): PluginConfig {
  const folder = shared[key];
  if (folder === undefined)
    throw new ConfigError(`where ${name}.conf is, is known only in plugins that Koji loads, not outside`);
  if (!/^[\w.-]+$/.test(name)) throw new ConfigError(`'${name}' can't be the name of a plugin's file`);
  return new PluginConfig(path.join(folder, `${name}.conf`));
}
