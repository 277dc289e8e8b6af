/** Tasks that run or wait, in short lists. */
import type { FC } from 'hono/jsx';
import type { TaskListItem } from '@koji/core/api';
import { TaskStateChip } from './states.js';
import { Empty, Rows } from './table.js';
import { TaskLink, UserLink } from './things.js';
import { durationText, numberOf } from './values.js';

/** A task of a list, without the result that lists don't show. */
export function withoutResult(task: TaskListItem): TaskListItem {
  return { ...task, result: null };
}

interface Props {
  readonly label: string;
  readonly tasks: readonly TaskListItem[];
  readonly now: number;
  /** Shown if there are none. */
  readonly empty: string;
}

/** Tasks with how long they have run, or waited. */
export const TaskRows: FC<Props> = ({ label, tasks, now, empty }) =>
  tasks.length === 0 ? (
    <Empty>{empty}</Empty>
  ) : (
    <Rows
      label={label}
      rows={tasks}
      columns={[
        {
          title: 'Task',
          cell: (task) => (
            <>
              <span class="id">{task.id}</span>{' '}
              <TaskLink id={task.id} task={{ ...task, request: task.request }} />
            </>
          ),
        },
        {
          title: 'Owner',
          wide: true,
          cell: ({ owner, owner_name: name }) => <UserLink id={owner} name={name} />,
        },
        {
          title: 'For',
          numeric: true,
          cell: (task) => durationText(now - (numberOf(task.start_ts ?? task.create_ts) ?? now)),
        },
        { title: 'State', cell: ({ state }) => <TaskStateChip state={state} /> },
      ]}
    />
  );
