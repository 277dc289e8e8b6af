import { any, arg, float, list, method, shape } from './method.js';
import type { Methods } from './method.js';

/** A user or host with a count. */
export interface OwnCount {
  readonly id: number;
  readonly name: string;
  readonly count: number;
}

/** The name of a build target with the number of its builds. */
export interface TargetCount {
  readonly name: string;
  readonly count: number;
}

/** The number of builds that ended in a state on a day. */
export interface DayCount {
  /** Days since 1970 in UTC. */
  readonly day: number;
  readonly state: number;
  readonly count: number;
}

/** The object that builds are grouped by. */
export type TimesBy = 'package' | 'user' | 'host';

/** How long the builds of one package, user or host waited and ran, in seconds: median and 95th percentile. */
export interface BuildTimes {
  readonly id: number;
  readonly name: string;
  readonly count: number;
  readonly queue50: number;
  readonly queue95: number;
  readonly run50: number;
  readonly run95: number;
}

/** When a task waited, and when a host worked on it, in epoch seconds. */
export interface TaskSpan {
  readonly channel_id: number;
  /** Null until a host takes it. */
  readonly host_id: number | null;
  readonly created: number;
  /** Null while it is waiting, and for a task that was canceled before it started. */
  readonly start: number | null;
  /** Null while it is waiting or open. */
  readonly end: number | null;
  readonly weight: number;
}

const after = arg('after', float);
const counts = list(shape<OwnCount>('id, name and count'));
const arches = any<readonly string[] | null>('list(str) | null');

/** Statistics, each computed by one query. */
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
  countBuildsByOwner: method({
    doc: 'The builds that each user owns, of those created after a time (epoch seconds). Not in Koji.',
    needs: 'none',
    access: 'read',
    args: [after],
    result: counts,
  }),
  countTasksByOwner: method({
    doc: 'The tasks that each user owns, of those created after a time (epoch seconds). Not in Koji.',
    needs: 'none',
    access: 'read',
    args: [after],
    result: counts,
  }),
  countTasksByHost: method({
    doc: 'The tasks that each host took, of those created after a time (epoch seconds). Not in Koji.',
    needs: 'none',
    access: 'read',
    args: [after],
    result: counts,
  }),
  countBuildsByTarget: method({
    doc: 'The build tasks for each target, of those that ended after a time (epoch seconds). Not in Koji.',
    needs: 'none',
    access: 'read',
    args: [after],
    result: list(shape<TargetCount>('name and count')),
  }),
  countBuildsByDay: method({
    doc: 'The builds that ended on each day (UTC) and in each state after a time (epoch seconds), imported ones left out. Not in Koji.',
    needs: 'none',
    access: 'read',
    args: [after],
    result: list(shape<DayCount>('day, state and count')),
  }),
  measureBuilds: method({
    doc: 'How long builds that ended after a time (epoch seconds) waited and ran, by `package`, `user` or `host` (its buildArch tasks): median and 95th percentile in seconds. Not in Koji.',
    needs: 'none',
    access: 'read',
    args: [arg('by', any<TimesBy>('str')), after],
    result: list(shape<BuildTimes>('times of a package, user or host')),
    faults: ['ParameterError'],
  }),
  listTaskSpans: method({
    doc: 'When tasks waited and hosts worked on them: those that wait or are open, and those that ended after a time (epoch seconds). Not in Koji.',
    needs: 'none',
    access: 'read',
    args: [after],
    result: list(shape<TaskSpan>('channel, host, times and weight')),
  }),
} satisfies Methods;

/** Type of the declarations of this group. */
export type ReportMethods = typeof reportMethods;
