import { any, arg, int, list, method, nullable, shape } from './method.js';
import type { Methods } from './method.js';

const methodName = arg('methodName', any<string>('str'));

/** Counts or filters the results of other methods. All named arguments except `filterOpts` are passed to the other method. */
export const resultMethods = {
  count: method({
    doc: 'Call a method and count its results: 0 for null, the length of a list or struct, 1 for anything else.',
    needs: 'none',
    access: 'none',
    readsOnly: true,
    args: [methodName],
    rest: true,
    keywords: true,
    keywordsName: 'kw',
    result: int,
    faults: ['GenericError', 'ParameterError'],
  }),
  filterResults: method({
    doc: 'Call a list method; `filterOpts` (order, offset, limit, noneGreatest) sort and cut its result.',
    needs: 'none',
    access: 'none',
    readsOnly: true,
    args: [methodName],
    rest: true,
    keywords: true,
    keywordsName: 'kw',
    result: nullable(list(any())),
    faults: ['GenericError', 'ParameterError'],
  }),
  countAndFilterResults: method({
    doc: 'As filterResults, with the number of results before they were cut.',
    needs: 'none',
    access: 'none',
    readsOnly: true,
    args: [methodName],
    rest: true,
    keywords: true,
    keywordsName: 'kw',
    result: shape<readonly [number, unknown[] | null]>('list(int, list | null)'),
    returns: 'the number and the list',
    faults: ['GenericError', 'ParameterError'],
  }),
} satisfies Methods;

/** Type of the declarations of this group. */
export type ResultMethods = typeof resultMethods;
