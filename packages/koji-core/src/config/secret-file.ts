import fs from 'node:fs';
import path from 'node:path';
import { ConfigError } from '../errors.js';

/** Secrets are short; a longer file is the wrong file. */
const longest = 65_536;

/**
 * Resolves a secret from its text in a configuration file: the contents of `file:PATH` without the last line end, the variable
 * of `env:NAME`, or the text itself.
 *
 * @param folder base of relative paths
 * @returns the value, or the problem with the text, which never quotes the value
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
 * Returns the value of an option that may refer to a secret like {@link readSecret}; null if it is not set.
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

/** Whether a text refers to a secret stored elsewhere. */
export function isReference(text: string): boolean {
  return /^(file|env):/.test(text);
}

function fromFile(file: string): { readonly value: string } | string {
  let handle: number;
  try {
    // Opening a pipe without a writer would block forever.
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
