import type { Caller, TestHub } from './test-hub.js';

/** A caller whose answers have the type that the test says. */
export type Asking = <T = Record<string, unknown>>(
  method: string,
  args?: readonly unknown[],
  named?: object,
) => Promise<T>;

/** Calls the hub as a user (anonymously for null); creates the user if it does not exist. */
export async function asking(hub: TestHub, name: string | null): Promise<Asking> {
  const caller: Caller = name === null ? hub.anonymous : await hub.login(name);
  return (method, args, named) => caller(method, args, named) as Promise<never>;
}
