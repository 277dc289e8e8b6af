/** Arguments that schemas check: their description for callers, and the check itself. */
import type { StandardJSONSchemaV1, StandardSchemaV1 } from '@standard-schema/spec';
import { GenericError, ParameterError, messageOf } from '@koji/core';
import { any } from '@koji/core/api';
import type { Arg } from '@koji/core/api';
import { Double } from '@koji/core/wire';
import type { ArgSchemas } from '../schemas.js';
import { SignatureError } from './signature-error.js';

/** A call whose arguments are checked. */
export interface CheckedCall {
  /** The method's name. */
  readonly name: string;
  readonly plugin: string;
  /** The argument whose schema is at work; null before and after. */
  checking: string | null;
}

/**
 * Gives the values that schemas make of arguments, by name.
 *
 * @throws ParameterError (1019) for values that don't fit; GenericError for a schema that fails
 */
export type ArgCheck = (
  call: CheckedCall,
  bound: Readonly<Record<string, unknown>>,
) => Promise<Record<string, unknown>>;

/** Whether arguments are declared by schemas, not only by names. */
export function isSchemas(args: readonly unknown[]): args is ArgSchemas {
  return args.length > 0 && args.every((one) => Array.isArray(one));
}

/** @throws SignatureError for anything but a Standard Schema, and for a schema that throws */
export function schemaArgs(schemas: ArgSchemas): { readonly args: Arg[]; readonly check: ArgCheck } {
  const args = schemas.map(describe);
  const optional = new Set(args.filter((one) => one.optional).map((one) => one.name));
  return {
    args,
    async check(call, bound) {
      const values: Record<string, unknown> = {};
      for (const [name, schema] of schemas) {
        call.checking = name;
        values[name] = await checkOne(call, schema, {
          name,
          given: plainNumbers(bound[name]),
          optional: optional.has(name),
        });
      }
      call.checking = null;
      return values;
    },
  };
}

interface Given {
  readonly name: string;
  readonly given: unknown;
  readonly optional: boolean;
}

async function checkOne(
  call: CheckedCall,
  schema: StandardSchemaV1,
  { name, given, optional }: Given,
): Promise<unknown> {
  const result = await validate(call, schema, name, given);
  if (!result.issues) return result.value;
  if (given === undefined)
    throw new ParameterError(`${call.name}() missing 1 required positional argument: '${name}'`);
  // Callers send None for what they leave out.
  const without = given === null && optional ? await validate(call, schema, name, undefined) : null;
  if (without && !without.issues) return without.value;
  throw new ParameterError(`${call.name}(): ${issuesText(name, result.issues)}`);
}

async function validate(
  { name: method, plugin }: CheckedCall,
  schema: StandardSchemaV1,
  name: string,
  value: unknown,
): Promise<StandardSchemaV1.Result<unknown>> {
  const failed = (why: string, cause?: unknown): GenericError =>
    new GenericError(`${method}() of plugin ${plugin}: the schema of argument '${name}' ${why}`, { cause });
  let result: unknown;
  try {
    result = await schema['~standard'].validate(value);
  } catch (cause) {
    throw failed(`threw ${messageOf(cause)}`, cause);
  }
  if (isResult(result)) return result;
  throw failed('answered neither a value nor issues');
}

function isResult(result: unknown): result is StandardSchemaV1.Result<unknown> {
  if (typeof result !== 'object' || result === null) return false;
  return 'issues' in result && result.issues !== undefined ? Array.isArray(result.issues) : 'value' in result;
}

const mostIssues = 3;
const longestIssue = 300;

function issuesText(name: string, issues: readonly StandardSchemaV1.Issue[]): string {
  const texts = issues.slice(0, mostIssues).map(({ message, path = [] }) => {
    // A path may be of a class of its own, as ArkType's is, whose map answers another one.
    const keys = Array.from(path, (key) => String(typeof key === 'object' ? key.key : key));
    return `${[name, ...keys].join('.')}: ${message.slice(0, longestIssue)}`;
  });
  const more = issues.length - texts.length;
  return [...texts, ...(more > 0 ? [`and ${more} more`] : [])].join('; ');
}

/** Numbers that came as `<double>2.0</double>` are numbers to a schema. */
function plainNumbers(value: unknown): unknown {
  if (value instanceof Double) return value.value;
  if (Array.isArray(value)) return value.map(plainNumbers);
  if (typeof value !== 'object' || value === null || Object.getPrototypeOf(value) !== Object.prototype)
    return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, plainNumbers(inner)]));
}

function describe([name, schema]: readonly unknown[]): Arg {
  if (typeof name !== 'string' || !/^[\p{ID_Start}$_][\p{ID_Continue}$]*$/u.test(name))
    throw new SignatureError(`'${String(name)}' can't be the name of an argument`);
  if (!isSchema(schema))
    throw new SignatureError(
      `its argument '${name}' has no schema: write ['${name}', schema] with one of Zod, Valibot, ArkType or another Standard Schema`,
    );
  const json = jsonSchemaOf(schema);
  const type = json ? typeText(json) : `checked by ${schema['~standard'].vendor}`;
  const description = typeof json?.['description'] === 'string' ? `, ${json['description']}` : '';
  return {
    name,
    type: { ...any(type) },
    about: `${type}${description}`,
    ...(json ? { schema: json } : {}),
    ...withoutValue(name, schema),
  };
}

function isSchema(value: unknown): value is StandardSchemaV1 {
  // ArkType's are functions.
  if ((typeof value !== 'object' && typeof value !== 'function') || value === null) return false;
  const standard = (value as Partial<StandardSchemaV1>)['~standard'];
  return standard?.version === 1 && typeof standard.validate === 'function';
}

/** The value that a schema gives to an omitted argument; an asynchronous schema is called for each call. */
function withoutValue(name: string, schema: StandardSchemaV1): Pick<Arg, 'optional' | 'shownDefault'> {
  let result: unknown;
  try {
    result = schema['~standard'].validate(undefined);
  } catch (cause) {
    throw new SignatureError(`the schema of its argument '${name}' throws: ${messageOf(cause)}`, { cause });
  }
  if (result instanceof Promise) {
    result.catch(() => undefined);
    return { optional: true };
  }
  if (!isResult(result))
    throw new SignatureError(`the schema of its argument '${name}' answers neither a value nor issues`);
  if (result.issues) return { optional: false };
  const { value } = result;
  const isShown = ['string', 'number', 'boolean'].includes(typeof value);
  return { optional: true, ...(isShown ? { shownDefault: value } : {}) };
}

type Json = Readonly<Record<string, unknown>>;

/** A schema as JSON Schema, where its library makes one. */
function jsonSchemaOf(schema: StandardSchemaV1): Json | null {
  const { jsonSchema } = schema['~standard'] as Partial<StandardJSONSchemaV1.Props>;
  try {
    const made = Object.entries(jsonSchema?.input({ target: 'draft-2020-12' }) ?? {});
    const json = Object.fromEntries(made.filter(([key]) => key !== '$schema'));
    return made.length > 0 ? json : null;
  } catch {
    // It has no words for all that the library can check.
    return null;
  }
}

const names: Readonly<Record<string, string>> = {
  string: 'str',
  integer: 'int',
  number: 'float',
  boolean: 'bool',
  object: 'dict',
  null: 'null',
};

/** A JSON Schema in the words of the reference: `str`, `list(int)`, `"a" | "b"`. */
function typeText(json: unknown): string {
  const { const: only, enum: few, anyOf, oneOf, type, items } = (json ?? {}) as Json;
  if (only !== undefined) return JSON.stringify(only);
  const choices = [few, anyOf, oneOf].find((list) => Array.isArray(list));
  if (choices)
    return choices.map((one) => (choices === few ? JSON.stringify(one) : typeText(one))).join(' | ');
  if (Array.isArray(type)) return type.map((one) => names[String(one)] ?? 'any').join(' | ');
  if (type === 'array') return items === undefined ? 'list' : `list(${typeText(items)})`;
  return names[String(type)] ?? 'any';
}
