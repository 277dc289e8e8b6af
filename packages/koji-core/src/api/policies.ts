import { arg, dict, flag, method, nullable, shape, str } from './method.js';
import type { Methods } from './method.js';

/** Evaluation of the hub's policies. */
export const policyMethods = {
  evalPolicy: method({
    doc: 'The decision of a policy for some data: the text of the action, or null if no rule matches.',
    needs: 'none',
    access: 'read',
    args: [arg('name', str), arg('data', dict)],
    result: nullable(str),
    faults: ['GenericError'],
  }),
  'host.evalPolicy': method({
    doc: 'The decision of a policy for some data, for a builder.',
    needs: 'host',
    access: 'read',
    args: [arg('name', str), arg('data', dict)],
    result: nullable(str),
    faults: ['AuthError', 'GenericError'],
  }),
  'host.checkPolicy': method({
    doc: 'Whether a policy allows something, with the reason; asked by a builder.',
    needs: 'host',
    access: 'read',
    args: [arg('name', str), arg('data', dict), arg('default', str, 'deny'), arg('strict', flag, false)],
    result: shape<[boolean, string]>('access and reason'),
    faults: ['ActionNotAllowed', 'AuthError', 'GenericError'],
  }),
  'host.assertPolicy': method({
    doc: 'Raise a fault unless a policy allows an action; for a builder.',
    needs: 'host',
    access: 'read',
    args: [arg('name', str), arg('data', dict), arg('default', str, 'deny')],
    result: shape<null>('null'),
    faults: ['ActionNotAllowed', 'AuthError', 'GenericError'],
  }),
} satisfies Methods;

/** Type of the declarations of this group. */
export type PolicyMethods = typeof policyMethods;
