import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';

/** Files of a CA, of a broker `localhost` and of a client, the last with its key in the same file. */
export interface Certificates {
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
  readonly client: string;
}

/** Makes certificates that are good for a day. */
export function makeCertificates(folder: string): Certificates {
  const file = (name: string): string => path.join(folder, name);
  const openssl = (...args: string[]): unknown => execFileSync('openssl', args, { stdio: 'pipe' });
  const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '1'];
  const make = (name: string, subject: string, ...more: string[]): void => {
    const files = ['-keyout', file(`${name}.key`), '-out', file(`${name}.pem`)];
    openssl('req', '-x509', ...newKey, ...files, '-subj', `/CN=${subject}`, ...more);
  };
  make('ca', 'Test CA');
  const byCa = ['-CA', file('ca.pem'), '-CAkey', file('ca.key')];
  const noCa = ['-addext', 'basicConstraints=critical,CA:FALSE'];
  make('broker', 'localhost', ...byCa, ...noCa, '-addext', 'subjectAltName=DNS:localhost');
  make('hub', 'koji-hub', ...byCa, ...noCa);
  const client = file('client.pem');
  writeFileSync(client, readFileSync(file('hub.pem'), 'utf8') + readFileSync(file('hub.key'), 'utf8'));
  return { ca: file('ca.pem'), cert: file('broker.pem'), key: file('broker.key'), client };
}
