import { ParameterError } from '../faults.js';

const brand = Symbol.for('koji.named');

/** Named arguments of a call, made by {@link named}. */
export type NamedArgs<T> = T & { readonly [brand]: true };

/**
 * Marks an object as the named arguments of a call, to distinguish it from a struct argument: `session.createTag('f44', named({
 * parent: 'f43' }))`. Must be the last argument.
 */
export function named<const T extends object>(args: T): NamedArgs<T> {
  return Object.defineProperty({ ...args }, brand, { value: true }) as NamedArgs<T>;
}

/** Whether a value was created by {@link named}. */
export function isNamed(value: unknown): value is NamedArgs<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && brand in value;
}

/** Separates a last argument created by {@link named}. */
export function splitNamed(args: readonly unknown[]): { args: unknown[]; keywords: Record<string, unknown> } {
  const last = args.at(-1);
  if (!isNamed(last)) return { args: [...args], keywords: {} };
  return { args: args.slice(0, -1), keywords: { ...last } };
}

/** Encodes arguments for the wire: named ones become a last struct with `__starstar` set (Koji's `encode_args`). */
export function encodeArgs(
  args: readonly unknown[],
  keywords: Readonly<Record<string, unknown>> = {},
): unknown[] {
  if (Object.keys(keywords).length === 0) return [...args];
  return [...args, { ...keywords, __starstar: true }];
}

/** No method has as many, and copying more would take long. */
const mostNamed = 1000;

/**
 * The reverse of {@link encodeArgs}: a last struct whose `__starstar` is truthy in Python contains named arguments.
 *
 * @throws ParameterError if there are more than 1,000
 */
export function decodeArgs(params: readonly unknown[]): {
  args: unknown[];
  keywords: Record<string, unknown>;
} {
  const last = params.at(-1);
  if (typeof last !== 'object' || last === null || !Object.hasOwn(last, '__starstar')) {
    return { args: [...params], keywords: {} };
  }
  if (!truthy((last as { __starstar?: unknown }).__starstar)) return { args: [...params], keywords: {} };
  if (Object.keys(last).length > mostNamed + 1)
    throw new ParameterError(`There are more than ${mostNamed} named arguments`);
  const keywords = { ...last } as Record<string, unknown>;
  delete keywords.__starstar;
  return { args: params.slice(0, -1), keywords };
}

function truthy(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return Boolean(value);
  if (value instanceof Uint8Array || Array.isArray(value)) return value.length > 0;
  const plain: unknown = value.valueOf();
  return typeof plain === 'object' ? Object.keys(value).length > 0 : Boolean(plain);
}
