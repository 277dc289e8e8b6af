import { pauseWhenDue } from '../fair-turns.js';
import type { DecodeLimits } from './document.js';
import { WireError } from './errors.js';
import { readInteger } from './numbers.js';
import { Double } from './values.js';
import { documentText } from './xml.js';

/** Limits of a JSON document, the same as for XML-RPC. */
export type JsonLimits = Pick<DecodeLimits, 'depth' | 'values' | 'keys'>;

const defaults: JsonLimits = { depth: 512, values: 50_000_000, keys: 200_000 };

/** Values to read before checking the time. */
const valuesInTurn = 2000;
/** Length in characters above which a text is created in pieces of that length. */
const longText = 65_536;

/**
 * Decodes a JSON document to the same values as `decodeCall`: a number with a fraction or an exponent is a float, or a `Double`
 * if it is whole; a whole number above 2^53 is a bigint. Other work runs while a long body is read.
 *
 * @throws WireError for anything but JSON in UTF-8, for a character that XML-RPC can't encode, or beyond a limit
 */
export async function decodeJsonInTurns(
  body: Uint8Array,
  limits: Partial<JsonLimits> = {},
): Promise<unknown> {
  const steps = decodingSteps(body, { ...defaults, ...limits });
  for (let step = steps.next(); ; step = steps.next()) {
    if (step.done) return step.value;
    const pause = pauseWhenDue();
    if (pause) await pause;
  }
}

function* decodingSteps(body: Uint8Array, limits: JsonLimits): Generator<void, unknown, void> {
  const text = yield* documentText(body);
  return yield* new JsonReader(text, limits).read();
}

/** A list or struct that is being read. */
type Frame =
  { readonly list: unknown[] } | { readonly struct: Record<string, unknown>; key: string; keys: number };

const space = /[ \t\n\r]*/y;
const number = /-?(?:0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?/y;
const words: readonly (readonly [string, unknown])[] = [
  ['true', true],
  ['false', false],
  ['null', null],
];
/** Characters that XML can't encode, and lone surrogates. */
const unsendable =
  /[\0-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/;

/** One pass over a document, without recursion. */
class JsonReader {
  private at = 0;
  private count = 0;
  private readonly open: Frame[] = [];

  constructor(
    private readonly text: string,
    private readonly limits: JsonLimits,
  ) {}

  *read(): Generator<void, unknown, void> {
    for (;;) {
      if (++this.count > this.limits.values) throw this.tooMuch(`more than ${this.limits.values} values`);
      if (this.count % valuesInTurn === 0) yield;
      this.skipSpace();
      let value: unknown;
      const first = this.text[this.at];
      if (first === '{' || first === '[') {
        if (!(yield* this.begin(first))) continue;
        value = this.end();
      } else value = first === '"' ? yield* this.string() : this.scalar();
      for (;;) {
        const frame = this.open.at(-1);
        this.skipSpace();
        if (!frame) {
          if (this.at < this.text.length) throw this.error('something follows the value');
          return value;
        }
        this.put(frame, value);
        const next = this.text[this.at++];
        if (next === ',') {
          this.skipSpace();
          if ('struct' in frame) yield* this.key(frame);
          break;
        }
        if (next !== ('list' in frame ? ']' : '}')) throw this.error('a comma or the end was expected', -1);
        value = this.end();
      }
    }
  }

  /** Starts a list or struct; returns true if it is empty. */
  private *begin(bracket: '{' | '['): Generator<void, boolean, void> {
    if (this.open.length >= this.limits.depth)
      throw this.tooMuch(`nested deeper than ${this.limits.depth} levels`);
    this.at += 1;
    this.skipSpace();
    const frame: Frame = bracket === '[' ? { list: [] } : { struct: {}, key: '', keys: 0 };
    this.open.push(frame);
    if (this.text[this.at] === (bracket === '[' ? ']' : '}')) {
      this.at += 1;
      return true;
    }
    if ('struct' in frame) yield* this.key(frame);
    return false;
  }

  private end(): unknown {
    const frame = this.open.pop();
    return frame && 'list' in frame ? frame.list : frame?.struct;
  }

  private put(frame: Frame, value: unknown): void {
    if ('list' in frame) frame.list.push(value);
    else if (frame.key === '__proto__')
      Object.defineProperty(frame.struct, frame.key, {
        value,
        configurable: true,
        enumerable: true,
        writable: true,
      });
    else frame.struct[frame.key] = value;
  }

  private *key(frame: Frame & { key: string; keys: number }): Generator<void, void, void> {
    if (++frame.keys > this.limits.keys)
      throw this.tooMuch(`a struct with more than ${this.limits.keys} keys`);
    if (this.text[this.at] !== '"') throw this.error('a key was expected');
    frame.key = yield* this.string();
    this.skipSpace();
    if (this.text[this.at] !== ':') throw this.error('a colon was expected');
    this.at += 1;
  }

  private *string(): Generator<void, string, void> {
    const from = this.at + 1;
    const to = this.endOfString(from);
    this.at = to + 1;
    const raw = this.text.slice(from, to);
    let text = '';
    if (raw.length <= longText) text = this.unescape(raw, from);
    else
      for (let start = 0; start < raw.length; yield) {
        const end = pieceEnd(raw, start);
        text += this.unescape(raw.slice(start, end), from + start);
        start = end;
      }
    if (raw.includes('\\') && unsendable.test(text))
      throw new WireError('a text has a character that XML-RPC cannot carry', from, 'unsupported');
    return text;
  }

  private endOfString(from: number): number {
    for (let at = from; ; at += 1) {
      at = this.text.indexOf('"', at);
      if (at < 0) throw new WireError('a text does not end', from);
      let slashes = 0;
      while (at - slashes > from && this.text.charCodeAt(at - slashes - 1) === 0x5c) slashes += 1;
      if (slashes % 2 === 0) return at;
    }
  }

  private unescape(raw: string, at: number): string {
    if (!/[\\\0-\x1f]/.test(raw)) return raw;
    try {
      return JSON.parse(`"${raw}"`) as string;
    } catch {
      throw new WireError('a text has an escape or a control character that JSON does not allow', at);
    }
  }

  private scalar(): unknown {
    for (const [word, value] of words)
      if (this.text.startsWith(word, this.at)) {
        this.at += word.length;
        return value;
      }
    number.lastIndex = this.at;
    const found = number.exec(this.text);
    if (!found) throw this.error('a value was expected');
    const [text, fraction, exponent] = found;
    const value = fraction === undefined && exponent === undefined ? readInteger(text) : Number(text);
    if (value === undefined || value === Infinity || value === -Infinity)
      throw this.tooMuch('a number is too large');
    this.at += text.length;
    const isWholeFloat = (fraction ?? exponent) !== undefined && Number.isInteger(value);
    return isWholeFloat ? new Double(Number(value)) : value;
  }

  private skipSpace(): void {
    const code = this.text.charCodeAt(this.at);
    if (code > 0x20) return;
    space.lastIndex = this.at;
    space.exec(this.text);
    this.at = space.lastIndex;
  }

  private error(problem: string, offset = 0): WireError {
    return new WireError(problem, this.at + offset);
  }

  private tooMuch(problem: string): WireError {
    return new WireError(problem, this.at, 'unsupported');
  }
}

/** End of a piece of a text with escapes, never inside of one. */
function pieceEnd(raw: string, start: number): number {
  const end = Math.min(start + longText, raw.length);
  if (end === raw.length) return end;
  const cut = /\\(?:u[0-9a-fA-F]{0,3})?$/.exec(raw.slice(Math.max(start, end - 5), end));
  if (!cut) return end;
  const slash = end - cut[0].length;
  let before = 0;
  while (slash - before > start && raw.charCodeAt(slash - before - 1) === 0x5c) before += 1;
  return before % 2 === 0 && slash > start ? slash : end;
}
