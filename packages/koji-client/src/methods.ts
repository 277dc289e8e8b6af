import { splitNamed } from '@koji/core/wire';
import type { Api, ClientApi } from '@koji/core/api';

/** Calls the method of that name; what a virtual method leads to. */
export type Send<R> = (
  method: string,
  args: readonly unknown[],
  named: Readonly<Record<string, unknown>>,
) => R;

/** Methods by any name, unchecked: `untyped.runroot('f44-build', 'x86_64', 'id')`, `untyped.my.method()`. */
export interface UntypedMethods {
  /** The method of that name. */
  readonly [name: string]: UntypedMethod;
}

/** A method that the types do not know; its properties are methods below its name. */
export interface UntypedMethod {
  /** Calls it; `named({…})` as the last argument holds the named ones. */
  (...args: unknown[]): Promise<unknown>;
  /** The method of that name below this one. */
  readonly [name: string]: UntypedMethod;
}

/** The hub's methods as a session has them, without those that it replaces by its own. */
export type HubMethods = Omit<ClientApi<Api>, 'login' | 'logout' | 'subsession' | 'exclusiveSession'>;

// Names that engines, promises and test runners look for on any object; no hub has methods of these names.
const notMethods = new Set([
  'then',
  'catch',
  'finally',
  'toJSON',
  'constructor',
  'prototype',
  'asymmetricMatch',
  'nodeType',
]);
const ofFunctions = new Set(['call', 'apply', 'bind', 'name', 'length', 'arguments', 'caller', 'toString']);

function isMethodName(name: string | symbol): name is string {
  return typeof name === 'string' && !notMethods.has(name) && !/^(\$\$|@@)/.test(name);
}

/**
 * Gives an object a method for every name it does not have itself: `getTag`, `host.getHost`. Any name will do, since
 * plugins bring methods of their own.
 */
export function withMethods<T extends object, R>(target: T, send: Send<R>): T {
  const made = new Map<string, unknown>();
  return new Proxy(target, {
    get(object, name, receiver) {
      if (name in object || !isMethodName(name)) return Reflect.get(object, name, receiver) as unknown;
      let found = made.get(name);
      if (!found) made.set(name, (found = virtualMethod(name, send)));
      return found;
    },
  });
}

function virtualMethod<R>(method: string, send: Send<R>): unknown {
  const call = (...args: unknown[]): R => {
    const split = splitNamed(args);
    return send(method, split.args, split.keywords);
  };
  const made = new Map<string, unknown>();
  return new Proxy(call, {
    get(object, name, receiver) {
      if (!isMethodName(name) || ofFunctions.has(name)) return Reflect.get(object, name, receiver) as unknown;
      let found = made.get(name);
      if (!found) made.set(name, (found = virtualMethod(`${method}.${name}`, send)));
      return found;
    },
  });
}
