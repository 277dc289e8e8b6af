import { once } from 'node:events';
import { copyFile, mkdir, readFile, rename, rm } from 'node:fs/promises';
import type { IncomingMessage } from 'node:http';
import https from 'node:https';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import tls from 'node:tls';
import { mkdtemp } from 'node:fs/promises';
import { ClientSession } from '@koji/client';
import { authTypes } from '../src/auth/login.js';
import { encodeArgs, encodeCall } from '@koji/core/wire';
import { check } from '../src/commands.js';
import { makeConfig } from '../src/config.js';
import { sql } from '../src/db/sql.js';
import { makeCertificate, makeServerCertificates } from './support/certificates.js';
import { databases } from './support/databases.js';
import { headersOf, readOutcome, startRawHub } from './support/raw-hub.js';
import type { Outcome, RawHub, RawHubOptions } from './support/raw-hub.js';

let certificates: string;
const inFolder = (name: string): string => path.join(certificates, name);

beforeAll(async () => {
  certificates = await mkdtemp(path.join(os.tmpdir(), 'koji-tls-'));
  await makeServerCertificates(certificates);
  const users = ['alice', 'web', 'nobody', 'group', 'blocked', 'bad name'];
  const subject = (name: string): string => `/O=Example/CN=${name}`;
  for (const name of users) await makeCertificate(certificates, name, { subject: subject(name), by: 'ca' });
  await makeCertificate(certificates, 'stranger', { subject: subject('alice') });
  await makeCertificate(certificates, 'old', { subject: subject('alice'), by: 'ca', days: -1 });
  await makeCertificate(certificates, 'nameless', { subject: '/O=Example', by: 'ca' });
  await makeCertificate(certificates, 'twice', { subject: '/CN=root/CN=alice', by: 'ca' });
});

afterAll(() => rm(certificates, { recursive: true }));

const files = {
  TLSCertificate: 'tls/server.crt',
  TLSKey: 'tls/server.key',
  TLSClientCA: 'tls/ca.crt',
};

/** Copies certificates to where hub.conf says they are. */
async function install(folder: string, names: Readonly<Record<string, string>> = {}): Promise<void> {
  await mkdir(path.join(folder, 'tls'), { recursive: true });
  for (const name of ['server.crt', 'server.key', 'ca.crt']) {
    const target = path.join(folder, 'tls', name);
    await copyFile(inFolder(names[name] ?? name), `${target}.new`);
    await rename(`${target}.new`, target);
  }
}

const withTls = (options: Readonly<Record<string, string>> = {}): RawHubOptions => ({
  options: { ...files, ...options },
  prepare: (folder) => install(folder),
});

interface Sending {
  readonly args?: readonly unknown[];
  readonly named?: Readonly<Record<string, unknown>>;
  readonly headers?: Readonly<Record<string, string>>;
  readonly path?: string;
  readonly agent?: https.Agent;
}

async function agentOf(name: string | null, more: https.AgentOptions = {}): Promise<https.Agent> {
  const pem = name === null ? undefined : await readFile(inFolder(`${name}.pem`));
  const ca = await readFile(inFolder('ca.crt'));
  return new https.Agent({ ca, ...(pem ? { cert: pem, key: pem } : {}), ...more });
}

/** Sends a call with the certificate of a name. */
async function call(
  hub: RawHub,
  name: string | null,
  method: string,
  { args = [], named = {}, headers = {}, agent, ...more }: Sending = {},
): Promise<Outcome> {
  const used = agent ?? (await agentOf(name));
  const request = https.request(`${hub.api}${more.path ?? '/ssllogin'}`, {
    method: 'POST',
    agent: used,
    headers: { 'Content-Type': 'text/xml', ...headers },
  });
  request.end(encodeCall(method, encodeArgs(args, named)));
  const [response] = (await once(request, 'response')) as [NodeJS.ReadableStream];
  const parts: Buffer[] = [];
  for await (const part of response) parts.push(Buffer.from(part));
  return readOutcome(new Response(Buffer.concat(parts)));
}

const session = { 'session-id': expect.any(Number) as unknown, 'session-key': expect.any(String) as unknown };
const opened = { value: expect.objectContaining(session) as unknown };
const refused = (text: unknown): Outcome => ({ fault: [1002, text as string] });

async function whoIs(hub: RawHub, login: Outcome): Promise<unknown> {
  const headers = headersOf('value' in login ? login.value : {});
  const found = await call(hub, null, 'getLoggedInUser', { headers, path: '' });
  return 'value' in found ? found.value : found;
}

describe.each(databases)('certificates of clients on $name', (kind) => {
  let hub: RawHub;

  beforeAll(async () => {
    hub = await startRawHub(kind, withTls({ ProxyDNs: 'CN=other | /O=Example/CN=web' }));
    for (const name of ['alice', 'group', 'blocked']) await hub.addUser(name);
    await hub.database.write(async (db) => {
      await db.run(sql`UPDATE users SET usertype = 2 WHERE name = 'group'`);
      await db.run(sql`UPDATE users SET status = 1 WHERE name = 'blocked'`);
    });
  });

  afterAll(() => hub.drop());

  test('one of a trusted authority opens a session of its user', async () => {
    expect(hub.url).toMatch(/^https:/);
    const login = await call(hub, 'alice', 'sslLogin');
    expect(login).toEqual(opened);
    expect(await whoIs(hub, login)).toMatchObject({ name: 'alice', authtype: authTypes.SSL });
  });

  test('no certificate, one of a stranger, an old one and that of a server open none', async () => {
    const failed = (code: string): Outcome => refused(`could not verify client: FAILED:${code}`);
    expect(await call(hub, null, 'sslLogin')).toEqual(refused('could not verify client: NONE'));
    expect(await call(hub, 'stranger', 'sslLogin')).toEqual(failed('DEPTH_ZERO_SELF_SIGNED_CERT'));
    expect(await call(hub, 'old', 'sslLogin')).toEqual(failed('CERT_HAS_EXPIRED'));
    expect(await call(hub, 'server', 'sslLogin')).toEqual(failed('INVALID_PURPOSE'));
    // An unverified certificate is no reason to refuse other calls.
    expect(await call(hub, 'stranger', 'getAPIVersion')).toEqual({ value: 1 });
  });

  test('a subject without a name, or with two, names nobody', async () => {
    const text = 'unable to get user information (CN) from client certificate';
    expect(await call(hub, 'nameless', 'sslLogin')).toEqual(refused(text));
    expect(await call(hub, 'twice', 'sslLogin')).toEqual(refused(text));
  });

  test('users who are blocked, and groups, do not log in', async () => {
    for (const name of ['blocked', 'group'])
      expect(await call(hub, name, 'sslLogin')).toEqual(refused(`logins by ${name} are not allowed`));
  });

  test('a first login creates the user if the name may be one', async () => {
    const logins = await Promise.all([1, 2, 3].map(() => call(hub, 'nobody', 'sslLogin')));
    expect(logins).toEqual([opened, opened, opened]);
    expect(await whoIs(hub, logins[0]!)).toMatchObject({ name: 'nobody', status: 0, usertype: 0 });
    expect(await call(hub, 'bad name', 'sslLogin')).toEqual({
      fault: [1000, 'Name bad name does not match RegexUserName value'],
    });
  });

  test('a certificate of ProxyDNs logs others in, any other does not', async () => {
    const named = { proxyuser: 'alice' };
    const login = await call(hub, 'web', 'sslLogin', { named });
    expect(await whoIs(hub, login)).toMatchObject({ name: 'alice', authtype: authTypes.SSL });
    expect(await call(hub, 'alice', 'sslLogin', { named: { proxyuser: 'root' } })).toEqual(
      refused('CN=alice,O=Example is not authorized to login other users'),
    );
    expect(await call(hub, 'web', 'sslLogin', { named: { proxyuser: 'blocked' } })).toEqual(
      refused('logins by blocked are not allowed'),
    );
    expect(
      await call(hub, 'web', 'sslLogin', { named: { ...named, proxyauthtype: authTypes.GSSAPI } }),
    ).toEqual(
      refused(
        'Proxy must use same auth mechanism as hub (behaviour can be overriden via AllowProxyAuthType hub option)',
      ),
    );
  });

  test('a client takes the certificate that its file has now', async () => {
    const cert = inFolder('mine.pem');
    await copyFile(inFolder('alice.pem'), cert);
    const client = new ClientSession(hub.api, { cert, serverCa: inFolder('ca.crt'), maxRetries: 1 });
    const logIn = async (): Promise<unknown> => {
      await client.loginWithCertificate();
      const user = await client.getLoggedInUser();
      await client.logout();
      return user?.name;
    };
    expect(await logIn()).toBe('alice');
    await copyFile(inFolder('nobody.pem'), cert);
    expect(await logIn()).toBe('alice');
    client.reloadCertificates();
    expect(await logIn()).toBe('nobody');
    await rm(cert);
    expect(() => client.reloadCertificates()).toThrow(/mine\.pem/);
    expect(await logIn()).toBe('nobody');
    await client.close();
  });

  test('a session is renewed by the certificate of its user only', async () => {
    const login = await call(hub, 'alice', 'sslLogin');
    const headers = headersOf('value' in login ? login.value : {});
    expect(await call(hub, 'alice', 'sslLogin', { headers })).toEqual(refused('Already logged in'));
    const id = Number(headers['Koji-Session-Id']);
    await hub.database.write((db) => db.run(sql`UPDATE sessions SET expired = TRUE WHERE id = ${id}`));
    const other = await call(hub, 'nobody', 'sslLogin', { named: { renew: true }, headers });
    expect(other).not.toMatchObject({ value: { 'session-id': id } });
    const renewed = await call(hub, 'alice', 'sslLogin', { named: { renew: true }, headers });
    expect(renewed).toMatchObject({ value: { 'session-id': id } });
  });

  test('headers of a client that is not a trusted proxy say nothing', async () => {
    const headers = { 'X-Client-Verify': 'SUCCESS', 'X-Client-DN': 'CN=root', 'X-Remote-User': 'root@A' };
    expect(await call(hub, null, 'sslLogin', { headers })).toEqual(refused('could not verify client: NONE'));
    expect(await whoIs(hub, await call(hub, 'alice', 'sslLogin', { headers }))).toMatchObject({
      name: 'alice',
    });
  });
});

const [firstDatabase] = databases;

describe('a hub with TLS', () => {
  let hub: RawHub;

  beforeAll(async () => {
    hub = await startRawHub(firstDatabase!, withTls({ LoginCreatesUser: 'no' }));
  });

  afterAll(() => hub.drop());

  test('takes TLS 1.2 and 1.3, and nothing older', async () => {
    const { port } = new URL(hub.url);
    const connect = async (maxVersion: tls.SecureVersion): Promise<unknown> => {
      const ca = await readFile(inFolder('ca.crt'));
      const ciphers = 'ALL@SECLEVEL=0';
      const socket = tls.connect({
        host: '127.0.0.1',
        port: Number(port),
        ca,
        maxVersion,
        minVersion: 'TLSv1',
        ciphers,
      });
      try {
        await once(socket, 'secureConnect');
        return socket.getProtocol();
      } catch (error) {
        return (error as NodeJS.ErrnoException).code;
      } finally {
        socket.destroy();
      }
    };
    expect(await connect('TLSv1.3')).toBe('TLSv1.3');
    expect(await connect('TLSv1.2')).toBe('TLSv1.2');
    expect(await connect('TLSv1.1')).toMatch(/^ERR_SSL_/);
  });

  test('refuses unknown users when LoginCreatesUser is off', async () => {
    expect(await call(hub, 'alice', 'sslLogin')).toEqual(refused('Unknown user: alice'));
  });

  test('takes new certificates while connections continue, and keeps the old ones when the new are wrong', async () => {
    const agent = await agentOf('web', { keepAlive: true, maxSockets: 1 });
    await hub.addUser('web');
    expect(await call(hub, 'web', 'sslLogin', { agent })).toEqual(opened);
    const serial = async (): Promise<string> => {
      const socket = tls.connect({
        host: '127.0.0.1',
        port: Number(new URL(hub.url).port),
        rejectUnauthorized: false,
      });
      await once(socket, 'secureConnect');
      const found = socket.getPeerCertificate().serialNumber;
      socket.destroy();
      return found;
    };
    const before = await serial();
    // A key that does not fit.
    await install(hub.folder, { 'server.key': 'alice.key' });
    const log = (): Promise<string> => readFile(path.join(hub.folder, 'hub.log'), 'utf8');
    const until = async (good: () => Promise<boolean>): Promise<void> => {
      for (let i = 0; i < 600 && !(await good()); i++) await sleep(50);
      expect(await good()).toBe(true);
    };
    await until(async () => (await log()).includes('is not the key of the certificate in TLSCertificate'));
    expect(await serial()).toBe(before);
    // A request that is under way all through the change.
    const running = https.request(`${hub.api}/ssllogin`, { method: 'POST', agent: await agentOf('web') });
    const body = encodeCall('getAPIVersion', []);
    running.setHeader('Content-Length', Buffer.byteLength(body));
    running.write(body.slice(0, 10));
    await once(running, 'socket');
    await makeCertificate(certificates, 'newer', {
      subject: '/CN=127.0.0.1',
      by: 'ca',
      extensions: ['subjectAltName=IP:127.0.0.1'],
    });
    await makeCertificate(certificates, 'ca2', { subject: '/CN=another authority' });
    await install(hub.folder, { 'server.crt': 'newer.crt', 'server.key': 'newer.key', 'ca.crt': 'ca2.crt' });
    await until(async () => (await serial()) !== before);
    running.end(body.slice(10));
    const [answer] = (await once(running, 'response')) as [IncomingMessage];
    expect([answer.statusCode, answer.headers.connection]).toEqual([200, 'close']);
    answer.resume();
    // Nobody logs in by the authority that is gone, whatever the connection was verified by.
    expect(await call(hub, 'web', 'sslLogin', { agent })).toMatchObject(
      refused(expect.stringMatching(/^could not verify client: FAILED:/)),
    );
    agent.destroy();
  });
});

describe('the check of a configuration', () => {
  const problems = async (
    options: Readonly<Record<string, string>>,
    names: Readonly<Record<string, string>> = {},
  ): Promise<string[]> => {
    const folder = await mkdtemp(path.join(os.tmpdir(), 'koji-tls-'));
    try {
      await install(folder, names);
      const config = makeConfig(folder, { KojiDir: '.', ...options });
      const found = await check(config);
      return found
        .filter((line) => /TLS|Header|ProxyDNs/.test(line))
        .map((line) => line.replaceAll(folder, 'F'));
    } finally {
      await rm(folder, { recursive: true });
    }
  };

  test('finds nothing wrong with good files', async () => {
    expect(await problems(files)).toEqual([]);
  });

  test.each<[string, Record<string, string>, Record<string, string>, RegExp]>([
    [
      'a file is missing',
      { ...files, TLSKey: 'none.key' },
      {},
      /TLSKey = 'none.key': cannot be read: ENOENT/,
    ],
    [
      'the key is of another one',
      files,
      { 'server.key': 'alice.key' },
      /TLSKey = .*: is not the key of the certificate/,
    ],
    [
      'the certificate is old',
      files,
      { 'server.crt': 'old.crt', 'server.key': 'old.key' },
      /TLSCertificate = .*: expired on/,
    ],
    [
      'a file is none',
      { ...files, TLSClientCA: 'tls/server.key' },
      {},
      /TLSClientCA = .*: has no certificate as PEM/,
    ],
    [
      'the authority is none',
      files,
      { 'ca.crt': 'alice.crt' },
      /TLSClientCA = .*no authority's: O=Example, CN=alice/,
    ],
    [
      'the authority comes first',
      files,
      { 'server.crt': 'ca.crt', 'server.key': 'ca.key' },
      /put that of the hub first/,
    ],
    [
      'the key is missing',
      { TLSCertificate: 'tls/server.crt' },
      {},
      /TLSCertificate = .*: name the file with its key in TLSKey/,
    ],
    [
      'headers count from nobody',
      { PrincipalHeader: 'X-Remote-User' },
      {},
      /PrincipalHeader = .*: name the proxies .* in TrustedProxies/,
    ],
    ['a DN is none', { ProxyDNs: 'koji-web' }, {}, /ProxyDNs: 'koji-web' is no DN/],
  ])('tells that %s', async (_, options, names, expected) => {
    expect((await problems(options, names)).join('\n')).toMatch(expected);
  });
});
