import type { ClientSession } from '../src/index.js';
import { useHub } from './support/hub.js';

let admin: ClientSession;

const { koji, failed } = useHub(async (opened) => {
  ({ admin } = opened);
  await admin.createTag('f44');
  await admin.createUser('alice');
  await admin.packageListAdd('f44', 'bash', 'kojiadmin');
});

const notifications = (id: number, tag: string, name: string, only: string): string =>
  `Notifications\n    ID ${'Tag'.padEnd(25)} ${'Package'.padEnd(25)} ${'E-mail'.padEnd(20)} Success-only\n${'-'.repeat(92)}\n` +
  `${String(id).padStart(6)} ${tag.padEnd(25)} ${name.padEnd(25)} ${'kojiadmin@localhost'.padEnd(20)} ${only.padEnd(12)}\n`;

test('notifications are added, changed, listed and removed', async () => {
  expect(await koji('list-notifications', '--mine')).toBe('No notifications\n\nNo notification blocks\n');
  await koji('add-notification', '--package=bash', '--tag=f44');
  const [first] = await admin.getBuildNotifications();
  const id = first?.id ?? 0;
  const mail = (text: string): string =>
    text.replace(/kojiadmin@\S+ +/, `${'kojiadmin@localhost'.padEnd(20)} `);
  const list = async (): Promise<string> => mail(await koji('list-notifications', '--user=kojiadmin'));
  expect(await list()).toBe(`${notifications(id, 'f44', 'bash', 'no')}\nNo notification blocks\n`);
  await koji('edit-notification', String(id), '--package=*', '--success-only');
  expect(await list()).toContain(notifications(id, 'f44', '*', 'yes'));
  expect(await failed('edit-notification', String(id), '--tag=nosuch')).toEqual([2, 'No such tag: nosuch\n']);
  expect(await failed('edit-notification', 'x', '--tag=f44')).toEqual([
    2,
    'Notification ID has to be numeric\n',
  ]);
  expect(await koji('remove-notification', String(id))).toBe(`Notification ${id} successfully removed.\n`);
  expect(await failed('remove-notification', String(id))).toEqual([
    1,
    `TIME [ERROR] koji: GenericError: No notification with ID ${id} found\n`,
  ]);
  expect(await failed('list-notifications')).toEqual([2, 'Use --user or --mine.\n']);
});

test('notifications are for a package, a tag or both, and for others by admins only', async () => {
  expect(await failed('add-notification')).toEqual([
    2,
    'Command need at least one from --tag or --package options.\n',
  ]);
  expect(await failed('add-notification', '--package=nosuch')).toEqual([2, 'No such package: nosuch\n']);
  await koji('add-notification', '--user=alice', '--tag=f44', '--success-only');
  const alice = await admin.getUser('alice');
  expect(await admin.getBuildNotifications(alice?.id ?? 0)).toMatchObject([
    { success_only: true, package_id: null },
  ]);
  expect(await failed('--noauth', 'add-notification', '--tag=f44')).toEqual([
    1,
    'Please log in or specify --user\n',
  ]);
});

test('notifications are blocked once, and unblocked', async () => {
  await koji('block-notification', '--tag=f44');
  expect(await failed('block-notification', '--tag=f44')).toEqual([2, 'Notification already exists.\n']);
  expect(await failed('--noauth', 'block-notification', '--all')).toEqual([
    2,
    'Please login with authentication or specify --user\n',
  ]);
  const [block] = await admin.getBuildNotificationBlocks();
  const id = block?.id ?? 0;
  expect(await koji('list-notifications', '--mine')).toMatch(
    new RegExp(`\\nNotification blocks\\n    ID Tag .*\\n-+\\n *${id} f44 {23}\\* {24}\\n$`),
  );
  expect(await koji('unblock-notification', String(id))).toBe(
    `Notification block ${id} successfully removed.\n`,
  );
  expect(await failed('unblock-notification', 'x')).toEqual([
    2,
    'All notification block ids has to be integers\n',
  ]);
});
