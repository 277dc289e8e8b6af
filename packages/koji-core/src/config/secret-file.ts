import fs from 'node:fs';
import path from 'node:path';
import { ConfigError } from '../errors.js';

/** A token is short; what is longer is another file. */
const longest = 65_536;

/**
 * Returns a secret's value for its text in a configuration file: what `file:PATH` holds, without the end of its last line,
 * what the variable of `env:NAME` is, or the text itself.
 *
 * @param folder what a relative path starts from
 * @returns the value, or what is wrong with the text, which never quotes the value
 */
export function readSecret(text: string, folder: string): { readonly value: string } | string {
  const [, kind, where = ''] = /^(file|env):(.*)$/s.exec(text) ?? [];
  if (kind === 'file') return fromFile(path.resolve(folder, where));
  if (kind === 'env') {
    const value = process.env[where];
    return value === undefined || value === '' ? `the environment has no variable ${where}` : { value };
  }
  return { value: text };
}

/**
 * Returns the value of an option that may be a reference to a secret, as {@link readSecret} has them; null for one without
 * a value.
 *
 * @throws ConfigError naming the option
 */
export function secretOption(
  text: string | null,
  { file, section, name }: { readonly file: string; readonly section: string; readonly name: string },
): string | null {
  if (text === null) return null;
  const read = readSecret(text, path.dirname(file));
  if (typeof read === 'string') throw new ConfigError(`${file} [${section}] ${name}: ${read}`);
  return read.value;
}

/** Whether a text only says where its secret is. */
export function isReference(text: string): boolean {
  return /^(file|env):/.test(text);
}

function fromFile(file: string): { readonly value: string } | string {
  let handle: number;
  try {
    // A pipe that nobody writes to would never open.
    handle = fs.openSync(file, fs.constants.O_RDONLY | fs.constants.O_NONBLOCK);
  } catch (error) {
    return `${file} can't be read (${(error as NodeJS.ErrnoException).code ?? String(error)})`;
  }
  try {
    const stat = fs.fstatSync(handle);
    if (!stat.isFile()) return `${file} is not a file`;
    if (stat.size > longest) return `${file} is longer than ${longest} bytes`;
    const value = fs.readFileSync(handle, 'utf8').replace(/\r?\n$/, '');
    return value === '' ? `${file} is empty` : { value };
  } finally {
    fs.closeSync(handle);
  }
}
