import type { StandardSchemaV1 } from '@standard-schema/spec';
import type { WireArgs } from '@koji/core/api';
import type { MethodContext } from './method-context.js';

/**
 * Arguments in order, each with the schema that checks its value: a schema of Zod, Valibot, ArkType or any other library
 * that implements Standard Schema. An argument whose schema accepts `undefined` is optional.
 *
 * @see https://standardschema.dev
 */
export type ArgSchemas = readonly (readonly [name: string, schema: StandardSchemaV1])[];

/** The arguments of a handler: the output of the schemas, with defaults and transforms applied. */
export type ArgsOf<A extends ArgSchemas> = {
  -readonly [K in keyof A]: A[K] extends readonly [string, infer S extends StandardSchemaV1]
    ? StandardSchemaV1.InferOutput<S>
    : never;
};

/** The arguments of a caller: the input of the schemas, in which some are optional. */
export type InputsOf<A extends ArgSchemas> = A extends readonly [
  readonly [string, infer S extends StandardSchemaV1],
  ...infer Rest extends ArgSchemas,
]
  ? undefined extends StandardSchemaV1.InferInput<S>
    ? [StandardSchemaV1.InferInput<S>?, ...Partial<InputsOf<Rest>>]
    : [StandardSchemaV1.InferInput<S>, ...InputsOf<Rest>]
  : [];

/** A method with checked arguments: called as a function it takes the output of the schemas, called by a client their input. */
export type CheckedMethod<A extends ArgSchemas, R> = ((...args: ArgsOf<A>) => R) & WireArgs<InputsOf<A>>;

/** Marks a function whose arguments are checked by schemas, which also define its types. */
export interface SchemaMarker<A extends ArgSchemas> {
  /** Works as a decorator `@m` of a method, as a legacy decorator, and as a wrapper `m(fn)`, which returns the function. */
  <T extends (...args: ArgsOf<A>) => unknown>(method: T, context: MethodContext): void;
  <T extends (...args: ArgsOf<A>) => unknown>(
    target: object,
    key: string | symbol,
    descriptor: TypedPropertyDescriptor<T>,
  ): void;
  <R>(fn: (...args: ArgsOf<A>) => R): CheckedMethod<A, R>;
}

/** The declared arguments of a task method, made by {@link declareTask}. */
export interface DeclaredTask {
  readonly method: string;
  readonly args: ArgSchemas;
}

const brand = Symbol.for('koji.plugin.task');

/**
 * Declares the arguments of a task method, for the handler's `Args` on builders. If you also export it from the plugin's modules
 * for the hub, the web page and the command, they show the arguments of such tasks by name.
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

/** Returns the task whose arguments a value declares; null for any other value. */
export function declaredTaskOf(value: unknown): DeclaredTask | null {
  return Array.isArray(value) && brand in value ? (value[brand] as DeclaredTask) : null;
}
