import { any, arg, flag, int, list, method, nullable, shape } from './method.js';
import type { Methods } from './method.js';
import { wholeNumber } from './tasks.js';
import { nameOrId } from './types.js';
import type { EventInfo, Float } from './types.js';

/** Events, the points in history. */
export const historyMethods = {
  getEvent: method({
    doc: 'An event by id, with its time.',
    needs: 'none',
    access: 'lookup',
    args: [arg('id', any<number | boolean | null>('int')), arg('strict', any<boolean>('bool'), true)],
    result: nullable(shape<EventInfo>('event')),
    faults: ['GenericError', 'ParameterError'],
  }),
  getLastEvent: method({
    doc: 'The newest event, or the newest before a time in epoch seconds.',
    needs: 'none',
    access: 'read',
    args: [arg('before', any<Float | null>('float | null'), null), arg('strict', any<boolean>('bool'), true)],
    result: nullable(shape<EventInfo>('event')),
    faults: ['GenericError', 'ParameterError'],
  }),
  tagFirstChangeEvent: method({
    doc: 'The first event after another that changed a tag or, with `inherit`, one that it inherits from; the one that made it by default.',
    needs: 'none',
    access: 'read',
    args: [
      arg('tag', nameOrId),
      arg('after', any<number | null>('int | null'), null),
      arg('inherit', flag, true),
    ],
    result: nullable(int),
    faults: ['GenericError', 'ParameterError'],
  }),
  tagLastChangeEvent: method({
    doc: 'The last event, maybe before another, that changed a tag or, with `inherit`, one that it inherits from.',
    needs: 'none',
    access: 'read',
    args: [
      arg('tag', nameOrId),
      arg('before', any<number | null>('int | null'), null),
      arg('inherit', flag, true),
    ],
    result: nullable(int),
    faults: ['GenericError', 'ParameterError'],
  }),
  waitTagChange: method({
    doc:
      'Wait until a tag or one that it inherits from was changed by an event after the given one, or `timeout` seconds ' +
      '(60 at most) have passed. Not in Koji.',
    needs: 'login',
    access: 'none',
    readsOnly: true,
    args: [arg('tag', nameOrId), arg('event', nullable(wholeNumber)), arg('timeout', wholeNumber, 60)],
    result: nullable(int),
    returns: 'the last event that changed it, as from `tagLastChangeEvent`',
    faults: ['GenericError', 'ParameterError'],
  }),
  tagChangedSinceEvent: method({
    doc: 'Whether any of some tags changed after an event; inheritance is not looked at.',
    needs: 'none',
    access: 'read',
    args: [arg('event', nullable(int)), arg('taglist', list(int))],
    result: shape<boolean>('bool'),
  }),
} satisfies Methods;

/** Type of the declarations of this group. */
export type HistoryMethods = typeof historyMethods;
