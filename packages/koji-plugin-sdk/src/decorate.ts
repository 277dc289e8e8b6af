import type { AnyFunction, Marks } from './marks.js';
import { mark } from './marks.js';
import type { MethodContext } from './method-context.js';

/** Marks a function: as a wrapper `m(fn)`, a standard decorator `@m` or a legacy one on a method. */
export interface Marker {
  /** Works as a decorator `@m` of a method, as a legacy decorator, and as a wrapper `m(fn)`, which returns the function. */
  <T extends AnyFunction>(method: T, context: MethodContext): void;
  <T extends AnyFunction>(target: object, key: string | symbol, descriptor: TypedPropertyDescriptor<T>): void;
  // This overload must be last. Otherwise a decorator would match it.
  <T extends AnyFunction>(fn: T): T;
}

/**
 * A marker of functions of one type. The result has this type and not the narrower one of the function, so that
 * declarations of a package can name it.
 */
export interface TypedMarker<F extends AnyFunction> {
  /** Works as a decorator `@m` of a method, as a legacy decorator, and as a wrapper `m(fn)`, which returns the function. */
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
    // A legacy decorator receives the class, the method's name and its descriptor. A standard decorator receives the method.
    const fn: unknown = descriptor === undefined ? value : descriptor.value;
    if (typeof fn !== 'function')
      throw new TypeError(`${name} marks functions and methods, not ${typeof fn}`);
    mark(fn as AnyFunction, marks);
    return context === undefined ? fn : undefined;
  };
  return apply as Marker & TypedMarker<F>;
}
