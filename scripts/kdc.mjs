import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { createConnection } from 'node:net';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { freePort } from './ports.mjs';

const run = promisify(execFile);
export const realm = 'EXAMPLE.COM';

/** Why no KDC can be started here; null when one can. */
export function kdcProblem() {
  if (!existsSync('/usr/sbin/krb5kdc')) return 'krb5-kdc is not installed';
  try {
    createRequire(import.meta.url)('kerberos');
    return null;
  } catch {
    return 'the npm package kerberos is not compiled';
  }
}

/** Starts a KDC whose files are in a folder. */
export async function startKdc(folder) {
  const port = await freePort();
  const file = (name) => path.join(folder, name);
  await writeFile(
    file('krb5.conf'),
    `[libdefaults]
  default_realm = ${realm}
  udp_preference_limit = 1
  dns_lookup_kdc = false
  dns_lookup_realm = false
  dns_canonicalize_hostname = false
  rdns = false
[realms]
  ${realm} = {
    kdc = 127.0.0.1:${port}
  }
[domain_realm]
  127.0.0.1 = ${realm}
`,
  );
  await writeFile(
    file('kdc.conf'),
    `[kdcdefaults]
  kdc_listen = ""
  kdc_tcp_listen = 127.0.0.1:${port}
[realms]
  ${realm} = {
    database_name = ${file('principal')}
    key_stash_file = ${file('stash')}
    acl_file = ${file('acl')}
    supported_enctypes = aes256-cts:normal
  }
`,
  );
  const own = { KRB5_CONFIG: file('krb5.conf'), KRB5_KDC_PROFILE: file('kdc.conf') };
  const env = { ...own, KRB5CCNAME: `FILE:${file('cache')}`, KRB5RCACHEDIR: folder };
  const options = { env: { ...process.env, ...env } };
  await run('/usr/sbin/kdb5_util', ['create', '-s', '-P', 'master'], options);
  const kdc = spawn('/usr/sbin/krb5kdc', ['-n'], { ...options, stdio: 'ignore' });
  const answers = () =>
    new Promise((resolve) => {
      const socket = createConnection(port, '127.0.0.1');
      socket.once('connect', () => resolve(true)).once('error', () => resolve(false));
      socket.once('connect', () => socket.destroy());
    });
  for (let i = 0; i < 600 && kdc.exitCode === null && !(await answers()); i++) await sleep(50);
  if (kdc.exitCode !== null) throw new Error(`the KDC ended with status ${kdc.exitCode}`);
  return {
    env,
    async addPrincipal(name, keytab) {
      await run('/usr/sbin/kadmin.local', ['-q', `addprinc -randkey ${name}`], options);
      await run('/usr/sbin/kadmin.local', ['-q', `ktadd -norandkey -k ${keytab} ${name}`], options);
    },
    async stop() {
      const ended = once(kdc, 'exit');
      kdc.kill('SIGKILL');
      await ended;
    },
  };
}
