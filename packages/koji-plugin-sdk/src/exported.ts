import type { Marker, MethodContext } from './decorate.js';
import { marker } from './decorate.js';
import type { AnyFunction, ExportMark } from './marks.js';

/**
 * Makes a function a method of the hub, under the name that it is exported with. `fn.exported = true` does the same.
 *
 * @example
 * export const add = exported((a: number, b: number = 1) => a + b);
 * export const sum = exported({ args: ['a', 'b?'], access: 'read' })((...numbers: number[]) =>
 *   numbers.reduce((x, y) => x + y),
 * );
 */
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
export function exportAs(alias: string, options: ExportMark = {}): Marker {
  return marker('exportAs', { export: { ...options, alias } });
}

/** Makes a function a method of the hub with a prefix: `exportIn('rpmcheck')` gives `rpmcheck.name`. */
export function exportIn(module: string, alias?: string, options: ExportMark = {}): Marker {
  return marker('exportIn', { export: { ...options, module, ...(alias === undefined ? {} : { alias }) } });
}
