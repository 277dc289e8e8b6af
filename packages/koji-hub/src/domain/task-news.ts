import type { Call } from '../call.js';

/** Whom a change of a task concerns. */
export interface News {
  /** The task whose state changed. */
  readonly task?: number;
  /** The builders that have something to look at; nulls are left out. */
  readonly hosts?: readonly (number | null)[];
  /** Whether the scheduler may have something to do. */
  readonly plan?: boolean;
}

/** Wakes those concerned, once the change is durable. */
export function tell(call: Call, { task, hosts = [], plan = false }: News): void {
  const channels = new Set<string>();
  if (task !== undefined) channels.add(`task:${task}`);
  for (const host of hosts) if (host !== null) channels.add(`host:${host}`);
  if (plan) channels.add('scheduler');
  if (channels.size === 0) return;
  call.afterCommit(async () => {
    for (const channel of channels) await call.hub.wake.notify(channel);
  });
}
