import { named } from '@koji/core/wire';
import { asctime } from '@koji/core/text';
import type { Run } from './command.js';
import { int } from './options.js';

/** The options of commands that can show a past state. */
export const eventOptions = {
  event: int('--event', 'query at event', { metavar: 'EVENT#' }),
  ts: int('--ts', 'query at last event before timestamp', { metavar: 'TIMESTAMP' }),
  repo: int('--repo', 'query at event for a repo', { metavar: 'REPO#' }),
};

/** A point in history; `ts` is in epoch seconds. */
export interface PastEvent {
  readonly id: number;
  readonly ts: number;
}

/** The event selected by the options of a command. */
export interface ChosenEvent {
  readonly event?: number | undefined;
  readonly ts?: number | undefined;
  readonly repo?: number | undefined;
}

/** Returns the event selected by `--event`, `--ts` or `--repo`; null for now. */
export async function eventOf(
  { session }: Pick<Run, 'session'>,
  options: ChosenEvent,
): Promise<PastEvent | null> {
  const asked = options.event
    ? await session.getEvent(options.event)
    : options.ts !== undefined
      ? await session.getLastEvent(named({ before: options.ts }))
      : null;
  if (asked) return { id: asked.id, ts: Number(asked.ts) };
  if (options.repo === undefined) return null;
  const repo = await session.repoInfo(options.repo, true);
  return { id: repo.create_event, ts: Number(repo.create_ts) };
}

/** Returns the event selected by the options and prints it; null for now. */
export async function queriedEvent(run: Run, options: ChosenEvent, quiet = false): Promise<PastEvent | null> {
  const event = await eventOf(run, options);
  if (event && !quiet) run.print(`Querying at event ${event.id} (${asctime(event.ts)})`);
  return event;
}
