import type { Api, ClientApi } from '@koji/core/api';

/**
 * A login at the hub as tasks, builder callbacks and commands have it: `await session.getTag('f44')`. Its methods are those
 * of the hub, {@link Api}; `host.` and other prefixes are objects: `session.host.getHost()`.
 *
 * @throws the fault that the hub answers, a {@link GenericError} or one of its kind
 */
export type HubSession = Omit<ClientApi<Api>, 'login' | 'logout' | 'subsession' | 'exclusiveSession'> & {
  /** Calls a method that the types don't know, such as another plugin's. */
  call(
    method: string,
    args?: readonly unknown[],
    named?: Readonly<Record<string, unknown>>,
  ): Promise<unknown>;
};
