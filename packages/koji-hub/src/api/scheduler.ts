import type { SchedulerMethods } from '@koji/core/api';
import type { Handlers } from '../call.js';
import type { Row } from '../db/connection.js';
import { epochColumn } from '../db/rows.js';
import { sql } from '../db/sql.js';
import { truthy } from '../domain/values/convert.js';
import { readJson } from '../domain/values/json.js';
import { look } from '../domain/history/views.js';
import type { Field, View } from '../domain/history/views.js';
import { runScheduler } from '../scheduler/run.js';

const taskFields = {
  method: { column: sql`task.method`, of: 'task', type: 'text' },
  state: { column: sql`task.state`, of: 'task' },
  owner: { column: sql`task.owner`, of: 'task' },
  arch: { column: sql`task.arch`, of: 'task', type: 'text' },
  channel_id: { column: sql`task.channel_id`, of: 'task' },
  host_name: { column: sql`host.name`, of: 'host', type: 'text' },
  host_ready: { column: sql`host.ready`, of: 'host', type: 'boolean' },
} satisfies Record<string, Field>;

const taskRuns: View = {
  table: sql`scheduler_task_runs own`,
  joins: { task: sql` JOIN task ON own.task_id = task.id`, host: sql` JOIN host ON own.host_id = host.id` },
  fields: {
    id: { column: sql`own.id` },
    task_id: { column: sql`own.task_id` },
    ...taskFields,
    host_id: { column: sql`own.host_id` },
    active: { column: sql`own.active`, type: 'boolean' },
    create_ts: { column: epochColumn(sql`own.create_time`) },
    start_ts: { column: epochColumn(sql`task.start_time`), of: 'task' },
    completion_ts: { column: epochColumn(sql`task.completion_time`), of: 'task' },
  },
  usual: ['id', 'task_id', 'host_id', 'active', 'create_ts'],
};

const taskRefusals: View = {
  table: sql`scheduler_task_refusals own`,
  joins: taskRuns.joins,
  fields: {
    id: { column: sql`own.id` },
    task_id: { column: sql`own.task_id` },
    host_id: { column: sql`own.host_id` },
    by_host: { column: sql`own.by_host`, type: 'boolean' },
    soft: { column: sql`own.soft`, type: 'boolean' },
    msg: { column: sql`own.msg`, type: 'text' },
    ts: { column: epochColumn(sql`own.time`) },
    ...taskFields,
  },
  usual: ['id', 'task_id', 'host_id', 'by_host', 'soft', 'msg', 'ts'],
};

const logMessages: View = {
  table: sql`scheduler_log_messages own`,
  joins: {
    task: sql` LEFT JOIN task ON own.task_id = task.id`,
    host: sql` LEFT JOIN host ON own.host_id = host.id`,
  },
  fields: {
    id: { column: sql`own.id` },
    task_id: { column: sql`own.task_id` },
    host_id: { column: sql`own.host_id` },
    msg_ts: { column: epochColumn(sql`own.msg_time`) },
    msg: { column: sql`own.msg`, type: 'text' },
    ...taskFields,
  },
  usual: ['id', 'task_id', 'host_id', 'msg', 'msg_ts'],
};

const byId = { order: 'id' };

/** Handlers of the methods about the scheduler. */
export const scheduler: Handlers<SchedulerMethods> = {
  'scheduler.doRun': ({ force }, call) => runScheduler(call, truthy(force) ? 'forced' : 'gentle'),

  async 'scheduler.getHostData'({ hostID: hostId }, call) {
    const which = hostId === null ? sql`` : sql` WHERE host_id = ${hostId}`;
    const rows = await call.db.all<{ host_id: number; data: string | null }>(
      sql`SELECT host_id, data FROM scheduler_host_data${which} ORDER BY host_id`,
    );
    return rows.map(({ host_id, data }) => ({ host_id, data: readJson(data, 'data of a host') }));
  },

  'scheduler.getTaskRuns': ({ clauses, fields, opts }, call) =>
    look<Row>(call, taskRuns, { clauses, fields, opts: opts ?? byId }),

  'scheduler.getTaskRefusals': ({ clauses, fields }, call) =>
    look<Row>(call, taskRefusals, { clauses, fields, opts: null }),

  'scheduler.getLogMessages': ({ clauses, fields, opts }, call) =>
    look<Row>(call, logMessages, { clauses, fields, opts: opts ?? byId }),
};
