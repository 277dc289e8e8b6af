/** The objects of a logged-in visitor, shown at the top of the overview. */
import type { FC } from 'hono/jsx';
import { TASK_STATES } from '@koji/core';
import type { BuildListItem, TaskListItem } from '@koji/core/api';
import { named } from '@koji/core/wire';
import { About, listNotifications } from '../actions/notifications.js';
import type { NamedNotification } from '../actions/notifications.js';
import { actionLink } from '../actions/routes.js';
import type { Calls } from '../calls.js';
import { BuildStateChip, TaskStateChip } from '../parts/states.js';
import { Empty, Section } from '../parts/table.js';
import { BuildLink, TaskLink } from '../parts/things.js';
import { Ago } from '../parts/values.js';
import { link } from '../routes.js';
import type { Login } from './logins.js';

const shown = 5;

/** The newest things of a visitor. */
export interface MyThings {
  readonly user: Login['user'];
  readonly tasks: readonly TaskListItem[];
  readonly builds: readonly BuildListItem[];
  readonly notifications: readonly NamedNotification[];
}

/** Reads the newest things of a visitor. */
export async function loadMine(calls: Calls, { user }: Login): Promise<MyThings> {
  const active = [TASK_STATES.FREE, TASK_STATES.OPEN, TASK_STATES.ASSIGNED];
  const [tasks, builds, notifications] = await Promise.all([
    calls.listTasks(
      { owner: user.id, parent: null, state: active, decode: true },
      { order: '-id', limit: shown },
    ),
    calls.listBuilds(named({ userID: user.id, queryOpts: { order: '-build_id', limit: shown } })),
    listNotifications(calls, user.id),
  ]);
  return { user, tasks: tasks.map((task) => ({ ...task, result: null })), builds, notifications };
}

/** The newest things of a visitor, as a part of a page. */
export const Mine: FC<{ mine: MyThings; now: number }> = ({ mine, now }) => (
  <div class="columns mine">
    <Section title="Your tasks" note={<a href={link('tasks', { owner: mine.user.id, state: 'all' })}>all</a>}>
      {mine.tasks.length === 0 ? (
        <Empty>Nothing of yours runs or waits.</Empty>
      ) : (
        <ul class="plain">
          {mine.tasks.map((task) => (
            <li>
              <span class="id">{task.id}</span> <TaskLink id={task.id} task={task} />{' '}
              <TaskStateChip state={task.state} />
            </li>
          ))}
        </ul>
      )}
    </Section>
    <Section title="Your builds" note={<a href={link('builds', { userID: mine.user.id })}>all</a>}>
      {mine.builds.length === 0 ? (
        <Empty>You have built nothing yet.</Empty>
      ) : (
        <ul class="plain">
          {mine.builds.map(({ build_id: id, nvr, state, completion_ts: at }) => (
            <li>
              <BuildLink id={id} nvr={nvr} /> <BuildStateChip state={state} />{' '}
              <span class="note">
                <Ago at={at} now={now} />
              </span>
            </li>
          ))}
        </ul>
      )}
    </Section>
    <Section title="Your notifications" note={<a href={actionLink('notificationcreate', {})}>new</a>}>
      {mine.notifications.length === 0 ? (
        <Empty>No mail about builds.</Empty>
      ) : (
        <ul class="plain">
          {mine.notifications.map((one) => (
            <li>
              <About one={one} /> <NotificationLinks id={one.notification.id} />
            </li>
          ))}
        </ul>
      )}
    </Section>
  </div>
);

const NotificationLinks: FC<{ id: number }> = ({ id }) => (
  <span class="note">
    <a href={actionLink('notificationedit', { notificationID: id })} aria-label={`Edit notification ${id}`}>
      edit
    </a>{' '}
    <a
      href={actionLink('notificationdelete', { notificationID: id })}
      aria-label={`Delete notification ${id}`}
    >
      delete
    </a>
  </span>
);
