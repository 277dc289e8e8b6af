import { steadySession } from '../steady.js';
import type { Outage, Patience, SteadySession } from '../steady.js';
import type { Run } from './command.js';

/** Returns how long the profile lets a command wait for a hub that is away: as long as calls are retried. */
export function patienceOf({ global }: Pick<Run, 'global'>): Patience {
  const { max_retries: tries, retry_interval: interval, poll_interval: poll } = global;
  return { patience: tries * interval, pause: Math.max(1, Math.min(interval, poll)) };
}

/** Returns a session for questions that survive outages, each told by a line on standard error if it is a terminal. */
export function steadyFor(run: Run, more: Patience = {}): SteadySession {
  return steadySession(run.session, { ...patienceOf(run), onOutage: outageLines(run), ...more });
}

/** Returns what tells of outages, once of each and of its end. */
export function outageLines({ warn, global }: Pick<Run, 'warn' | 'global'>): (outage: Outage | null) => void {
  let isTold = false;
  return (outage) => {
    // Programs that read our standard error expect no more on it than Koji's command writes.
    if (!process.stderr.isTTY || global.quiet) return;
    if (outage && !isTold) warn(outageText(outage));
    else if (!outage) warn('The hub answers again.');
    isTold = outage !== null;
  };
}

/** Returns a line about an outage: since when, why, and how long the command goes on. */
export function outageText({ error, since, until }: Outage): string {
  const time = (date: Date): string => date.toTimeString().slice(0, 8);
  return `The hub can't be reached since ${time(since)}, trying until ${time(until)}: ${error.message}`;
}
