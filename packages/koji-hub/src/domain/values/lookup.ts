import { GenericError, ParameterError } from '@koji/core';
import type { Call } from '../../call.js';
import { checkFolderName } from './names.js';
import { plain } from './repr.js';
import { id, sql } from '../../db/sql.js';
import type { Sql } from '../../db/sql.js';

/** The tables whose rows have a name of their own. */
export type NamedTable =
  | 'archivetypes'
  | 'btype'
  | 'build_target'
  | 'channels'
  | 'content_generator'
  | 'external_repo'
  | 'groups'
  | 'host'
  | 'package'
  | 'permissions'
  | 'tag'
  | 'users'
  | 'volume';

/** A row by its two names. */
export interface IdAndName {
  id: number;
  name: string;
}

interface Wanted {
  /** Throws when there is no such row. */
  readonly strict?: boolean;
  /** Adds the row if it is missing; for tables whose other columns have defaults. */
  readonly create?: boolean;
}

const largestId = 2 ** 31 - 1;

/**
 * The condition for the row of a table that a caller names: by id, by name, or by a struct with either.
 *
 * @throws ParameterError if it is anything else
 */
export function nameOrIdIs(table: string, info: unknown): Sql {
  const wanted = wantedIn(info);
  if (typeof wanted === 'string') return sql`${id(`${table}.name`)} = ${wanted}`;
  // No column could hold it, and PostgreSQL would refuse to compare.
  if (Math.abs(wanted) > largestId) return sql`1 = 0`;
  return sql`${id(`${table}.id`)} = ${wanted}`;
}

function wantedIn(info: unknown): string | number {
  if (typeof info === 'string') return info;
  if (typeof info === 'number' && Number.isInteger(info)) return info;
  if (typeof info === 'boolean' || typeof info === 'bigint') return Number(info);
  if (typeof info === 'object' && info !== null && !Array.isArray(info)) {
    const { id: number, name } = info as { id?: unknown; name?: unknown };
    if (typeof number === 'number') return Math.trunc(number);
    if (typeof number === 'string' && /^\s*[+-]?\d+\s*$/.test(number)) return Number(number);
    if (number === undefined && name !== undefined && typeof name !== 'object') return wantedIn(name);
  }
  throw new ParameterError(`Invalid name or id value: ${plain(info)}`);
}

/**
 * Finds the id and name of a row by either.
 *
 * @throws GenericError if there is none and `strict` is set, ParameterError if `info` is invalid
 */
export function lookupName(
  call: Pick<Call, 'db'>,
  table: NamedTable,
  info: unknown,
  wanted: { readonly strict: true } | { readonly create: true },
): Promise<IdAndName>;
export function lookupName(
  call: Pick<Call, 'db'>,
  table: NamedTable,
  info: unknown,
  wanted?: Wanted,
): Promise<IdAndName | null>;
export async function lookupName(
  call: Pick<Call, 'db'>,
  table: NamedTable,
  info: unknown,
  { strict = false, create = false }: Wanted = {},
): Promise<IdAndName | null> {
  const find = sql`SELECT id, name FROM ${id(table)} WHERE ${nameOrIdIs(table, info)}`;
  const [found] = await call.db.lookup<IdAndName>(find);
  if (found) return found;
  if (strict) throw new GenericError(`No such entry in table ${table}: ${plain(info)}`);
  if (!create) return null;
  if (typeof info !== 'string') throw new GenericError('Name must be a string');
  // Koji's package lists take an empty name; no folder is made for it.
  if (info !== '') checkFolderName(info);
  const made = await call.db.get<{ id: number }>(
    sql`INSERT INTO ${id(table)} (name) VALUES (${info}) ON CONFLICT DO NOTHING RETURNING id`,
  );
  // Somebody else was faster, and has committed by now.
  return made ? { id: made.id, name: info } : call.db.get<IdAndName>(find);
}
