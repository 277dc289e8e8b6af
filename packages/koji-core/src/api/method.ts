import { DateTime, Double } from '../wire/values.js';
import type { NamedArgs } from '../wire/named-args.js';
import type { FaultName } from '../faults.js';

/**
 * The type of an argument or result: its name in the reference, its TypeScript type, and its check. `H` is the type that the
 * handler gets for an accepted value. The type that callers see, `T`, may be narrower than what is checked.
 */
export interface ArgType<T, H = T> {
  readonly name: string;
  /** True if a value from the wire has this type. */
  readonly is: (value: unknown) => boolean;
  /** Converts an accepted value for the handler; absent means unchanged. */
  readonly read?: (value: unknown) => unknown;
  /** Only carries the TypeScript types. */
  readonly type?: { readonly asked: T; readonly checked: H };
}

/** One declared argument; `optional` ones have a default. */
export interface Arg<N extends string = string, T = unknown, O extends boolean = boolean, H = unknown> {
  readonly name: N;
  readonly type: ArgType<T, H>;
  readonly optional: O;
  readonly default?: unknown;
  /** The default shown to callers if the handler sets it. */
  readonly shownDefault?: unknown;
  /** Description of its values for callers, in one line. */
  readonly about?: string;
  /** JSON Schema of its values if it is more precise than `type`. */
  readonly schema?: Readonly<Record<string, unknown>>;
}

export function arg<const N extends string, T, H>(name: N, type: ArgType<T, H>): Arg<N, T, false, H>;
export function arg<const N extends string, T, H>(
  name: N,
  type: ArgType<T, H>,
  fallback: T,
): Arg<N, T, true, H>;
export function arg(name: string, type: ArgType<unknown>, ...fallback: unknown[]): Arg {
  return fallback.length > 0
    ? { name, type, optional: true, default: fallback[0] }
    : { name, type, optional: false };
}

/** Required role of the caller: anybody, logged in, holder of a permission, or a builder with an exclusive session. */
export type Needs = 'none' | 'login' | 'host' | `perm:${string}`;

/**
 * How a method uses the database. `read` runs on a snapshot. `lookup` does too, but reads only a few rows by their keys, and
 * never waits for a `read`, of which few run at a time. `write` runs in a transaction that commits with the answer. `none` runs
 * without a transaction (it waits, or opens its own). `free` answers at once without using the database, however busy the
 * database is, and does not split the transaction of a multicall.
 */
export type Access = 'read' | 'lookup' | 'write' | 'none' | 'free';

/**
 * Rule for the type of an answer that depends on the arguments: an interface whose `answer` uses `this['args']`, the types of
 * the given arguments by name.
 */
export interface AnswerRule {
  readonly args: unknown;
  readonly answer: unknown;
}

/** A declared method, the source for binding, checks, introspection, docs and types. */
export interface Method<
  A extends readonly Arg[] = readonly Arg[],
  R = unknown,
  F extends AnswerRule | null = AnswerRule | null,
  Rest extends boolean = boolean,
  Keywords extends boolean = boolean,
> {
  readonly doc: string;
  readonly needs: Needs;
  readonly access: Access;
  /** For access `none`: it changes nothing, so that a read-only token may call it. */
  readonly readsOnly?: boolean;
  readonly args: A;
  /** Accepts more positional arguments, which the handler gets as `rest`. */
  readonly rest?: Rest;
  /** Accepts any other named arguments, which the handler gets as `keywords`. */
  readonly keywords?: Keywords;
  /** The name of the other named arguments in `_listapi`, as in Koji; default `kwargs`. */
  readonly keywordsName?: string;
  /** `_listapi` shows it as `(*args, **opts)`, because Koji wraps the method. */
  readonly wrapped?: boolean;
  readonly result: ArgType<R>;
  /** Carries the type of an answer that depends on the arguments; see {@link answersBy}. */
  readonly answers?: F;
  readonly returns?: string;
  readonly faults?: readonly FaultName[];
}

/** A group of methods by wire name (`getTag`, `host.getHost`). */
export type Methods = Readonly<Record<string, Method>>;

/** Declares a method. Returns its argument; only the types matter. */
export function method<
  const A extends readonly Arg[],
  R,
  F extends AnswerRule | null = null,
  Rest extends boolean = false,
  Keywords extends boolean = false,
>(
  declaration: Method<A, R, F, Rest, Keywords>,
  // Without this, the type of the enclosing table would determine what is inferred.
): NoInfer<Method<A, R, F, Rest, Keywords>> {
  return declaration;
}

/** Declares the rule for the type of a method's answer: `...answersBy<TaskInfoAnswer>()`. Has no effect at run time. */
export function answersBy<F extends AnswerRule>(): { readonly answers?: F } {
  return {};
}

/** Type of an argument once it is accepted. */
type CheckedOf<A> = A extends Arg<string, unknown, boolean, infer H> ? H : never;
/** Type of an argument for callers: a list may be read-only, a flag null, and a large number a bigint. */
type Given<T> = T extends readonly (infer E)[]
  ? readonly E[]
  : T extends boolean
    ? T | null
    : T extends number
      ? T | bigint
      : T;
/** The type of an argument as a caller gives it. */
type GivenOf<A> = A extends Arg<string, infer T> ? Given<T> : never;
/** The name of an argument. */
type NameOf<A> = A extends Arg<infer N> ? N : never;
/** The same fields, expanded. */
type Simplify<T> = { [K in keyof T]: T[K] } & {};

/** Type of a handler's arguments: every declared argument by name, with defaults. */
export type HandlerArgs<M> =
  M extends Method<infer A>
    ? Simplify<
        { [X in A[number] as NameOf<X>]: CheckedOf<X> } & {
          rest: unknown[];
          keywords: Record<string, unknown>;
        }
      >
    : never;

/** Type of a method's answer for any arguments. */
export type ResultOf<M> = M extends Method<readonly Arg[], infer R> ? R : never;

/** Arguments by position; trailing optional ones may be omitted. */
type Positional<A extends readonly unknown[]> = A extends readonly [infer H, ...infer Rest]
  ? H extends Arg<string, infer T, infer O>
    ? O extends true
      ? [Given<T>?, ...Partial<Positional<Rest>>]
      : [Given<T>, ...Positional<Rest>]
    : never
  : [];

/** Arguments by name. */
type ByName<A extends readonly unknown[]> = Simplify<
  {
    readonly [X in A[number] as X extends Arg<infer N, unknown, false> ? N : never]: GivenOf<X>;
  } & {
    readonly [X in A[number] as X extends Arg<infer N, unknown, true> ? N : never]?: GivenOf<X>;
  }
>;

type WithNamed<A extends readonly unknown[]> =
  | [NamedArgs<ByName<A>>]
  | (A extends readonly [infer H, ...infer Rest] ? [GivenOf<H>, ...WithNamed<Rest>] : never);

type WithNamedAndMore<A extends readonly unknown[]> =
  | [NamedArgs<ByName<A> & Readonly<Record<string, unknown>>>]
  | (A extends readonly [infer H, ...infer Rest] ? [GivenOf<H>, ...WithNamedAndMore<Rest>] : never);

/** A method that takes further arguments by position. */
type TakesRest = { readonly rest?: true };
/** A method that takes further arguments by name. */
type TakesKeywords = { readonly keywords?: true };

/** The ways to call a method: all by position, or a leading part by position and the others by `named({…})`. */
export type CallArgs<M> =
  M extends Method<infer A>
    ? M extends TakesRest
      ? [...Positional<A>, ...unknown[]]
      : M extends TakesKeywords
        ? Positional<A> | WithNamedAndMore<A>
        : Positional<A> | WithNamed<A>
    : never;

declare const wireArgs: unique symbol;

/** A plugin's function whose schemas convert the values of callers (these) into its own. */
export interface WireArgs<A extends readonly unknown[]> {
  /** Only in types. */
  readonly [wireArgs]: A;
}

/** All arguments of a method by position. An API may have a plugin's function instead of a declaration. */
export type PositionalArgs<M> =
  M extends WireArgs<infer A>
    ? Readonly<A>
    : M extends (...args: infer A) => unknown
      ? Readonly<A>
      : M extends Method<infer A>
        ? M extends TakesRest
          ? readonly [...Positional<A>, ...unknown[]]
          : Readonly<Positional<A>>
        : never;

/** The first arguments of a method by position, none to all of them. */
export type LeadingArgs<M> = Readonly<Partial<PositionalArgs<M>>>;

/** The arguments after those of `P`. */
type Behind<A extends readonly unknown[], P extends readonly unknown[]> = P extends readonly [
  unknown,
  ...infer PRest,
]
  ? A extends readonly [unknown, ...infer ARest]
    ? Behind<ARest, PRest>
    : []
  : A;

/** All arguments of a method by name, all optional. */
export type NamedArguments<M> =
  M extends Method<infer A>
    ? M extends TakesKeywords
      ? Partial<ByName<A>> & Readonly<Record<string, unknown>>
      : Partial<ByName<A>>
    : Readonly<Record<string, unknown>>;

/** The arguments by name that a method takes after those by position, `P`. */
export type NamedAfter<M, P extends readonly unknown[]> =
  M extends Method<infer A>
    ? M extends TakesKeywords
      ? ByName<Behind<A, P>> & Readonly<Record<string, unknown>>
      : ByName<Behind<A, P>>
    : Readonly<Record<string, unknown>>;

/** The types of arguments by position, by their names. */
type BoundByPosition<A extends readonly unknown[], P extends readonly unknown[]> = P extends readonly [
  infer V,
  ...infer PRest,
]
  ? A extends readonly [infer H, ...infer ARest]
    ? { readonly [K in NameOf<H>]: V } & BoundByPosition<ARest, PRest>
    : unknown
  : unknown;

/** The answer of a method without its own rule. */
type PlainAnswer<R, B> = B extends { readonly queryOpts: { readonly countOnly: true } }
  ? number
  : B extends { readonly queryOpts: { readonly asList: true } }
    ? unknown[][]
    : B extends { readonly strict: true }
      ? Exclude<R, null>
      : R;

/**
 * Type of a method's answer to arguments by position, `P`, and by name, `N`: never null with `strict: true`, a number with
 * `countOnly`, otherwise determined by its own {@link AnswerRule}.
 */
export type AnswerOf<M, P extends readonly unknown[] = [], N = unknown> = M extends (
  ...args: never
) => infer R
  ? Awaited<R>
  : M extends Method<infer A, infer R, infer F>
    ? [F] extends [AnswerRule]
      ? (F & { readonly args: BoundByPosition<A, P> & N })['answer']
      : PlainAnswer<R, BoundByPosition<A, P> & N>
    : never;

type AnswerTo<M, X extends readonly unknown[]> = X extends readonly [...infer P, infer L]
  ? L extends NamedArgs<object>
    ? AnswerOf<M, P, L>
    : AnswerOf<M, X>
  : AnswerOf<M, X>;

type LeadingWithNamed<A extends readonly unknown[]> =
  | [NamedArgs<object>]
  | (A extends readonly [infer H, ...infer Rest] ? [H, ...LeadingWithNamed<Rest>] : never);

type Depends<A extends readonly Arg[], F> = [F] extends [AnswerRule]
  ? true
  : Extract<A[number]['name'], 'strict' | 'queryOpts'> extends never
    ? false
    : true;

/**
 * A client's method. For a plugin's function instead of a declaration, the types of arguments are known but not their names.
 */
export type ClientMethod<M> = M extends ((...args: never) => infer R) & WireArgs<infer A>
  ? (...args: A | LeadingWithNamed<Required<A>>) => Promise<Awaited<R>>
  : M extends (...args: infer A) => infer R
    ? (...args: A | LeadingWithNamed<Required<A>>) => Promise<Awaited<R>>
    : M extends Method<infer A, infer R, infer F>
      ? Depends<A, F> extends true
        ? <X extends CallArgs<M>>(...args: X) => Promise<AnswerTo<M, X>>
        : (...args: CallArgs<M>) => Promise<R>
      : never;

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

/**
 * Any value, where callers should pass a `T`. The handler gets it as unknown and checks it. Use it where Koji has its own fault
 * text for a wrong type.
 */
export function any<T = unknown>(name = 'any'): ArgType<T, unknown> {
  return { name, is: () => true };
}

export const str: ArgType<string> = { name: 'str', is: text };

/** A whole number, also as a string or with `.0`, as the database accepts it. Numbers above 2^53 are refused. */
export const int: ArgType<number> = {
  name: 'int',
  is: (v) => wholeValue(v) !== null,
  read: (v) => wholeValue(v) ?? 0,
};

/** Returns the whole number that the database reads from a number or string, or null for any other value. */
export function wholeValue(value: unknown): number | null {
  const given = value instanceof Double ? value.value : value;
  const number = typeof given === 'string' && /^\s*[+-]?\d+\s*$/.test(given) ? Number(given) : given;
  return typeof number === 'number' && Number.isSafeInteger(number) ? number : null;
}

/** A number, whole or not. */
export const float: ArgType<number> = { name: 'float', is: isNumber, read: (v) => Number(v) };

/** A boolean; Koji's clients also send 0 and 1, or null for false. */
export const bool: ArgType<boolean> = {
  name: 'bool',
  is: (v) => typeof v === 'boolean' || v === null || v === 0 || v === 1,
  read: Boolean,
};

/** Checks whether a value is true in Koji: not null, 0, an empty string, list or struct. */
export function truthy(value: unknown): boolean {
  if (value instanceof Double) return value.value !== 0;
  if (Array.isArray(value) || value instanceof Uint8Array) return value.length > 0;
  if (typeof value === 'object' && value !== null && !(value instanceof DateTime))
    return Object.keys(value).length > 0;
  // NaN is true, like any number except 0.
  return typeof value === 'number' ? value !== 0 : Boolean(value);
}

/** A boolean of which only the truth value matters: as in Koji, any value is accepted. */
export const flag: ArgType<boolean> = { name: 'bool', is: () => true, read: truthy };

export const dict: ArgType<Readonly<Record<string, unknown>>> = { name: 'dict', is: isDict };

/** A value that may be null. */
export function nullable<T, H>(type: ArgType<T, H>): ArgType<T | null, H | null> {
  const { read } = type;
  return {
    name: `${type.name} | null`,
    is: (v) => v === null || type.is(v),
    ...(read ? { read: (v: unknown) => (v === null ? null : read(v)) } : {}),
  };
}

/** A list of values of one type. */
export function list<T, H>(item: ArgType<T, H>): ArgType<T[], H[]> {
  const { read } = item;
  return {
    name: `list(${item.name})`,
    is: (v) => Array.isArray(v) && v.every((x) => item.is(x)),
    ...(read ? { read: (v: unknown) => (v as unknown[]).map(read) } : {}),
  };
}

/** One of several types; the first that fits reads the value. */
export function either<A, B, HA, HB>(a: ArgType<A, HA>, b: ArgType<B, HB>): ArgType<A | B, HA | HB> {
  return {
    name: `${a.name} | ${b.name}`,
    is: (v) => a.is(v) || b.is(v),
    read: (v) => {
      const fit = a.is(v) ? a : b;
      return fit.read ? fit.read(v) : v;
    },
  };
}

/** The type of a result. It is not checked at run time; its name is shown in the reference. */
export function shape<T>(name: string): ArgType<T> {
  return { name, is: () => true };
}
