import type { StandardSchemaV1 } from '@standard-schema/spec';
import type { WireArgs } from '@koji/core/api';
import type { MethodContext } from './method-context.js';

/**
 * Arguments in their order, each with the schema that its value must fit: a value of Zod, Valibot, ArkType or anything else
 * that keeps to Standard Schema. An argument whose schema accepts `undefined` may be left out.
 *
 * @see https://standardschema.dev
 */
export type ArgSchemas = readonly (readonly [name: string, schema: StandardSchemaV1])[];

/** What a handler gets: its arguments as their schemas hand them out, defaults and transforms done. */
export type ArgsOf<A extends ArgSchemas> = {
  -readonly [K in keyof A]: A[K] extends readonly [string, infer S extends StandardSchemaV1]
    ? StandardSchemaV1.InferOutput<S>
    : never;
};

/** What a caller gives: arguments as their schemas take them; those that may be left out are optional. */
export type InputsOf<A extends ArgSchemas> = A extends readonly [
  readonly [string, infer S extends StandardSchemaV1],
  ...infer Rest extends ArgSchemas,
]
  ? undefined extends StandardSchemaV1.InferInput<S>
    ? [StandardSchemaV1.InferInput<S>?, ...Partial<InputsOf<Rest>>]
    : [StandardSchemaV1.InferInput<S>, ...InputsOf<Rest>]
  : [];

/** A method whose arguments schemas check: called as a function it takes what they hand out, from a client what they take. */
export type CheckedMethod<A extends ArgSchemas, R> = ((...args: ArgsOf<A>) => R) & WireArgs<InputsOf<A>>;

/** Marks a function whose arguments schemas check; its types come from them. */
export interface SchemaMarker<A extends ArgSchemas> {
  /** As a decorator `@m` of a method; as a legacy one; as a wrapper `m(fn)`, which answers the function itself. */
  <T extends (...args: ArgsOf<A>) => unknown>(method: T, context: MethodContext): void;
  <T extends (...args: ArgsOf<A>) => unknown>(
    target: object,
    key: string | symbol,
    descriptor: TypedPropertyDescriptor<T>,
  ): void;
  <R>(fn: (...args: ArgsOf<A>) => R): CheckedMethod<A, R>;
}

/** The arguments of a task method, as {@link declareTask} made them known. */
export interface DeclaredTask {
  readonly method: string;
  readonly args: ArgSchemas;
}

const brand = Symbol.for('koji.plugin.task');

/**
 * Declares the arguments of a task method, for the handler's `Args` on builders. Export it from the plugin's modules for the hub,
 * the web page and the command, too, and those show the arguments of such tasks by their names.
 *
 * @example
 * import { z } from 'zod';
 *
 * export const signArgs = declareTask('sign', [
 *   ['nvr', z.string()],
 *   ['key', z.string().default('main')],
 * ]);
 *
 * export class Sign extends BaseTaskHandler {
 *   static override readonly Methods = ['sign'];
 *   static override readonly Args = signArgs;
 *
 *   handler(...[nvr, key]: ArgsOf<typeof signArgs>): string {
 *     return `${nvr} signed with ${key}`;
 *   }
 * }
 */
export function declareTask<const A extends ArgSchemas>(method: string, args: A): A {
  const declared: DeclaredTask = { method, args };
  return Object.defineProperty([...args], brand, { value: declared }) as unknown as A;
}

/** The task whose arguments a value declares; null for any other value. */
export function declaredTaskOf(value: unknown): DeclaredTask | null {
  return Array.isArray(value) && brand in value ? (value[brand] as DeclaredTask) : null;
}
