import { any, arg, flag, int, list, method, nullable, shape, str } from './method.js';
import type { Methods } from './method.js';
import { buildRef, queryOpts } from './types.js';

/** An entry of a package's changelog. */
export interface ChangelogEntry {
  /** `YYYY-MM-DD HH:MM:SS`, in UTC. */
  readonly date: string;
  /** The same in epoch seconds. */
  readonly date_ts: number;
  readonly author: string;
  readonly text: string;
}

const moment = any<number | string | null>('int | str | null');

/** Changelogs of source rpms. */
export const changelogMethods = {
  getChangelogEntries: method({
    doc:
      "The changelog of a build's source rpm, or of one in a task's output, in the order of the file. `before` and " +
      '`after` are epoch seconds or dates in UTC.',
    needs: 'none',
    access: 'read',
    args: [
      arg('buildID', nullable(buildRef), null),
      arg('taskID', nullable(int), null),
      arg('filepath', nullable(str), null),
      arg('author', nullable(str), null),
      arg('before', moment, null),
      arg('after', moment, null),
      arg('queryOpts', queryOpts, null),
      arg('strict', flag, false),
    ],
    result: list(shape<ChangelogEntry>('changelog entry')),
    faults: ['GenericError', 'ParameterError'],
  }),
} satisfies Methods;

/** Type of the declarations of this group. */
export type ChangelogMethods = typeof changelogMethods;
