import { named } from '@koji/core/wire';
import { GenericError, parseInteger } from '@koji/core';
import { pythonRepr } from '@koji/core/text';
import { command } from '../command.js';
import { flag, int } from '../options.js';
import { followTask, waitOptions } from '../starting.js';
import { printTask } from './tasks.js';

/** Parses a whole number like Python's `int`. Throws RangeError, which exits the command, for anything else. */
function taskNumber(given: string): number {
  const id = parseInteger(given);
  if (id === null) throw new RangeError(`invalid literal for int() with base 10: ${pythonRepr(given)}`);
  return Number(id);
}

const assignTask = command({
  name: 'assign-task',
  category: 'admin',
  arguments: ['task', 'host'],
  examples: ['assign-task 1234 builder1.example'],
  summary: 'Assign a task to a host',
  usage: 'assign-task <task_id> <hostname>',
  options: { force: flag(['-f', '--force'], 'force to assign a non-free task') },
  async run({ args, options, session, print, login, usageError }) {
    const [given, host] = args;
    if (given === undefined || host === undefined || args.length !== 2)
      return usageError('please specify a task id and a hostname');
    const id = taskNumber(given);
    const info = await session.getTaskInfo(id, named({ request: false }));
    if (!info) throw new GenericError(`No such task: ${id}`);
    if (!(await session.getHost(host))) throw new GenericError(`No such host: ${host}`);
    await login();
    if (!(await session.hasPerm('admin'))) return usageError('This action requires admin privileges');
    const assigned = await session.assignTask(id, host, options.force ?? false);
    print(`${assigned ? 'assigned' : 'failed to assign'} task ${id} to host ${host}`);
  },
});

const freeTask = command({
  name: 'free-task',
  category: 'admin',
  arguments: ['task...'],
  examples: ['free-task 1234'],
  summary: 'Free a task',
  usage: 'free-task [options] <task_id> [<task_id> ...]',
  options: {},
  async run({ args, session, login, usageError }) {
    await login();
    const ids = args.map((arg) => parseInteger(arg) ?? usageError('task_id must be an integer'));
    if (ids.length === 0) return usageError('please specify at least one task_id');
    for (const id of ids) await session.freeTask(id);
  },
});

const setTaskPriority = command({
  name: 'set-task-priority',
  category: 'admin',
  arguments: ['task...'],
  examples: ['set-task-priority --priority=10 1234'],
  summary: 'Set task priority',
  usage: 'set-task-priority [options] --priority=<priority> <task_id> [<task_id> ...]',
  options: {
    priority: int('--priority', 'New priority'),
    recurse: flag('--recurse', 'Change priority of child tasks as well'),
  },
  async run({ args, options, session, warn, login, usageError, fail }) {
    if (args.length === 0) return usageError('You must specify at least one task id');
    const { priority } = options;
    if (priority === undefined) return usageError('You must specify --priority');
    const ids = args.map((arg) => parseInteger(arg) ?? usageError('Task numbers must be integers'));
    await login();
    if (!(await session.hasPerm('admin')))
      fail(`admin permission required (logged in as ${(await session.getLoggedInUser())?.name})`);
    for (const id of ids) {
      try {
        await session.setTaskPriority(id, priority, options.recurse ?? false);
      } catch (error) {
        if (!(error instanceof GenericError)) throw error;
        warn(`Can't update task priority on closed task: ${id}`);
      }
    }
  },
});

const resubmit = command({
  name: 'resubmit',
  category: 'build',
  arguments: ['task'],
  examples: ['resubmit 1234'],
  summary: 'Retry a canceled or failed task, using the same parameter as the original task.',
  usage: 'resubmit [options] <task_id>',
  options: {
    wait: waitOptions('task', "Don't wait on task"),
    nowait: flag('--nowatch', 'An alias for --nowait'),
    quiet: flag('--quiet', 'Do not print the task information'),
  },
  async run(run) {
    const { args, options, global, session, print, login, usageError } = run;
    const [given] = args;
    if (given === undefined || args.length !== 1) return usageError('Please specify a single task ID');
    await login();
    const id = taskNumber(given);
    const quiet = options.quiet ?? global.quiet;
    if (!quiet) {
      print('Resubmitting the following task:');
      await printTask(run, id, { level: 0, recurse: false, verbose: true });
    }
    const newId = await session.resubmitTask(id);
    if (!quiet) print(`Resubmitted task ${id} as new task ${newId}`);
    // Koji's command accepts --nowatch and ignores it; here it is the alias documented by its help.
    const wait = options.wait ?? (options.nowait ? false : undefined);
    return followTask(run, newId, { wait, silent: true, quietWatch: quiet });
  },
});

export const taskControl = [assignTask, freeTask, setTaskPriority, resubmit];
