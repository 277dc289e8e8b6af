import { ParameterError } from '../faults.js';
import type { Method } from './method.js';

/** The arguments of a call by name, with extra ones as `rest` and `keywords`. */
export type BoundArgs = Record<string, unknown> & { rest: unknown[]; keywords: Record<string, unknown> };

/**
 * Binds the arguments of a call to a declaration, as Python does: by position, then by name, then defaults.
 *
 * @throws ParameterError (1019) naming the method and the argument that does not fit
 */
export function bindArgs(
  name: string,
  declared: Method,
  args: readonly unknown[],
  keywords: Readonly<Record<string, unknown>>,
): BoundArgs {
  return readArgs(name, declared, placeArgs(name, declared, args, keywords));
}

/**
 * The first half of {@link bindArgs}: puts every argument in its place without checking types.
 *
 * @throws ParameterError (1019) for too many, missing or unknown arguments
 */
export function placeArgs(
  name: string,
  declared: Method,
  args: readonly unknown[],
  keywords: Readonly<Record<string, unknown>>,
): BoundArgs {
  const { args: wanted } = declared;
  if (args.length > wanted.length && !declared.rest) throw tooMany(name, declared, args.length);
  const values: Record<string, unknown> = {};
  wanted.slice(0, args.length).forEach((argument, i) => (values[argument.name] = args[i]));
  const others: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(keywords)) {
    if (Object.hasOwn(values, key))
      throw new ParameterError(`${name}() got multiple values for argument '${key}'`);
    if (wanted.some((argument) => argument.name === key)) values[key] = value;
    else if (declared.keywords) others[key] = value;
    else throw new ParameterError(`${name}() got an unexpected keyword argument '${key}'`);
  }
  const missing = wanted.filter((argument) => !argument.optional && !Object.hasOwn(values, argument.name));
  if (missing.length > 0)
    throw missingArgs(
      name,
      missing.map((argument) => argument.name),
    );
  return Object.assign(values, { rest: args.slice(wanted.length), keywords: others });
}

/**
 * The second half of {@link bindArgs}: checks the types and fills in the defaults.
 *
 * @throws ParameterError (1019) for a value of another type
 */
export function readArgs(name: string, declared: Method, placed: BoundArgs): BoundArgs {
  for (const { name: key, type, ...rest } of declared.args) {
    if (!Object.hasOwn(placed, key)) placed[key] = rest.default;
    else if (!type.is(placed[key])) throw new ParameterError(`${name}(): ${key} must be ${type.name}`);
    else if (type.read) placed[key] = type.read(placed[key]);
  }
  return placed;
}

function tooMany(name: string, declared: Method, given: number): ParameterError {
  const most = declared.args.length;
  const least = declared.args.filter((argument) => !argument.optional).length;
  const takes = least === most ? String(most) : `from ${least} to ${most}`;
  return new ParameterError(
    `${name}() takes ${takes} positional argument${most === 1 ? '' : 's'} but ${given} ${given === 1 ? 'was' : 'were'} given`,
  );
}

function missingArgs(name: string, names: string[]): ParameterError {
  const quoted = names.map((n) => `'${n}'`);
  const last = quoted.pop() ?? '';
  const listed =
    quoted.length > 1
      ? `${quoted.join(', ')}, and ${last}`
      : quoted.length === 1
        ? `${quoted[0]} and ${last}`
        : last;
  const s = names.length === 1 ? '' : 's';
  return new ParameterError(`${name}() missing ${names.length} required positional argument${s}: ${listed}`);
}
