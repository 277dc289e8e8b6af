import { any, bindArgs, shape } from '@koji/core/api';
import type { Arg, Method } from '@koji/core/api';
import type { AnyFunction, ExportMark } from '../marks.js';
import type { ArgSchemas } from '../schemas.js';
import type { TaskHandlerClass } from '../task.js';
import { parametersOf } from './parameters.js';
import type { NamedParameter, Parameter } from './parameters.js';
import { isSchemas, schemaArgs } from './schema-args.js';
import type { ArgCheck, CheckedCall } from './schema-args.js';
import { SignatureError } from './signature-error.js';

/** A JavaScript function with what the wire needs to call it: its declaration, and how arguments become parameters. */
export interface Signature {
  readonly declaration: Method;
  /** The JavaScript arguments for what `bindArgs` answered. */
  readonly spread: (bound: Readonly<Record<string, unknown>>) => unknown[];
  /** Makes schemas check and convert the values first; absent without schemas. */
  readonly check?: ArgCheck;
}

const literals: Record<string, unknown> = { null: null, true: true, false: false };

// A default that is more than a literal stays undefined here: JavaScript fills it in at the call.
function literal(source: string): unknown {
  if (Object.hasOwn(literals, source)) return literals[source];
  if (/^-?\d+$/.test(source) && Number.isSafeInteger(Number(source))) return Number(source);
  const quoted = /^(["'])([^\\"']*)\1$/.exec(source);
  return quoted ? quoted[2] : undefined;
}

function argument({ name, fallback }: NamedParameter): Arg {
  if (fallback === null) return { name, type: any(), optional: false };
  return { name, type: any(), optional: true, default: literal(fallback) };
}

/** One step from bound arguments to JavaScript ones. */
type Step = (bound: Readonly<Record<string, unknown>>) => unknown[];

/**
 * Makes a function callable from the wire: by position and by name, with the texts of Python for what does not fit. A
 * destructured parameter's names are arguments of their own, so `f(a, { b = null })` takes `a` and `b`.
 *
 * @throws SignatureError if the names of the arguments can't be determined from the function's source
 */
export function signatureOf(
  fn: AnyFunction,
  mark: ExportMark = {},
  mayBeLeftOut: (parameters: readonly Parameter[]) => ReadonlySet<string> = () => new Set(),
): Signature {
  if (mark.args && isSchemas(mark.args)) return schemaSignature(mark, mark.args);
  const parameters = mark.args ? mark.args.map(declared) : ownParameters(fn, mayBeLeftOut);
  if (parameters === null)
    throw new SignatureError(
      "its arguments can't be read from its source (a class, or a bound or native function)",
    );
  const args: Arg[] = [];
  const steps: Step[] = [];
  let rest = false;
  let keywords = false;
  for (const parameter of parameters) {
    if (parameter.kind === 'unnamed')
      throw new SignatureError(`a caller can't name its parameter ${parameter.source}`);
    if (parameter.kind === 'name') {
      args.push(argument(parameter));
      steps.push((bound) => [bound[parameter.name]]);
    } else if (parameter.kind === 'rest') {
      rest = true;
      steps.push((bound) => bound['rest'] as unknown[]);
    } else {
      // `= {}` after the pattern means that none of its names is required.
      const names = parameter.names.map(({ name, fallback }) => ({
        name,
        fallback: fallback ?? (parameter.fallback === null ? null : 'void 0'),
      }));
      args.push(...names.map(argument));
      keywords ||= parameter.others;
      steps.push((bound) => [fields(bound, names, parameter.others)]);
    }
  }
  checkNames(args);
  const declaration: Method = {
    ...made(mark, args).declaration,
    ...(rest ? { rest } : {}),
    ...(keywords ? { keywords } : {}),
  };
  return { declaration, spread: (bound) => steps.flatMap((step) => step(bound)) };
}

/** The parameters that a function's source has; those that TypeScript calls optional have undefined for a default. */
function ownParameters(
  fn: AnyFunction,
  mayBeLeftOut: (parameters: readonly Parameter[]) => ReadonlySet<string>,
): Parameter[] | null {
  const parameters = parametersOf(fn);
  if (!parameters?.some((one) => one.kind === 'name' && one.fallback === null)) return parameters;
  const optional = mayBeLeftOut(parameters);
  return parameters.map((one) =>
    one.kind === 'name' && optional.has(one.name) ? { ...one, fallback: one.fallback ?? 'void 0' } : one,
  );
}

/** The signature of a class that handles tasks: that of its handler, or what its `Args` say. */
export function handlerSignature(
  Handler: TaskHandlerClass,
  mayBeLeftOut?: (parameters: readonly Parameter[]) => ReadonlySet<string>,
): Signature {
  const { handler } = Handler.prototype as { readonly handler: AnyFunction };
  return signatureOf(handler, Handler.Args ? { args: Handler.Args } : {}, mayBeLeftOut);
}

function schemaSignature(mark: ExportMark, schemas: ArgSchemas): Signature {
  const { args, check } = schemaArgs(schemas);
  checkNames(args);
  return { ...made(mark, args), spread: (bound) => args.map(({ name }) => bound[name]), check };
}

function made(
  { doc = '', needs = 'none', access = 'write' }: ExportMark,
  args: readonly Arg[],
): Pick<Signature, 'declaration'> {
  return { declaration: { doc, needs, access, args, result: shape('any') } };
}

function fields(
  bound: Readonly<Record<string, unknown>>,
  names: readonly NamedParameter[],
  others: boolean,
): Record<string, unknown> {
  const own = names.map(({ name }): [string, unknown] => [name, bound[name]]);
  return { ...(others ? (bound['keywords'] as object) : {}), ...Object.fromEntries(own) };
}

/** An argument as `exported({ args })` declares it: `name`, `name?`, `*rest`, `**named`. */
function declared(text: string): Parameter {
  const parts = /^(\*{0,2})([\p{ID_Start}$_][\p{ID_Continue}$]*)(\??)$/u.exec(text);
  const [, stars = '', name = '', optional = ''] = parts ?? [];
  if (!parts || (stars !== '' && optional !== ''))
    throw new SignatureError(
      `its declared argument '${text}' is none: write 'name', 'name?', '*rest' or '**named'`,
    );
  if (stars === '*') return { kind: 'rest', name };
  if (stars === '**') return { kind: 'object', fallback: null, names: [], others: true };
  return { kind: 'name', name, fallback: optional === '?' ? 'void 0' : null };
}

function checkNames(args: readonly Arg[]): void {
  const seen = new Set(['rest', 'keywords']);
  for (const { name } of args) {
    if (seen.has(name)) throw new SignatureError(`its argument '${name}' needs another name`);
    seen.add(name);
  }
}

/** Turns arguments that `bindArgs` has fitted into a function's own. */
export async function functionArgs(
  { spread, check }: Signature,
  call: CheckedCall,
  bound: Readonly<Record<string, unknown>>,
): Promise<unknown[]> {
  return spread(check ? await check(call, bound) : bound);
}

/** Fits arguments as they came off the wire to a function's own. */
export async function fit(
  call: Pick<CheckedCall, 'name' | 'plugin'>,
  signature: Signature,
  args: readonly unknown[],
  keywords: Readonly<Record<string, unknown>>,
): Promise<unknown[]> {
  const bound = bindArgs(call.name, signature.declaration, args, keywords);
  return functionArgs(signature, { ...call, checking: null }, bound);
}
