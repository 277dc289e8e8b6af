import { GenericError, parseInteger } from '@koji/core';
import type { NotificationBlock } from '@koji/core/api';
import { pythonStr } from '@koji/core/text';
import { command } from '../command.js';
import type { Run } from '../command.js';
import { printHeader } from '../listing.js';
import { flag, noFlag, text } from '../options.js';

const listNotifications = command({
  name: 'list-notifications',
  category: 'monitor',
  examples: ['list-notifications --mine'],
  summary: "List user's notifications and blocks",
  usage: 'list-notifications [options]',
  anonymous: true,
  data: {
    of: 'getBuildNotifications',
    adds: {
      blocked: 'true for a block, which has no email and no success_only',
      tag: 'the name of its tag, * for all',
      package: 'the name of its package, * for all',
    },
  },
  options: {
    mine: flag('--mine', 'Just print your notifications'),
    user: text('--user', 'Only notifications for this user'),
  },
  async run(run) {
    const { args, options, session, print, connect, login, usageError, fail } = run;
    if (args.length > 0) return usageError('This command takes no arguments');
    if (!options.mine && !options.user) return usageError('Use --user or --mine.');
    let user: number | null = null;
    if (options.user) {
      await connect();
      user = (await session.getUser(options.user))?.id ?? fail(`No such user: ${options.user}`);
    } else {
      await login();
    }
    const notifications = await session.getBuildNotifications(user);
    const blocks = await session.getBuildNotificationBlocks(user);
    const subjects = await subjectsOf(run, [...notifications, ...blocks]);
    const named = (entry: NotificationBlock, blocked: boolean): object => ({
      ...entry,
      blocked,
      tag: subjects.tag(entry),
      package: subjects.package(entry),
    });
    run.data([
      ...notifications.map((entry) => named(entry, false)),
      ...blocks.map((entry) => named(entry, true)),
    ]);
    const row = (id: unknown, tag: string, name: string): string =>
      `${String(id).padStart(6)} ${tag.padEnd(25)} ${name.padEnd(25)}`;
    const rowOf = (entry: NotificationBlock): string =>
      row(entry.id, subjects.tag(entry), subjects.package(entry));
    const titles = row('ID', 'Tag', 'Package');
    print(notifications.length > 0 ? 'Notifications' : 'No notifications');
    if (notifications.length > 0)
      printHeader(print, `${titles} ${'E-mail'.padEnd(20)} ${'Success-only'.padEnd(12)}`);
    for (const entry of notifications) {
      const only = entry.success_only ? 'yes' : 'no';
      print(`${rowOf(entry)} ${pythonStr(entry.email).padEnd(20)} ${only.padEnd(12)}`);
    }
    print('');
    print(blocks.length > 0 ? 'Notification blocks' : 'No notification blocks');
    if (blocks.length > 0) printHeader(print, titles);
    for (const entry of blocks) print(rowOf(entry));
  },
});

interface Subjects {
  readonly tag: (entry: NotificationBlock) => string;
  readonly package: (entry: NotificationBlock) => string;
}

/** Looks up each tag and package of notifications once; a star stands for all. */
async function subjectsOf({ session }: Run, entries: readonly NotificationBlock[]): Promise<Subjects> {
  const calls = session.multicall({ strict: true });
  const tags = new Map<number, { readonly result: { readonly name: string } | null }>();
  const packages = new Map<number, { readonly result: { readonly name: string } | null }>();
  for (const { tag_id: tag, package_id: pkg } of entries) {
    if (tag !== null && !tags.has(tag)) tags.set(tag, calls.getTag(tag));
    if (pkg !== null && !packages.has(pkg)) packages.set(pkg, calls.getPackage(pkg));
  }
  if (calls.size > 0) await calls.run();
  const nameIn = (found: typeof tags, id: number | null): string =>
    id === null ? '*' : (found.get(id)?.result?.name ?? String(id));
  return {
    tag: (entry) => nameIn(tags, entry.tag_id),
    package: (entry) => nameIn(packages, entry.package_id),
  };
}

interface Chosen {
  readonly package: string | undefined;
  readonly tag: string | undefined;
}

/** Returns the ids of the package and the tag in the options; null for a missing option. */
async function chosenSubject(
  { session, usageError }: Run,
  options: Chosen,
): Promise<[number | null, number | null]> {
  const packageId = options.package
    ? ((await session.getPackageID(options.package)) ?? usageError(`No such package: ${options.package}`))
    : null;
  if (!options.tag) return [packageId, null];
  const tagId = await session.getTagID(options.tag, true).catch((error: unknown) => {
    if (!(error instanceof GenericError)) throw error;
    return usageError(`No such tag: ${options.tag}`);
  });
  return [packageId, tagId];
}

/** Returns the user of `--user`, which only admins may use, otherwise the logged-in user, or null. */
async function chosenUser({ session, usageError }: Run, name: string | undefined): Promise<number | null> {
  if (name && !(await session.hasPerm('admin'))) return usageError('--user requires admin permission');
  const user = name ? await session.getUser(name, true) : await session.getLoggedInUser();
  return user?.id ?? null;
}

const addNotification = command({
  name: 'add-notification',
  category: 'monitor',
  examples: ['add-notification --package=bash --tag=f44'],
  summary: "Add user's notification",
  usage: 'add-notification [options]',
  options: {
    user: text('--user', 'Add notifications for this user (admin-only)'),
    package: text('--package', 'Add notifications for this package'),
    tag: text('--tag', 'Add notifications for this tag'),
    success_only: flag('--success-only', 'Enabled notification on successful events only'),
  },
  async run(run) {
    const { args, options, session, login, usageError, fail } = run;
    if (args.length > 0) return usageError('This command takes no arguments');
    if (!options.package && !options.tag)
      return usageError('Command need at least one from --tag or --package options.');
    await login();
    const user = (await chosenUser(run, options.user)) ?? fail('Please log in or specify --user');
    const [packageId, tagId] = await chosenSubject(run, options);
    await session.createNotification(user, packageId, tagId, options.success_only ?? false);
  },
});

const blockNotification = command({
  name: 'block-notification',
  category: 'monitor',
  examples: ['block-notification --package=bash'],
  summary: "Block user's notifications",
  usage: 'block-notification [options]',
  options: {
    user: text('--user', 'Block notifications for this user (admin-only)'),
    package: text('--package', 'Block notifications for this package'),
    tag: text('--tag', 'Block notifications for this tag'),
    all: flag('--all', 'Block all notification for this user'),
  },
  async run(run) {
    const { args, options, session, login, usageError } = run;
    if (args.length > 0) return usageError('This command takes no arguments');
    if (!options.package && !options.tag && !options.all)
      return usageError('One of --tag, --package or --all must be specified.');
    await login();
    const user =
      (await chosenUser(run, options.user)) ??
      usageError('Please login with authentication or specify --user');
    const [packageId, tagId] = await chosenSubject(run, options);
    const blocks = await session.getBuildNotificationBlocks(user);
    if (blocks.some((block) => block.package_id === packageId && block.tag_id === tagId))
      return usageError('Notification already exists.');
    await session.createNotificationBlock(user, packageId, tagId);
  },
});

const editNotification = command({
  name: 'edit-notification',
  category: 'monitor',
  arguments: ['text'],
  examples: ['edit-notification --tag=f44 12'],
  summary: "Edit user's notification",
  usage: 'edit-notification [options] <notification_id>',
  options: {
    package: text('--package', "Notifications for this package, '*' for all"),
    tag: text('--tag', "Notifications for this tag, '*' for all"),
    success_only: [
      flag('--success-only', 'Notify only on successful events'),
      noFlag('--no-success-only', 'Notify on all events'),
    ],
  },
  async run(run) {
    const { args, options, session, login, usageError } = run;
    const [given] = args;
    if (given === undefined || args.length !== 1) return usageError('Only argument is notification ID');
    const id = idOf(given) ?? usageError('Notification ID has to be numeric');
    if (!options.package && !options.tag && options.success_only === undefined)
      return usageError('Command need at least one option');
    await login();
    const old = await session.getBuildNotification(id, true);
    const named = (value: string | undefined): string | undefined => (value === '*' ? undefined : value);
    const chosen = { package: named(options.package), tag: named(options.tag) };
    const [packageId, tagId] = await chosenSubject(run, chosen);
    await session.updateNotification(
      id,
      options.package ? packageId : old.package_id,
      options.tag ? tagId : old.tag_id,
      options.success_only ?? old.success_only,
    );
  },
});

function idOf(given: string): number | null {
  const id = parseInteger(given);
  return id === null ? null : Number(id);
}

/** Deletes the objects with the given ids, one after the other. */
async function removeAll(
  { args, global, print, login, usageError }: Run,
  { what, remove }: { what: string; remove: (id: number) => Promise<unknown> },
): Promise<void> {
  await login();
  if (args.length === 0) return usageError(`At least one ${what} id has to be specified`);
  const ids = args.map((arg) => idOf(arg) ?? usageError(`All ${what} ids has to be integers`));
  for (const id of ids) {
    await remove(id);
    if (!global.quiet) print(`N${what.slice(1)} ${id} successfully removed.`);
  }
}

const removeNotification = command({
  name: 'remove-notification',
  category: 'monitor',
  arguments: ['text...'],
  examples: ['remove-notification 12'],
  summary: "Remove user's notifications",
  usage: 'remove-notification [options] <notification_id> [<notification_id> ...]',
  options: {},
  run: (run) => removeAll(run, { what: 'notification', remove: (id) => run.session.deleteNotification(id) }),
});

const unblockNotification = command({
  name: 'unblock-notification',
  category: 'monitor',
  arguments: ['text...'],
  examples: ['unblock-notification 12'],
  summary: "Unblock user's notification",
  usage: 'unblock-notification [options] <notification_id> [<notification_id> ...]',
  options: {},
  run: (run) =>
    removeAll(run, { what: 'notification block', remove: (id) => run.session.deleteNotificationBlock(id) }),
});

export const notifications = [
  listNotifications,
  addNotification,
  blockNotification,
  editNotification,
  removeNotification,
  unblockNotification,
];
