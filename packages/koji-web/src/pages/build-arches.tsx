import type { FC } from 'hono/jsx';
import type { BuildrootInfo, TaskInfo } from '@koji/core/api';
import { named } from '@koji/core/wire';
import type { Calls } from '../calls.js';
import { orNull } from '../lists.js';
import { BuildrootStateChip, TaskStateChip } from '../parts/states.js';
import { Rows, Section } from '../parts/table.js';
import { HostLink, TaskLink } from '../parts/things.js';
import { None, durationText, numberOf } from '../parts/values.js';
import { link } from '../routes.js';

/** Outcome of a build on one arch: the subtask that built it, and its buildroots, the newest first. */
export interface ArchResult {
  readonly task: Pick<
    TaskInfo,
    'id' | 'method' | 'label' | 'arch' | 'state' | 'start_ts' | 'completion_ts' | 'host_id'
  >;
  readonly buildroots: readonly Pick<BuildrootInfo, 'id' | 'state' | 'host_name'>[];
}

/** Subtasks that are looked at; a build has one for each arch, and one for the source package. */
const most = 24;
/** Subtasks that build nothing. */
const others = /^(tagBuild|waitrepo|.*Notification)$/;

/** Reads what became of a build on each arch; its task may be gone. */
export async function loadArches(calls: Calls, taskId: number): Promise<ArchResult[]> {
  const children = (await orNull(calls.getTaskChildren(taskId))) ?? [];
  const built = children.filter(({ method }) => !others.test(method)).slice(0, most);
  return Promise.all(
    built.map(async ({ id, method, label, arch, state, start_ts, completion_ts, host_id }) => {
      const queryOpts = { order: '-id', limit: 5 };
      const roots = await calls.listBuildroots(named({ taskID: id, queryOpts }));
      return {
        task: { id, method, label, arch, state, start_ts, completion_ts, host_id },
        buildroots: roots.map((root) => ({ id: root.id, state: root.state, host_name: root.host_name })),
      };
    }),
  );
}

/** Outcome of a build on each arch. */
export const Arches: FC<{ arches: readonly ArchResult[]; now: number }> = ({ arches, now }) =>
  arches.length === 0 ? null : (
    <Section title="Result per arch" id="arches">
      <Rows
        label="results per arch"
        rows={arches}
        columns={[
          { title: 'Arch', cell: ({ task }) => <bdi>{task.arch}</bdi> },
          { title: 'Task', wide: true, cell: ({ task }) => <TaskLink id={task.id} text={task.method} /> },
          { title: 'State', cell: ({ task }) => <TaskStateChip state={task.state} /> },
          { title: 'Took', numeric: true, cell: ({ task }) => tookText(task, now) },
          {
            title: 'Host',
            wide: true,
            cell: ({ task, buildroots: [root] }) => <HostLink id={task.host_id} name={root?.host_name} />,
          },
          {
            title: 'Buildroots',
            cell: ({ buildroots }) =>
              buildroots.length === 0 ? (
                <None />
              ) : (
                buildroots.map(({ id, state }) => (
                  <>
                    <a href={link('buildrootinfo', { buildrootID: id })}>{id}</a>{' '}
                    {state === null ? null : <BuildrootStateChip state={state} />}{' '}
                  </>
                ))
              ),
          },
        ]}
      />
    </Section>
  );

function tookText({ start_ts: start, completion_ts: end }: ArchResult['task'], now: number): string {
  const from = numberOf(start);
  return from === null ? '–' : durationText((numberOf(end) ?? now) - from);
}
