import { GenericError } from '@koji/core';
import type { ArchiveType } from '@koji/core/api';
import type { Call } from '../../call.js';
import { sql } from '../../db/sql.js';
import type { Sql } from '../../db/sql.js';
import { toInt, truthy } from '../values/convert.js';
import { idIs } from '../values/ids.js';
import { checkText } from '../values/names.js';

/** Identifies an archive type: the first of these that is given is used. */
export interface ArchiveTypeRef {
  readonly id?: unknown;
  readonly name?: unknown;
  readonly filename?: unknown;
}

const columns = sql`id, name, description, extensions, compression_type`;

/** All archive types. */
export function listArchiveTypes(call: Call): Promise<ArchiveType[]> {
  return call.db.all(sql`SELECT ${columns} FROM archivetypes ORDER BY id`);
}

/**
 * The archive type by id, by name or by a file's name. Null if there is none.
 *
 * @throws GenericError when nothing is given, or several types have the file's extension
 */
export async function findArchiveType(call: Call, wanted: ArchiveTypeRef): Promise<ArchiveType | null> {
  const { id, name, filename } = wanted;
  if (truthy(id)) return typeWhere(call, idIs('archivetypes.id', toInt(id)));
  if (truthy(name)) return typeWhere(call, sql`name = ${text(name)}`);
  if (truthy(filename)) return findTypeOfFile(call, text(filename));
  throw new GenericError('one of filename, type_name, or type_id must be specified');
}

/**
 * The archive type of a file by its name; the longest extension counts, `tar.gz` before `gz`. Null if there is none.
 *
 * @throws GenericError when several types have the same extension
 */
export async function findTypeOfFile(call: Call, filename: string): Promise<ArchiveType | null> {
  const name = `.${filename.toLowerCase()}`;
  let longest = '';
  let found: ArchiveType[] = [];
  for (const type of await listArchiveTypes(call)) {
    const extension = longestEnd(name, type.extensions);
    if (extension.length > longest.length) [longest, found] = [extension, [type]];
    else if (extension && extension === longest) found.push(type);
  }
  if (found.length > 1) throw new GenericError(`multiple matches for file extension: ${longest}`);
  return found[0] ?? null;
}

function longestEnd(name: string, extensions: string): string {
  const ends = extensions
    .toLowerCase()
    .split(/\s+/)
    .filter((extension) => extension !== '' && name.endsWith(`.${extension}`));
  return ends.reduce((longest, extension) => (extension.length > longest.length ? extension : longest), '');
}

function typeWhere(call: Call, condition: Sql): Promise<ArchiveType | null> {
  return call.db.get(sql`SELECT ${columns} FROM archivetypes WHERE ${condition}`);
}

function text(value: unknown): string {
  checkText(value);
  return value;
}
