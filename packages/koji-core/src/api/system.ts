import { any, arg, flag, int, list, method, shape, str } from './method.js';
import type { Methods } from './method.js';

/** A method as described by `_listapi`. */
export interface ListedMethod {
  readonly name: string;
  readonly doc: string | null;
  /** Python's argspec: names, name of `*args`, name of `**kwargs`, defaults, and three empty values. */
  readonly argspec: readonly unknown[];
  /** The argument list as text. */
  readonly argdesc: string;
  /** Names, or pairs of name and default. */
  readonly args: readonly (string | readonly [string, unknown])[];
}

/** One call of a multicall; named arguments are encoded in `params`. */
export interface MultiCallEntry {
  readonly methodName: string;
  readonly params: readonly unknown[];
}

/** Outcome of one call of a multicall: a list with its result, or the fault. */
export type MultiCallResult =
  | readonly [unknown]
  | { readonly faultCode: number; readonly faultString: string; readonly traceback?: readonly string[] };

const multiCall = method({
  doc: 'Run a list of calls in one transaction, each in a savepoint of its own.',
  needs: 'none',
  access: 'write',
  args: [arg('calls', any<readonly MultiCallEntry[]>('list(struct(methodName, params))'))],
  result: shape<MultiCallResult[]>('list(list(result) | struct(faultCode, faultString, traceback))'),
});

/** Greetings, versions, options and the list of methods. */
export const systemMethods = {
  hello: method({
    doc: 'Simple testing call returning a string',
    needs: 'none',
    access: 'free',
    args: [],
    rest: true,
    result: shape<string>('str'),
    returns: "always 'Hello World'",
  }),
  echo: method({
    doc: 'Return the arguments given.',
    needs: 'none',
    access: 'free',
    args: [],
    rest: true,
    result: shape<unknown[]>('list'),
  }),
  error: method({
    doc: 'Fail with a GenericError, for tests of clients.',
    needs: 'none',
    access: 'free',
    args: [],
    result: shape<never>('nothing'),
    faults: ['GenericError'],
  }),
  fault: method({
    doc: 'Fail with an error that is not one of the faults of Koji (fault code 1), for tests of clients.',
    needs: 'none',
    access: 'free',
    args: [],
    result: shape<never>('nothing'),
  }),
  getAPIVersion: method({
    doc: 'Version of the API.',
    needs: 'none',
    access: 'free',
    args: [],
    result: int,
    returns: 'always 1',
  }),
  getKojiVersion: method({
    doc: 'Version of Koji whose API this hub speaks.',
    needs: 'none',
    access: 'free',
    args: [],
    result: str,
  }),
  showOpts: method({
    doc: "The hub's options; secrets are left out.",
    needs: 'perm:admin',
    access: 'free',
    args: [arg('as_string', flag, true)],
    result: shape<string | Record<string, unknown>>('str | struct'),
    faults: ['ActionNotAllowed'],
  }),
  _listapi: method({
    doc: 'Every method with its arguments.',
    needs: 'none',
    access: 'free',
    args: [],
    result: shape<ListedMethod[]>('list(struct(name, doc, argspec, argdesc, args))'),
  }),
  'system.listMethods': method({
    doc: 'Names of all methods.',
    needs: 'none',
    access: 'free',
    args: [],
    result: list(str),
  }),
  'system.methodSignature': method({
    doc: 'Says that signatures are not supported.',
    needs: 'none',
    access: 'free',
    args: [arg('method', any())],
    result: str,
  }),
  'system.methodHelp': method({
    doc: 'Arguments and description of a method.',
    needs: 'none',
    access: 'free',
    args: [arg('method', any())],
    result: str,
    returns: 'an empty text for a method that does not exist',
  }),
  multiCall,
  'system.multicall': multiCall,
} satisfies Methods;
