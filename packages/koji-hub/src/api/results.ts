import { GenericError, ParameterError } from '@koji/core';
import type { ResultMethods } from '@koji/core/api';
import type { Call, Handlers } from '../call.js';
import { sortRows, whole } from '../db/rows.js';
import { checkStruct, truthy } from '../domain/values/convert.js';
import { isId } from '../domain/values/ids.js';
import { plain, repr } from '../domain/values/repr.js';

/** Handlers of the methods that count and filter other methods' results. */
export const results: Handlers<ResultMethods> = {
  async count({ methodName, rest, keywords }, call) {
    const result = await resultOf(call, methodName, rest, keywords);
    if (result === null) return 0;
    if (typeof result !== 'object' || result instanceof Uint8Array) return 1;
    return Array.isArray(result) || isStruct(result) ? Object.keys(result).length : 1;
  },

  filterResults: async (args, call) => (await countAndFilter(call, args))[1],

  countAndFilterResults: (args, call) => countAndFilter(call, args),
};

/** Methods whose answer looks like a list on the wire, and is none to Koji. */
const tuples: ReadonlySet<string> = new Set(['checkTagAccess', 'countAndFilterResults', 'echo']);

const isResults = (name: unknown): boolean => typeof name === 'string' && Object.hasOwn(results, name);

const isStruct = (value: object): boolean => Object.getPrototypeOf(value) === Object.prototype;

async function countAndFilter(
  call: Call,
  args: { methodName: unknown; rest: unknown[]; keywords: Record<string, unknown> },
): Promise<readonly [number, unknown[] | null]> {
  const { filterOpts, ...keywords } = args.keywords;
  const name = served(call, args.methodName);
  let result: unknown;
  try {
    result = await resultOf(call, name, args.rest, keywords);
  } catch (error) {
    if (!(error instanceof GenericError)) throw error;
    throw new GenericError(`method ${name} raised an exception (${error.message})`, { cause: error });
  }
  if (result === null) return [0, null];
  if (!Array.isArray(result) || tuples.has(name)) throw new GenericError(`${name}() did not return a list`);
  return [result.length, await filtered(result, filterOpts ?? {})];
}

async function filtered(rows: unknown[], options: unknown): Promise<unknown[]> {
  checkStruct(options);
  const { order, offset = null, limit = null, noneGreatest = true } = options;
  let found = rows;
  if (truthy(order)) {
    if (typeof order !== 'string')
      throw new ParameterError(`filterOpts: order must be text, not ${repr(order)}`);
    const descending = order.startsWith('-');
    const name = descending ? order.slice(1) : order;
    found = await sortRows(rows, [{ name, descending, nullsFirst: !truthy(noneGreatest) }]);
  }
  if (offset !== null) found = found.slice(cut('offset', offset));
  return limit === null ? found : found.slice(0, cut('limit', limit));
}

function cut(name: string, value: unknown): number {
  if (!isId(value))
    throw new ParameterError(`filterOpts: ${name} must be a whole number, not ${repr(value)}`);
  return value;
}

function served(call: Call, name: unknown): string {
  if (typeof name !== 'string' || !call.hub.methods.has(name))
    throw new GenericError(`Invalid method: ${plain(name)}`);
  return name;
}

/** Calls a method the way its declaration asks for; a stream of rows is read to its end. */
async function resultOf(
  call: Call,
  methodName: unknown,
  args: readonly unknown[],
  keywords: Readonly<Record<string, unknown>>,
): Promise<unknown> {
  const name = served(call, methodName);
  // Each level copies the arguments of all levels below it.
  if (isResults(name) && isResults(args[0]))
    throw new ParameterError(`${name} cannot count ${plain(args[0])}`);
  const run = async (inner: Call): Promise<unknown> => whole(await inner.invoke(name, args, keywords));
  const access = call.hub.methods.get(name)?.declared.access;
  if (access === 'none') return run(call);
  return access === 'read' || access === 'lookup' || access === 'free'
    ? call.read(run, { long: access === 'read' })
    : call.write(run);
}
