import { any, arg, list, method, shape } from './method.js';
import type { Methods } from './method.js';

/** A user or host, and how many of something are theirs. */
export interface OwnCount {
  readonly id: number;
  readonly name: string;
  readonly count: number;
}

const counts = list(shape<OwnCount>('id, name and count'));
const arches = any<readonly string[] | null>('list(str) | null');

/** Figures over everything, each by one query. */
export const reportMethods = {
  countPackagesByOwner: method({
    doc: 'The entries of package lists that each user owns, blocked ones included; users without any are left out. Not in Koji.',
    needs: 'none',
    access: 'read',
    args: [],
    result: counts,
  }),
  countRPMsByHost: method({
    doc: 'The rpms that each host built, of some architectures or all; hosts without any are left out. Not in Koji.',
    needs: 'none',
    access: 'read',
    args: [arg('arches', arches, null)],
    result: counts,
    faults: ['ParameterError'],
  }),
} satisfies Methods;

/** The declarations of this group, as a type. */
export type ReportMethods = typeof reportMethods;
