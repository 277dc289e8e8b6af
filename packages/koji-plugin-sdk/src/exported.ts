import type { Marker } from './decorate.js';
import type { MethodContext } from './method-context.js';
import { marker } from './decorate.js';
import type { AnyFunction, ExportMark } from './marks.js';
import type { ArgSchemas, SchemaMarker } from './schemas.js';

/** Options of a method whose arguments are checked by schemas. */
type SchemaExport<A extends ArgSchemas> = Omit<ExportMark, 'args'> & { readonly args: A };

/**
 * Makes a function a method of the hub, with the name of its export. `fn.exported = true` does the same.
 *
 * @example
 * export const add = exported((a: number, b: number = 1) => a + b);
 * export const sum = exported({ args: ['a', 'b?'], access: 'read' })((...numbers: number[]) =>
 *   numbers.reduce((x, y) => x + y),
 * );
 *
 * // With schemas of Zod, Valibot or ArkType: `exported({ args: [['nvr', z.string()], ['key', z.string().default('main')]] })`.
 */
export function exported<const A extends ArgSchemas>(options: SchemaExport<A>): SchemaMarker<A>;
export function exported<F extends AnyFunction>(fn: F, context?: MethodContext): F;
export function exported(target: object, key: string | symbol, descriptor: PropertyDescriptor): void;
export function exported(options: ExportMark): Marker;
export function exported(...args: unknown[]): unknown {
  const [first] = args;
  if (args.length === 1 && typeof first === 'object' && first !== null)
    return marker('exported', { export: first });
  return (marker('exported', { export: {} }) as (...args: unknown[]) => unknown)(...args);
}

/** Makes a function a method of the hub under another name. */
export function exportAs<const A extends ArgSchemas>(
  alias: string,
  options: SchemaExport<A>,
): SchemaMarker<A>;
export function exportAs(alias: string, options?: ExportMark): Marker;
export function exportAs(alias: string, options: ExportMark = {}): unknown {
  return marker('exportAs', { export: { ...options, alias } });
}

/** Makes a function a method of the hub with a prefix: `exportIn('rpmcheck')` gives `rpmcheck.name`. */
export function exportIn<const A extends ArgSchemas>(
  module: string,
  alias: string | undefined,
  options: SchemaExport<A>,
): SchemaMarker<A>;
export function exportIn(module: string, alias?: string, options?: ExportMark): Marker;
export function exportIn(module: string, alias?: string, options: ExportMark = {}): unknown {
  return marker('exportIn', { export: { ...options, module, ...(alias === undefined ? {} : { alias }) } });
}
