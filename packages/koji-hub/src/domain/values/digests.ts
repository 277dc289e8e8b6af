import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { GenericError } from '@koji/core';
import { Adler32 } from './adler32.js';

/** A digest that grows with the data. */
export interface Digest {
  update(data: Uint8Array): unknown;
  hex(): string;
}

/** A digest of one of the kinds that uploads are verified by. */
export function openDigest(kind: string): Digest {
  if (kind === 'adler32') return new Adler32();
  if (kind !== 'md5' && kind !== 'sha256') throw new GenericError(`Unsupported verify type: ${kind}`);
  return hashOf(kind);
}

/** Several checksums of the same bytes, by type. */
export class Checksums<T extends 'md5' | 'sha1' | 'sha256' = 'md5' | 'sha1' | 'sha256'> {
  private readonly digests: ReadonlyMap<T, Digest>;

  constructor(types: readonly T[]) {
    this.digests = new Map(types.map((type) => [type, hashOf(type)]));
  }

  /** The same blocks, each counted on its way. */
  async *through(blocks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void, void> {
    for await (const block of blocks) {
      for (const digest of this.digests.values()) digest.update(block);
      yield block;
    }
  }

  /** Counts everything in a file or stream. */
  async of(source: string | AsyncIterable<Uint8Array>): Promise<void> {
    const blocks = this.through(typeof source === 'string' ? createReadStream(source) : source);
    while (!(await blocks.next()).done);
  }

  /** The sums, once all is counted. */
  sums(): Map<T, string> {
    return new Map([...this.digests].map(([type, digest]) => [type, digest.hex()]));
  }
}

/** The digest of a file's bytes, in hex. */
export async function digestOf(file: string, kind: string): Promise<string> {
  const digest = openDigest(kind);
  for await (const block of createReadStream(file) as AsyncIterable<Buffer>) digest.update(block);
  return digest.hex();
}

function hashOf(kind: string): Digest {
  const hash = createHash(kind);
  return { update: (data) => hash.update(data), hex: () => hash.digest('hex') };
}
