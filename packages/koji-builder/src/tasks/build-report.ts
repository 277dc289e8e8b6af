import { BUILD_STATES, GenericError, TASK_STATES, byText, sortTexts } from '@koji/core';
import type { BuildInfo, TaskInfo } from '@koji/core/api';
import { encodeArgs } from '@koji/core/wire';
import { buildLabel, formatChangelog, longTime, taskLabel, type ChangelogEntry } from '@koji/client/text';
import type { HubSession } from '@koji/plugin-sdk';

/** A build as the hub hands it to a buildNotification task: what getBuild answers. */
export type NotifiedBuild = BuildInfo;

/** A file that a task uploaded. */
interface Output {
  readonly name: string;
  readonly volume: string;
}

/** A task of a build, with its data for the report. */
interface ReportedTask {
  readonly info: TaskInfo;
  /** The name of the builder that ran it last. */
  readonly host: string | null;
  readonly output: readonly Output[];
}

/** The tasks that made a build. */
export interface BuildTasks {
  /** The build's own first, each before those below it. */
  readonly tasks: readonly ReportedTask[];
  /** The result of the build's own task, if it is text. */
  readonly result: string;
}

/** Reads the task of a build and all below it; none for a build that no task made. */
export async function readBuildTasks(session: HubSession, taskId: number | null): Promise<BuildTasks> {
  const root = taskId === null ? null : await session.getTaskInfo(taskId, true);
  if (!root) return { tasks: [], result: '' };
  const children = await session.getTaskDescendents(root.id, true);
  const infos: TaskInfo[] = [];
  const visit = (info: TaskInfo): void => {
    infos.push(info);
    (children[String(info.id)] ?? []).forEach(visit);
  };
  visit(root);
  const hosts = new Map<number, string | null>();
  const tasks: ReportedTask[] = [];
  for (const info of infos) {
    const { host_id: hostId } = info;
    if (hostId !== null && !hosts.has(hostId)) hosts.set(hostId, await hostName(session, hostId));
    const host = hostId === null ? null : (hosts.get(hostId) ?? null);
    tasks.push({ info, host, output: await outputOf(session, info.id) });
  }
  return { tasks, result: await resultOf(session, root.id) };
}

async function hostName(session: HubSession, id: number): Promise<string | null> {
  const host = (await session.call('getHost', [id])) as { readonly name: string } | null;
  return host?.name ?? null;
}

async function outputOf(session: HubSession, id: number): Promise<Output[]> {
  const [args, named] = [[id], { all_volumes: true }];
  const files = (await session.call('listTaskOutput', args, named)) as Readonly<Record<string, string[]>>;
  const found = Object.entries(files).flatMap(([name, volumes]) =>
    volumes.map((volume) => ({ name, volume })),
  );
  const place = ({ name, volume }: Output): string => `${volume}\0${name}`;
  return found.sort(byText(place));
}

async function resultOf(session: HubSession, id: number): Promise<string> {
  try {
    const result = await session.call('getTaskResult', [id]);
    return typeof result === 'string' ? result.trim() : '';
  } catch (error) {
    if (error instanceof GenericError) return error.message.trim();
    throw error;
  }
}

/** Contents of the mail about a build. */
export interface BuildReport extends BuildTasks {
  readonly build: NotifiedBuild;
  readonly tag: string;
  readonly status: string;
  readonly canceledBy: string | null;
  /** Where Koji's web pages are. */
  readonly weburl: string;
  /** Where the build's files are on the web; null when nobody said. */
  readonly buildurl: string | null;
  readonly changelog: readonly ChangelogEntry[];
}

/** The text of the mail about a build, its parts in the order in which Koji has them. */
export function buildText(report: BuildReport): string {
  const { build, tag, status, weburl, changelog } = report;
  const parts = [
    [
      `Package: ${buildLabel(build)}`,
      `Tag: ${tag}`,
      `Status: ${status}`,
      ...(report.canceledBy === null ? [] : [`Canceled by: ${report.canceledBy}`]),
      `Built by: ${build.owner_name}`,
      `ID: ${build.id}`,
      `Started: ${time(build.creation_ts)}`,
      `Finished: ${time(build.completion_ts)}`,
    ],
    changelog.length === 0 ? [] : [`Changelog:\n${formatChangelog(changelog)}`.trimEnd()],
    build.state === BUILD_STATES.FAILED ? failure(report) : [],
    sourceRpms(report),
    ...(['FAILED', 'CANCELED', 'CLOSED'] as const).map((state) => tasksIn(state, report)),
    [
      ...(build.task_id === null ? [] : [`Task Info: ${weburl}/taskinfo?taskID=${build.task_id}`]),
      `Build Info: ${weburl}/buildinfo?buildID=${build.id}`,
    ],
  ];
  const filled = parts.filter((lines) => lines.length > 0);
  return `${filled.map((lines) => lines.join('\n')).join('\n\n')}\n`;
}

const time = (seconds: unknown): string => (seconds === null ? '' : longTime(Number(seconds)));

function failure({ build, tasks, result }: BuildReport): string[] {
  const hosts = tasks
    .filter(({ info, host }) => host !== null && info.state === TASK_STATES.FAILED)
    .map(({ info, host }) => `${host ?? ''} (${info.arch})`);
  return [
    `${buildLabel(build)} (${build.id}) failed on ${hosts.join(', ')}:`,
    ...(result || 'Unknown').split('\n').map((line) => `  ${line}`),
  ];
}

const isRpm = ({ name }: Output): boolean => name.endsWith('.rpm');
const isSource = ({ name }: Output): boolean => name.endsWith('.src.rpm');

function sourceRpms({ tasks }: BuildReport): string[] {
  const names = tasks.flatMap(({ output }) => output.filter(isSource)).map(({ name }) => `  ${name}`);
  return names.length === 0 ? [] : ['SRPMS:', ...sortTexts(new Set(names))];
}

function tasksIn(state: 'FAILED' | 'CANCELED' | 'CLOSED', report: BuildReport): string[] {
  const tasks = report.tasks.filter(({ info }) => info.state === TASK_STATES[state]);
  if (tasks.length === 0) return [];
  const heading = `${state.charAt(0)}${state.slice(1).toLowerCase()} tasks:`;
  return [heading, '-'.repeat(heading.length), ...tasks.flatMap((task) => ['', ...taskLines(task, report)])];
}

function taskLines({ info, host, output }: ReportedTask, { weburl, buildurl }: BuildReport): string[] {
  const link = ({ name, volume }: Output): string =>
    ` ${weburl}/getfile?${new URLSearchParams({ taskID: String(info.id), name, volume }).toString()}`;
  const logs = output.filter(({ name }) => name.endsWith('.log'));
  const rpms = output.filter((file) => isRpm(file) && !isSource(file));
  const others = output.filter((file) => !isRpm(file) && !logs.includes(file));
  const builtFile = ({ name }: Output): string => ` ${buildurl ?? ''}/${info.label ?? info.arch}/${name}`;
  const list = (name: string, lines: readonly string[]): string[] =>
    lines.length === 0 ? [] : [`${name}:`, ...lines];
  return [
    `Task ${info.id}${host === null ? '' : ` on ${host}`}`,
    `Task Type: ${taskLabel({ ...info, request: info.request ?? encodeArgs([]) })}`,
    ...list('logs', logs.map(link)),
    ...list('rpms', rpms.map(buildurl === null ? link : builtFile)),
    ...list('misc', others.map(link)),
  ];
}
