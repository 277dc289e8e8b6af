import type { FC } from 'hono/jsx';
import { TASK_STATES, taskSignatures } from '@koji/core';
import type {
  BuildListItem,
  BuildrootInfo,
  ChannelInfo,
  HostInfo,
  TaskInfo,
  TaskListItem,
  UserInfo,
} from '@koji/core/api';
import type { HostRefusal, WaitingReasons } from '@koji/core/text';
import { named } from '@koji/core/wire';
import { taskActions } from '../actions/links.js';
import type { Calls } from '../calls.js';
import { TimeBar, spanOf } from '../charts/timeline.js';
import { found } from '../errors.js';
import { findTask, findUser, listPart } from '../lists.js';
import { findError } from '../logs/first-error.js';
import type { LogError } from '../logs/first-error.js';
import { page } from '../page.js';
import type { Request } from '../page.js';
import { BuildStateChip, BuildrootStateChip, TaskStateChip, isActive } from '../parts/states.js';
import { Facts, Filters, Rows, Section, Table } from '../parts/table.js';
import type { Column, Listed } from '../parts/table.js';
import { LogLine } from '../parts/log-line.js';
import { TaskParams } from '../parts/task-params.js';
import { BuildLink, HostLink, TaskLink, UserLink, labelOf } from '../parts/things.js';
import { LongText, Json, Size, Time, YesNo, durationText, numberOf } from '../parts/values.js';
import { link } from '../routes.js';
import { withoutResult } from '../parts/task-rows.js';

type Row = TaskListItem & { readonly depth?: number };

/** The columns of tasks in lists. */
export const taskColumns: readonly Column<Row>[] = [
  { title: 'ID', order: 'id', numeric: true, cell: ({ id }) => <TaskLink id={id} /> },
  {
    title: 'Task',
    order: 'method',
    cell: (task) => (
      <span class={`depth-${Math.min(task.depth ?? 0, 5)}`}>
        <TaskLink id={task.id} task={task} />
      </span>
    ),
  },
  {
    title: 'Owner',
    order: 'owner',
    wide: true,
    cell: ({ owner, owner_name: name }) => <UserLink id={owner} name={name} />,
  },
  { title: 'Arch', order: 'arch', wide: true, cell: ({ arch }) => arch },
  {
    title: 'Finished',
    order: 'completion_time',
    wide: true,
    cell: ({ completion_ts: at }) => <Time at={at} />,
  },
  { title: 'State', order: 'state', cell: ({ state }) => <TaskStateChip state={state} /> },
];

const states: Readonly<Record<string, readonly number[] | null>> = {
  active: [TASK_STATES.FREE, TASK_STATES.OPEN, TASK_STATES.ASSIGNED],
  all: null,
  free: [TASK_STATES.FREE],
  open: [TASK_STATES.OPEN],
  closed: [TASK_STATES.CLOSED],
  canceled: [TASK_STATES.CANCELED],
  assigned: [TASK_STATES.ASSIGNED],
  failed: [TASK_STATES.FAILED],
};

/** Methods that have subtasks, and those that are nothing but subtasks. */
const parents = new Set([
  'build',
  'buildContainer',
  'chainbuild',
  'maven',
  'chainmaven',
  'buildMaven',
  'wrapperRPM',
  'winbuild',
  'newRepo',
  'distRepo',
  'image',
  'livecd',
  'livemedia',
  'appliance',
  'indirectionimage',
  'kiwiBuild',
  'imageBuilderBuild',
  'dudBuild',
  'restartHosts',
  'rebuildSRPM',
]);
const children = new Set([
  'buildArch',
  'buildSRPMFromSCM',
  'createrepo',
  'createdistrepo',
  'tagBuild',
  'createLiveCD',
  'createAppliance',
  'createImage',
  'createLiveMedia',
  'createKiwiImage',
  'createDudIso',
  'vmExec',
  'restartVerify',
]);

/** Most rows below the tasks of a page. */
const mostDescendants = 600;

interface TasksData {
  readonly tasks: Listed<Row>;
  readonly owner: { readonly id: number; readonly name: string } | null;
  readonly host: { readonly id: number; readonly name: string } | null;
  readonly channel: { readonly id: number; readonly name: string } | null;
  readonly view: 'tree' | 'toplevel' | 'flat';
  readonly methods: readonly string[];
}

/** Tasks by owner, state, method, host and channel. */
export const tasks = page('tasks', {
  async load({ calls, params, site }): Promise<TasksData> {
    const { owner: ownerID, hostID, channelID } = params;
    const [owner, host, channel] = await Promise.all([
      ownerID === null ? null : findUser(calls, ownerID).then((one) => found(one, 'user', ownerID)),
      hostID === null ? null : calls.getHost(hostID).then((one) => found(one, 'host', hostID)),
      channelID === null ? null : calls.getChannel(channelID).then((one) => found(one, 'channel', channelID)),
    ]);
    const methods = [...new Set([...Object.keys(taskSignatures), ...site.taskMethods])].sort();
    // Plugins bring methods of their own, which the hub knows better than this list.
    const method = params.method === 'all' || params.method === '' ? null : params.method;
    const isParent = method === null || parents.has(method) || site.parentTasks.includes(method);
    const view = viewOf(params.view, { method, hasTree: isParent && host === null });
    const state = states[params.state] ?? null;
    const filter = {
      decode: true,
      ...(owner ? { owner: owner.id } : {}),
      ...(host ? { host_id: host.id } : {}),
      ...(channel ? { channel_id: channel.id } : {}),
      ...(method === null ? {} : { method }),
      ...(state ? { state } : {}),
      ...(view === 'flat' ? {} : { parent: null }),
    };
    const list = await listPart<TaskListItem>(params, (queryOpts) =>
      calls.listTasks(queryOpts.countOnly ? { ...filter, decode: false } : filter, queryOpts),
    );
    const top = list.rows.map(withoutResult);
    const rows = view === 'tree' ? await withDescendants(calls, top) : top;
    const named = ({ id, name }: { id: number; name: string }): { id: number; name: string } => ({
      id,
      name,
    });
    return {
      tasks: { ...list, rows },
      owner: owner ? named(owner) : null,
      host: host ? named(host) : null,
      channel: channel ? named(channel) : null,
      view,
      methods,
    };
  },
  title: ({ owner, host, channel }) =>
    `Tasks${owner ? ` of ${owner.name}` : ''}${host ? ` on ${host.name}` : ''}${channel ? ` in ${channel.name}` : ''}`,
  live: () => 'queue',
  show: ({ tasks: list, owner, host, channel, view: kind, methods }, view) => {
    const { params } = view;
    const known =
      methods.includes(params.method) || params.method === 'all' ? methods : [...methods, params.method];
    return (
      <>
        <h1>
          Tasks
          {owner ? (
            <>
              {' '}
              of <UserLink id={owner.id} name={owner.name} />
            </>
          ) : null}
          {host ? (
            <>
              {' '}
              on <HostLink id={host.id} name={host.name} />
            </>
          ) : null}
          {channel ? (
            <>
              {' '}
              in <a href={link('channelinfo', { channelID: channel.id })}>{channel.name}</a>
            </>
          ) : null}
        </h1>
        <Filters
          view={view}
          filters={[
            {
              name: 'state',
              label: 'State',
              value: params.state,
              options: Object.keys(states).map((name) => [name, name] as const),
            },
            {
              name: 'view',
              label: 'View',
              value: kind,
              options: (['tree', 'toplevel', 'flat'] as const).map((name) => [name, name] as const),
            },
            {
              name: 'method',
              label: 'Method',
              value: params.method,
              options: [['all', 'all'], ...known.map((name) => [name, name] as const)],
            },
          ]}
        />
        <Table
          view={view}
          list={list}
          things="tasks"
          anchor="tasklist"
          columns={taskColumns}
          empty={
            params.state === 'active' ? (
              <>
                Nothing runs or waits. <a href={link('tasks', { state: 'all' })}>Show finished tasks</a>.
              </>
            ) : (
              <>
                No task fits. <a href={link('tasks', { state: 'all' })}>Show all tasks</a>.
              </>
            )
          }
        />
      </>
    );
  },
});

/** A view that would show nothing of a method is the flat one, as in Koji. */
function viewOf(
  view: 'tree' | 'toplevel' | 'flat',
  { method, hasTree }: { readonly method: string | null; readonly hasTree: boolean },
): 'tree' | 'toplevel' | 'flat' {
  if (view === 'tree' && !hasTree) return 'flat';
  return view === 'toplevel' && method !== null && children.has(method) ? 'flat' : view;
}

/** Inserts the descendants after each task, with one call per level, however many tasks there are. */
async function withDescendants(calls: Calls, top: readonly TaskListItem[]): Promise<Row[]> {
  const below = new Map<number, TaskListItem[]>();
  let level = top.map(({ id }) => id);
  let count = 0;
  while (level.length > 0 && count < mostDescendants) {
    const next = await calls.listTasks(
      { parent: level, decode: true },
      { order: 'id', limit: mostDescendants - count },
    );
    for (const task of next) below.set(task.parent ?? 0, [...(below.get(task.parent ?? 0) ?? []), task]);
    level = next.map(({ id }) => id);
    count += next.length;
  }
  const rows: Row[] = [];
  const add = (task: TaskListItem, depth: number): void => {
    rows.push({ ...withoutResult(task), depth });
    for (const child of below.get(task.id) ?? []) add(child, depth + 1);
  };
  for (const task of top) add(task, 0);
  return rows;
}

/** A file of a task's output. */
interface OutputFile {
  readonly name: string;
  readonly volume: string;
  readonly size: number;
}

interface TaskData {
  readonly task: TaskInfo;
  readonly owner: UserInfo | null;
  readonly channel: ChannelInfo | null;
  readonly host: HostInfo | null;
  readonly parent: TaskInfo | null;
  /** The subtasks by the id of their parent. */
  readonly descendants: Readonly<Record<string, readonly TaskInfo[]>>;
  readonly hosts: Readonly<Record<number, string>>;
  readonly builds: readonly BuildListItem[];
  readonly buildroots: readonly BuildrootInfo[];
  readonly result: unknown;
  readonly output: readonly OutputFile[];
  /** Why no host takes it; null unless it waits for one. */
  readonly waits: string | null;
  /** The error, from the log of the task or of a descendant. */
  readonly error: LogError | null;
}

/** A task with its parameters, subtasks, result and output. */
export const taskinfo = page('taskinfo', {
  load: loadTask,
  title: ({ task }) => labelOf(task),
  actions: ({ task }, login) => taskActions(task, login),
  live: ({ task }) => (isActive(task.state) ? `task:${task.id}` : null),
  show: (data, { now }) => {
    const { task, builds, buildroots } = data;
    return (
      <>
        <header class="thing">
          <p class="kind">Task {task.id}</p>
          <h1>
            <bdi>{labelOf(task)}</bdi>
          </h1>
          <TaskStateChip state={task.state} />
        </header>
        {data.waits === null ? null : (
          <p class="waits">
            <b>Waits:</b> <bdi>{data.waits}</bdi>
          </p>
        )}
        <TaskFacts data={data} now={now} />
        {data.error === null ? null : <FirstError error={data.error} />}
        <div class="columns">
          <Section title="Parameters" id="parameters">
            <TaskParams method={task.method} request={task.request} />
          </Section>
          <div>
            {builds.length > 0 ? (
              <Section title="Builds" id="builds">
                <ul class="plain">
                  {builds.map(({ build_id: id, nvr, state }) => (
                    <li>
                      <BuildLink id={id} nvr={nvr} /> <BuildStateChip state={state} />
                    </li>
                  ))}
                </ul>
              </Section>
            ) : null}
            <Output data={data} />
            {buildroots.length > 0 ? (
              <Section title="Buildroots" note={buildroots.length} id="buildroots">
                <ul class="plain">
                  {buildroots.slice(0, 50).map((root) => (
                    <li>
                      <a href={link('buildrootinfo', { buildrootID: root.id })}>{rootName(root)}</a>{' '}
                      {root.state === null ? null : <BuildrootStateChip state={root.state} />}
                    </li>
                  ))}
                </ul>
              </Section>
            ) : null}
          </div>
        </div>
        <Tree data={data} now={now} />
        <Result data={data} />
      </>
    );
  },
});

/** The name of a buildroot's folder. */
export function rootName({ id, tag_name: tag, repo_id: repo, cg_name: cg }: BuildrootInfo): string {
  return tag === null ? `${cg ?? 'buildroot'} ${id}` : `${tag}-${id}-${repo ?? ''}`;
}

async function loadTask({ calls, params, waiting, lineMarks }: Request<'taskinfo'>): Promise<TaskData> {
  const task = found(await findTask(calls, params.taskID), 'task', params.taskID);
  const { id } = task;
  const isOver = task.state === TASK_STATES.CLOSED || task.state === TASK_STATES.FAILED;
  const [owner, channel, host, parent, descendants, builds, buildroots, result, output] = await Promise.all([
    findUser(calls, task.owner),
    calls.getChannel(task.channel_id),
    task.host_id === null ? null : calls.getHost(task.host_id),
    task.parent === null ? null : findTask(calls, task.parent),
    calls.getTaskDescendents(id, true),
    calls.listBuilds(named({ taskID: id })),
    calls.listBuildroots(named({ taskID: id })),
    isOver ? calls.getTaskResult(id, false) : null,
    calls.listTaskOutput(id, true, true),
  ]);
  const hosts = new Set(
    Object.values(descendants)
      .flat()
      .map(({ host_id: hostId }) => hostId),
  );
  hosts.delete(null);
  return {
    task,
    owner,
    channel,
    host,
    parent,
    descendants,
    hosts: hosts.size > 0 ? await hostNames(calls) : {},
    builds,
    buildroots,
    result,
    output: outputFiles(output),
    waits: task.state === TASK_STATES.FREE ? await waitingText(calls, waiting, task) : null,
    error:
      task.state === TASK_STATES.FAILED
        ? await findError(calls, lineMarks, {
            tasks: [task, ...Object.values(descendants).flat()],
            fault: faultText(result) ?? '',
          })
        : null,
  };
}

/** The scheduler's reason why a free task waits. */
async function waitingText(calls: Calls, waiting: WaitingReasons, task: TaskInfo): Promise<string | null> {
  const reasons = await waiting.find(
    {
      channel: (id) => calls.getChannel(id),
      hosts: (channelID) => calls.listHosts(named({ channelID })),
      refusals: async (ids) =>
        (await calls.scheduler.getTaskRefusals([['task_id', ids]])) as unknown as HostRefusal[],
      hostData: () => calls.scheduler.getHostData(),
    },
    [task],
  );
  return reasons.get(task.id)?.text ?? 'A host could take it: the scheduler gives it to one in a moment.';
}

/** The text of a fault; null for the result of a task that did not fail. */
function faultText(result: unknown): string | null {
  const isFault = typeof result === 'object' && result !== null && 'faultString' in result;
  return isFault ? String(result.faultString) : null;
}

async function hostNames(calls: Calls): Promise<Readonly<Record<number, string>>> {
  return Object.fromEntries((await calls.listHosts()).map(({ id, name }) => [id, name]));
}

function extension(name: string): string {
  return name.includes('.') ? name.slice(name.lastIndexOf('.') + 1) : '';
}

function outputFiles(
  output: Readonly<Record<string, Readonly<Record<string, { readonly st_size: string }>>>>,
): OutputFile[] {
  const files = Object.entries(output).flatMap(([name, volumes]) =>
    Object.entries(volumes).map(([volume, stat]) => ({ name, volume, size: Number(stat.st_size) })),
  );
  const key = ({ name }: OutputFile): string => `${extension(name)}\0${name}`;
  return files.sort((a, b) => (key(a) < key(b) ? -1 : 1));
}

const TaskFacts: FC<{ data: TaskData; now: number }> = ({ data, now }) => {
  const { task, owner, channel, host, parent } = data;
  const created = numberOf(task.create_ts);
  const started = numberOf(task.start_ts);
  const ended = numberOf(task.completion_ts);
  const span = (from: number | null, to: number | null): string =>
    from === null ? '' : durationText((to ?? now) - from);
  return (
    <Facts
      facts={[
        { name: 'Method', value: <bdi>{task.method}</bdi> },
        { name: 'Owner', value: <UserLink id={task.owner} name={owner?.name} /> },
        {
          name: 'Channel',
          value: channel ? (
            <a href={link('channelinfo', { channelID: channel.id })}>
              <bdi>{channel.name}</bdi>
            </a>
          ) : null,
        },
        {
          name: 'Host',
          value: <HostLink id={task.host_id} name={host?.name} />,
          show: task.host_id !== null,
        },
        { name: 'Arch', value: task.arch },
        { name: 'Label', value: <bdi>{task.label}</bdi>, show: task.label !== null },
        {
          name: 'Parent',
          value: <TaskLink id={task.parent ?? 0} task={parent} />,
          show: task.parent !== null,
        },
        { name: 'Created', value: <Time at={created} now={now} exact /> },
        { name: 'Started', value: <Time at={started} now={now} exact />, show: started !== null },
        { name: 'Completed', value: <Time at={ended} now={now} exact />, show: ended !== null },
        { name: 'Waited', value: span(created, started ?? ended) },
        { name: 'Ran', value: span(started, ended), show: started !== null },
        { name: 'Total', value: span(created, ended) },
        { name: 'Priority', value: String(task.priority) },
        { name: 'Weight', value: (numberOf(task.weight) ?? 0).toFixed(2) },
        { name: 'Waits for subtasks', value: <YesNo value />, show: task.waiting === true },
        { name: 'Awaited by parent', value: <YesNo value />, show: task.awaited === true },
      ]}
    />
  );
};

const Output: FC<{ data: TaskData }> = ({ data: { task, output } }) => (
  <Section
    title="Output"
    note={
      isActive(task.state) && output.length > 0 ? (
        <a href={link('watchlogs', { taskID: [task.id] })}>watch logs</a>
      ) : (
        output.length
      )
    }
    id="output"
  >
    {output.length === 0 ? (
      <p class="empty">No files{isActive(task.state) ? ' yet' : ''}.</p>
    ) : (
      <ul class="plain files">
        {output.map(({ name, volume, size }) => (
          <li>
            {name.endsWith('.log') ? (
              <a href={link('viewlog', { taskID: task.id, name, volume })}>
                <bdi>{name}</bdi>
              </a>
            ) : (
              <a href={link('getfile', { taskID: task.id, name, volume })}>
                <bdi>{name}</bdi>
              </a>
            )}{' '}
            <Size bytes={size} />
            {name.endsWith('.log') ? (
              <>
                {' '}
                <a href={link('getfile', { taskID: task.id, name, volume })}>raw</a>{' '}
                <a href={link('getfile', { taskID: task.id, name, volume, offset: -4000 })}>tail</a>
              </>
            ) : null}
            {volume === 'DEFAULT' ? null : ` on ${volume}`}
          </li>
        ))}
      </ul>
    )}
  </Section>
);

const Tree: FC<{ data: TaskData; now: number }> = ({ data: { task, descendants, hosts, host }, now }) => {
  const rows: { task: TaskInfo; depth: number }[] = [];
  const add = (one: TaskInfo, depth: number): void => {
    if (rows.length >= mostDescendants) return;
    rows.push({ task: one, depth });
    for (const child of descendants[String(one.id)] ?? []) add(child, depth + 1);
  };
  add(task, 0);
  if (rows.length === 1) return null;
  const span = spanOf(
    rows.map((row) => row.task),
    now,
  );
  return (
    <Section title="Subtasks" note={rows.length - 1} id="tree">
      <Rows
        label="subtasks with their times"
        rows={rows}
        columns={[
          { title: 'ID', numeric: true, cell: (row) => <TaskLink id={row.task.id} /> },
          {
            title: 'Task',
            cell: (row) => (
              <span class={`depth-${Math.min(row.depth, 5)}`}>
                <TaskLink id={row.task.id} task={row.task} />
              </span>
            ),
          },
          { title: 'Arch', wide: true, cell: (row) => row.task.arch },
          {
            title: 'Host',
            wide: true,
            cell: ({ task: one }) => (
              <HostLink id={one.host_id} name={one.id === task.id ? host?.name : hosts[one.host_id ?? 0]} />
            ),
          },
          {
            title: 'Took',
            numeric: true,
            cell: ({ task: one }) =>
              one.start_ts === null
                ? '–'
                : durationText((numberOf(one.completion_ts) ?? now) - (numberOf(one.start_ts) ?? now)),
          },
          {
            title: durationText(span.to - span.from),
            wide: true,
            cell: (row) => <TimeBar task={row.task} span={span} now={now} />,
          },
          { title: 'State', cell: (row) => <TaskStateChip state={row.task.state} /> },
        ]}
      />
    </Section>
  );
};

const FirstError: FC<{ error: LogError }> = ({ error: { file, line, first, lines } }) => {
  const href = link('viewlog', { taskID: file.task, name: file.name, volume: file.volume, line });
  return (
    <Section
      title="First error in the log"
      id="error"
      note={
        <a href={`${href}#L${line}`}>
          <bdi>{file.name}</bdi> of task {file.task}, line {line}
        </a>
      }
    >
      <pre class="lines">
        {lines.map((text, i) => (
          <LogLine number={first + i} line={text} isMarked={first + i === line} href={href} />
        ))}
      </pre>
    </Section>
  );
};

const Result: FC<{ data: TaskData }> = ({ data: { task, result } }) => {
  if (task.state !== TASK_STATES.CLOSED && task.state !== TASK_STATES.FAILED) return null;
  const fault = faultText(result);
  return (
    <Section title={fault === null ? 'Result' : 'Error'} id="result">
      {fault === null ? (
        typeof result === 'string' ? (
          <LongText text={result} />
        ) : (
          <Json value={result} />
        )
      ) : (
        <div class="fault">
          <LongText text={fault} />
        </div>
      )}
    </Section>
  );
};
