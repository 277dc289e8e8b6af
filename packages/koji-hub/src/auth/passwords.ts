import { randomBytes, scrypt, timingSafeEqual } from 'node:crypto';
import type { ScryptOptions } from 'node:crypto';
import { GenericError } from '@koji/core';

/** Cost of new hashes: 32 MiB of memory and about 80 ms for each check. Older hashes keep their own cost. */
const cost = { N: 32768, r: 8, p: 1 };
/** Cost of hashes in tests, whose passwords are public. */
export const testCost: typeof cost = { N: 16, r: 8, p: 1 };
/** Most characters in a password, because longer ones take too long to normalise. */
const longest = 1024;
const saltBytes = 16;
const keyBytes = 32;

function derive(password: string, salt: Buffer, length: number, { N, r, p }: typeof cost): Promise<Buffer> {
  // Node.js uses more than 32 MiB only if the limit is set explicitly.
  const options: ScryptOptions = { N, r, p, maxmem: 256 * N * r };
  return new Promise((resolve, reject) => {
    scrypt(password.normalize('NFC'), salt, length, options, (error, key) =>
      error ? reject(error) : resolve(key),
    );
  });
}

/** Returns the text to store for a password: `scrypt$N$r$p$salt$key`, with salt and key in base64. */
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
 * Returns whether `password` has the hash `stored`. Without a stored hash (no such user, or a user without a password)
 * the check takes as long as with one, so that its time reveals nothing about names.
 */
export async function checkPassword(password: string, stored: string | null): Promise<boolean> {
  const known = stored === null ? null : parse(stored);
  const { salt, key, cost: used } = known ?? nobody;
  const fits = password.length <= longest;
  const same = timingSafeEqual(await derive(fits ? password : '', salt, key.length, used), key);
  return same && fits && known !== null;
}
