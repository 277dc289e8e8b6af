import { LiteralError, jsonLiteral, valueOfArgument } from './literals.js';
import { pythonRepr } from '@koji/core/text';

const namedArgument = /^([\p{L}_][\p{L}\p{N}_]*)=([^]*)$/u;

/** The parameters of a task, by position and by name. */
export interface TaskArguments {
  readonly positional: readonly unknown[];
  readonly named: Readonly<Record<string, unknown>>;
}

/**
 * Parses the parameters of `make-task`: positional values, then `NAME=VALUE` ones. A value without a name after a `NAME=VALUE`
 * is an error, because it would be ambiguous. With `json` every value is JSON, and text with a `=` is written `'"a=b"'`.
 */
export async function argumentsOfTask(
  given: readonly string[],
  json: boolean,
  usageError: (message: string) => never,
): Promise<TaskArguments> {
  if (json && given.length === 1 && given[0] === '-') return fromInput(await readInput(), usageError);
  const read = json ? (arg: string) => readJson(arg, usageError) : valueOfArgument;
  const first = given.findIndex((arg) => namedArgument.test(arg));
  const positional = (first === -1 ? given : given.slice(0, first)).map(read);
  const named: Record<string, unknown> = {};
  for (const arg of first === -1 ? [] : given.slice(first)) {
    const match = namedArgument.exec(arg);
    if (!match) usageError(`${pythonRepr(arg)} follows a NAME=VALUE argument: give named arguments last`);
    const [, name = '', value = ''] = match;
    if (Object.hasOwn(named, name)) usageError(`argument ${name} is given twice`);
    named[name] = read(value);
  }
  return { positional, named };
}

function readJson(text: string, usageError: (message: string) => never): unknown {
  try {
    return jsonLiteral(text);
  } catch (error) {
    if (!(error instanceof SyntaxError || error instanceof LiteralError)) throw error;
    return usageError(`Invalid value: ${pythonRepr(text)}`);
  }
}

function fromInput(text: string, usageError: (message: string) => never): TaskArguments {
  const value = readJson(text, usageError);
  if (Array.isArray(value)) return { positional: value, named: {} };
  if (typeof value !== 'object' || value === null)
    return usageError('standard input must hold a JSON list of arguments, or an object of named ones');
  return { positional: [], named: value as Record<string, unknown> };
}

async function readInput(): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of process.stdin) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString('utf8');
}
