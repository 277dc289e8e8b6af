import { GenericError, ParameterError } from '@koji/core';
import type { ResultMethods } from '@koji/core/api';
import type { Call, Handlers, PartReader, ServedMethod } from '../call.js';
import { isPossible } from '../db/parts.js';
import type { Part, SortTerm } from '../db/parts.js';
import { sortRows, whole } from '../db/rows.js';
import { checkStruct, isStruct as isDict, truthy } from '../domain/values/convert.js';
import { isId } from '../domain/values/ids.js';
import { plain, repr } from '../domain/values/repr.js';
import { runMethod } from '../server/run-method.js';
import type { GivenArgs } from '../server/run-method.js';
import { taggedParts } from './tagging.js';

/** Handlers of the methods that count and filter other methods' results. */
export const results: Handlers<ResultMethods> = {
  async count({ methodName, rest, keywords }, call) {
    const reader = partReader(call, methodName);
    const counted =
      reader &&
      (await runPart(call, methodName, { args: rest, keywords }, (own, inner) => reader.count(own, inner)));
    if (counted !== null) return counted;
    const result = await resultOf(call, methodName, rest, keywords);
    if (result === null) return 0;
    if (typeof result !== 'object' || result instanceof Uint8Array) return 1;
    return Array.isArray(result) || isStruct(result) ? Object.keys(result).length : 1;
  },

  filterResults: async (args, call) => (await countAndFilter(call, args))[1],

  countAndFilterResults: (args, call) => countAndFilter(call, args),
};

/** Methods whose answer looks like a list on the wire, but not to Koji. */
const tuples: ReadonlySet<string> = new Set(['checkTagAccess', 'countAndFilterResults', 'echo']);

const isResults = (name: unknown): boolean => typeof name === 'string' && Object.hasOwn(results, name);

const isStruct = (value: object): boolean => Object.getPrototypeOf(value) === Object.prototype;

async function countAndFilter(
  call: Call,
  args: { methodName: unknown; rest: unknown[]; keywords: Record<string, unknown> },
): Promise<readonly [number, unknown[] | null]> {
  const { filterOpts, ...keywords } = args.keywords;
  const name = served(call, args.methodName);
  const reader = partReader(call, name);
  const part = reader && partOf(filterOpts);
  let result: unknown;
  try {
    const given = { args: args.rest, keywords };
    const read = part && (await runPart(call, name, given, (own, inner) => reader.read(own, part, inner)));
    if (read) return [read.total, read.rows];
    result = await resultOf(call, name, args.rest, keywords);
  } catch (error) {
    if (!(error instanceof GenericError)) throw error;
    throw new GenericError(`method ${name} raised an exception (${error.message})`, { cause: error });
  }
  if (result === null) return [0, null];
  if (!Array.isArray(result) || tuples.has(name)) throw new GenericError(`${name}() did not return a list`);
  return [result.length, await filtered(result, filterOpts ?? {})];
}

/** Methods whose lists are large, and of which the database finds parts. */
const partReaders: Readonly<Record<string, PartReader>> = { listTagged: taggedParts };

/** Returns the reader of a method's parts; null for one without, or one that a plugin answers. */
function partReader(call: Call, name: unknown): PartReader | null {
  if (typeof name !== 'string' || !Object.hasOwn(partReaders, name)) return null;
  const served = call.hub.methods.get(name);
  return served && served.plugin === undefined ? (partReaders[name] ?? null) : null;
}

/** Binds and checks arguments as a call of the method does, and reads a part of its answer. */
function runPart<T>(
  call: Call,
  name: unknown,
  given: GivenArgs,
  read: (args: Record<string, unknown>, call: Call) => Promise<T>,
): Promise<T> {
  const { declared } = call.hub.methods.get(String(name)) as ServedMethod;
  const handler = async (own: Record<string, unknown>, inner: Call): Promise<T> => read(own, inner);
  return call.read((inner) => runMethod({ declared, handler }, given, inner, String(name)) as Promise<T>, {
    long: true,
  });
}

/** Returns the part selected by options; null for a whole list, and for options that can only be checked later. */
function partOf(options: unknown): Part | null {
  if (!isDict(options)) return null;
  const { order, offset = null, limit, noneGreatest = true } = options;
  if (!isId(limit) || limit < 1 || !(offset === null || (isId(offset) && offset >= 0))) return null;
  if (!isPossible(limit + (offset ?? 0))) return null;
  if (truthy(order) && typeof order !== 'string') return null;
  return { limit, offset: offset ?? 0, terms: termsOf(order, noneGreatest) };
}

function termsOf(order: unknown, noneGreatest: unknown): SortTerm[] {
  if (typeof order !== 'string' || order === '') return [];
  const descending = order.startsWith('-');
  return [{ name: descending ? order.slice(1) : order, descending, nullsFirst: !truthy(noneGreatest) }];
}

async function filtered(rows: unknown[], options: unknown): Promise<unknown[]> {
  checkStruct(options);
  const { order, offset = null, limit = null, noneGreatest = true } = options;
  let found = rows;
  if (truthy(order)) {
    if (typeof order !== 'string')
      throw new ParameterError(`filterOpts: order must be text, not ${repr(order)}`);
    found = await sortRows(rows, termsOf(order, noneGreatest));
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
