import { ParameterError, parseArches, parseFloating, parseInteger } from '@koji/core';
import { DateTime, Double } from '@koji/core/wire';
import { plain, repr, typeName } from './repr.js';

export { truthy } from '@koji/core/api';

/** A whole number out of a value off the wire: numbers lose their fraction, text must be a whole number. */
export function toInt(value: unknown): number {
  const number = typeof value === 'string' ? parseInteger(value) : asNumber(value);
  if (number !== null && Number.isFinite(Number(number))) return Math.trunc(Number(number));
  throw wrongType(value, 'int');
}

/** An event out of a value off the wire; one beyond what PostgreSQL can compare becomes the nearest that it can. */
export function toEvent(value: unknown): number {
  return Math.max(-0x80000000, Math.min(toInt(value), 0x7fffffff));
}

/** A number out of a value off the wire. */
export function toFloat(value: unknown): number {
  const number = typeof value === 'string' ? parseFloating(value) : asNumber(value);
  if (number === null || (typeof value === 'string' && !Number.isFinite(number)))
    throw wrongType(value, 'float');
  return number;
}

function asNumber(value: unknown): number | null {
  const isNumber = typeof value === 'boolean' || typeof value === 'number' || typeof value === 'bigint';
  return isNumber || value instanceof Double ? Number(value) : null;
}

/** Whether a value off the wire is a struct. */
export function isStruct(value: unknown): value is Readonly<Record<string, unknown>> {
  return (
    typeof value === 'object' &&
    value !== null &&
    !Array.isArray(value) &&
    !(value instanceof Double || value instanceof DateTime || value instanceof Uint8Array)
  );
}

/** A struct out of a value off the wire: a struct, or a list of pairs. */
export function toDict(value: unknown): Record<string, unknown> {
  const isPair = (item: unknown): item is [unknown, unknown] => Array.isArray(item) && item.length === 2;
  if (Array.isArray(value) && value.every(isPair))
    return Object.fromEntries(value.map(([key, item]) => [plain(key), item]));
  if (!isStruct(value)) throw wrongType(value, 'dict');
  return value;
}

/** Checks that an argument is a list, in Koji's words. */
export function checkList(value: unknown): asserts value is unknown[] {
  if (!Array.isArray(value)) throw wrongType(value, 'list');
}

/** Checks that an argument is a struct, in Koji's words. */
export function checkStruct(value: unknown): asserts value is Record<string, unknown> {
  if (Array.isArray(value)) throw wrongType(value, 'dict');
  toDict(value);
}

/** Architectures out of text or a list, as the database holds them; `strict` takes no commas. */
export function toArches(value: unknown, { strict = true } = {}): string {
  const isList = Array.isArray(value) && value.every((arch) => typeof arch === 'string');
  if (!isList && typeof value !== 'string')
    throw new ParameterError(`arches must be text or a list of texts, not ${repr(value)}`);
  return parseArches(value, { strict });
}

function wrongType(value: unknown, wanted: string): ParameterError {
  if (value === null || value === undefined)
    return new ParameterError(`Invalid type, expected type <class '${wanted}'>`);
  return new ParameterError(
    `Invalid type for value '${plain(value)}': ${typeName(value)}, expected type <class '${wanted}'>`,
  );
}
