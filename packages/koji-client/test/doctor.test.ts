import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { appendFile, readFile, writeFile } from 'node:fs/promises';
import http from 'node:http';
import { createServer } from 'node:https';
import type { Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { decodeCall, encodeResponse } from '@koji/core/wire';
import { runKoji, useHub } from './support/hub.js';
import type { RealHub } from './support/hub.js';

interface Finding {
  readonly check: string;
  readonly status: string;
  readonly text: string;
  readonly remedy: string | null;
  readonly details: Readonly<Record<string, unknown>>;
}

let hub: RealHub;
let secure: Server;
const file = (name: string): string => join(hub.folder, name);

/** Makes a certificate with its key in one file, valid for some days. */
function makeCertificate(name: string, days: number): void {
  const key = file(`${name}.key`);
  const request = ['-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
  const subject = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost'];
  execFileSync(
    'openssl',
    ['req', ...request, '-keyout', key, '-out', file(`${name}.crt`), '-days', String(days), ...subject],
    { stdio: 'pipe' },
  );
  execFileSync('sh', ['-c', `cat ${file(`${name}.crt`)} ${key} > ${file(`${name}.pem`)}`]);
  execFileSync('chmod', ['600', file(`${name}.pem`)]);
}

useHub(async (opened) => {
  ({ hub } = opened);
  makeCertificate('server', 10);
  makeCertificate('other', 100);
  secure = createServer({ key: readFileSync(file('server.key')), cert: readFileSync(file('server.crt')) });
  secure.on('request', (request, response) => {
    // An hour ahead.
    response.setHeader('Date', new Date(Date.now() + 3_600_000).toUTCString());
    const parts: Buffer[] = [];
    request.on('data', (part: Buffer) => parts.push(part));
    request.on('end', () => {
      const { method } = request.method === 'POST' ? decodeCall(Buffer.concat(parts)) : { method: '' };
      response.end(encodeResponse(method === 'getAPIVersion' ? 1 : '1.35.3'));
    });
  });
  await new Promise<void>((resolve) => secure.listen(0, resolve));
});

afterAll(() => new Promise((resolve) => secure.close(resolve)));

async function findings(conf: string, ...args: string[]): Promise<{ code: number; found: Finding[] }> {
  const ran = await runKoji(['-c', file(conf), ...args, 'doctor', '--json'], { home: hub.folder });
  expect(ran.stderr).toBe('');
  return { code: ran.code, found: JSON.parse(ran.stdout) as Finding[] };
}

const about = (found: readonly Finding[], check: string): Finding[] =>
  found.filter((finding) => finding.check === check);

test('where all is well, it prints the profile with the file of each value, the hub, the login and both versions', async () => {
  await writeFile(
    file('well.conf'),
    `${await readFile(file('koji.conf'), 'utf8')}weburl = ${hub.url.replace('/kojihub', '/kojifiles')}\n` +
      'authtype = password\nuser = kojiadmin\npassword = kojiadmin\n',
    { mode: 0o600 },
  );
  const ran = await runKoji(['-c', file('well.conf'), '--topdir=/mnt/x', 'doctor'], { home: hub.folder });
  const lines = ran.stdout.split('\n');
  expect(ran).toMatchObject({ code: 0, stderr: '' });
  expect(lines[0]).toBe('profile: koji');
  expect(lines).toEqual(
    expect.arrayContaining([
      '  topdir = /mnt/x (command line)',
      `  server = ${hub.url} (${file('well.conf')})`,
      `  password = (secret) (${file('well.conf')})`,
      'clock: agrees with that of the hub',
      'login: as kojiadmin by password',
      'No problems found',
    ]),
  );
  expect(ran.stdout).toMatch(
    /\nhub: http\S+ answers in \d+ ms\nversions: koji [\d.]+ on Node\.js v\S+, hub [\d.]+\n/,
  );
  expect(ran.stdout).not.toContain('kojiadmin)');
});

test('it names options that do nothing, passwords that others can read, and addresses that do not answer', async () => {
  await writeFile(
    file('odd.conf'),
    `[koji]\nserver = ${hub.url}\nsever = x\npyver = 3\nuser = kojiadmin\npassword = wrong\n` +
      'topurl = http://localhost:9/files\n',
  );
  const { code, found } = await findings('odd.conf', `--weburl=${hub.url.replace('/kojihub', '/nothing')}`);
  expect(code).toBe(1);
  expect(about(found, 'profile').map(({ status, text }) => [status, text])).toEqual([
    ['ok', expect.stringContaining(`sever = x (${file('odd.conf')})`)],
    ['warning', `'sever' in ${file('odd.conf')} is no option of koji`],
    ['warning', expect.stringContaining(`'pyver' in ${file('odd.conf')} has no effect: `)],
    ['warning', `other users can read the password in ${file('odd.conf')}`],
  ]);
  expect(about(found, 'login')).toMatchObject([
    { status: 'problem', text: expect.stringContaining('invalid username or password') as string },
  ]);
  expect(about(found, 'topurl')).toMatchObject([
    { status: 'problem', remedy: 'Check topurl in the profile.' },
  ]);
  expect(about(found, 'weburl')).toMatchObject([{ status: 'problem', details: { status: 404 } }]);
});

test('a hub that cannot be reached is the one problem about it, and what answers instead of a hub is told', async () => {
  await writeFile(file('away.conf'), `[koji]\nserver = http://localhost:9/kojihub\ntopurl = ${hub.url}\n`);
  const away = await findings('away.conf');
  expect(about(away.found, 'hub')).toMatchObject([
    { status: 'problem', remedy: expect.stringContaining('Nothing listens at this port.') as string },
  ]);
  expect(about(away.found, 'login')).toEqual([]);
  const pages = http.createServer((_, response) => response.writeHead(404).end('nothing here'));
  await new Promise<void>((resolve) => pages.listen(0, resolve));
  const page = `http://localhost:${(pages.address() as AddressInfo).port}/kojihub`;
  const { code, found } = await findings('away.conf', '-s', page);
  pages.close();
  expect(code).toBe(1);
  expect(about(found, 'hub')).toMatchObject([
    { remedy: expect.stringContaining("Check 'server': another program answers there.") as string },
  ]);
});

test('certificates of the hub, of authorities and of the user are checked, and the clock', async () => {
  const { port } = secure.address() as AddressInfo;
  const url = `https://localhost:${port}`;
  await writeFile(
    file('tls.conf'),
    `[koji]\nserver = ${url}/kojihub\ntopurl = ${url}/files\nweburl = ${url}/koji\n`,
  );
  const untrusted = (await findings('tls.conf', '--noauth')).found;
  expect(about(untrusted, 'hub')).toMatchObject([
    { status: 'problem', remedy: expect.stringContaining('Set serverca') as string },
  ]);
  await appendFile(file('tls.conf'), `serverca = ${file('server.crt')}\nauthtype = ssl\n`);
  const { code, found } = await findings('tls.conf', '--noauth', `--cert=${file('other.pem')}`);
  expect(code).toBe(1);
  expect(found.filter(({ check }) => check !== 'profile')).toMatchObject([
    { check: 'client certificate', status: 'ok', details: { subject: 'CN=localhost' } },
    { check: 'authorities', status: 'ok', details: { certificates: 1, expired: 0 } },
    { check: 'hub', status: 'ok' },
    { check: 'versions', status: 'ok', details: { hub: '1.35.3', hub_api: 1 } },
    {
      check: 'certificate of the hub',
      status: 'warning',
      text: expect.stringMatching(/expires on .*, in 9 days$/) as string,
    },
    { check: 'clock', status: 'problem', text: expect.stringMatching(/^is 3\d\d\d s behind/) as string },
    { check: 'login', status: 'warning' },
    { check: 'topurl', status: 'ok' },
    { check: 'weburl', status: 'ok' },
  ]);
  // The certificate of one and the key of another.
  execFileSync('sh', ['-c', `cat ${file('other.crt')} ${file('server.key')} > ${file('mixed.pem')}`]);
  const mixed = await findings('tls.conf', '--noauth', `--cert=${file('mixed.pem')}`);
  expect(about(mixed.found, 'client certificate')).toMatchObject([
    { status: 'problem', text: `the key in ${file('mixed.pem')} is not that of the certificate` },
  ]);
  expect(about(mixed.found, 'hub')).toMatchObject([{ remedy: "Mend 'cert' and 'serverca' first." }]);
});
