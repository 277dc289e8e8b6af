import { TASK_STATES, nameOf, parseInteger } from '@koji/core';
import type { Clause } from '@koji/core/api';
import { named } from '@koji/core/wire';
import { asctime, pythonStr, shortTime } from '@koji/core/text';
import { command } from '../command.js';
import type { Run } from '../command.js';
import { atLeast } from '../hub-version.js';
import { printHeader } from '../listing.js';
import { choice, decimal, int, text } from '../options.js';

type Row = Readonly<Record<string, unknown>>;

/** A view of the scheduler: a method of the hub, and the displayed columns. */
interface View {
  readonly method: 'getTaskRuns' | 'getLogMessages';
  readonly fields: readonly string[];
  readonly clauses: readonly Clause[];
  /** The number of last rows to return; undefined for all. */
  readonly limit: number | undefined;
}

/** Returns the rows of a view by id. */
async function rowsOf({ session, fail }: Run, view: View): Promise<Row[]> {
  const { method, limit } = view;
  const version = await session.hubVersion();
  if (!atLeast(version, [1, 34]))
    fail(`Hub version is ${version} and doesn't support scheduler methods introduced in 1.34.`);
  // Hubs of 1.34.0 neither sort nor limit the rows.
  const limits = limit !== undefined && version !== '1.34.0';
  const wanted: [Clause[], string[]] = [[...view.clauses], [...view.fields]];
  const query = session.scheduler[method];
  const found = (await (limits ? query(...wanted, { order: '-id', limit }) : query(...wanted))) as Row[];
  const rows = [...found].sort((a, b) => Number(a['id']) - Number(b['id']));
  return limit === undefined || limits ? rows : rows.slice(-limit || rows.length);
}

/** Returns the id of a host for an id or name. */
async function hostId({ session }: Run, given: string): Promise<number> {
  const id = parseInteger(given);
  return id === null ? (await session.getHost(given, true)).id : Number(id);
}

const schedulerInfo = command({
  name: 'scheduler-info',
  category: 'monitor',
  examples: ['scheduler-info --task=1234'],
  summary: 'Show information about scheduling',
  usage: 'schedulerinfo [options]',
  anonymous: true,
  data: { of: 'scheduler.getTaskRuns' },
  options: {
    task: int(['-t', '--task'], 'Limit data to given task id'),
    host: text('--host', 'Limit data to given builder id'),
    state: choice('--state', Object.keys(TASK_STATES), 'Limit data to task state'),
    limit: { ...int('--limit', 'Limit data to last N items [default: 100]'), initial: 100 },
  },
  async run(run) {
    const { args, options, global, session, print, data, connect, usageError } = run;
    if (args.length > 0) return usageError('This command takes no arguments');
    await connect();
    const host = options.host ? await hostId(run, options.host) : null;
    const clauses: Clause[] = [
      ...(options.task ? [['task_id', options.task] as const] : []),
      ...(host === null ? [] : [['host_id', host] as const]),
      ...(options.state ? [['state', TASK_STATES[options.state as keyof typeof TASK_STATES]] as const] : []),
    ];
    const times = ['create_ts', 'start_ts', 'completion_ts'];
    const fields = ['id', 'task_id', 'host_name', 'state', ...times];
    const runs = await rowsOf(run, { method: 'getTaskRuns', fields, clauses, limit: options.limit });
    data(runs);
    const row = (task: unknown, name: unknown, ...others: string[]): string =>
      [
        pythonStr(task).padEnd(9),
        pythonStr(name).padEnd(20),
        ...others.map((cell, i) => cell.padEnd(i === 0 ? 7 : 17)),
      ].join(' ');
    if (!global.quiet) printHeader(print, row('Task', 'Host', 'State', 'Created', 'Started', 'Ended'));
    for (const one of runs) {
      const state = nameOf(TASK_STATES, Number(one['state'])) ?? '';
      const moments = times.map((time) => (one[time] ? shortTime(Number(one[time])) : ''));
      print(row(one['task_id'], one['host_name'], state, ...moments));
    }
    if (!host) return;
    print(`Host data for ${options.host}:`);
    const [told] = await session.scheduler.getHostData(named({ hostID: host }));
    print(told ? pythonStr(told.data) : '-');
  },
});

const schedulerLogs = command({
  name: 'scheduler-logs',
  category: 'monitor',
  examples: ['scheduler-logs --task=1234'],
  summary: 'Query scheduler logs',
  usage: 'scheduler-logs <options>',
  data: { of: 'scheduler.getLogMessages' },
  options: {
    task: int('--task', 'Filter by task ID'),
    host: text('--host', 'Filter by host (name/ID)'),
    from_ts: decimal('--from', 'Logs from given timestamp'),
    to_ts: decimal('--to', 'Logs until given timestamp (included)'),
    limit: int('--limit', 'Limit data to last N items. [default: none]'),
  },
  async run(run) {
    const { args, options, global, print, data, usageError } = run;
    if (args.length > 0) return usageError('There are no arguments for this command');
    const [from, to] = [options.from_ts, options.to_ts].map(Number);
    if (from && to && options.limit !== undefined)
      return usageError("If both --from and --to are used, --limit shouldn't be used");
    const clauses: Clause[] = [
      ...(options.task ? [['task_id', options.task] as const] : []),
      ...(options.host ? [['host_id', await hostId(run, options.host)] as const] : []),
      ...(from ? [['msg_ts', '>=', options.from_ts] as const] : []),
      ...(to ? [['msg_ts', '<', options.to_ts] as const] : []),
    ];
    const fields = ['id', 'task_id', 'host_id', 'host_name', 'msg_ts', 'msg'];
    const logs = await rowsOf(run, { method: 'getLogMessages', fields, clauses, limit: options.limit });
    data(logs);
    const row = (...[task, host, time, message]: string[]): string =>
      [task?.padEnd(10), host?.padEnd(20), time?.padEnd(25), message?.padEnd(30)].join(' ');
    if (!global.quiet) printHeader(print, row('Task', 'Host', 'Time', 'Message'));
    for (const log of logs) {
      const [task, host, message] = [log['task_id'], log['host_name'], log['msg']].map(pythonStr);
      print(row(task ?? '', host ?? '', asctime(Number(log['msg_ts'])), message ?? ''));
    }
  },
});

export const scheduler = [schedulerInfo, schedulerLogs];
