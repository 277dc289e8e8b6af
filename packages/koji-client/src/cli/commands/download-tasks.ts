import { existsSync } from 'node:fs';
import { mkdir, open, stat, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import {
  BUILD_STATES,
  PathInfo,
  TASK_STATES,
  UnknownFault,
  joinSafe,
  messageOf,
  nameOf,
  parseInteger,
} from '@koji/core';
import { matchesAny } from '@koji/core/policy';
import type { TaskInfo } from '@koji/core/api';
import { pprint, pythonRepr } from '@koji/core/text';
import { runsInBackground } from '../background.js';
import { command } from '../command.js';
import type { Run } from '../command.js';
import { downloadShown } from '../downloading.js';
import { inOrder } from '../in-order.js';
import { TransferTotals } from '../progress.js';
import { flag, noFlag, text, texts } from '../options.js';
import { steadyFor } from '../outages.js';
import { outputFiles, watchTasks } from '../watch.js';

const failLog = 'task_failed.log';

const downloadLogs = command({
  name: 'download-logs',
  category: 'download',
  arguments: ['task...'],
  examples: ['download-logs 1234'],
  summary: 'Download logs for task',
  usage: `download-logs [options] <task_id> [<task_id> ...]
       %prog download-logs [options] --nvr <n-v-r> [<n-v-r> ...]

Note this command only downloads task logs, not build logs.
`,
  anonymous: true,
  options: {
    recurse: flag(['-r', '--recurse'], 'Process children of this task as well'),
    nvr: flag('--nvr', 'Get the logs for the task associated with this build Name-Version-Release.'),
    match: texts(
      ['-m', '--match'],
      'Get only log filenames matching PATTERN (fnmatch). May be used multiple times.',
      { metavar: 'PATTERN' },
    ),
    cont: flag(['-c', '--continue'], 'Continue previous download'),
    dir: {
      ...text(['-d', '--dir'], 'Write logs to DIRECTORY', { metavar: 'DIRECTORY' }),
      initial: 'kojilogs',
    },
  },
  async run(run) {
    const { args, options, write, connect, usageError, fail } = run;
    if (args.length === 0) return usageError('Please specify at least one task id or n-v-r');
    await connect();
    const wanted = {
      match: options.match,
      goOn: options.cont === true,
      recurse: options.recurse === true || options.nvr === true,
    };
    for (const arg of args) {
      if (!options.nvr) {
        const id = parseInteger(arg) ?? fail(`Task id must be a number: ${pythonRepr(arg)}`);
        await saveLogs(run, Number(id), { ...wanted, folder: options.dir });
        continue;
      }
      const build = (await run.session.getBuild(arg)) ?? fail(`There is no build with n-v-r: ${arg}`);
      const state = nameOf(BUILD_STATES, build.state);
      if (state === 'COMPLETE') {
        write(`Using build ID: ${build.id}\n`);
        await saveBuildLogs(run, build.id, { match: options.match, folder: joinSafe(options.dir, arg) });
      } else if (build.task_id) {
        write(`Build ${arg} is ${state}\nUsing task ID: ${build.task_id}\n`);
        await saveLogs(run, build.task_id, { ...wanted, folder: options.dir });
      } else {
        write(`Unable to download build ${arg} (state=${state})\n`);
      }
    }
  },
});

interface WantedLogs {
  readonly folder: string;
  /** Patterns of names; none for all. */
  readonly match: readonly string[];
  /** Existing logs are continued. */
  readonly goOn: boolean;
  readonly recurse: boolean;
}

const isWanted = (name: string, match: readonly string[]): boolean =>
  match.length === 0 || matchesAny(name, match);

async function saveLogs(run: Run, taskId: number, wanted: WantedLogs): Promise<void> {
  const { session, warn, fail } = run;
  const { match, recurse } = wanted;
  const info = (await session.getTaskInfo(taskId)) ?? fail(`No such task: ${taskId}`);
  const logs = (await outputFiles(session, taskId)).filter(
    ([name]) => name.endsWith('.log') && isWanted(name, match),
  );
  const folder = joinSafe(wanted.folder, `${info.arch}-${taskId}`);
  const state = nameOf(TASK_STATES, info.state) ?? '';
  const writesFailure = state === 'FAILED' && isWanted(failLog, match);
  if (writesFailure) await writeFailLog(run, taskId, joinSafe(folder, failLog));
  if (!['FAILED', 'CLOSED', 'CANCELED'].includes(state)) warn(`Task ${taskId} is ${state}\n`);
  for (const [name, volume] of logs) {
    const file = joinSafe(folder, volume === 'DEFAULT' ? '' : volume, name);
    await saveLog(run, { taskId, name, volume }, file, wanted.goOn);
  }
  if (logs.length === 0 && !writesFailure && !recurse)
    warn(`No logs found for task ${taskId}. Perhaps try --recurse?\n`);
  if (!recurse) return;
  for (const child of await session.getTaskChildren(taskId))
    await saveLogs(run, child.id, { ...wanted, folder });
}

async function writeFailLog({ session, write }: Run, taskId: number, file: string): Promise<void> {
  const content = await session.getTaskResult(taskId).then(
    (result) => pprint(result),
    (error: unknown) => `${failureText(error)}\n`,
  );
  await mkdir(dirname(file), { recursive: true });
  write(`Writing: ${file}\n`);
  await writeFile(file, content);
}

function failureText(error: unknown): string {
  if (error instanceof UnknownFault)
    return `xmlrpc.client.Fault: <Fault ${error.faultCode}: ${pythonRepr(error.message)}>`;
  return error instanceof Error ? `koji.${error.name}: ${error.message}` : messageOf(error);
}

async function saveLog(
  { session, write }: Run,
  log: { taskId: number; name: string; volume: string },
  file: string,
  goOn: boolean,
): Promise<void> {
  await mkdir(dirname(file), { recursive: true });
  const resumed = goOn && existsSync(file);
  write(`${resumed ? 'Continuing' : 'Downloading'}: ${file}\n`);
  const offset = resumed ? (await stat(file)).size : 0;
  const target = await open(file, resumed ? 'a' : 'w');
  try {
    const blocks = session.streamTaskOutput(log.taskId, log.name, {
      offset,
      volume: log.volume,
      blocksize: 102_400,
    });
    for await (const block of blocks) await target.write(block);
  } finally {
    await target.close();
  }
}

async function saveBuildLogs(
  run: Run,
  buildId: number,
  { match, folder }: { match: readonly string[]; folder: string },
): Promise<void> {
  const { session, global, fail } = run;
  const logs = await session.getBuildLogs(buildId);
  for (const { path, name } of logs) {
    if (!name.endsWith('.log') || !isWanted(name, match)) continue;
    if (!global.topurl) fail('You must specify --topurl to download files');
    await downloadShown(run, `${global.topurl}/${path}`, joinSafe(process.cwd(), folder, name), {});
  }
}

const downloadTask = command({
  name: 'download-task',
  category: 'download',
  arguments: ['task'],
  examples: ['download-task --arch=x86_64 1234'],
  summary: 'Download the output of a build task',
  usage: `download-task <task_id>
Default behavior without --all option downloads .rpm files only for build and buildArch tasks.
`,
  anonymous: true,
  options: {
    arches: texts(
      '--arch',
      'Only download packages for this arch (may be used multiple times), only for build and buildArch task methods',
      { metavar: 'ARCH' },
    ),
    logs: flag('--logs', 'Also download build logs'),
    topurl: text('--topurl', 'URL under which Koji files are accessible', {
      metavar: 'URL',
    }) /* default "<global topurl>" */,
    noprogress: flag('--noprogress', 'Do not display progress meter'),
    wait: [
      flag('--wait', 'Wait for running tasks to finish, even if running in the background'),
      noFlag('--nowait', 'Do not wait for running tasks to finish'),
    ],
    quiet: flag(['-q', '--quiet'], 'Suppress output'),
    all: flag('--all', 'Download all files, all methods instead of build and buildArch'),
    dirpertask: flag('--dirpertask', 'Download files to dir per task'),
    parentonly: flag('--parentonly', "Download parent's files only"),
    filter: texts('--filter', 'Regex pattern to filter files'),
    skip: texts('--skip', 'Regex pattern to skip files'),
  },
  async run(run) {
    const { args, options, global, session, print, warn, connect, usageError, fail } = run;
    const [given] = args;
    if (given === undefined) return usageError('Please specify a task ID');
    if (args.length > 1) return usageError('Only one task ID may be specified');
    const parsed = parseInteger(given);
    if (parsed === null) throw new RangeError(`invalid literal for int() with base 10: ${pythonRepr(given)}`);
    const id = Number(parsed);
    if (options.filter.length > 0 && options.skip.length > 0)
      return usageError('Only filter or skip may be specified. Not both.');
    const wanted = {
      ...options,
      arches: options.arches.flatMap((arches) => arches.split(',')),
      filter: options.filter.map((pattern) => new RegExp(pattern)),
      skip: options.skip.map((pattern) => new RegExp(pattern)),
    };
    await connect();
    const quiet = options.quiet ?? global.quiet;
    const tasks = await finishedTasks(run, id, { ...options, quiet });
    const downloads: Download[] = [];
    for (const task of tasks)
      for (const [name, volume] of await outputFiles(session, task.id))
        downloads.push(...downloadsOf(task, name, volume, wanted));
    if (downloads.length === 0) {
      print('No files for download found.');
      return;
    }
    const topurl = options.topurl ?? global.topurl ?? fail('You must specify --topurl to download files');
    const paths = new PathInfo(topurl);
    const begun = new Set<string>();
    let repeated = 0;
    const total = downloads.length;
    const all = total > 1 ? { all: new TransferTotals(total) } : {};
    await inOrder(run, [...downloads.entries()], async (to, [i, { task, name, volume, file }]) => {
      const place = { number: i + 1, total, ...all };
      if (name.includes('..')) to.fail(`Invalid file name: ${name}`);
      const target = joinSafe('.', file);
      if (begun.has(target)) {
        if (!quiet) to.print(`Downloading [${place.number}/${place.total}]: ${target}`);
        if (!quiet) to.print(`File ${target} already downloaded, skipping`);
        repeated++;
        return;
      }
      begun.add(target);
      const url = `${paths.work(volume)}/${paths.taskrelpath(task.id)}/${name}`;
      await downloadShown(to, url, target, { quiet, noprogress: options.noprogress, place });
    });
    if (repeated > 0) warn('Duplicate files, for download all duplicate files use --dirpertask.');
  },
});

/** Returns a task and its descendants once all are finished. The command exits if one of them did not succeed. */
async function finishedTasks(
  run: Run,
  id: number,
  options: { wait: boolean | undefined; quiet: boolean; parentonly: boolean | undefined },
): Promise<TaskInfo[]> {
  const { fail } = run;
  const session = steadyFor(run);
  const look = async (): Promise<TaskInfo> => (await session.getTaskInfo(id)) ?? fail(`No such task: ${id}`);
  let base = await look();
  const { CLOSED, CANCELED, FAILED } = TASK_STATES;
  const isDone = [CLOSED, CANCELED, FAILED].some((state) => state === base.state);
  if ((options.wait ?? !runsInBackground()) && !isDone) {
    await watchTasks(run, [id], options.quiet);
    base = await look();
  }
  const children = options.parentonly ? [] : await session.getTaskChildren(id);
  const tasks = [base, ...children].sort((a, b) => a.id - b.id);
  for (const task of tasks) {
    const what = `${task.id === id ? 'Task' : 'Child task'} ${task.id}`;
    if (task.state === FAILED) fail(`${what} failed. You can use save-failed-tree plugin for FAILED tasks.`);
    if (task.state === CANCELED) fail(`${what} was canceled.`);
    if (task.state !== CLOSED) fail(`${what} has not finished yet.`);
  }
  return tasks;
}

interface Download {
  readonly task: TaskInfo;
  readonly name: string;
  readonly volume: string;
  /** Destination, relative to the current folder. */
  readonly file: string;
}

interface WantedFiles {
  readonly arches: readonly string[];
  readonly filter: readonly RegExp[];
  readonly skip: readonly RegExp[];
  readonly all: boolean | undefined;
  readonly logs: boolean | undefined;
  readonly dirpertask: boolean | undefined;
}

const withRpms = ['buildArch', 'build'];

/** Returns the downloads for a file of a task's output: one, or none. */
function downloadsOf(task: TaskInfo, name: string, volume: string, wanted: WantedFiles): Download[] {
  if (!wanted.filter.every((pattern) => pattern.test(name))) return [];
  if (wanted.skip.some((pattern) => pattern.test(name))) return [];
  const type = name.endsWith('src.rpm') ? 'src.rpm' : name.slice(name.lastIndexOf('.') + 1);
  const isRpm = type === 'rpm' || type === 'src.rpm';
  const fromBuild = withRpms.includes(task.method);
  const where = (file: string): Download[] => {
    const folder = [
      ...(wanted.dirpertask ? [String(task.id)] : []),
      ...(volume === 'DEFAULT' ? [] : [volume]),
    ];
    return [{ task, name, volume, file: [...folder, wanted.dirpertask ? name : file].join('/') }];
  };
  const named = (suffix: string): string =>
    name.includes(task.arch) ? name : `${name.slice(0, -suffix.length - 1)}.${task.arch}.${suffix}`;
  if (type === 'log') return wanted.logs ? where(named('log')) : [];
  if (isRpm && fromBuild) {
    const arch = name.split('.').at(-2) ?? '';
    return wanted.arches.length === 0 || wanted.arches.includes(arch) ? where(name) : [];
  }
  if (!wanted.all) return [];
  return where(type === 'src.rpm' ? name : named(type));
}

export const downloadingTasks = [downloadLogs, downloadTask];
