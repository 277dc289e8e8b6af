import { TASK_STATES } from '@koji/core';
import type { TaskInfo } from '@koji/core/api';
import { HubUnreachable } from '../../errors.js';
import type { Outage } from '../../steady.js';
import { Waiter, isDone } from '../../watching.js';
import { command } from '../command.js';
import type { Run } from '../command.js';
import { exitCodes } from '../exit-codes.js';
import { text } from '../options.js';
import { outageLines, steadyFor } from '../outages.js';
import { taskIds } from './watching.js';

const wait = command({
  name: 'wait',
  category: 'monitor',
  extra: true,
  arguments: ['task...'],
  examples: ['wait 1234 1235'],
  summary: 'Wait for tasks without printing anything',
  usage: 'wait [options] <task id> [<task id> ...]',
  description:
    'Waits until all tasks are done, also while the hub is restarted or away for minutes. The exit code tells how they ' +
    'ended: 0 all succeeded, 1 a task failed, 2 wrong arguments or no such task, 3 a task was canceled and none failed, ' +
    '4 the hub could not be reached for too long and the state is unknown, 5 the time of --timeout was over, ' +
    '130 interrupted. Example: koji wait --timeout=2h 1234 && koji download-task 1234',
  anonymous: true,
  options: {
    timeout: text(
      '--timeout',
      'How long to wait at most: minutes, or a number with a unit, such as 90s, 30m or 2h',
      { metavar: 'TIME' },
    ),
  },
  async run(run) {
    const { options, global, login, warn, usageError, fail } = run;
    const ids = taskIds(run);
    const limit = options.timeout === undefined ? null : timeOf(options.timeout);
    if (limit !== null && Number.isNaN(limit))
      return usageError(`--timeout = '${options.timeout}': not a time such as 90s, 30m or 2h`);
    // The hub may already be unavailable, so the command does not first check that it answers.
    if (global.force_auth) await login();
    const timer = new AbortController();
    const timeout = limit === null ? null : setTimeout(() => timer.abort(), limit * 1000);
    run.atInterrupt(() => {
      timer.abort();
      return exitCodes.interrupted;
    });
    const waited = new Wait(run, timer.signal);
    try {
      return codeOf(await waited.untilDone(ids));
    } catch (error) {
      if (!timer.signal.aborted) throw error;
      if (waited.outage) throw new HubUnreachable(waited.outage.since, waited.outage.error);
      warn(`Not done after ${options.timeout}: ${waited.running.join(', ')}`);
      return fail(undefined, exitCodes.timedOut);
    } finally {
      clearTimeout(timeout ?? undefined);
    }
  },
});

/** Waits for tasks; at the timeout, returns the known states. */
class Wait {
  running: readonly number[] = [];
  outage: Outage | null = null;

  constructor(
    private readonly run: Run,
    private readonly signal: AbortSignal,
  ) {}

  async untilDone(ids: readonly number[]): Promise<TaskInfo[]> {
    const { run, signal } = this;
    const tell = outageLines(run);
    const session = steadyFor(run, {
      signal,
      onOutage: (outage) => {
        this.outage = outage;
        tell(outage);
      },
    });
    const waiter = new Waiter(session, signal);
    const found = new Map<number, TaskInfo>();
    for (this.running = ids; ;) {
      const seen = await session.getTaskInfo(this.running);
      for (const [i, info] of seen.entries())
        found.set(
          this.running[i] ?? 0,
          info ?? run.fail(`No such task: ${this.running[i]}`, exitCodes.usage),
        );
      const infos = [...found.values()];
      const open = infos.filter((info) => !isDone(info));
      if (open.length === 0) return infos;
      this.running = open.map(({ id }) => id);
      await waiter.pause(open, run.global.poll_interval);
    }
  }
}

function codeOf(tasks: readonly TaskInfo[]): number {
  const some = (state: number): boolean => tasks.some((task) => task.state === state);
  if (some(TASK_STATES.FAILED)) return exitCodes.failed;
  return some(TASK_STATES.CANCELED) ? exitCodes.canceled : 0;
}

const units: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600, d: 86_400 };

/** Parses a time and returns its seconds, or NaN if it is invalid. */
function timeOf(given: string): number {
  const [, number, unit = 'm'] = /^(\d+(?:\.\d+)?)([smhd])?$/.exec(given.trim()) ?? [];
  return Number(number) * (units[unit] ?? NaN);
}

export const waiting = [wait];
