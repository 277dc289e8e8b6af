import { GenericError, KOJI_VERSION, UnknownFault } from '@koji/core';
import { argumentText, defaultOf, docText, shownArguments } from '@koji/core/api';
import type { Arg, ListedMethod, Method, systemMethods } from '@koji/core/api';
import type { HubOptions } from '@koji/core/config';
import { encodeResponse } from '@koji/core/wire';
import type { Handlers } from '../call.js';

/** Options whose values are nobody's business, admins included. */
const secrets: ReadonlySet<string> = new Set(['DBPass', 'DBConnectionString', 'Database']);

/** Greetings, versions, options and introspection; multicalls are the dispatcher's own. */
export const system: Handlers<Omit<typeof systemMethods, 'multiCall' | 'system.multicall'>> = {
  hello: () => 'Hello World',
  echo: ({ rest }) => rest,
  getAPIVersion: () => 1,
  getKojiVersion: () => KOJI_VERSION,
  'system.listMethods': (_, call) => [...call.hub.methods.keys()],
  'system.methodSignature': () => 'signatures not supported',

  error() {
    throw new GenericError('test error');
  },

  fault() {
    throw new UnknownFault(1, 'Error: test exception');
  },

  showOpts({ as_string: asString }, call) {
    const options = shownOptions(call.hub.options);
    return asString ? JSON.stringify(options) : options;
  },

  _listapi: (_, call) => [...call.hub.methods].map(([name, { declared }]) => listed(name, declared)),

  'system.methodHelp'({ method }, call) {
    const served = typeof method === 'string' ? call.hub.methods.get(method) : undefined;
    if (!served) return '';
    const doc = docText(served.declared);
    return `${String(method)}${argumentText(served.declared)}${doc === '' ? '' : `\ndescription: ${doc}`}`;
  },
};

function shownOptions(options: HubOptions): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(options).map(([name, value]) => [name, secrets.has(name) && value ? '***' : value]),
  );
}

function listed(name: string, declared: Method): ListedMethod {
  const doc = docText(declared);
  const { args, rest, keywords, keywordsName = 'kwargs' } = shownArguments(declared);
  const defaults = args.filter(({ optional }) => optional).map(sendable);
  return {
    name,
    doc: doc || null,
    argspec: [
      args.map((argument) => argument.name),
      rest ? 'args' : null,
      keywords ? keywordsName : null,
      defaults.length > 0 ? defaults : null,
      [],
      null,
      {},
    ],
    argdesc: argumentText(declared),
    args: [
      ...args.map((argument): string | [string, unknown] =>
        argument.optional ? [argument.name, sendable(argument)] : argument.name,
      ),
      ...(rest ? ['args'] : []),
      ...(keywords ? [keywordsName] : []),
    ],
  };
}

// A plugin may declare any default, also one that can't travel.
function sendable(argument: Arg): unknown {
  const value = defaultOf(argument);
  try {
    encodeResponse(value);
    return value;
  } catch {
    return null;
  }
}
