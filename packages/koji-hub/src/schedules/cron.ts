import util from 'node:util';
import { GenericError, messageOf } from '@koji/core';
import type { PluginSchedule } from '@koji/plugin-sdk/host';

/** The moments of a schedule. */
export interface CronTimes {
  /** The first moment after another. */
  readonly after: (moment: Date) => Date;
  /** How many moments there are after one and up to another, at most {@link mostCounted}. */
  readonly count: (after: Date, until: Date) => number;
}

/** More missed moments than these are not counted. */
const mostCounted = 1000;

/**
 * Reads when a schedule runs: five fields in its time zone. Summer time moves what falls into the missing hour, and repeats
 * nothing.
 *
 * @throws GenericError saying what is wrong
 */
export async function readCron({ cron, zone }: Pick<PluginSchedule, 'cron' | 'zone'>): Promise<CronTimes> {
  // Only hubs with schedules pay for it.
  const { Cron } = await import('croner');
  try {
    const pattern = new Cron(cron, { timezone: zone, paused: true, mode: '5-part' });
    const after = (moment: Date): Date => {
      const next = pattern.nextRun(moment);
      if (!next) throw new GenericError('never comes');
      return next;
    };
    after(new Date());
    return { after, count: (start, until) => countMoments(after, start, until) };
  } catch (cause) {
    const why = util.types.isNativeError(cause) ? cause.message : messageOf(cause);
    throw new GenericError(`'${cron}' in zone '${zone}': ${why}`, { cause });
  }
}

function countMoments(after: CronTimes['after'], start: Date, until: Date): number {
  let count = 0;
  for (let moment = after(start); moment <= until && count < mostCounted; moment = after(moment)) count += 1;
  return count;
}
