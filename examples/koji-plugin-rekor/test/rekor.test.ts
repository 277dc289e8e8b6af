import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { once } from 'node:events';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { RpmHeader, listSignatures } from '@koji/plugin-sdk/koji';
import { startTestHub } from '@koji/plugin-sdk/testing';
import type { TestHub } from '@koji/plugin-sdk/testing';
import { until } from '../../../test/support/system.js';
import * as rekor from '../src/hub.js';

/** An entry as the log gets it. */
interface Entry {
  readonly apiVersion: string;
  readonly kind: string;
  readonly spec: {
    readonly package: { readonly content: string };
    readonly publicKey: { readonly content: string };
  };
}

const folder = mkdtempSync(path.join(tmpdir(), 'koji-rekor-'));
const publicKey = path.join(folder, 'key.asc');
const data = path.join(import.meta.dirname, '../../data');
const entered: Entry[] = [];
/** The answer of the log. */
let status = 201;
const log = http.createServer((request, response) => {
  const pieces: Buffer[] = [];
  request
    .on('data', (piece: Buffer) => pieces.push(piece))
    .on('end', () => {
      const isEntry = request.method === 'POST' && request.url === '/api/v1/log/entries';
      if (isEntry && status === 201) entered.push(JSON.parse(Buffer.concat(pieces).toString()) as Entry);
      response.writeHead(isEntry ? status : 404, { 'content-type': 'application/json' });
      response.end(JSON.stringify({ 'uuid-1': { logIndex: entered.length } }));
    });
});
let header: string;
let address: string;

beforeAll(async () => {
  await once(log.listen(0, '127.0.0.1'), 'listening');
  address = `http://127.0.0.1:${(log.address() as AddressInfo).port}`;
  const gpg = (...args: string[]): unknown =>
    execFileSync('gpg', ['--homedir', folder, '--batch', '--passphrase', '', ...args], { stdio: 'pipe' });
  gpg('--pinentry-mode', 'loopback', '--quick-generate-key', 'koji@example.org', 'rsa2048', 'sign');
  gpg('--armor', '--output', publicKey, '--export');
  const signed = path.join(folder, 'signed.rpm');
  copyFileSync(path.join(data, 'mypkg-1.0-1.noarch.rpm'), signed);
  const define = ['__gpg /usr/bin/gpg', `_gpg_path ${folder}`, '_gpg_name koji@example.org'].flatMap(
    (one) => ['--define', one],
  );
  execFileSync('rpmsign', ['--addsign', ...define, signed], { stdio: 'pipe' });
  header = Buffer.from((await RpmHeader.read(signed)).signature.bytes).toString('base64');
});
afterAll(async () => {
  log.close();
  log.closeAllConnections();
  execFileSync('gpgconf', ['--homedir', folder, '--kill', 'all']);
  rmSync(folder, { recursive: true });
});

let hub: TestHub;
afterEach(() => hub.stop());

/** Starts a hub with the package unsigned, and signs it. */
async function sign(enforced: boolean): Promise<void> {
  const config = `[config]\npublic_key_path = ${publicKey}\nrekor_server_url = ${address}\n`;
  hub = await startTestHub({
    plugins: { rekor },
    config: { rekor: `${config}enforce_rekor_upload = ${enforced ? 'yes' : 'no'}\n` },
  });
  const files = ['src', 'noarch'].map((arch) => path.join(data, `mypkg-1.0-1.${arch}.rpm`));
  await hub.addBuild('mypkg-1.0-1', { files });
  await hub.admin.addRPMSig('mypkg-1.0-1.noarch', header);
}

test('a signed package is entered with its key, as soon as the log takes it, and the answer is kept', async () => {
  status = 503;
  await sign(false);
  await until('the log has refused it', () => hub.log.some((line) => line.includes('the log answered 503')));
  expect(await hub.admin.queryRPMSigs()).toHaveLength(3);
  status = 201;
  const record = path.join(hub.topdir, 'rekor_logs/mypkg/1.0/1/noarch/mypkg-1.0-1.noarch.json');
  await until('it is entered', () => hub.log.some((line) => line.includes('is entered')));
  expect(entered).toHaveLength(1);
  const [entry] = entered;
  expect(entry).toMatchObject({ apiVersion: '0.0.1', kind: 'rpm' });
  expect(Buffer.from(entry?.spec.publicKey.content ?? '', 'base64')).toEqual(readFileSync(publicKey));
  const file = path.join(folder, 'entered.rpm');
  writeFileSync(file, Buffer.from(entry?.spec.package.content ?? '', 'base64'));
  expect(listSignatures(await RpmHeader.read(file)).length).toBeGreaterThan(0);
  const database = path.join(folder, 'rpmdb');
  execFileSync('rpmkeys', ['--dbpath', database, '--import', publicKey]);
  const said = execFileSync('rpmkeys', ['--dbpath', database, '--checksig', file], { encoding: 'utf8' });
  expect(said).toContain('digests signatures OK');
  expect(JSON.parse(readFileSync(record, 'utf8'))).toEqual({ 'uuid-1': { logIndex: 1 } });
});

test('where the log decides, a signature that it does not take is not stored; one that it has is', async () => {
  status = 500;
  await expect(sign(true)).rejects.toThrow(
    /Error running postRPMSign callback from rekor:[^]*the log answered 500/,
  );
  expect(await hub.admin.queryRPMSigs()).toHaveLength(2);
  status = 409;
  await hub.admin.addRPMSig('mypkg-1.0-1.noarch', header);
  expect(await hub.admin.queryRPMSigs()).toHaveLength(3);
  expect(hub.log.join('\n')).toContain('was in the log already');
});
