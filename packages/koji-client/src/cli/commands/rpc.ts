import type { ListedMethod } from '@koji/core/api';
import { command } from '../command.js';
import { LiteralError, jsonLiteral, pythonLiteral, valueOfArgument } from '../literals.js';
import { flag, text } from '../options.js';
import { pprint, pythonJson, pythonRepr, pythonStr } from '@koji/core/text';
import { byText } from '@koji/core';

const namedArgument = /^([\p{L}_][\p{L}\p{N}_]*)=([^\n]*)$/u;

const call = command({
  name: 'call',
  category: 'misc',
  arguments: ['method', 'text...'],
  examples: ['call getTag f44', 'call listTagged f44 latest=True'],
  summary: 'Execute an arbitrary XML-RPC call',
  usage:
    'call [options] <name> [<arg> ...]\n\n' +
    '<arg> values of the form NAME=VALUE are treated as keyword arguments\n' +
    'Note, that you can use global option --noauth for anonymous calls here',
  long: true,
  options: {
    python: flag(['-p', '--python'], 'Use python syntax for RPC parameter values'),
    kwargs: text('--kwargs', 'Specify keyword arguments as a dictionary (implies --python or --json-input)'),
    json: flag(['-j', '--json'], 'Use JSON syntax for input and output'),
    json_input: flag('--json-input', 'Use JSON syntax for input'),
    json_output: flag('--json-output', 'Use JSON syntax for output'),
    bare_strings: flag(['-b', '--bare-strings'], 'Treat invalid json/python as bare strings'),
  },
  async run({ args, options, session, print, login, usageError }) {
    const [method, ...given] = args;
    if (method === undefined) return usageError('Please specify the name of the XML-RPC method');
    const jsonInput = options.json === true || options.json_input === true;
    if (options.python && jsonInput)
      return usageError('The --python option conflicts with using --json-input');
    const read = readerOf({
      json: jsonInput,
      python: options.python === true || (options.kwargs !== undefined && !jsonInput),
      bare: options.bare_strings === true,
      refuse: (arg) => usageError(`Invalid value: ${pythonRepr(arg)}`),
    });
    const named = options.kwargs ? { ...(read(options.kwargs) as Record<string, unknown>) } : {};
    const positional: unknown[] = [];
    for (const arg of given) {
      const match = namedArgument.exec(arg);
      if (match) named[match[1] ?? ''] = read(match[2] ?? '');
      else positional.push(read(arg));
    }
    await login();
    const answer = await session.call(method, positional, named);
    print(options.json || options.json_output ? pythonJson(answer) : pprint(answer));
  },
});

function readerOf(how: { json: boolean; python: boolean; bare: boolean; refuse: (arg: string) => never }) {
  return (arg: string): unknown => {
    if (!how.python && !how.json) return valueOfArgument(arg);
    try {
      return how.python ? pythonLiteral(arg) : jsonLiteral(arg);
    } catch (error) {
      if (how.bare) return arg;
      // Koji exits with 1 if the text can't be parsed at all.
      if (error instanceof LiteralError && error.kind === 'syntax') throw error;
      return how.refuse(arg);
    }
  };
}

const listApi = command({
  name: 'list-api',
  category: 'info',
  arguments: ['method...'],
  examples: ['list-api getTag'],
  summary: 'Print the list of XML-RPC APIs',
  usage: 'list-api [options] [method_name ...]',
  anonymous: true,
  data: {
    of: '_listapi',
    adds: { help: 'with names of methods, the only field beside name: what system.methodHelp answers' },
  },
  options: {},
  async run({ args, session, print, data, connect, usageError }) {
    await connect();
    for (const method of args) {
      const help = (await session.system.methodHelp(method)) || usageError(`Unknown method: ${method}`);
      data({ name: method, help });
      print(help);
    }
    if (args.length > 0) return;
    const methods = [...(await session._listapi())].sort(byText(({ name }) => name));
    data(methods);
    for (const method of methods) {
      print(`${method.name}${argumentsOf(method)}`);
      if (method.doc) print(`  description: ${method.doc}`);
    }
  },
});

// Old hubs return no text of the arguments.
function argumentsOf({ argdesc, args }: Partial<ListedMethod>): string {
  if (argdesc !== undefined) return argdesc;
  const shown = (args ?? []).map((arg) => (typeof arg === 'string' ? arg : `${arg[0]}=${pythonStr(arg[1])}`));
  return `(${shown.join(', ')})`;
}

export const rpc = [call, listApi];
