import { steadySession } from '../steady.js';
import type { Outage, Patience, SteadySession } from '../steady.js';
import type { Run } from './command.js';

/** Returns how long a command waits for an unavailable hub: as long as the profile retries calls. */
export function patienceOf({ global }: Pick<Run, 'global'>): Patience {
  const { max_retries: tries, retry_interval: interval, poll_interval: poll } = global;
  return { patience: tries * interval, pause: Math.max(1, Math.min(interval, poll)) };
}

/**
 * Returns a session for calls that survive outages. Each outage is reported by a line on standard error if it is a terminal.
 */
export function steadyFor(run: Run, more: Patience = {}): SteadySession {
  return steadySession(run.session, { ...patienceOf(run), onOutage: outageLines(run), ...more });
}

/** Returns a function that reports each outage once, and its end. */
export function outageLines({ warn, global }: Pick<Run, 'warn' | 'global'>): (outage: Outage | null) => void {
  let isTold = false;
  return (outage) => {
    // Programs that read our standard error expect only the output of Koji's command.
    if (!process.stderr.isTTY || global.quiet) return;
    if (outage && !isTold) warn(outageText(outage));
    else if (!outage) warn('The hub answers again.');
    isTold = outage !== null;
  };
}

/** Returns a line about an outage: its start, its reason, and how long the command will wait. */
export function outageText({ error, since, until }: Outage): string {
  const time = (date: Date): string => date.toTimeString().slice(0, 8);
  return `The hub can't be reached since ${time(since)}, trying until ${time(until)}: ${error.message}`;
}
