import type { AnyFunction, Marks } from './marks.js';
import { mark } from './marks.js';
import type { MethodContext } from './method-context.js';

/** Marks a function: as a wrapper `m(fn)`, a standard decorator `@m` or a legacy one on a method. */
export interface Marker {
  /** As a decorator `@m` of a method; as a legacy one; as a wrapper `m(fn)`, which answers the function itself. */
  <T extends AnyFunction>(method: T, context: MethodContext): void;
  <T extends AnyFunction>(target: object, key: string | symbol, descriptor: TypedPropertyDescriptor<T>): void;
  // Last, or a decorator would be taken for it.
  <T extends AnyFunction>(fn: T): T;
}

/**
 * A marker of functions of one type. What it answers has that type, not the narrower one of the function: a package's
 * declarations can then name it.
 */
export interface TypedMarker<F extends AnyFunction> {
  /** As a decorator `@m` of a method; as a legacy one; as a wrapper `m(fn)`, which answers the function itself. */
  <T extends F>(method: T, context: MethodContext): void;
  <T extends F>(target: object, key: string | symbol, descriptor: TypedPropertyDescriptor<T>): void;
  (fn: F): F;
}

/** Makes the marker that adds these marks. */
export function marker<F extends AnyFunction = AnyFunction>(
  name: string,
  marks: Marks,
): Marker & TypedMarker<F> {
  const apply = (value: unknown, context?: unknown, descriptor?: PropertyDescriptor): unknown => {
    // A legacy decorator is given the class, the method's name and its descriptor; a standard one the method itself.
    const fn: unknown = descriptor === undefined ? value : descriptor.value;
    if (typeof fn !== 'function')
      throw new TypeError(`${name} marks functions and methods, not ${typeof fn}`);
    mark(fn as AnyFunction, marks);
    return context === undefined ? fn : undefined;
  };
  return apply as Marker & TypedMarker<F>;
}
