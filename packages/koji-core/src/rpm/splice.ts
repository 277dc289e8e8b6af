import { createReadStream } from 'node:fs';
import { RpmError } from './errors.js';
import { RpmHeader, leadSize } from './header.js';

/**
 * Returns the bytes of a package with another signature header in place of its own, block by block.
 *
 * @param signature the header with its padding, like {@link RpmHeader.signature}
 * @throws RpmError if the file is not a package, or the signature not a header
 */
export async function* splicedRpm(
  file: string,
  signature: Uint8Array,
): AsyncGenerator<Uint8Array, void, void> {
  const header = await RpmHeader.read(file);
  if (signature.length % 8 !== 0) throw new RpmError('the signature header is not padded');
  const start = leadSize + header.signature.bytes.length;
  yield* blocks(file, { start: 0, end: leadSize - 1 });
  yield signature;
  yield* blocks(file, { start });
}

function blocks(file: string, range: { start: number; end?: number }): AsyncIterable<Buffer> {
  return createReadStream(file, range) as AsyncIterable<Buffer>;
}
