import { decodeBase64 } from './base64.js';
import { Kind } from './kinds.js';
import { readDouble, readInteger, strip } from './numbers.js';
import { DateTime, Double } from './values.js';
import type { Fail } from './value-stack.js';

/** Creates values from the texts of elements. */
export class Scalars {
  constructor(
    private readonly exactDoubles: boolean,
    private readonly fail: Fail,
  ) {}

  valueOf(kind: Kind, text: string): unknown {
    switch (kind) {
      case Kind.boolean:
        if (text !== '0' && text !== '1') throw this.fail(`'${brief(text)}' is not a boolean: 0 or 1`);
        return text === '1';
      case Kind.integer:
        return this.known(readInteger(text), text, 'an integer');
      case Kind.double: {
        const value = this.known(readDouble(text), text, 'a number');
        return this.exactDoubles && Number.isInteger(value) ? new Double(value) : value;
      }
      case Kind.dateTime:
        return new DateTime(strip(text));
      default:
        return text;
    }
  }

  /** Decodes base64; yields after each piece of it. */
  *base64(text: string): Generator<void, Buffer, void> {
    if (/[^\0-\x7f]/.test(text)) throw this.fail('base64 holds characters beyond ASCII');
    return this.known(yield* decodeBase64(text), text, 'base64');
  }

  private known<T>(value: T | undefined, text: string, wanted: string): T {
    if (value === undefined) throw this.fail(`'${brief(text)}' is not ${wanted}`);
    return value;
  }
}

function brief(text: string): string {
  return text.length > 40 ? `${text.slice(0, 40)}…` : text;
}
