import { pauseWhenDue } from '../fair-turns.js';
import { Decoder, finished } from './decoder.js';
import type { DecodeLimits, Document } from './decoder.js';
import { WireError } from './errors.js';
import { checkEpilog, documentText, skipProlog } from './xml.js';

/** How to decode. */
export interface DecodeOptions {
  limits?: Partial<DecodeLimits>;
  /**
   * How a `<double>` with a whole value is given: `exact` (the default) as a `Double`, which is sent on as a double
   * again; `number` as a plain number.
   */
  doubles?: 'exact' | 'number';
}

/** A decoded document of any of the three kinds. */
export type WireMessage =
  | { kind: 'call'; method: string; params: unknown[] }
  | { kind: 'response'; value: unknown }
  | { kind: 'fault'; faultCode: number; faultString: string };

/** Tags that are read before the time is looked at. */
const tagsInTurn = 2000;

const defaults: DecodeLimits = {
  depth: 512,
  values: 50_000_000,
  keys: 200_000,
  attributes: 64,
  nameLength: 256,
};

/**
 * Decodes a call. As with Koji, anything but a fault counts as one: without a method name its method is `'None'`, a name
 * no hub has.
 */
export function decodeCall(
  body: Uint8Array,
  options: DecodeOptions = {},
): { method: string; params: unknown[] } {
  return callOf(decodeDocument(body, options));
}

function callOf({ method, params, isFault }: Document): { method: string; params: unknown[] } {
  if (isFault) throw new WireError('a fault where a call was expected', 0);
  return { method: method ?? 'None', params };
}

/** As {@link decodeCall}; other work runs while a long body is read. */
export async function decodeCallInTurns(
  body: Uint8Array,
  options: DecodeOptions = {},
): Promise<{ method: string; params: unknown[] }> {
  const steps = decodingSteps(body, options, tagsInTurn);
  for (let step = steps.next(); ; step = steps.next()) {
    if (step.done) return callOf(step.value);
    const pause = pauseWhenDue();
    if (pause) await pause;
  }
}

/** Decodes a response: a single value, or a fault. */
export function decodeResponse(
  body: Uint8Array,
  options: DecodeOptions = {},
): { value: unknown } | { fault: { faultCode: number; faultString: string } } {
  const message = decodeMessage(body, options);
  switch (message.kind) {
    case 'response':
      return { value: message.value };
    case 'fault':
      return { fault: { faultCode: message.faultCode, faultString: message.faultString } };
    case 'call':
      throw new WireError('a call where a response was expected', 0);
  }
}

/** Decodes a call, a response or a fault, such as stored requests and results of tasks are. */
export function decodeMessage(body: Uint8Array, options: DecodeOptions = {}): WireMessage {
  const { method, params, isFault } = decodeDocument(body, options);
  if (method !== undefined) return { kind: 'call', method, params };
  if (params.length !== 1) {
    throw new WireError(`a response holds one value, this one holds ${params.length}`, 0);
  }
  return isFault ? { kind: 'fault', ...faultOf(params[0]) } : { kind: 'response', value: params[0] };
}

function faultOf(value: unknown): { faultCode: number; faultString: string } {
  const { faultCode, faultString } = (value ?? {}) as Record<string, unknown>;
  if (typeof faultCode !== 'number' || typeof faultString !== 'string') {
    throw new WireError('a fault needs a number as faultCode and a text as faultString', 0);
  }
  return { faultCode, faultString };
}

function decodeDocument(body: Uint8Array, options: DecodeOptions): Document {
  return finished(decodingSteps(body, options, Infinity));
}

/** Decodes a document, and yields after each so many tags and within longer work. */
function* decodingSteps(
  body: Uint8Array,
  options: DecodeOptions,
  tags: number,
): Generator<void, Document, void> {
  const text = yield* documentText(body);
  const limits = { ...defaults, ...options.limits };
  const decoder = new Decoder(text, yield* skipProlog(text), {
    limits,
    exactDoubles: options.doubles !== 'number',
  });
  while (!decoder.step(tags)) yield;
  yield* checkEpilog(text, decoder.at);
  return decoder.finish();
}
