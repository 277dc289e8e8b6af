import { any, arg, flag, list, method, shape } from './method.js';
import type { Methods } from './method.js';
import { eventId, nameOrId } from './types.js';
import type { InheritanceChange, InheritanceLink, InheritanceNode } from './types.js';

/** Inheritance: the tags that a tag takes builds, packages and settings from. */
export const inheritanceMethods = {
  getInheritanceData: method({
    doc: 'The parents of a tag by priority, now or at an event.',
    needs: 'none',
    access: 'read',
    args: [arg('tag', nameOrId), arg('event', eventId, null)],
    result: list(shape<InheritanceLink>('inheritance link')),
    faults: ['GenericError', 'ParameterError'],
  }),
  setInheritanceData: method({
    doc: 'Add, change or (with "delete link") remove parents of a tag; `clear` removes the others first.',
    needs: 'none',
    access: 'write',
    args: [
      arg('tag', nameOrId),
      arg('data', any<InheritanceChange | InheritanceChange[]>('list(dict)')),
      arg('clear', flag, false),
    ],
    result: shape<null>('null'),
    faults: ['ActionNotAllowed', 'GenericError', 'ParameterError'],
  }),
  getFullInheritance: method({
    doc: 'Every tag that a tag inherits from in the order of search, or with `reverse` every tag that inherits from it.',
    needs: 'none',
    access: 'read',
    args: [arg('tag', nameOrId), arg('event', eventId, null), arg('reverse', flag, false)],
    keywords: true,
    result: list(shape<InheritanceNode>('inheritance node')),
    faults: ['GenericError', 'ParameterError'],
  }),
} satisfies Methods;

/** Type of the declarations of this group. */
export type InheritanceMethods = typeof inheritanceMethods;
