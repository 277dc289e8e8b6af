/** Figures from the database about work in progress, for /metrics. */
import { REPO_STATES, TASK_STATES, nameOf } from '@koji/core';
import type { Float } from '@koji/core/api';
import type { Connection } from '../db/connection.js';
import { anyOf, epochAs, floatAs, sql } from '../db/sql.js';

/** Counts of what is under way; times in seconds. */
export interface StoredFigures {
  readonly tasks: readonly {
    readonly channel: string;
    readonly state: string;
    readonly count: number;
    /** The age of the oldest of them. */
    readonly oldest: number;
  }[];
  readonly hosts: {
    readonly counts: Readonly<Record<'ready' | 'not ready' | 'disabled', number>>;
    readonly capacity: number;
    readonly load: number;
  };
  readonly repos: Readonly<Record<string, number>>;
  readonly repoRequests: number;
  readonly outbox: readonly { readonly queue: string; readonly waiting: number; readonly dead: number }[];
}

const openStates = [TASK_STATES.FREE, TASK_STATES.OPEN, TASK_STATES.ASSIGNED];
const standingRepos = [REPO_STATES.INIT, REPO_STATES.READY, REPO_STATES.EXPIRED, REPO_STATES.PROBLEM];

/** Reads the figures on one snapshot, in a statement a subject. */
export async function readFigures(db: Connection): Promise<StoredFigures> {
  const [hosts, repoRequests] = [await readHosts(db), await countRequests(db)];
  return {
    tasks: await readTasks(db),
    hosts,
    repos: await readRepos(db),
    repoRequests,
    outbox: await readOutbox(db),
  };
}

async function readTasks(db: Connection): Promise<StoredFigures['tasks']> {
  const rows = await db.all<{ channel: string; state: number; count: number; since: Float }>(
    sql`SELECT channels.name AS channel, task.state, count(*) AS count, ${epochAs(sql`min(create_time)`, 'since')}
        FROM task JOIN channels ON channels.id = task.channel_id
        WHERE ${anyOf(sql`task.state`, openStates)} GROUP BY channels.name, task.state ORDER BY 1, 2`,
  );
  const now = Date.now() / 1000;
  return rows.map(({ channel, state, count, since }) => ({
    channel,
    state: nameOf(TASK_STATES, state) ?? String(state),
    count,
    oldest: Math.max(0, now - Number(since)),
  }));
}

async function readHosts(db: Connection): Promise<StoredFigures['hosts']> {
  const row = await db.get<
    Record<'enabled' | 'ready' | 'disabled', number> & { capacity: Float; load: Float }
  >(
    sql`SELECT count(CASE WHEN enabled THEN 1 END) AS enabled, count(CASE WHEN enabled AND ready THEN 1 END) AS ready,
          count(CASE WHEN NOT enabled THEN 1 END) AS disabled,
          ${floatAs(sql`coalesce(sum(CASE WHEN enabled THEN capacity END), 0)`, 'capacity')},
          ${floatAs(sql`coalesce(sum(CASE WHEN enabled THEN task_load END), 0)`, 'load')}
        FROM host JOIN host_config ON host_config.host_id = host.id AND host_config.active = TRUE`,
  );
  const { enabled = 0, ready = 0, disabled = 0, capacity = 0, load = 0 } = row ?? {};
  const counts = { ready, 'not ready': enabled - ready, disabled };
  return { counts, capacity: Number(capacity), load: Number(load) };
}

async function readRepos(db: Connection): Promise<StoredFigures['repos']> {
  const rows = await db.all<{ state: number; count: number }>(
    sql`SELECT state, count(*) AS count FROM repo WHERE ${anyOf(sql`state`, standingRepos)} GROUP BY state`,
  );
  const counts: Record<string, number> = {};
  for (const state of standingRepos)
    counts[nameOf(REPO_STATES, state) ?? state] = rows.find((row) => row.state === state)?.count ?? 0;
  return counts;
}

async function countRequests(db: Connection): Promise<number> {
  const row = await db.get<{ count: number }>(
    sql`SELECT count(*) AS count FROM repo_queue WHERE active = TRUE`,
  );
  return row?.count ?? 0;
}

function readOutbox(db: Connection): Promise<StoredFigures['outbox']> {
  return db.all<{ queue: string; waiting: number; dead: number }>(
    sql`SELECT queue, count(CASE WHEN NOT dead THEN 1 END) AS waiting, count(CASE WHEN dead THEN 1 END) AS dead
        FROM outbox_message JOIN outbox_lane ON outbox_lane.id = lane_id GROUP BY queue ORDER BY queue`,
  );
}
