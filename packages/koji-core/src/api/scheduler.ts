import { any, arg, list, method, nullable, shape } from './method.js';
import type { Methods } from './method.js';
import { wholeNumber } from './tasks.js';
import { queryOpts } from './types.js';

/** `[field, value]` (a list means one of them), or `[field, operator, value]`. */
export type Clause = readonly [string, unknown] | readonly [string, string, unknown];

/** Conditions that must all hold. */
export const clauses = nullable(list(any<Clause>('clause')));
/** A field, several fields, `*` for those of the table itself, or `**` for all. */
export const fields = any<string | string[] | null>('str | list(str) | null');
/** The answer of a view, as selected by the options. */
export const viewRows = shape<Record<string, unknown>[] | number | unknown[][]>('list(dict) | int');

/** The scheduler: run it, and inspect what it did. */
export const schedulerMethods = {
  'scheduler.doRun': method({
    doc: 'Run the scheduler now; without `force` not when it runs elsewhere or ran within RunInterval seconds.',
    needs: 'perm:admin',
    access: 'write',
    args: [arg('force', any<boolean>('bool'), false)],
    result: shape<boolean>('bool'),
    returns: 'whether it ran',
    faults: ['ActionNotAllowed', 'ParameterError'],
  }),
  'scheduler.getHostData': method({
    doc: 'The reports of builders to the scheduler.',
    needs: 'none',
    access: 'read',
    args: [arg('hostID', nullable(wholeNumber), null)],
    result: list(shape<{ host_id: number; data: unknown }>('host data')),
  }),
  'scheduler.getTaskRuns': method({
    doc: 'Assignments of tasks to hosts, with their times; fields of task and host can be requested.',
    needs: 'none',
    access: 'read',
    args: [arg('clauses', clauses, null), arg('fields', fields, null), arg('opts', queryOpts, null)],
    result: viewRows,
    faults: ['ParameterError'],
  }),
  'scheduler.getTaskRefusals': method({
    doc: 'Refusals of tasks by hosts, with the reasons.',
    needs: 'none',
    access: 'read',
    args: [arg('clauses', clauses, null), arg('fields', fields, null)],
    result: viewRows,
    faults: ['ParameterError'],
  }),
  'scheduler.getLogMessages': method({
    doc: 'The actions of the scheduler, in order.',
    needs: 'none',
    access: 'read',
    args: [arg('clauses', clauses, null), arg('fields', fields, null), arg('opts', queryOpts, null)],
    result: viewRows,
    faults: ['ParameterError'],
  }),
} satisfies Methods;

/** Type of the declarations of this group. */
export type SchedulerMethods = typeof schedulerMethods;
