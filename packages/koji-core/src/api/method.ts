import { DateTime, Double } from '../wire/values.js';
import type { NamedArgs } from '../wire/named-args.js';
import type { FaultName } from '../faults.js';

/** The type of an argument or result: its name in the reference, its TypeScript type, and the check at the door. */
export interface ArgType<T> {
  readonly name: string;
  /** Whether a value off the wire is one of these. */
  readonly is: (value: unknown) => boolean;
  /** Turns an accepted value into what the handler gets; absent means unchanged. */
  readonly read?: (value: unknown) => unknown;
  /** Carries the TypeScript type only. */
  readonly type?: T;
}

/** One declared argument; `optional` ones have a default. */
export interface Arg<N extends string = string, T = unknown, O extends boolean = boolean> {
  readonly name: N;
  readonly type: ArgType<T>;
  readonly optional: O;
  readonly default?: unknown;
}

export function arg<const N extends string, T>(name: N, type: ArgType<T>): Arg<N, T, false>;
export function arg<const N extends string, T>(name: N, type: ArgType<T>, fallback: T): Arg<N, T, true>;
export function arg(name: string, type: ArgType<unknown>, ...fallback: unknown[]): Arg {
  return fallback.length > 0
    ? { name, type, optional: true, default: fallback[0] }
    : { name, type, optional: false };
}

/** What a caller must be: anybody, logged in, holder of a permission, or a builder with an exclusive session. */
export type Needs = 'none' | 'login' | 'host' | `perm:${string}`;

/**
 * What a method does to the database: `read` runs on a snapshot, and so does `lookup`, which reads a few rows by their keys
 * only: it never waits for a `read`, of which few run at a time. `write` runs in a transaction that commits with the answer,
 * `none` without any (it waits, or opens its own). `free` answers at once and never touches the database, so
 * that it is answered however busy that is, and a multicall with it keeps its one transaction.
 */
export type Access = 'read' | 'lookup' | 'write' | 'none' | 'free';

/** A method as it is declared: everything that binding, checks, introspection, docs and types are made from. */
export interface Method<A extends readonly Arg[] = readonly Arg[], R = unknown> {
  readonly doc: string;
  readonly needs: Needs;
  readonly access: Access;
  readonly args: A;
  /** Takes further positional arguments; the handler gets them as `rest`. */
  readonly rest?: boolean;
  /** Takes any further named arguments; the handler gets them as `keywords`. */
  readonly keywords?: boolean;
  /** What `_listapi` calls the further named arguments, as Koji does; `kwargs` unless it says so. */
  readonly keywordsName?: string;
  /** `_listapi` shows it as `(*args, **opts)`, since Koji has a wrapper there. */
  readonly wrapped?: boolean;
  readonly result: ArgType<R>;
  readonly returns?: string;
  readonly faults?: readonly FaultName[];
}

/** A group of methods by wire name (`getTag`, `host.getHost`). */
export type Methods = Readonly<Record<string, Method>>;

/** Declares a method; the identity at run time, the types at compile time. */
export function method<const A extends readonly Arg[], R>(declaration: Method<A, R>): Method<A, R> {
  return declaration;
}

type TypeOf<A> = A extends Arg<string, infer T> ? T : never;
type NameOf<A> = A extends Arg<infer N> ? N : never;
type Simplify<T> = { [K in keyof T]: T[K] } & {};

/** What a handler gets: every declared argument by name, defaults filled in. */
export type HandlerArgs<M> =
  M extends Method<infer A>
    ? Simplify<
        { [X in A[number] as NameOf<X>]: TypeOf<X> } & { rest: unknown[]; keywords: Record<string, unknown> }
      >
    : never;

/** What a method answers. */
export type ResultOf<M> = M extends Method<readonly Arg[], infer R> ? R : never;

type Positional<A extends readonly unknown[]> = A extends readonly [infer H, ...infer Rest]
  ? H extends Arg<string, infer T, infer O>
    ? O extends true
      ? [T?, ...Partial<Positional<Rest>>]
      : [T, ...Positional<Rest>]
    : never
  : [];

type ByName<A extends readonly unknown[]> = Simplify<
  { [X in A[number] as X extends Arg<infer N, unknown, false> ? N : never]: TypeOf<X> } & {
    [X in A[number] as X extends Arg<infer N, unknown, true> ? N : never]?: TypeOf<X>;
  }
>;

type WithNamed<A extends readonly unknown[]> =
  | [NamedArgs<ByName<A>>]
  | (A extends readonly [infer H, ...infer Rest] ? [TypeOf<H>, ...WithNamed<Rest>] : never);

/** The ways to call a method: all by position, or a leading part by position and the others by `named({…})`. */
export type CallArgs<M> =
  M extends Method<infer A>
    ? M extends { readonly rest: true }
      ? [...Positional<A>, ...unknown[]]
      : M extends { readonly keywords: true }
        ? Positional<A> | [...Partial<Positional<A>>, NamedArgs<object>]
        : Positional<A> | WithNamed<A>
    : never;

type LeadingWithNamed<A extends readonly unknown[]> =
  | [NamedArgs<object>]
  | (A extends readonly [infer H, ...infer Rest] ? [H, ...LeadingWithNamed<Rest>] : never);

/** A client's method. An API may have a plugin's function instead of a declaration: it tells no names, but all types. */
export type ClientMethod<M> = M extends (...args: infer A) => infer R
  ? (...args: A | LeadingWithNamed<Required<A>>) => Promise<Awaited<R>>
  : (...args: CallArgs<M>) => Promise<ResultOf<M>>;

type TopLevel<T> = { [K in keyof T as K extends `${string}.${string}` ? never : K]: ClientMethod<T[K]> };
type Prefixes<T> = keyof T extends infer K ? (K extends `${infer P}.${string}` ? P : never) : never;

/** The methods of an API table as a client sees them: `getTag(…)`, `host.getHost(…)`. */
export type ClientApi<T> = TopLevel<T> & {
  [P in Prefixes<T>]: { [K in keyof T as K extends `${P}.${infer N}` ? N : never]: ClientMethod<T[K]> };
};

const text = (value: unknown): boolean => typeof value === 'string';
const isNumber = (value: unknown): boolean => typeof value === 'number' || value instanceof Double;
const isDict = (value: unknown): boolean =>
  typeof value === 'object' &&
  value !== null &&
  !Array.isArray(value) &&
  !(value instanceof Uint8Array) &&
  !(value instanceof Double);

/** Any value at all. The handler judges it; use it where Koji has a fault text of its own for a wrong type. */
export function any<T = unknown>(name = 'any'): ArgType<T> {
  return { name, is: () => true };
}

export const str: ArgType<string> = { name: 'str', is: text };

/** A whole number, also as a text or with `.0`, as the database takes it; larger ones than 2^53 are refused. */
export const int: ArgType<number> = {
  name: 'int',
  is: (v) => wholeValue(v) !== null,
  read: (v) => wholeValue(v) ?? 0,
};

/** The whole number that a value is for the database: a number, or a text of one; null for all else. */
export function wholeValue(value: unknown): number | null {
  const given = value instanceof Double ? value.value : value;
  const number = typeof given === 'string' && /^\s*[+-]?\d+\s*$/.test(given) ? Number(given) : given;
  return typeof number === 'number' && Number.isSafeInteger(number) ? number : null;
}

/** A number, whole or not. */
export const float: ArgType<number> = { name: 'float', is: isNumber, read: (v) => Number(v) };

/** A boolean; Koji's clients also send 0 and 1, or null for no. */
export const bool: ArgType<boolean> = {
  name: 'bool',
  is: (v) => typeof v === 'boolean' || v === null || v === 0 || v === 1,
  read: Boolean,
};

/** Whether a value counts as true in Koji: not null, 0, empty text, an empty list or struct. */
export function truthy(value: unknown): boolean {
  if (value instanceof Double) return value.value !== 0;
  if (Array.isArray(value) || value instanceof Uint8Array) return value.length > 0;
  if (typeof value === 'object' && value !== null && !(value instanceof DateTime))
    return Object.keys(value).length > 0;
  // NaN is true, as any number but 0.
  return typeof value === 'number' ? value !== 0 : Boolean(value);
}

/** A boolean that is only asked whether it is true: as in Koji, any value will do. */
export const flag: ArgType<boolean> = { name: 'bool', is: () => true, read: truthy };

export const dict: ArgType<Readonly<Record<string, unknown>>> = { name: 'dict', is: isDict };

/** A value that may be null. */
export function nullable<T>(type: ArgType<T>): ArgType<T | null> {
  const { read } = type;
  return {
    name: `${type.name} | null`,
    is: (v) => v === null || type.is(v),
    ...(read ? { read: (v: unknown) => (v === null ? null : read(v)) } : {}),
  };
}

/** A list of values of one type. */
export function list<T>(item: ArgType<T>): ArgType<T[]> {
  const { read } = item;
  return {
    name: `list(${item.name})`,
    is: (v) => Array.isArray(v) && v.every((x) => item.is(x)),
    ...(read ? { read: (v: unknown) => (v as unknown[]).map(read) } : {}),
  };
}

/** One of several types; the first that fits reads the value. */
export function either<A, B>(a: ArgType<A>, b: ArgType<B>): ArgType<A | B> {
  return {
    name: `${a.name} | ${b.name}`,
    is: (v) => a.is(v) || b.is(v),
    read: (v) => {
      const fit = a.is(v) ? a : b;
      return fit.read ? fit.read(v) : v;
    },
  };
}

/** A result's type: nothing is checked at run time, the name stands in the reference. */
export function shape<T>(name: string): ArgType<T> {
  return { name, is: () => true };
}
