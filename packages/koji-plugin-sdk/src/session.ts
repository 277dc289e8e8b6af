import type { Api, ClientApi } from '@koji/core/api';

/**
 * A session on the hub for tasks, builder callbacks and commands: `await session.getTag('f44')`. It has the methods of the
 * hub, {@link Api}; `host.` and other prefixes are objects: `session.host.getHost()`.
 *
 * @throws the fault of the hub, a {@link GenericError} or a subclass
 */
export type HubSession = Omit<ClientApi<Api>, 'login' | 'logout' | 'subsession' | 'exclusiveSession'> & {
  /** Calls a method without declared types, such as one of another plugin. */
  call(
    method: string,
    args?: readonly unknown[],
    named?: Readonly<Record<string, unknown>>,
  ): Promise<unknown>;
};
