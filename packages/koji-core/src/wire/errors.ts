/**
 * A document that can't be decoded. `malformed` is not XML-RPC at all (a hub answers HTTP 400). `unsupported` comes from a
 * library of good intentions (a hub answers a fault, since clients repeat what got a 400): it holds more than a limit
 * allows, a character in a text that XML does not have, or what Koji reads and then fails on.
 */
export class WireError extends Error {
  override name = 'WireError';

  constructor(
    message: string,
    /** Offset into the document's text, in UTF-16 units. */
    readonly position: number,
    readonly kind: 'malformed' | 'unsupported' = 'malformed',
  ) {
    super(`${message} (at offset ${position})`);
  }
}

/** A value that can't be sent; the message says where in the value it sits, such as `value[3].name`. */
export class EncodeError extends TypeError {
  override name = 'EncodeError';
}
