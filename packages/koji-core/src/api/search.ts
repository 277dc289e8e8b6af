import { any, arg, list, method, shape } from './method.js';
import type { Methods } from './method.js';
import { queryOpts } from './types.js';
import type { Named } from './types.js';

/** Search by name. */
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

/** Type of the declarations of this group. */
export type SearchMethods = typeof searchMethods;
