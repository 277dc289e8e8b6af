import type { ClientSession } from '../session.js';

/** The event that `--event`, `--ts` or `--repo` name; null for now. `ts` is in seconds of 1970. */
export async function eventOf(
  session: ClientSession,
  options: { event?: number | undefined; ts?: number | undefined; repo?: number | undefined },
): Promise<{ id: number; ts: number } | null> {
  const asked = options.event
    ? await session.getEvent(options.event)
    : options.ts !== undefined
      ? await session.call<{ id: number; ts: unknown }>('getLastEvent', [], { before: options.ts })
      : null;
  if (asked) return { id: asked.id, ts: Number(asked.ts) };
  if (options.repo === undefined) return null;
  const repo = await session.call<{ create_event: number; create_ts: unknown }>('repoInfo', [options.repo], {
    strict: true,
  });
  return { id: repo.create_event, ts: Number(repo.create_ts) };
}
