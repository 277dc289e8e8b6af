import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { copyFile, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import https from 'node:https';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { encodeCall } from '@koji/core/wire';
import { freePort } from '../../../scripts/ports.mjs';
import { Authority } from './support/authority.js';
import { makeCertificate, makeServerCertificates } from './support/certificates.js';
import { databases, describeOnPostgres } from './support/databases.js';
import type { DatabaseKind, TestDatabase } from './support/databases.js';
import { readOutcome } from './support/raw-hub.js';
import type { Outcome } from './support/raw-hub.js';

const program = fileURLToPath(new URL('../dist/bundle/main.js', import.meta.url));
const revoked = { fault: [1002, 'could not verify client: FAILED:CERT_REVOKED'] };
const opened = { value: expect.objectContaining({ 'session-id': expect.any(Number) as unknown }) as unknown };

/** Waits for something; the time limit of the test ends it. */
async function until(test: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await test())) await sleep(50);
}

function listTests(kind: DatabaseKind, workers: number): void {
  let certificates: string;
  let authority: Authority;
  let database: TestDatabase;
  let hub: ChildProcess;
  let url: string;
  const list = (): string => path.join(certificates, 'list', 'revoked.pem');
  const log = (): Promise<string> => readFile(path.join(database.folder, 'hub.log'), 'utf8').catch(() => '');

  beforeAll(async () => {
    certificates = await mkdtemp(path.join(os.tmpdir(), 'koji-revoked-'));
    await mkdir(path.join(certificates, 'list'));
    await makeServerCertificates(certificates);
    for (const name of ['alice', 'bob'])
      await makeCertificate(certificates, name, { subject: `/CN=${name}`, by: 'ca' });
    authority = await Authority.open(certificates);
    await authority.writeList(list());
    database = await kind.create();
    for (const name of ['server.crt', 'server.key', 'ca.crt'])
      await copyFile(path.join(certificates, name), path.join(database.folder, name));
    // Nothing in the folder of the link changes with the list, so that only a signal tells the hub in time.
    await symlink(list(), path.join(database.folder, 'revoked.pem'));
    const port = await freePort();
    url = `https://127.0.0.1:${port}/kojihub/ssllogin`;
    const options = {
      Listen: `127.0.0.1:${port}`,
      Database: database.url,
      KojiDir: 'store',
      LogFile: 'hub.log',
      LogLevel: 'DEBUG',
      TLSCertificate: 'server.crt',
      TLSKey: 'server.key',
      TLSClientCA: 'ca.crt',
      TLSClientCRL: 'revoked.pem',
      Workers: String(workers),
    };
    const lines = Object.entries(options).map(([key, value]) => `${key} = ${value}`);
    await writeFile(path.join(database.folder, 'hub.conf'), `[hub]\n${lines.join('\n')}\n`);
    hub = spawn(process.execPath, [program], {
      cwd: database.folder,
      env: { ...process.env, NODE_OPTIONS: process.env.KOJI_TEST_NODE_OPTIONS },
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    await until(async () => {
      await login(null).catch(() => null);
      return (await processesThat('could not verify client: NONE')) === workers;
    });
  });

  afterAll(async () => {
    const ended = once(hub, 'exit');
    hub.kill('SIGTERM');
    await ended;
    await database.drop();
    await rm(certificates, { recursive: true });
  });

  const agentOf = async (name: string | null, more: https.AgentOptions = {}): Promise<https.Agent> => {
    const pem = name === null ? undefined : await readFile(path.join(certificates, `${name}.pem`));
    const ca = await readFile(path.join(certificates, 'ca.crt'));
    return new https.Agent({ ca, ...(pem ? { cert: pem, key: pem } : {}), ...more });
  };

  async function login(name: string | null, agent?: https.Agent): Promise<Outcome> {
    const used = agent ?? (await agentOf(name));
    const request = https.request(url, {
      method: 'POST',
      agent: used,
      headers: { 'Content-Type': 'text/xml', ...(agent ? {} : { Connection: 'close' }) },
    });
    request.end(encodeCall('sslLogin', []));
    const [response] = (await once(request, 'response')) as [NodeJS.ReadableStream];
    const parts: Buffer[] = [];
    for await (const part of response) parts.push(Buffer.from(part));
    return readOutcome(new Response(Buffer.concat(parts)));
  }

  /** Logs in by connections of their own, as many as each process gets some of. */
  const logins = (name: string): Promise<Outcome[]> =>
    Promise.all(Array.from({ length: 8 * workers }, () => login(name)));

  /** How many processes logged a text. */
  const processesThat = async (text: string): Promise<number> => {
    const lines = (await log()).split('\n').filter((line) => line.includes(text) && line.includes(' p='));
    return new Set(lines.map((line) => / p=(\d+) /.exec(line)?.[1])).size;
  };

  test('a certificate that is revoked logs nobody in once the hub gets SIGHUP, in every process', async () => {
    expect(await logins('alice')).toEqual(Array.from({ length: 8 * workers }, () => opened));
    const agent = await agentOf('alice', { keepAlive: true, maxSockets: 1 });
    expect(await login('alice', agent)).toEqual(opened);
    await authority.revoke('alice');
    await authority.writeList(list());
    hub.kill('SIGHUP');
    await until(async () => (await processesThat('the certificates changed')) === workers);
    expect(await logins('alice')).toEqual(Array.from({ length: 8 * workers }, () => revoked));
    expect(await processesThat('FAILED:CERT_REVOKED')).toBe(workers);
    // A connection that was verified by the list before.
    expect(await login('alice', agent)).toMatchObject({ fault: [1002, expect.any(String)] });
    expect(await logins('bob')).toEqual(Array.from({ length: 8 * workers }, () => opened));
    agent.destroy();
  });

  test('every process logs an invalid list, and keeps the previous one', async () => {
    await writeFile(list(), 'nonsense');
    hub.kill('SIGHUP');
    await until(async () => (await processesThat('keeping the current certificates: ')) === workers);
    expect(await login('alice')).toEqual(revoked);
    expect(await login('bob')).toEqual(opened);
    await authority.revoke('bob');
    await authority.writeList(list());
    hub.kill('SIGHUP');
    await until(async () => JSON.stringify(await logins('bob')).split('CERT_REVOKED').length > 8 * workers);
  });
}

describe('TLSClientCRL', () => listTests(databases[0]!, 1));
describeOnPostgres('TLSClientCRL with Workers = 3', (kind) => listTests(kind, 3));
