/** Output of `koji-hub plugins` and `koji-hub outbox`. */
import { messageOf } from '@koji/core';
import type { HubConfig } from '@koji/core/config';
import { describeReport, isOff, reportOf } from '@koji/plugin-sdk/host';
import type { PluginReport } from '@koji/plugin-sdk/host';
import { openExisting } from './commands.js';
import type { Connection } from './db/connection.js';
import { ownMethodNames } from './hub.js';
import { outboxChannel } from './outbox/deliver.js';
import { deadLetters, drop, queueStates, replay } from './outbox/messages.js';
import type { DeadLetter, DeadLetterChoice, QueueState } from './outbox/messages.js';
import { readActivity } from './plugin-activity.js';
import type { StoredActivity } from './plugin-activity.js';
import { findPlugins, limitRules } from './plugins.js';
import { readSchedules } from './schedules/rows.js';
import type { ScheduleRow } from './schedules/rows.js';

/** All about the plugins of a hub. */
export interface PluginsReport {
  readonly plugins: readonly (PluginReport & {
    readonly activity: readonly StoredActivity[];
    readonly schedules: readonly ScheduleRow[];
  })[];
  readonly queues: readonly QueueState[];
  /** Problems that need attention; `koji-hub plugins --check` fails if there are any. */
  readonly problems: readonly string[];
}

/** Loads the plugins that hub.conf names and reads from the database what they did. */
export async function examinePlugins(config: HubConfig): Promise<PluginsReport> {
  const found = await findPlugins(config, { taken: ownMethodNames(), given: {} });
  const problems = [...found.problems];
  let activity: StoredActivity[] = [];
  let queues: QueueState[] = [];
  let schedules: ScheduleRow[] = [];
  try {
    await onDatabase(config, async (read) => {
      activity = await read(readActivity);
      queues = await read(queueStates);
      schedules = await read(readSchedules);
    });
  } catch (error) {
    problems.push(`what plugins did is not known: ${messageOf(error)} (koji-hub check says more)`);
  }
  const served = new Set(found.plugins.flatMap(({ outboxes }) => outboxes.map(({ name }) => name)));
  for (const entry of activity.filter(isOff))
    problems.push(
      entry.kind === 'block'
        ? `plugin ${entry.plugin} is switched off until ${entry.off_until ?? ''}, since it kept the hub from answering: ${entry.last_failure ?? ''}`
        : `plugin ${entry.plugin}: its ${entry.name} ${entry.kind} is switched off until ${entry.off_until ?? ''}, since it kept failing: ${entry.last_failure ?? ''}`,
    );
  for (const { queue, waiting, dead } of queues) {
    if (!served.has(queue) && waiting > 0)
      problems.push(
        `outbox ${queue}: ${waiting} messages wait for a plugin that is not enabled: enable it, or let them be`,
      );
    if (dead > 0)
      problems.push(
        `outbox ${queue}: ${dead} messages could not be delivered: koji-hub outbox dead, then replay or drop`,
      );
  }
  const plugins = found.plugins.map((plugin) => ({
    ...reportOf(plugin, limitRules(config.options)),
    activity: activity.filter((entry) => entry.plugin === plugin.name),
    schedules: schedules.filter(
      ({ plugin: owner, name }) =>
        owner === plugin.name && plugin.schedules.some((schedule) => schedule.name === name),
    ),
  }));
  problems.push(...plugins.flatMap((plugin) => plugin.schedules.filter(isOverdue).map(overdue)));
  return { plugins, queues, problems };
}

/** Returns the report as text for operators. */
export function describePlugins({ plugins, queues, problems }: PluginsReport): string[] {
  return [
    ...(plugins.length === 0 ? ['no plugin is enabled'] : []),
    ...plugins.flatMap((plugin) => [
      ...describeReport(plugin, plugin.activity),
      ...plugin.schedules.map(describeSchedule),
    ]),
    ...queues.map(describeQueue),
    ...problems.map((problem) => `PROBLEM ${problem}`),
  ];
}

const timeOf = (seconds: number): string => new Date(seconds * 1000).toISOString();

/** One line about a schedule. */
function describeSchedule({ name, next, started, ended, lastError }: ScheduleRow): string {
  if (started === null) return `  schedule ${name}: never ran, next ${timeOf(next)}`;
  if (ended === null) return `  schedule ${name}: runs since ${timeOf(started)}`;
  const how = lastError === null ? '' : ` and failed: ${lastError}`;
  const took = `took ${(ended - started).toFixed(1)} s`;
  return `  schedule ${name}: ran ${timeOf(started)}, ${took}${how}; next ${timeOf(next)}`;
}

/** Seconds after which one that did not run is a problem. */
const patience = 300;

function isOverdue({ next, started, ended }: ScheduleRow): boolean {
  const runs = started !== null && ended === null;
  return Date.now() / 1000 - (runs ? started : next) > patience;
}

function overdue({ plugin, name, next }: ScheduleRow): string {
  return `plugin ${plugin}: its schedule ${name} was due ${timeOf(next)}: is the hub running? Its log says what holds it up`;
}

/** One line about a queue. */
export function describeQueue({ queue, waiting, dead, oldest }: QueueState): string {
  const since = oldest === null ? '' : `, the oldest since ${new Date(oldest * 1000).toISOString()}`;
  return `outbox ${queue}: ${waiting} messages wait${since}; ${dead} are dead letters`;
}

/** Runs work on the hub's database while the hub may be running. */
async function onDatabase<T>(
  config: HubConfig,
  work: (read: <R>(query: (db: Connection) => Promise<R>) => Promise<R>) => Promise<T>,
): Promise<T> {
  const database = await openExisting(config);
  try {
    return await work((query) => database.read(query));
  } finally {
    await database.close();
  }
}

/** Every queue that has messages. */
export function listQueues(config: HubConfig): Promise<QueueState[]> {
  return onDatabase(config, (read) => read(queueStates));
}

/** The dead letters of all queues or of one. */
export function listDeadLetters(config: HubConfig, choice: DeadLetterChoice): Promise<DeadLetter[]> {
  return onDatabase(config, (read) => read((db) => deadLetters(db, choice)));
}

/** Lets the hub deliver dead letters again, or deletes them, and returns how many there were. */
export async function handleDeadLetters(
  config: HubConfig,
  what: 'replay' | 'drop',
  choice: DeadLetterChoice,
): Promise<number> {
  const database = await openExisting(config);
  try {
    const count = await database.write((db) => (what === 'replay' ? replay : drop)(db, choice));
    await database.notify(outboxChannel);
    return count;
  } finally {
    await database.close();
  }
}
