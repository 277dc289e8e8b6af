import { any, arg, flag, list, method, nullable, shape } from './method.js';
import type { Methods } from './method.js';
import { nameOrId, userRef } from './types.js';

/** An exclusion from mail notifications: builds of a package, in a tag, or all where these are null. */
export interface NotificationBlock {
  readonly id: number;
  readonly user_id: number;
  readonly package_id: number | null;
  readonly tag_id: number | null;
}

/** A subscription to mail notifications: builds of a package, in a tag, or all where these are null. */
export interface Notification extends NotificationBlock {
  readonly success_only: boolean;
  readonly email: string;
}

const user = nullable(userRef);
const number = any<number>('int');
const thing = nullable(nameOrId);
const stored = any<boolean>('bool');

/** Subscriptions to mail about builds. Users manage their own, admins those of everybody. */
export const notificationMethods = {
  getBuildNotifications: method({
    doc: 'The mail subscriptions of a user, by default the caller.',
    needs: 'none',
    access: 'read',
    args: [arg('userID', user, null)],
    result: list(shape<Notification>('notification')),
    faults: ['GenericError'],
  }),
  getBuildNotification: method({
    doc: 'A notification by id.',
    needs: 'none',
    access: 'lookup',
    args: [arg('id', number), arg('strict', flag, false)],
    result: nullable(shape<Notification>('notification')),
    faults: ['GenericError', 'ParameterError'],
  }),
  createNotification: method({
    doc: 'Ask for mail about builds of a package, in a tag, or all where these are null.',
    needs: 'none',
    access: 'write',
    args: [arg('user_id', user), arg('package_id', thing), arg('tag_id', thing), arg('success_only', stored)],
    result: shape<null>('null'),
    faults: ['GenericError', 'ParameterError'],
  }),
  updateNotification: method({
    doc: 'Change what a notification is about.',
    needs: 'none',
    access: 'write',
    args: [arg('id', number), arg('package_id', thing), arg('tag_id', thing), arg('success_only', stored)],
    result: shape<null>('null'),
    faults: ['GenericError', 'ParameterError'],
  }),
  deleteNotification: method({
    doc: 'Delete a notification.',
    needs: 'none',
    access: 'write',
    args: [arg('id', number)],
    result: shape<null>('null'),
    faults: ['GenericError', 'ParameterError'],
  }),
  getBuildNotificationBlocks: method({
    doc: 'The mail exclusions of a user, by default the caller.',
    needs: 'none',
    access: 'read',
    args: [arg('userID', user, null)],
    result: list(shape<NotificationBlock>('notification block')),
    faults: ['GenericError'],
  }),
  getBuildNotificationBlock: method({
    doc: 'A notification block by id.',
    needs: 'none',
    access: 'lookup',
    args: [arg('id', number), arg('strict', flag, false)],
    result: nullable(shape<NotificationBlock>('notification block')),
    faults: ['GenericError', 'ParameterError'],
  }),
  createNotificationBlock: method({
    doc: 'Ask for no mail about builds of a package, in a tag, or all where these are null.',
    needs: 'none',
    access: 'write',
    args: [arg('user_id', user), arg('package_id', thing, null), arg('tag_id', thing, null)],
    result: shape<null>('null'),
    faults: ['GenericError', 'ParameterError'],
  }),
  deleteNotificationBlock: method({
    doc: 'Delete a notification block.',
    needs: 'none',
    access: 'write',
    args: [arg('id', number)],
    result: shape<null>('null'),
    faults: ['GenericError', 'ParameterError'],
  }),
} satisfies Methods;

/** Type of the declarations of this group. */
export type NotificationMethods = typeof notificationMethods;
