/** Logins by certificate and by Kerberos, with the programs and a real KDC. */
import { execFile, spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import type { IncomingMessage } from 'node:http';
import https from 'node:https';
import { createRequire } from 'node:module';
import os from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { encodeArgs, encodeCall } from '@koji/core/wire';
import { makeCertificate, makeServerCertificates } from '../packages/koji-hub/test/support/certificates.js';
import { kdcProblem, realm, startKdc } from '../scripts/kdc.mjs';
import type { Kdc } from '../scripts/kdc.mjs';
import { root } from './support/system.js';

const problem = kdcProblem();
const withKdc = problem === null ? describe : describe.skip;
const program = (name: string): string => path.join(root, 'packages', name, 'dist/bundle/main.js');

interface Ended {
  readonly code: number;
  readonly out: string;
}

withKdc(`logins with the programs${problem === null ? '' : ` (skipped: ${problem})`}`, () => {
  let folder: string;
  let kdc: Kdc;
  let hub: ChildProcess;
  let url: string;
  const file = (name: string): string => path.join(folder, name);

  function run(
    name: string,
    args: readonly string[],
    env: Readonly<Record<string, string>> = {},
  ): Promise<Ended> {
    const options = { cwd: folder, env: { ...process.env, HOME: folder, ...kdc.env, ...env } };
    return new Promise((resolve) => {
      execFile(process.execPath, [program(name), ...args], options, (error, stdout, stderr) =>
        resolve({ code: error ? Number(error.code) : 0, out: `${stdout}${stderr}` }),
      );
    });
  }

  const koji = (args: readonly string[], env?: Readonly<Record<string, string>>): Promise<Ended> =>
    run('koji-client', ['-c', 'koji.conf', ...args], env);

  beforeAll(async () => {
    folder = await mkdtemp(path.join(os.tmpdir(), 'koji-logins-'));
    kdc = await startKdc(folder);
    await kdc.addPrincipal('HTTP/127.0.0.1', file('http.keytab'));
    await kdc.addPrincipal('host/127.0.0.1', file('http.keytab'));
    for (const name of ['alice', 'koji-web']) await kdc.addPrincipal(name, file(`${name}.keytab`));
    await makeServerCertificates(folder);
    await makeCertificate(folder, 'bob', { subject: '/CN=bob', by: 'ca' });
    await run('koji-hub', ['init', '.', '--password', 'secret']);
    const conf = await readFile(file('hub.conf'), 'utf8');
    const options = [
      'TLSCertificate = server.crt',
      'TLSKey = server.key',
      'TLSClientCA = ca.crt',
      'GSSAPIKeytab = http.keytab',
      `AllowedKrbRealms = ${realm}`,
      `ProxyPrincipals = koji-web@${realm}`,
    ];
    await writeFile(
      file('hub.conf'),
      conf.replace(/^Listen = .*$/m, ['Listen = 127.0.0.1:0', ...options].join('\n')),
    );
    hub = spawn(process.execPath, [program('koji-hub'), '--config', 'hub.conf'], {
      cwd: folder,
      env: { ...process.env, ...kdc.env },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const [line] = (await once(hub.stdout!, 'data')) as [Buffer];
    url = /https:\S+/.exec(String(line))?.[0] ?? '';
    await writeFile(file('koji.conf'), `[koji]\nserver = ${url}\nserverca = ${file('ca.crt')}\n`);
  });

  afterAll(async () => {
    if (hub.exitCode === null) {
      const ended = once(hub, 'exit');
      hub.kill();
      await ended;
    }
    await kdc.stop();
    await rm(folder, { recursive: true });
  });

  test('the command logs in by the keys of a keytab, and for others if the hub allows it', async () => {
    const login = (name: string): string[] => [
      '--authtype=gssapi',
      `--principal=${name}@${realm}`,
      `--keytab=${file(`${name}.keytab`)}`,
    ];
    const { out, code } = await koji([...login('alice'), 'whoami']);
    expect([code, out]).toEqual([0, expect.stringMatching(/alice[^]*kerberos/i)]);
    expect((await koji([...login('koji-web'), '--runas=alice', 'whoami'])).out).toMatch(/alice/);
    expect((await koji([...login('alice'), '--runas=admin', 'whoami'])).out).toContain(
      `alice@${realm} is not authorized to login other users`,
    );
    // With a ticket in the cache, Kerberos is what remains when nothing else is set.
    await promisify(execFile)('kinit', ['-k', '-t', file('alice.keytab'), 'alice'], {
      env: { ...process.env, ...kdc.env },
    });
    expect((await koji(['whoami'])).out).toMatch(/alice/);
  });

  test('without a ticket the command tells why, and what else there is', async () => {
    const { code, out } = await koji(['whoami'], { KRB5CCNAME: `FILE:${file('none')}` });
    expect(code).not.toBe(0);
    expect(out).toMatch(/unable to obtain a session \(gssapi auth failed: .*\): use a password/);
  });

  test('the command logs in by a certificate, which counts before Kerberos', async () => {
    const { out } = await koji(['--cert', file('bob.pem'), 'whoami']);
    expect(out).toMatch(/bob[^]*certificate/);
  });

  test('a token is asked for, taken once, and of this service only', async () => {
    const ca = await readFile(file('ca.crt'));
    const send = async (headers: Readonly<Record<string, string>>): Promise<[number, string, string]> => {
      const request = https.request(`${url}/ssllogin`, { method: 'POST', ca, agent: false, headers });
      request.end(encodeCall('sslLogin', encodeArgs([])));
      const [response] = (await once(request, 'response')) as [IncomingMessage];
      let text = '';
      for await (const part of response.setEncoding('utf8')) text += part as string;
      return [response.statusCode ?? 0, response.headers['www-authenticate'] ?? '', text];
    };
    const script = `
      const k = require(process.argv[1]);
      k.initializeClient(process.argv[2], { mechOID: k.GSS_MECH_OID_SPNEGO, gssFlag: 0 })
        .then(async (c) => { await c.step(''); console.log(c.response); });`;
    const tokenFor = (service: string): Promise<string> =>
      new Promise((resolve, reject) => {
        // Jest's environment is a copy, which the library does not see.
        const args = ['-e', script, createRequire(import.meta.url).resolve('kerberos'), service];
        const env = { ...process.env, ...kdc.env };
        execFile(process.execPath, args, { env }, (error, out) => {
          if (error) reject(new Error(error.message));
          else resolve(out.trim());
        });
      });
    const asked = [401, 'Negotiate', expect.stringContaining('Unauthorized')];
    expect(await send({})).toEqual(asked);
    expect(await send({ Authorization: 'Negotiate bm9uc2Vuc2U=' })).toEqual(asked);
    expect(await send({ Authorization: 'Basic YTpi' })).toEqual(asked);
    const token = await tokenFor('HTTP@127.0.0.1');
    const [status, , text] = await send({ Authorization: `Negotiate ${token}` });
    expect([status, text]).toEqual([200, expect.stringContaining('session-key')]);
    expect(await send({ Authorization: `Negotiate ${token}` })).toEqual(asked);
    // Its key is in the keytab, too.
    expect(await send({ Authorization: `Negotiate ${await tokenFor('host@127.0.0.1')}` })).toEqual(asked);
    expect(await send({ 'X-Remote-User': `root@${realm}` })).toEqual(asked);
  });

  test('the check of the configuration reports a keytab that is missing', async () => {
    const conf = await readFile(file('hub.conf'), 'utf8');
    await writeFile(file('other.conf'), conf.replace('http.keytab', 'none.keytab'));
    const { code, out } = await run('koji-hub', ['--config', 'other.conf', 'check']);
    expect([code, out]).toEqual([
      1,
      expect.stringMatching(/GSSAPIKeytab = 'none.keytab': cannot be read: ENOENT/),
    ]);
  });
});
