import type { Api, ClientApi } from '@koji/core/api';

/** A login at the hub as tasks, builder callbacks and commands have it: `session.getTag('f44')`. */
export type HubSession = Omit<ClientApi<Api>, 'login' | 'logout' | 'subsession' | 'exclusiveSession'> & {
  /** Calls a method that the types don't know, such as another plugin's. */
  call(
    method: string,
    args?: readonly unknown[],
    named?: Readonly<Record<string, unknown>>,
  ): Promise<unknown>;
};
