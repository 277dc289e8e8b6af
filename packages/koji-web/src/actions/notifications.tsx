import type { FC } from 'hono/jsx';
import { named } from '@koji/core/wire';
import type { Notification } from '@koji/core/api';
import type { Calls } from '../calls.js';
import { found, notFound } from '../errors.js';
import { flag, text } from '../params.js';
import { PackageLink, TagLink } from '../parts/things.js';
import { link } from '../routes.js';
import { action } from './action.js';
import type { ActionRequest, Input } from './action.js';
import { CheckField, TextField } from './fields.js';
import type { ActionRoutes } from './routes.js';

const fields = { package: text('all'), tag: text('all'), success_only: flag(false) };

const back = (): string => link('index');

/** A notification with the names of what it is about. */
export interface NamedNotification {
  readonly notification: Notification;
  readonly package: { readonly id: number; readonly name: string } | null;
  readonly tag: { readonly id: number; readonly name: string } | null;
}

/** Returns the notifications of a user, with names. */
export async function listNotifications(calls: Calls, userId: number): Promise<NamedNotification[]> {
  return Promise.all((await calls.getBuildNotifications(userId)).map((one) => withNames(calls, one)));
}

async function withNames(calls: Calls, notification: Notification): Promise<NamedNotification> {
  const { package_id: packageId, tag_id: tagId } = notification;
  const [pkg, tag] = await Promise.all([
    packageId === null ? null : calls.getPackage(packageId),
    tagId === null ? null : calls.getTag(tagId, named({ event: 'auto' as const })),
  ]);
  return { notification, package: pkg, tag };
}

/** A text about a notification's subject, with links. */
export const About: FC<{ one: NamedNotification }> = ({ one: { notification, package: pkg, tag } }) => (
  <>
    {pkg ? <PackageLink id={pkg.id} name={pkg.name} /> : 'all packages'} in{' '}
    {tag ? <TagLink id={tag.id} name={tag.name} /> : 'all tags'}
    {notification.success_only ? ', successful builds only' : ''}
  </>
);

/** Only a visitor's own ones can be seen here, as in Koji. */
async function load(request: ActionRequest<ActionRoutes['notificationedit']>): Promise<NamedNotification> {
  const { calls, params, login } = request;
  const id = params.notificationID;
  const notification = found(await calls.getBuildNotification(id), 'notification', id);
  if (notification.user_id !== login.user.id) throw notFound('notification of yours', id);
  return withNames(calls, notification);
}

const Fields: FC<{ input: Input }> = ({ input }) => (
  <>
    <TextField input={input} name="package" label="Package" hint={'Name of a package, or "all".'} />
    <TextField input={input} name="tag" label="Tag" hint={'Name of a tag, or "all".'} />
    <CheckField input={input} name="success_only" label="Successful builds only" />
  </>
);

/** An id or name, or null for all. */
function thing(value: string): string | number | null {
  const name = value.trim();
  if (name === 'all' || name === '') return null;
  return /^\d{1,9}$/.test(name) ? Number(name) : name;
}

/** Asks for mail about builds. */
export const notificationcreate = action('notificationcreate', {
  menu: 'Overview',
  fields,
  load: () => Promise.resolve(null),
  title: () => 'New notification',
  stored: () => ({ package: 'all', tag: 'all' }),
  show: (_, input) => <Fields input={input} />,
  button: 'Add the notification',
  back,
  async run({ calls, fields: { package: pkg, tag, success_only: only } }) {
    const me = found(await calls.getLoggedInUser(), 'user', 'logged in');
    await calls.createNotification(me.id, thing(pkg), thing(tag), only);
    return back();
  },
});

/** Changes what a notification is about. */
export const notificationedit = action('notificationedit', {
  menu: 'Overview',
  fields,
  load,
  title: ({ notification }) => `Notification ${notification.id}`,
  stored: ({ notification, package: pkg, tag }) => ({
    package: pkg?.name ?? 'all',
    tag: tag?.name ?? 'all',
    ...(notification.success_only ? { success_only: '1' } : {}),
  }),
  show: (_, input) => <Fields input={input} />,
  button: 'Save',
  back,
  async run({ calls, data, fields: { package: pkg, tag, success_only: only } }) {
    await calls.updateNotification(data.notification.id, thing(pkg), thing(tag), only);
    return back();
  },
});

/** Deletes a notification. */
export const notificationdelete = action('notificationdelete', {
  menu: 'Overview',
  fields: {},
  load,
  title: ({ notification }) => `Delete notification ${notification.id}?`,
  show: (one) => (
    <p>
      No more mail about builds of <About one={one} />.
    </p>
  ),
  button: 'Delete the notification',
  isGrave: true,
  back,
  async run({ calls, data }) {
    await calls.deleteNotification(data.notification.id);
    return back();
  },
});
