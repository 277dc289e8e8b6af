/** Endpoint for JSON-RPC 2.0. Requests become calls and multicalls like those in XML-RPC. */
import { pauseWhenDue } from '@koji/core';
import { WireError, decodeJsonInTurns, encodeJson } from '@koji/core/wire';
import { isStruct } from '../domain/values/convert.js';
import type { Reply } from './dispatch.js';
import { JsonRpcError, jsonBatchForm, jsonCodes, jsonForm } from './forms.js';
import type { Form, JsonCall } from './forms.js';

/** A request in the dispatcher's form. */
export interface JsonRequest {
  readonly method: string;
  readonly params: readonly unknown[];
  readonly form: Form;
  /** Whether every call is a notification, so that there is no answer. */
  readonly isSilent: boolean;
}

/** The longest id of a call, which its answer repeats. */
const longestId = 256;

/**
 * Reads the body of a request. A batch becomes a multicall: its calls share a transaction, each in a savepoint.
 *
 * @throws JsonRpcError if the body is not JSON or not a call
 */
export async function readJsonRequest(body: Uint8Array): Promise<JsonRequest> {
  const request = await decodeJsonInTurns(body).catch((error: unknown) => {
    if (!(error instanceof WireError)) throw error;
    throw new JsonRpcError(jsonCodes.parse, `Parse error: ${error.message}`);
  });
  if (!Array.isArray(request)) {
    const { methodName, params, id, problem } = callOf(request);
    if (problem !== null) throw new JsonRpcError(jsonCodes.request, problem);
    return { method: methodName as string, params, form: jsonForm(id), isSilent: id === undefined };
  }
  if (request.length === 0) throw new JsonRpcError(jsonCodes.request, 'Invalid Request: an empty batch');
  const calls: JsonCall[] = [];
  for (const one of request as unknown[]) {
    calls.push(callOf(one));
    const pause = pauseWhenDue();
    if (pause) await pause;
  }
  const isSilent = calls.every(({ id }) => id === undefined);
  return { method: 'multiCall', params: [calls], form: jsonBatchForm, isSilent };
}

function callOf(request: unknown): JsonCall {
  const invalid = (problem: string, id = 'null'): JsonCall => ({
    methodName: null,
    params: [],
    id,
    problem: `Invalid Request: ${problem}`,
  });
  if (!isStruct(request)) return invalid('a call is an object');
  const { jsonrpc, method, params = [] } = request;
  const id = Object.hasOwn(request, 'id') ? idText(request.id) : undefined;
  if (id === null) return invalid(`an id is a text, a number or null, of ${longestId} characters at most`);
  if (jsonrpc !== '2.0') return invalid(`"jsonrpc" must be "2.0"`, id);
  if (typeof method !== 'string') return invalid('"method" must be a text', id);
  if (Array.isArray(params)) return { methodName: method, params, id, problem: null };
  if (!isStruct(params)) return invalid('"params" must be a list or an object', id);
  const named = Object.keys(params).length === 0 ? [] : [{ ...params, __starstar: true }];
  return { methodName: method, params: named, id, problem: null };
}

/** The id as JSON; null if it is not a valid id. */
function idText(id: unknown): string | null {
  if (typeof id === 'string' && id.length > longestId) return null;
  if (typeof id === 'object' && id !== null && typeof id.valueOf() !== 'number') return null;
  if (typeof id === 'boolean') return null;
  const text = encodeJson(id);
  return text.length <= 2 * longestId ? text : null;
}

/** A reply to notifications, which discards the answer. */
export function silentReply(reply: Reply, done: () => void): Reply {
  const drop = async (answer: Parameters<Reply['send']>[0]): Promise<void> => {
    try {
      while ((await answer.read()) !== null);
    } catch {
      // Incomplete answers can be dropped.
    } finally {
      await answer.close();
    }
  };
  let begun = false;
  return {
    get begun() {
      return begun;
    },
    get gone() {
      return reply.gone;
    },
    send(answer) {
      begun = true;
      if (answer.text === null) void drop(answer).then(done);
      else done();
    },
    sendText: done,
    abort: () => reply.abort(),
  };
}
