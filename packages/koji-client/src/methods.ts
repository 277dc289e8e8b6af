import { splitNamed } from '@koji/core/wire';
import type { Api, ClientApi } from '@koji/core/api';

/** Calls the method with this name; the target of virtual methods. */
export type Send<R> = (
  method: string,
  args: readonly unknown[],
  named: Readonly<Record<string, unknown>>,
) => R;

/** Methods by any name, unchecked: `untyped.runroot('f44-build', 'x86_64', 'id')`, `untyped.my.method()`. */
export interface UntypedMethods {
  /** The method with this name. */
  readonly [name: string]: UntypedMethod;
}

/** A method without types; its properties are methods below its name. */
export interface UntypedMethod {
  /** Calls it; `named({…})` as the last argument contains the named arguments. */
  (...args: unknown[]): Promise<unknown>;
  /** The method with this name below this one. */
  readonly [name: string]: UntypedMethod;
}

/** The hub's methods of a session, except those that the session overrides. */
export type HubMethods = Omit<ClientApi<Api>, 'login' | 'logout' | 'subsession' | 'exclusiveSession'>;

// Names that engines, promises and test runners look up on any object; no hub has methods with these names.
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
 * Adds a method to an object for every name that it lacks: `getTag`, `host.getHost`. Any name is accepted, because plugins add
 * methods.
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
