/** The metadata of content generators: read from whatever form it comes in, and its fields with their types. */
import { lstat } from 'node:fs/promises';
import { GenericError, ParameterError, joinSafe, readBounded, writeIndentedJson } from '@koji/core';
import { Double } from '@koji/core/wire';
import type { Call } from '../../../call.js';
import { isStruct, toFloat } from '../../values/convert.js';
import { readJson } from '../../values/json.js';
import { checkText } from '../../values/names.js';
import { plain, repr } from '../../values/repr.js';
import { isHidden } from '../../files/uploaded.js';

/** A part of the metadata. */
export type Struct = Readonly<Record<string, unknown>>;

const deepest = 100;
/** Far more than any generator has to say. */
const longestFile = 256 * 1024 * 1024;

/**
 * Metadata given as a struct, as JSON text, or by the name of an uploaded file (`metadata.json` unless given).
 *
 * @returns it, and the text to be kept with the build
 */
export async function readMetadata(
  call: Call,
  given: unknown,
  directory: string,
): Promise<{ metadata: Struct; raw: string }> {
  if (isStruct(given)) {
    checkValues(given, () => `Invalid metadata, cannot encode: ${repr(given)}`);
    return { metadata: given, raw: writeIndentedJson(given) };
  }
  const text: unknown = given ?? 'metadata.json';
  checkText(text);
  const raw = text.endsWith('.json') ? await readUploaded(call, directory, text) : text;
  const metadata = readJson(raw, 'Invalid json data');
  if (!isStruct(metadata)) throw new GenericError('Invalid metadata: not a struct');
  checkValues(metadata, () => 'Invalid metadata: a value can not be stored');
  return { metadata, raw };
}

async function readUploaded(call: Call, directory: string, name: string): Promise<string> {
  const file = uploadedPath(call, [directory, name]);
  const found = await lstat(file).catch(() => null);
  if (!found?.isFile()) throw new GenericError(`No such file: ${name}`);
  return (await readBounded(file, longestFile)).toString('utf8');
}

/**
 * The path of an uploaded file.
 *
 * @throws GenericError when the parts lead out of the upload area, or to a file that no upload could have made
 */
export function uploadedPath(call: Call, parts: readonly string[]): string {
  try {
    const file = joinSafe(call.hub.paths.work(), ...parts);
    if (!parts.some(isHidden)) return file;
  } catch (cause) {
    throw new GenericError(`Invalid path: ${parts.join('/')}`, { cause });
  }
  throw new GenericError(`Invalid path: ${parts.join('/')}`);
}

/** Only what JSON can say, not too deep, and no text that a database refuses. */
function checkValues(value: unknown, problem: () => string, depth = 0): void {
  if (typeof value === 'string') {
    if (value.includes('\0')) throw new GenericError(problem());
  } else if (Array.isArray(value) || isStruct(value)) {
    if (depth >= deepest) throw new GenericError('Invalid metadata: it is nested too deeply');
    for (const [key, item] of Object.entries(value)) {
      checkValues(key, problem, depth + 1);
      checkValues(item, problem, depth + 1);
    }
  } else if (typeof value === 'object' && value !== null && !(value instanceof Double))
    throw new GenericError(problem());
}

/** A field that must be there. */
export function valueAt(struct: Struct, field: string, where: string): unknown {
  if (!Object.hasOwn(struct, field)) throw new GenericError(`Invalid metadata: no ${field} in ${where}`);
  return struct[field];
}

/** A field that may be missing. */
export function optional(struct: Struct, field: string): unknown {
  return Object.hasOwn(struct, field) ? struct[field] : undefined;
}

function wrong(field: string, where: string, value: unknown): GenericError {
  return new GenericError(`Invalid metadata: ${field} in ${where}: ${repr(value)}`);
}

/** A text that must be there. */
export function textAt(struct: Struct, field: string, where: string): string {
  const value = valueAt(struct, field, where);
  if (typeof value !== 'string') throw wrong(field, where, value);
  return value;
}

/** A text that may be missing or null; empty then. */
export function optionalText(struct: Struct, field: string, where: string): string {
  const value = optional(struct, field) ?? '';
  if (typeof value !== 'string') throw wrong(field, where, value);
  return value;
}

/** A struct that must be there. */
export function structAt(struct: Struct, field: string, where: string): Struct {
  return asStruct(valueAt(struct, field, where), `${where}.${field}`);
}

/** A value that must be a struct. */
export function asStruct(value: unknown, where: string): Struct {
  if (!isStruct(value)) throw new GenericError(`Invalid metadata: ${where} is not a struct: ${repr(value)}`);
  return value;
}

/** A list of structs that must be there. */
export function structsAt(struct: Struct, field: string, where: string): Struct[] {
  const value = valueAt(struct, field, where);
  if (!Array.isArray(value)) throw wrong(field, where, value);
  return value.map((item, i) => asStruct(item, `${where}.${field}[${i}]`));
}

/** A whole number that must be there. */
export function sizeAt(struct: Struct, field: string, where: string): number {
  const value = valueAt(struct, field, where);
  const number = value instanceof Double ? value.value : value;
  if (typeof number !== 'number' || !Number.isSafeInteger(number)) throw wrong(field, where, value);
  return number;
}

// The years that a time column and Koji's own text can have.
const times = { first: -62_135_596_800, last: 253_402_300_799 } as const;

/** Epoch seconds, as a number or text. */
export function timeAt(struct: Struct, field: string, where: string): number {
  const value = valueAt(struct, field, where);
  const seconds = toFloat(value);
  if (!(seconds >= times.first && seconds <= times.last))
    throw new ParameterError(`Invalid metadata: ${field} in ${where} is no time: ${plain(value)}`);
  return seconds;
}

/** One text for a buildroot's number in the metadata, the same for what counts as equal. */
export function numberKey(id: unknown): string {
  if (typeof id === 'string') return `text ${id}`;
  if (
    id === null ||
    typeof id === 'boolean' ||
    typeof id === 'number' ||
    typeof id === 'bigint' ||
    id instanceof Double
  )
    return `number ${id === null ? 'None' : String(Number(id))}`;
  throw new GenericError(`Invalid metadata: ${repr(id)} can not be the id of a buildroot`);
}
