import { GenericError, TASK_STATES, nameOf, parseNVR } from '@koji/core';
import type { TaskInfo } from '@koji/core/api';
import { encodeArgs, named } from '@koji/core/wire';
import type { MulticallEntry } from '../../multicall.js';
import { command } from '../command.js';
import type { Run } from '../command.js';
import { atLeast } from '../hub-version.js';
import { flag, text, time, timeHelp } from '../options.js';
import { asctime, pythonRepr, taskLabel } from '@koji/core/text';
import { describeRequest } from '../task-params.js';
import { outputFiles } from '../watch.js';
import { argumentsOfTask } from '../task-arguments.js';
import { runsInBackground } from '../background.js';
import { watch } from './watching.js';
import { listTasks } from '../task-list.js';
import type { ListedTask } from '../task-list.js';

const makeTask = command({
  name: 'make-task',
  category: 'admin',
  arguments: ['text', 'text...'],
  examples: ['make-task newRepo f44-build'],
  summary: 'Create an arbitrary task',
  usage: 'make-task [options] <method> [<arg> ...]',
  options: {
    channel: text('--channel', 'set channel'),
    priority: text('--priority', 'set priority'),
    watch: flag('--watch', 'watch the task'),
    arch: text('--arch', 'set arch'),
    // Not in Koji, and therefore not in the help either, which stays the same as Koji's.
    json: flag('--json'),
  },
  async run(run) {
    const { args, options, session, print, login, usageError } = run;
    const [method, ...given] = args;
    if (method === undefined) return usageError('Please specify task method at least');
    const task = await argumentsOfTask(given, options.json === true, usageError);
    await login();
    const { channel, priority, arch } = options;
    const id = await session.makeTask(
      named({
        method,
        arglist: encodeArgs(task.positional, task.named),
        ...(channel === undefined ? {} : { channel }),
        ...(priority === undefined ? {} : { priority }),
        ...(arch === undefined ? {} : { arch }),
      }),
    );
    print(`Created task id ${id}`);
    if (!options.watch || runsInBackground()) return 0;
    return watch(run, [id]);
  },
});

const cancel = command({
  name: 'cancel',
  category: 'build',
  arguments: ['task...'],
  examples: ['cancel 1234'],
  summary: 'Cancel tasks and/or builds',
  usage: 'cancel [options] <task_id|build> [<task_id|build> ...]',
  options: {
    justone: flag('--justone', 'Do not cancel subtasks'),
    full: flag('--full', 'Full cancellation (admin only)'),
    force: flag('--force', 'Allow subtasks with --full'),
  },
  async run({ args, options, session, warn, login, usageError }) {
    if (args.length === 0) return usageError('You must specify at least one task id or build');
    await login();
    const tasks = args.filter((arg) => typeof valueOfId(arg) === 'number');
    const builds = args.filter((arg) => !tasks.includes(arg));
    if (!builds.every(isNvr)) return usageError('please specify only task ids (integer) or builds (n-v-r)');
    const calls = session.multicall({ batch: 100 });
    const entries: MulticallEntry<unknown>[] = [];
    const full = options.full === true && !options.justone;
    for (const task of tasks)
      entries.push(
        full
          ? calls.cancelTaskFull(Number(task), named(options.force ? { strict: false } : {}))
          : calls.cancelTask(Number(task), named(options.justone ? { recurse: false } : {})),
      );
    const strict = builds.length > 0 && atLeast(await session.hubVersion(), [1, 33]) ? { strict: true } : {};
    for (const build of builds) entries.push(calls.cancelBuild(build, named(strict)));
    const failed = (await calls.run()).flatMap((outcome) => (outcome.ok ? [] : [outcome.error as Error]));
    for (const error of failed) warn(error.message);
    return failed.length > 0 ? 1 : 0;
  },
});

function isNvr(text: string): boolean {
  try {
    parseNVR(text);
    return true;
  } catch (error) {
    if (error instanceof GenericError) return false;
    throw error;
  }
}

/** Returns an argument as a number if it is one, otherwise as text. */
function valueOfId(arg: string): number | string {
  return /^\s*[+-]?\d+\s*$/.test(arg) ? Number(arg) : arg;
}

const taskinfo = command({
  name: 'taskinfo',
  category: 'info',
  arguments: ['task...'],
  examples: ['taskinfo -r 1234'],
  summary: 'Show information about a task',
  usage: 'taskinfo [options] <task_id> [<task_id> ...]',
  anonymous: true,
  data: {
    of: 'getTaskInfo',
    adds: {
      state_name: 'the name of its state',
      owner_name: 'who started it',
      host_name: 'the host that it runs on, or null',
      builds: 'its builds, as returned by listBuilds',
      buildroots: 'its buildroots, as returned by listBuildroots',
      logs: 'the paths of its logs',
      output: 'the paths of its other files',
    },
  },
  options: {
    recurse: flag(['-r', '--recurse'], 'Show children of this task as well'),
    verbose: flag(['-v', '--verbose'], 'Be verbose'),
  },
  async run(run) {
    const { args, options, connect, usageError } = run;
    if (args.length === 0) return usageError('You must specify at least one task ID');
    await connect();
    for (const arg of args) {
      const id = valueOfId(arg);
      if (typeof id !== 'number') throw new RangeError(`invalid task id: ${pythonRepr(arg)}`);
      await printTask(run, id, {
        level: 0,
        recurse: options.recurse === true,
        verbose: options.verbose === true,
      });
    }
  },
});

interface Shown {
  readonly level: number;
  readonly recurse: boolean;
  readonly verbose: boolean;
}

/** Prints a task as `taskinfo` does. */
export async function printTask(run: Run, id: number, shown: Shown): Promise<void> {
  const { session, global } = run;
  const info = await session.getTaskInfo(id);
  if (info === null) throw new GenericError(`No such task: ${id}`);
  const indent = '  '.repeat(shown.level);
  const print = (line: string): void => run.print(indent + line);
  const host = info.host_id ? await session.getHost(info.host_id) : null;
  const owner = await session.getUser(info.owner);
  print(`Task: ${id}`);
  print(`Type: ${info.method}`);
  if (shown.verbose) {
    print('Request Parameters:');
    for (const line of await describeRequest(session, info, global.topdir)) print(`  ${line}`);
  }
  print(`Owner: ${owner?.name}`);
  print(`State: ${nameOf(TASK_STATES, info.state)?.toLowerCase()}`);
  print(`Created: ${asctime(Number(info.create_ts))}`);
  if (info.start_ts) print(`Started: ${asctime(Number(info.start_ts))}`);
  if (info.completion_ts) print(`Finished: ${asctime(Number(info.completion_ts))}`);
  if (host) print(`Host: ${host.name}`);
  const results = await printResults(run, info, print);
  run.data({
    ...info,
    state_name: nameOf(TASK_STATES, info.state) ?? null,
    owner_name: owner?.name ?? null,
    host_name: host?.name ?? null,
    ...results,
  });
  run.print('');
  if (!shown.recurse) return;
  const children = await session.getTaskChildren(id, true);
  for (const child of [...children].sort((a, b) => a.id - b.id))
    await printTask(run, child.id, { ...shown, level: shown.level + 1 });
}

/** Prints the results of a task: its build, buildroots, logs and other files. */
async function printResults(
  { session, paths }: Run,
  info: TaskInfo,
  print: (line: string) => void,
): Promise<object> {
  const builds = await session.listBuilds(named({ taskID: info.id }));
  if (builds[0]) print(`Build: ${builds[0].nvr} (${builds[0].build_id})`);
  const roots = await session.listBuildroots(named({ taskID: info.id })).catch((error: unknown) => {
    // A hub without buildroots lacks the method.
    if (error instanceof GenericError && error.message.includes('Invalid method')) return [];
    throw error;
  });
  if (roots.length > 0) print('Buildroots:');
  for (const root of roots) print(`  /var/lib/mock/${root.tag_name}-${root.id}-${root.repo_id}/`);
  const files = (await outputFiles(session, info.id)).map(
    ([name, volume]) => `${paths.work(volume)}/${paths.taskrelpath(info.id)}/${name}`,
  );
  const none = ['No outputs reported [1]'];
  const logs = files.filter((file) => file.endsWith('.log'));
  const output = files.filter((file) => !file.endsWith('.log'));
  print('Log Files:');
  for (const file of logs.length > 0 ? logs : none) print(`  ${file}`);
  print('Output:');
  for (const file of output.length > 0 ? output : none) print(`  ${file}`);
  if (logs.length === 0 || output.length === 0)
    print('[1] Not all tasks produce outputs, and task outputs are not retained indefinitely.');
  return { builds, buildroots: roots, logs, output };
}

const listTasksCommand = command({
  name: 'list-tasks',
  category: 'info',
  examples: ['list-tasks --mine'],
  summary: 'Print the list of tasks',
  usage: 'list-tasks [options]',
  data: { of: 'listTasks' },
  options: {
    mine: flag('--mine', 'Just print your tasks'),
    user: text('--user', 'Only tasks for this user'),
    arch: text('--arch', 'Only tasks for this architecture'),
    method: text('--method', 'Only tasks of this method'),
    channel: text('--channel', 'Only tasks in this channel'),
    host: text('--host', 'Only tasks for this host'),
    quiet: flag('--quiet', 'Do not display the column headers'),
    before: time('--before', `List tasks completed before this time, ${timeHelp}`),
    after: time('--after', 'List tasks completed after this time (same format as for --before'),
    all: flag('--all', 'List also finished tasks (valid only with --after)'),
  },
  async run(run) {
    const { args, options, global, print, data, login, usageError } = run;
    if (args.length > 0) return usageError('This command takes no arguments');
    if (options.all && !options.after) return usageError('--all must be used with --after');
    await login();
    const tasks = await listTasks(run, options);
    data(tasks);
    if (tasks.length === 0) {
      print('(no tasks)');
      return;
    }
    if (!options.quiet && !global.quiet) print('ID       Pri  Owner                State    Arch       Name');
    const ids = new Set(tasks.map((task) => task.id));
    for (const task of tasks)
      if (task.parent === null || !ids.has(task.parent)) printTree(print, tasks, task, 0);
  },
});

function printTree(
  print: (line: string) => void,
  tasks: readonly ListedTask[],
  task: ListedTask,
  depth: number,
): void {
  const state = nameOf(TASK_STATES, task.state) ?? 'BADSTATE';
  const columns =
    `${String(task.id).padEnd(8)} ${String(task.priority).padEnd(4)} ${task.owner_name.padEnd(20)} ` +
    `${state.padEnd(8)} ${task.arch.padEnd(10)} `;
  const indent = depth > 0 ? `${'  '.repeat(depth - 1)} +` : '';
  print(columns + indent + taskLabel(task));
  for (const child of tasks) if (child.parent === task.id) printTree(print, tasks, child, depth + 1);
}

export const tasks = [makeTask, cancel, taskinfo, listTasksCommand];
