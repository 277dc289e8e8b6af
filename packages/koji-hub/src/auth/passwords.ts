import { randomBytes, scrypt, timingSafeEqual } from 'node:crypto';
import type { ScryptOptions } from 'node:crypto';
import { GenericError } from '@koji/core';

/** Cost of new hashes: 32 MiB of memory and about 80 ms for each check. Older ones keep the cost written in them. */
const cost = { N: 32768, r: 8, p: 1 };
/** Cost of hashes that only tests make, of passwords that everybody knows. */
export const testCost: typeof cost = { N: 16, r: 8, p: 1 };
/** Characters of a password; longer ones take too long to normalise, and nobody has one. */
const longest = 1024;
const saltBytes = 16;
const keyBytes = 32;

function derive(password: string, salt: Buffer, length: number, { N, r, p }: typeof cost): Promise<Buffer> {
  // Node refuses to use more than 32 MiB unless it is told the exact need.
  const options: ScryptOptions = { N, r, p, maxmem: 256 * N * r };
  return new Promise((resolve, reject) => {
    scrypt(password.normalize('NFC'), salt, length, options, (error, key) =>
      error ? reject(error) : resolve(key),
    );
  });
}

/** The text to store for a password: `scrypt$N$r$p$salt$key`, salt and key in base64. */
export async function hashPassword(password: string, { N, r, p } = cost): Promise<string> {
  if (password.length > longest) throw new GenericError(`a password has at most ${longest} characters`);
  const salt = randomBytes(saltBytes);
  const key = await derive(password, salt, keyBytes, { N, r, p });
  return ['scrypt', N, r, p, salt.toString('base64'), key.toString('base64')].join('$');
}

interface Parsed {
  readonly salt: Buffer;
  readonly key: Buffer;
  readonly cost: typeof cost;
}

function parse(stored: string): Parsed | null {
  const parts = /^scrypt\$(\d+)\$(\d+)\$(\d+)\$([A-Za-z0-9+/=]+)\$([A-Za-z0-9+/=]+)$/.exec(stored);
  if (!parts) return null;
  const [, N, r, p, salt = '', key = ''] = parts;
  return {
    salt: Buffer.from(salt, 'base64'),
    key: Buffer.from(key, 'base64'),
    cost: { N: Number(N), r: Number(r), p: Number(p) },
  };
}

const nobody: Parsed = { salt: Buffer.alloc(saltBytes), key: Buffer.alloc(keyBytes), cost };

/**
 * Whether `password` is the one whose hash is `stored`. Without a stored hash (no such user, or one without a password)
 * it takes as long as with one, so that the time tells nothing about names.
 */
export async function checkPassword(password: string, stored: string | null): Promise<boolean> {
  const known = stored === null ? null : parse(stored);
  const { salt, key, cost: used } = known ?? nobody;
  const fits = password.length <= longest;
  const same = timingSafeEqual(await derive(fits ? password : '', salt, key.length, used), key);
  return same && fits && known !== null;
}
