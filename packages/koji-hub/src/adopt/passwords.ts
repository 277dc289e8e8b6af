import { ConfigError } from '@koji/core';
import { hashPassword } from '../auth/passwords.js';
import type { Row } from '../db/connection.js';

/** Hashes at a time: as many as Node.js has threads for. */
const atOnce = 4;

const hashForm = /^scrypt\$\d+\$\d+\$\d+\$[A-Za-z0-9+/=]+\$[A-Za-z0-9+/=]+$/;

/**
 * Hashes the passwords of rows of `users`, which Koji stores in plain text. Existing hashes are kept, so the work can be
 * repeated. An empty password becomes null, because nobody can log in with it here.
 *
 * @throws ConfigError for a password that is too long, with its user and without the password
 */
export async function hashPasswords(
  rows: readonly Row[],
  hash: (password: string) => Promise<string> = hashPassword,
): Promise<Row[]> {
  const done: Row[] = [];
  for (let i = 0; i < rows.length; i += atOnce)
    done.push(...(await Promise.all(rows.slice(i, i + atOnce).map((row) => hashRow(row, hash)))));
  return done;
}

async function hashRow(row: Row, hash: (password: string) => Promise<string>): Promise<Row> {
  const { password } = row;
  if (typeof password !== 'string' || hashForm.test(password)) return row;
  if (password === '') return { ...row, password: null };
  try {
    return { ...row, password: await hash(password) };
  } catch (cause) {
    throw new ConfigError(
      `the password of user ${String(row['name'])} cannot be hashed: set it to NULL in Koji's database, and a new one by koji-hub user passwd`,
      { cause },
    );
  }
}
