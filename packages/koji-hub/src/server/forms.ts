/** Formats of answers: XML-RPC like Koji's, and JSON-RPC 2.0. */
import { faultFromWire } from '@koji/core';
import {
  encodeFault,
  encodeJson,
  encodeJsonStream,
  encodeResponseStream,
  encodeValueStream,
  responseFrame,
} from '@koji/core/wire';
import type { Chunk } from '@koji/core/wire';
import { partFault } from './faults.js';
import type { BorderFault } from './faults.js';
import { NoSuchMethod } from './no-such-method.js';

/** Text before and after something. */
export type Frame = readonly [start: string, end: string];

/** How the answers to the calls of a multicall are written. */
export interface PartsForm {
  readonly frame: Frame;
  readonly separator: string;
  /** The value of a result. */
  value(value: unknown): AsyncIterable<Chunk>;
  /** Text around the result of a call. */
  result(entry: unknown): Frame;
  /** Replaces the result of a call that failed. */
  fault(entry: unknown, error: unknown): AsyncIterable<Chunk>;
  /** Whether nobody is told what became of a call. */
  isSilent(entry: unknown): boolean;
  /** How a multicall within this one is answered. */
  readonly inner: PartsForm;
}

/** How a request is answered. */
export interface Form {
  readonly contentType: string;
  /** A whole answer with the result of a method. */
  answer(value: unknown): AsyncIterable<Chunk>;
  /** Text around the answers to the calls of a multicall. */
  readonly frame: Frame;
  readonly parts: PartsForm;
  /** A whole answer with a fault. */
  fault(fault: BorderFault, error: unknown): string;
}

const never = (): boolean => false;

const xmlList: Frame = ['<value><array><data>\n', '</data></array></value>\n'];

const xmlParts: PartsForm = {
  frame: xmlList,
  separator: '',
  value: encodeValueStream,
  result: () => xmlList,
  fault: (_, error) => encodeValueStream(partFault(error)),
  isSilent: never,
  get inner() {
    return xmlParts;
  },
};

/** XML-RPC. */
export const xmlForm: Form = {
  contentType: 'text/xml',
  answer: encodeResponseStream,
  frame: responseFrame,
  parts: xmlParts,
  fault: ({ faultCode, faultString }) => encodeFault(faultCode, faultString),
};

/** A call of a batch as JSON-RPC has it, with the names that multicalls have. */
export interface JsonCall {
  readonly methodName: unknown;
  readonly params: readonly unknown[];
  /** The id of the answer as JSON; undefined for a notification, which is not answered. */
  readonly id: string | undefined;
  /** Problem of the call as such. */
  readonly problem: string | null;
}

/** An error that JSON-RPC has a code of its own for; the codes of faults are Koji's. */
export class JsonRpcError extends Error {
  override name = 'JsonRpcError';

  constructor(
    readonly code: number,
    message: string,
  ) {
    super(message);
  }
}

/** Codes of JSON-RPC. */
export const jsonCodes = { parse: -32_700, request: -32_600, method: -32_601 } as const;

const jsonParts: PartsForm = {
  frame: ['[', ']'],
  separator: ',',
  value: encodeJsonStream,
  result: () => ['[', ']'],
  fault: (_, error) => encodeJsonStream(partFault(error)),
  isSilent: never,
  get inner() {
    return jsonParts;
  },
};

const resultFrame = (id: string): Frame => [`{"jsonrpc":"2.0","id":${id},"result":`, '}'];

/** The calls of a batch. */
const batchParts: PartsForm = {
  ...jsonParts,
  frame: ['[', ']\n'],
  result: (entry) => resultFrame((entry as JsonCall).id ?? 'null'),
  async *fault(entry, error) {
    const { id = 'null', problem } = entry as JsonCall;
    const shown = problem === null ? error : new JsonRpcError(jsonCodes.request, problem);
    yield jsonErrorText(id, partFault(shown), shown);
  },
  isSilent: (entry) => (entry as JsonCall).id === undefined,
  inner: jsonParts,
};

/** JSON-RPC; an answer to a single call has its id. */
export function jsonForm(id = 'null'): Form {
  const [start, end] = resultFrame(id);
  return {
    contentType: 'application/json',
    answer: (value) => encodeJsonStream(value, start, `${end}\n`),
    frame: [start, `${end}\n`],
    parts: jsonParts,
    fault: (fault, error) => `${jsonErrorText(id, fault, error)}\n`,
  };
}

/** JSON-RPC for a batch. */
export const jsonBatchForm: Form = { ...jsonForm(), frame: ['', ''], parts: batchParts };

/** An answer with an error: a fault has its own code, and its class in `data`. */
function jsonErrorText(
  id: string,
  { faultCode, faultString }: { readonly faultCode: number; readonly faultString: string },
  error: unknown,
): string {
  if (error instanceof JsonRpcError)
    return `{"jsonrpc":"2.0","id":${id},"error":${encodeJson({ code: error.code, message: error.message })}}`;
  const isUnknown = error instanceof NoSuchMethod;
  const body = {
    code: isUnknown ? jsonCodes.method : faultCode,
    message: faultString,
    data: { faultCode, faultName: faultFromWire(faultCode, '').name },
  };
  return `{"jsonrpc":"2.0","id":${id},"error":${encodeJson(body)}}`;
}
