/**
 * A document that can't be decoded. `malformed` is not XML-RPC at all (a hub answers HTTP 400). `unsupported` comes from a
 * well-meaning library: it exceeds a limit, contains a character that XML forbids, or something that Koji accepts and then
 * fails on. A hub answers it with a fault, because clients repeat a call after a 400.
 */
export class WireError extends Error {
  override name = 'WireError';

  constructor(
    message: string,
    /** Offset in the document's text, in UTF-16 units. */
    readonly position: number,
    readonly kind: 'malformed' | 'unsupported' = 'malformed',
  ) {
    super(`${message} (at offset ${position})`);
  }
}

/** A value that can't be sent; the message contains its location, such as `value[3].name`. */
export class EncodeError extends TypeError {
  override name = 'EncodeError';
}
