import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** The authority `ca` of a folder, which revokes certificates that it signed. */
export class Authority {
  private constructor(
    private readonly folder: string,
    private readonly config: string,
  ) {}

  /** Starts the list of an authority whose files are in the folder already. */
  static async open(folder: string): Promise<Authority> {
    const file = (name: string): string => path.join(folder, name);
    const lines = [
      '[ca]\ndefault_ca = own\n[own]',
      `database = ${file('index.txt')}\ncertificate = ${file('ca.crt')}\nprivate_key = ${file('ca.key')}`,
      'default_md = sha256\ndefault_crl_days = 2\n',
    ];
    await writeFile(file('index.txt'), '');
    await writeFile(file('ca.cnf'), lines.join('\n'));
    return new Authority(folder, file('ca.cnf'));
  }

  /** Adds the certificate of a name to the list. */
  async revoke(name: string): Promise<void> {
    await run('openssl', ['ca', '-config', this.config, '-revoke', path.join(this.folder, `${name}.crt`)]);
  }

  /** Writes the list to a file. */
  async writeList(file: string): Promise<void> {
    await run('openssl', ['ca', '-config', this.config, '-gencrl', '-out', file]);
  }
}
