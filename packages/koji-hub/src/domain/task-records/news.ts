import type { Call } from '../../call.js';

/** Told when a request for a repo waits, or a task that makes one has ended. */
export const repoChannel = 'repos';

/** The channel of a request for a repo. */
export const requestChannel = (requestId: number): string => `request:${requestId}`;

/** Who is notified of a change of a task or of a request for a repo. */
export interface News {
  /** The task whose state changed. */
  readonly task?: number;
  /** The builders that have something to look at; nulls are left out. */
  readonly hosts?: readonly (number | null)[];
  /** Whether the scheduler may have something to do. */
  readonly plan?: boolean;
  /** Whether the repo manager may have work to do. */
  readonly repos?: boolean;
  /** The requests for repos that changed. */
  readonly requests?: readonly number[];
}

/** Wakes those concerned, once the change is durable. */
export function tell(
  call: Call,
  { task, hosts = [], plan = false, repos = false, requests = [] }: News,
): void {
  const channels = new Set<string>();
  if (task !== undefined) channels.add(`task:${task}`);
  for (const host of hosts) if (host !== null) channels.add(`host:${host}`);
  if (plan) channels.add('scheduler');
  if (repos && call.hub.options.RepoManager === 'hub') channels.add(repoChannel);
  for (const request of requests) channels.add(requestChannel(request));
  if (channels.size === 0) return;
  // All at once, so that PostgreSQL needs only one statement.
  call.afterCommit(() => Promise.all([...channels].map((channel) => call.hub.wake.notify(channel))));
}
