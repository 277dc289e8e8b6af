import { pauseWhenDue } from '../fair-turns.js';
import { Decoder } from './decoder.js';
import type { DecodeLimits, DecoderSettings, Document } from './document.js';
import { finished } from './steps.js';
import { WireError } from './errors.js';
import { TextReader, documentText, skipProlog } from './xml.js';

/** Options of decoding. */
export interface DecodeOptions {
  limits?: Partial<DecodeLimits>;
  /**
   * Type of a `<double>` with a whole value: `exact` (the default) is a `Double`, which is sent as a double again; `number` is
   * a plain number.
   */
  doubles?: 'exact' | 'number';
}

/** A decoded document of any of the three kinds. */
export type WireMessage =
  | { kind: 'call'; method: string; params: unknown[] }
  | { kind: 'response'; value: unknown }
  | { kind: 'fault'; faultCode: number; faultString: string };

/** Tags to read before checking the time. */
const tagsInTurn = 2000;

const defaults: DecodeLimits = {
  depth: 512,
  values: 50_000_000,
  keys: 200_000,
  attributes: 64,
  nameLength: 256,
};

/**
 * Decodes a call. As in Koji, anything but a fault is treated as a call: one without a method name has the method `'None'`,
 * which no hub has.
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

/** Like {@link decodeCall}, but yields to other work while a long body is read. */
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
  return responseOf(decodeMessage(body, options));
}

function responseOf(message: WireMessage): ReturnType<typeof decodeResponse> {
  switch (message.kind) {
    case 'response':
      return { value: message.value };
    case 'fault':
      return { fault: { faultCode: message.faultCode, faultString: message.faultString } };
    case 'call':
      throw new WireError('a call where a response was expected', 0);
  }
}

/** Options for decoding a response that is still arriving. */
export interface DecodeFromOptions extends DecodeOptions {
  /** Replaces each value of the answer, if it is an array. */
  readonly mapRow?: ((row: unknown) => unknown) | undefined;
  /** Characters that must have arrived before decoding starts; 262,144. */
  readonly windowLength?: number;
}

/**
 * Decodes a response while it arrives, without holding all its bytes. With a `mapRow` that keeps less than the row itself, a
 * long answer needs little memory.
 */
export async function decodeResponseFrom(
  pieces: AsyncIterable<Uint8Array>,
  options: DecodeFromOptions = {},
): Promise<ReturnType<typeof decodeResponse>> {
  const { windowLength = 262_144 } = options;
  const document = new GrowingDocument({ ...settingsOf(options), mapRow: options.mapRow, piecewise: true });
  const reader = new TextReader();
  let text = '';
  let wanted = windowLength;
  const before = (): string => document.rest + text;
  for await (const piece of pieces) {
    text += reader.read(piece, false, before);
    if (text.length < wanted) continue;
    document.read(text);
    text = '';
    // Text that could not be decoded yet is decoded again, so as much again must arrive first.
    wanted = Math.max(windowLength, document.rest.length);
  }
  text += reader.read(Buffer.alloc(0), true, before);
  return responseOf(messageIn(document.end(text)));
}

/** A document that is decoded as far as it has arrived. */
class GrowingDocument {
  private decoder: Decoder | null = null;
  private start = '';

  constructor(private readonly settings: DecoderSettings) {}

  /** The text that is still needed. */
  get rest(): string {
    return this.decoder?.rest ?? this.start;
  }

  /** Reads more. An error at the end may disappear when more text arrives. */
  read(text: string): void {
    try {
      this.advance(text);
    } catch (error) {
      if (!(error instanceof WireError)) throw error;
    }
  }

  /** Reads the rest. */
  end(text: string): Document {
    const decoder = this.advance(text);
    finished(decoder.epilog());
    return decoder.finish();
  }

  private advance(text: string): Decoder {
    if (this.decoder) this.decoder.resume(text);
    else {
      this.start += text;
      this.decoder = new Decoder(this.start, finished(skipProlog(this.start)), this.settings);
      this.start = '';
    }
    while (!this.decoder.step(Infinity));
    return this.decoder;
  }
}

/** Decodes a call, a response or a fault, such as the stored requests and results of tasks. */
export function decodeMessage(body: Uint8Array, options: DecodeOptions = {}): WireMessage {
  return messageIn(decodeDocument(body, options));
}

function messageIn({ method, params, isFault }: Document): WireMessage {
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

/** Decodes a document; yields after this many tags and within longer work. */
function* decodingSteps(
  body: Uint8Array,
  options: DecodeOptions,
  tags: number,
): Generator<void, Document, void> {
  const text = yield* documentText(body);
  const decoder = new Decoder(text, yield* skipProlog(text), settingsOf(options));
  while (!decoder.step(tags)) yield;
  yield* decoder.epilog();
  return decoder.finish();
}

const settingsOf = ({ limits, doubles }: DecodeOptions): DecoderSettings => ({
  limits: { ...defaults, ...limits },
  exactDoubles: doubles !== 'number',
});
