/** How values of SQLite become those of Koji; threads use it, too, so that it imports little. */
import { double } from '@koji/core/wire';
import type { Column } from './sqlite-engine.js';
import { epochOf, fromSqlite } from './times.js';

type Convert = (value: unknown) => unknown;

const toBool: Convert = (value) => (value === null ? null : value !== 0);
const toEpoch: Convert = (value) => {
  const seconds = epochOf(value);
  return seconds === null ? null : double(seconds);
};
const toDouble: Convert = (value) => (typeof value === 'number' ? double(value) : value);

/** Columns as rows have them: their names, and what changes their values. */
export function rowColumns(
  columns: readonly Column[],
): { readonly name: string; readonly convert: Convert | null }[] {
  return columns.map(({ name, type }) => ({
    name: name.replace(/::\w+$/, ''),
    convert: convertOf(name, type),
  }));
}

function convertOf(alias: string, type: string | null): Convert | null {
  if (alias.endsWith('::bool') || type === 'boolean') return toBool;
  if (alias.endsWith('::epoch')) return toEpoch;
  if (alias.endsWith('::float') || (type !== null && /^(real|float|double)/.test(type))) return toDouble;
  return type === 'datetime' ? fromSqlite : null;
}
