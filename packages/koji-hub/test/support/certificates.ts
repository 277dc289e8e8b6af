import { execFile } from 'node:child_process';
import { appendFile, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** A certificate to make. */
export interface Wanted {
  /** As `openssl req -subj` takes it. */
  readonly subject: string;
  /** The name of the authority's files; its own signature without one. */
  readonly by?: string;
  /** From now; less than 0 for one that has expired. */
  readonly days?: number;
  readonly extensions?: readonly string[];
  /** More words for `openssl req`. */
  readonly more?: readonly string[];
}

/** Makes `NAME.crt`, `NAME.key` and `NAME.pem`, which has both, in a folder. */
export async function makeCertificate(
  folder: string,
  name: string,
  { subject, by, days = 2, extensions = [], more = [] }: Wanted,
): Promise<void> {
  const file = (end: string): string => path.join(folder, `${name}.${end}`);
  const signed =
    by === undefined ? [] : ['-CA', path.join(folder, `${by}.crt`), '-CAkey', path.join(folder, `${by}.key`)];
  const leaf = by === undefined ? [] : ['basicConstraints=CA:FALSE'];
  const added = [...leaf, ...extensions].flatMap((extension) => ['-addext', extension]);
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', file('key')];
  const request = ['req', ...key, '-utf8', '-subj', subject, ...more];
  if (days > 0) {
    const args = ['-x509', '-days', String(days), '-out', file('crt')];
    await run('openssl', [...request, ...args, ...signed, ...added]);
  } else {
    await run('openssl', [...request, '-new', '-out', file('csr')]);
    const args = ['-in', file('csr'), '-days', String(days), '-out', file('crt')];
    await run('openssl', ['x509', '-req', ...args, '-CAcreateserial', ...signed]);
  }
  await writeFile(file('pem'), await readFile(file('crt')));
  await appendFile(file('pem'), await readFile(file('key')));
}

/** Makes an authority `ca` and a certificate `server` for 127.0.0.1. */
export async function makeServerCertificates(folder: string): Promise<void> {
  await makeCertificate(folder, 'ca', { subject: '/CN=test authority' });
  await makeCertificate(folder, 'server', {
    subject: '/CN=127.0.0.1',
    by: 'ca',
    extensions: ['subjectAltName=IP:127.0.0.1', 'extendedKeyUsage=serverAuth'],
  });
}
