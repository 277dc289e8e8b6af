import { any, arg, method, shape } from './method.js';
import type { Methods } from './method.js';
import type { Float } from './types.js';

/** A row of a versioned table: its own columns, the names for its ids, and its history. */
export interface HistoryRow {
  /** True while the row is active, then null. */
  readonly active: true | null;
  readonly create_event: number;
  readonly create_ts: Float;
  readonly creator_id: number;
  readonly creator_name: string;
  readonly revoke_event: number | null;
  readonly revoke_ts: Float | null;
  readonly revoker_id: number | null;
  readonly revoker_name: string | null;
  /** `_created_…` and `_revoked_…` report which of the two meets a condition on time, event or editor. */
  readonly [column: string]: unknown;
}

/** The history of versioned objects. */
export const historyQueryMethods = {
  queryHistory: method({
    doc:
      'Rows of versioned tables (all of them unless named) by table. Narrowed by name: before, after, beforeEvent, ' +
      'afterEvent, active, editor, and by package, build, tag, user, permission, cg, external_repo, build_target, ' +
      'group, host, channel, xkey, which leave out the tables that know nothing of it. queryOpts applies to each table.',
    needs: 'none',
    access: 'read',
    args: [arg('tables', any<string[] | null>('list(str) | null'), null)],
    keywords: true,
    result: shape<Record<string, HistoryRow[]>>('lists of rows by table'),
    faults: ['GenericError', 'ParameterError'],
  }),
} satisfies Methods;

/** Type of the declarations of this group. */
export type HistoryQueryMethods = typeof historyQueryMethods;
