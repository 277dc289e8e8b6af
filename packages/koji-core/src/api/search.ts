import { any, arg, list, method, shape } from './method.js';
import type { Methods } from './method.js';
import { queryOpts } from './types.js';
import type { Named } from './types.js';

/** Finding things by their names. */
export const searchMethods = {
  search: method({
    doc:
      'Packages, builds, tags, targets, users, hosts, rpms, maven or win archives whose name fits: matchType glob and ' +
      'regexp whatever the case, any other exactly.',
    needs: 'none',
    access: 'read',
    args: [
      arg('terms', any('str')),
      arg('type', any('str')),
      arg('matchType', any('str')),
      arg('queryOpts', queryOpts, null),
    ],
    result: list(shape<Named>('id and name')),
    faults: ['GenericError', 'ParameterError'],
  }),
} satisfies Methods;

/** The declarations of this group, as a type. */
export type SearchMethods = typeof searchMethods;
