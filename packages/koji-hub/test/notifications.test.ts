import type { Notification } from '@koji/core/api';
import { databases } from './support/databases.js';
import { asking } from './support/asking.js';
import type { Asking } from './support/asking.js';
import { faultOf, startTestHub } from './support/test-hub.js';
import type { TestHub } from './support/test-hub.js';

describe.each(databases)('notifications on $name', (kind) => {
  let hub: TestHub;
  let admin: Asking;
  let ann: Asking;
  let annId: number;

  beforeAll(async () => {
    hub = await startTestHub(kind, { EmailDomain: 'example.com' });
    admin = await asking(hub, 'kojiadmin');
    ann = await asking(hub, 'ann');
    annId = (await ann<{ id: number }>('getUser')).id;
    await admin('createTag', ['f44']);
    await admin('packageListAdd', ['f44', 'bash', 'ann']);
  });
  afterAll(() => hub.stop());

  const own = () => ann<Notification[]>('getBuildNotifications');

  it('are asked for once each, changed and deleted', async () => {
    await ann('createNotification', ['ann', 'bash', 'f44', false]);
    await ann('createNotification', [null, null, null, 1]);
    const [first, second] = await own();
    expect(first).toMatchObject({ user_id: annId, success_only: false, email: 'ann@example.com' });
    expect(second).toMatchObject({ package_id: null, tag_id: null, success_only: true });
    const again = [1000, 'notification already exists'];
    expect(await faultOf(ann('createNotification', ['ann', 'bash', 'f44', 0]))).toEqual(again);
    expect(await faultOf(ann('updateNotification', [first?.id, null, null, true]))).toEqual(again);
    await ann('updateNotification', [first?.id, 'bash', null, false]);
    expect(await ann('getBuildNotification', [first?.id])).toEqual({ ...first, tag_id: null });
    for (const { id } of await own()) await ann('deleteNotification', [id]);
    expect(await own()).toEqual([]);
    expect(await faultOf(ann('getBuildNotification', [first?.id, true]))).toEqual([
      1000,
      `No notification with ID ${first?.id} found`,
    ]);
  });

  it('are their own business, and that of admins', async () => {
    await admin('createNotification', ['ann', null, 'f44', true]);
    const [id] = (await own()).map((notification) => notification.id);
    const bob = await asking(hub, 'bob');
    const { id: bobId } = await bob('getUser');
    expect(await faultOf(bob('createNotification', ['ann', null, null, true]))).toEqual([
      1000,
      'user bob cannot create notifications for user ann',
    ]);
    expect(await faultOf(bob('deleteNotification', [id]))).toEqual([
      1000,
      `user ${String(bobId)} cannot delete notifications for user ${annId}`,
    ]);
    const nobody = await asking(hub, null);
    expect(await faultOf(nobody('updateNotification', [id, null, null, true]))).toEqual([
      1000,
      'Not logged-in',
    ]);
    await admin('deleteNotification', [id]);
    expect(await own()).toEqual([]);
  });

  it('are kept away by blocks', async () => {
    await ann('createNotificationBlock', ['ann', 'bash']);
    expect(await faultOf(ann('createNotificationBlock', ['ann', 'bash', null]))).toEqual([
      1000,
      'notification already exists',
    ]);
    const [block] = await ann<{ id: number }[]>('getBuildNotificationBlocks');
    expect(await ann('getBuildNotificationBlock', [block?.id])).toMatchObject({
      user_id: annId,
      tag_id: null,
    });
    expect((await faultOf(ann('getBuildNotificationBlock', ['x'])))[0]).toBe(1019);
    await ann('deleteNotificationBlock', [block?.id]);
    expect(await ann('getBuildNotificationBlocks')).toEqual([]);
  });
});
