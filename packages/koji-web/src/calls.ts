import { splitNamed } from '@koji/core/wire';
import type { ClientApi, OwnApi } from '@koji/core/api';

/** The methods of a hub as pages call them: `calls.getBuild(5)`, `calls.listBuilds(named({ state: 1 }))`. */
export type Calls = ClientApi<OwnApi>;

/** Calls a method of the hub by its name. */
export type Send = (
  method: string,
  args: readonly unknown[],
  keywords: Readonly<Record<string, unknown>>,
) => Promise<unknown>;

/** Makes the methods of a hub from a function that calls a method by name. */
export function callsBy(send: Send): Calls {
  return methodsBelow('', send) as Calls;
}

function methodsBelow(prefix: string, send: Send): unknown {
  const call = (...given: unknown[]): Promise<unknown> => {
    const { args, keywords } = splitNamed(given);
    return send(prefix.slice(0, -1), args, keywords);
  };
  return new Proxy(call, {
    // A promise that resolves to this object checks whether it has a method `then`.
    get: (_, name) =>
      typeof name === 'string' && name !== 'then' ? methodsBelow(`${prefix}${name}.`, send) : undefined,
  });
}
