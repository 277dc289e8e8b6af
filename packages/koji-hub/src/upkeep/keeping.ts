/** Removes what is older than the `Keep…` options of hub.conf say: in small transactions, files by the journal. */

import { stageRemoval } from '../domain/files/files.js';
import type { Hub } from '../call.js';
import type { RunningCall } from '../server/running-call.js';
import { Job } from '../repos/job.js';
import { folderRules } from './old-folders.js';
import { rowRules } from './old-rows.js';
import { taskRule } from './old-tasks.js';
import type { KeepOption, RowRule } from './old-rows.js';

/** Objects that a rule removes or removed. */
export interface Housekept {
  readonly option: KeepOption;
  /** Days for which it keeps things; 0 for ever. */
  readonly days: number;
  readonly what: string;
  readonly count: number;
}

/** The parts of an open hub that housekeeping needs. */
interface Parts {
  readonly hub: Hub;
  readonly runOwn: <T>(name: string, work: (call: RunningCall) => Promise<T>) => Promise<T>;
}

/**
 * Removes what is too old, or counts it.
 *
 * @param options.apply whether to remove it
 * @param options.now the end of the days that options count, in epoch milliseconds
 */
export async function keepHouse(
  parts: Parts,
  { apply, now = Date.now() }: { readonly apply: boolean; readonly now?: number },
): Promise<Housekept[]> {
  const { options } = parts.hub;
  const done: Housekept[] = [];
  // Tasks go after the lists of buildroots, which keep them.
  for (const rule of [...rowRules, taskRule, ...folderRules]) {
    const { option, what } = rule;
    const days = options[option];
    const before = new Date(now - days * 86_400_000);
    const work = (): Promise<number> =>
      'portion' in rule
        ? sweepRows(parts, rule, { before, apply })
        : sweepFolders(parts, rule, { before, apply });
    done.push({ option, days, what, count: days > 0 ? await work() : 0 });
  }
  return done;
}

interface Sweep {
  readonly before: Date;
  readonly apply: boolean;
}

async function sweepRows({ hub, runOwn }: Parts, rule: RowRule, { before, apply }: Sweep): Promise<number> {
  let count = 0;
  for (;;) {
    const found = await hub.database.read((db) => rule.find(db, before), { long: true });
    count += found.length;
    if (found.length === 0 || !apply) return count;
    for (let i = 0; i < found.length; i += rule.portion) {
      const ids = found.slice(i, i + rule.portion).map(({ id }) => id);
      await runOwn('housekeeping', (call) => rule.remove(call.db, ids));
    }
  }
}

async function sweepFolders(
  { hub, runOwn }: Parts,
  rule: (typeof folderRules)[number],
  { before, apply }: Sweep,
): Promise<number> {
  const folders = await hub.database.read((db) => rule.find(db, hub.paths, before), { long: true });
  if (!apply) return folders.length;
  for (const folder of folders) await runOwn('housekeeping', (call) => stageRemoval(call, folder));
  return folders.length;
}

/** Writes what was found for people, a line for each rule. */
export function describeHousekept(found: readonly Housekept[], applied: boolean): string[] {
  return found.map(({ option, days, what, count }) =>
    days === 0
      ? `${option} = 0: all ${what} are kept`
      : `${option} = ${days}: ${applied ? 'removed' : 'would remove'} ${count} ${what}`,
  );
}

/** Milliseconds after the start of a hub: first it has other work. */
const firstPause = 600_000;

/** Keeps house every HousekeepingInterval seconds, one process at a time. */
export function startHousekeeping(parts: Parts): { stop(): Promise<void> } {
  const { database, options, ...hub } = parts.hub;
  const log = hub.logger('koji.housekeeping');
  const run = async (): Promise<void> => {
    const found = await keepHouse(parts, { apply: true });
    for (const line of describeHousekept(
      found.filter(({ count }) => count > 0),
      true,
    ))
      log.info(line);
  };
  const job = new Job({ name: 'housekeeping', database, log, run });
  const { HousekeepingInterval: interval } = options;
  if (interval === 0) return job;
  const pause = interval * 1000;
  let timer = setTimeout(
    function again() {
      job.wake();
      timer = setTimeout(again, pause).unref();
    },
    Math.min(firstPause, pause),
  ).unref();
  return {
    async stop() {
      clearTimeout(timer);
      await job.stop();
    },
  };
}
