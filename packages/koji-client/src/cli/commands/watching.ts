import { command } from '../command.js';
import type { Run } from '../command.js';
import { flag, text } from '../options.js';
import { listTasks } from '../task-list.js';
import { watchLogs } from '../watch-logs.js';
import { watchTasks } from '../watch.js';

/** Watches tasks without a login; returns the exit code. */
export async function watch(run: Run, ids: readonly number[], quiet = run.global.quiet): Promise<number> {
  // A hub that is unavailable keeps its state, so watching waits for it.
  await run.session.logout().catch(() => run.session.forget());
  return watchTasks(run, ids, quiet);
}

export function taskIds({ args, usageError }: Pick<Run, 'args' | 'usageError'>): number[] {
  const ids = args.map((arg) =>
    /^\s*[+-]?\d+\s*$/.test(arg) ? Number(arg) : usageError('task id must be an integer'),
  );
  return ids.length > 0 ? ids : usageError('at least one task id must be specified');
}

const watchTask = command({
  name: 'watch-task',
  category: 'monitor',
  arguments: ['task...'],
  examples: ['watch-task 1234'],
  summary: 'Track progress of particular tasks',
  usage: 'watch-task [options] <task id> [<task id> ...]',
  anonymous: true,
  options: {
    quiet: flag('--quiet', 'Do not print the task information'),
    mine: flag('--mine', 'Just watch your tasks'),
    user: text('--user', 'Only tasks for this user'),
    arch: text('--arch', 'Only tasks for this architecture'),
    method: text('--method', 'Only tasks of this method'),
    channel: text('--channel', 'Only tasks in this channel'),
    host: text('--host', 'Only tasks for this host'),
  },
  async run(run) {
    const { args, options, global, print, login, connect, usageError } = run;
    const { mine, user, arch, method, channel, host } = options;
    const selects = [mine, user, arch, method, channel, host].some(Boolean);
    if (args.length > 0 && selects)
      return usageError('Selection options cannot be combined with a task list');
    await (mine ? login() : connect());
    const ids = selects ? (await listTasks(run, options)).map((task) => task.id) : taskIds(run);
    if (ids.length === 0) {
      print('(no tasks)');
      return 0;
    }
    return watchTasks(run, ids, options.quiet ?? global.quiet);
  },
});

const watchLogsCommand = command({
  name: 'watch-logs',
  category: 'monitor',
  arguments: ['task...'],
  examples: ['watch-logs --log=build.log 1234'],
  summary: 'Watch logs in realtime',
  usage: 'watch-logs [options] <task id> [<task id> ...]',
  anonymous: true,
  options: {
    log: text('--log', 'Watch only a specific log'),
    mine: flag('--mine', 'Watch logs for all your tasks, task_id arguments are forbidden in this case.'),
    follow: flag(['-f', '--follow'], 'Follow spawned child tasks'),
  },
  async run(run) {
    const { args, options, print, login, connect, usageError } = run;
    await (options.mine ? login() : connect());
    if (options.mine && args.length > 0)
      return usageError('Selection options cannot be combined with a task list');
    const ids = options.mine ? (await listTasks(run, { mine: true })).map((task) => task.id) : taskIds(run);
    if (ids.length === 0) {
      print("You've no active tasks.");
      return;
    }
    await watchLogs(run, ids, { log: options.log, follow: options.follow === true });
  },
});

export const watching = [watchTask, watchLogsCommand];
