import { once } from 'node:events';
import { copyFile, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import type { IncomingMessage } from 'node:http';
import https from 'node:https';
import os from 'node:os';
import path from 'node:path';
import { ClientSession, RequestError } from '@koji/client';
import { makeCertificate, makeServerCertificates } from './support/certificates.js';
import { databases } from './support/databases.js';
import { startRawHub } from './support/raw-hub.js';
import type { RawHub } from './support/raw-hub.js';

describe.each(databases)('a hub that asks for certificates, on $name', (kind) => {
  let certificates: string;
  let hub: RawHub;
  const file = (name: string): string => path.join(certificates, name);

  beforeAll(async () => {
    certificates = await mkdtemp(path.join(os.tmpdir(), 'koji-tls-'));
    await makeServerCertificates(certificates);
    await makeCertificate(certificates, 'server', {
      subject: '/CN=koji.example.com',
      by: 'ca',
      extensions: ['subjectAltName=IP:127.0.0.1,DNS:koji.example.com', 'extendedKeyUsage=serverAuth'],
    });
    await makeCertificate(certificates, 'root', { subject: '/CN=root', by: 'ca' });
    await makeCertificate(certificates, 'stranger', { subject: '/CN=root' });
    hub = await startRawHub(kind, {
      options: { TLSCertificate: 'server.crt', TLSKey: 'server.key', TLSClientCA: 'ca.crt' },
      prepare: async (folder) => {
        for (const name of ['server.crt', 'server.key', 'ca.crt'])
          await copyFile(file(name), path.join(folder, name));
      },
    });
  });

  afterAll(async () => {
    await hub.drop();
    await rm(certificates, { recursive: true });
  });

  test('takes uploads of several chunks by a login with a certificate, and gives the file back', async () => {
    const bytes = Buffer.alloc(300_000, 'some bytes, ');
    await writeFile(file('source.tar'), bytes);
    const session = new ClientSession(hub.api, {
      cert: file('root.pem'),
      serverCa: file('ca.crt'),
      uploadBlocksize: 65_536,
    });
    await session.loginWithCertificate();
    await session.upload(file('source.tar'), 'cli-build/by-tls');
    const stored = path.join(hub.kojiDir, 'work/cli-build/by-tls/source.tar');
    expect((await readFile(stored)).equals(bytes)).toBe(true);
    const { body } = await get('/kojifiles/work/cli-build/by-tls/source.tar', 'root');
    expect(body.equals(bytes)).toBe(true);
    await session.logout();
    await session.close();
  });

  test('refuses clients that trust another authority, and logs in nobody by a certificate of a stranger', async () => {
    const wrong = new ClientSession(hub.api, { serverCa: file('stranger.crt') });
    const failed = await wrong.getAPIVersion().catch((error: unknown) => error);
    expect(failed).toBeInstanceOf(RequestError);
    expect((failed as RequestError).badCertificate).toBe(true);
    await wrong.close();
    const stranger = new ClientSession(hub.api, { cert: file('stranger.pem'), serverCa: file('ca.crt') });
    await expect(stranger.loginWithCertificate()).rejects.toThrow('could not verify client: FAILED:');
    await stranger.close();
  });

  async function get(
    address: string,
    name: string | null,
    { cookie = '', form }: { cookie?: string; form?: Readonly<Record<string, string>> } = {},
  ): Promise<{ status: number; headers: IncomingMessage['headers']; body: Buffer; text: string }> {
    const pem = name === null ? undefined : await readFile(file(`${name}.pem`));
    const request = https.request(`${hub.url}${address}`, {
      ca: await readFile(file('ca.crt')),
      ...(pem ? { cert: pem, key: pem } : {}),
      agent: false,
      method: form ? 'POST' : 'GET',
      headers: {
        Cookie: cookie,
        // Cookies of a page at a loopback address need no TLS.
        Host: 'koji.example.com',
        Origin: 'https://koji.example.com',
        ...(form ? { 'Content-Type': 'application/x-www-form-urlencoded' } : {}),
      },
    });
    request.end(form && new URLSearchParams(form).toString());
    const [response] = (await once(request, 'response')) as [IncomingMessage];
    const parts: Buffer[] = [];
    for await (const part of response) parts.push(part as Buffer);
    const body = Buffer.concat(parts);
    return { status: response.statusCode ?? 0, headers: response.headers, body, text: body.toString() };
  }

  test.each([
    ['without a certificate', null] as const,
    ['with one', 'root'] as const,
    ['with one of a stranger', 'stranger'] as const,
  ])('shows its pages and logs in by password %s, with a cookie for TLS only', async (_, name) => {
    expect((await get('/koji/', name)).status).toBe(200);
    const form = await get('/koji/login', name);
    const token = /name="token" value="([^"]+)"/.exec(form.text)?.[1] ?? '';
    const given = (answer: { headers: IncomingMessage['headers'] }): string[] =>
      answer.headers['set-cookie'] ?? [];
    const plain = (line: string): string => line.split(';')[0] ?? '';
    const login = await get('/koji/login', name, {
      cookie: given(form).map(plain).join('; '),
      form: { token, user: 'root', password: 'root' },
    });
    expect(login.status).toBe(303);
    const cookies = given(login);
    expect(cookies.length).toBeGreaterThan(0);
    for (const line of cookies) expect(line).toMatch(/^__Secure-.*; Secure/);
    const page = await get('/koji/', name, { cookie: cookies.map(plain).join('; ') });
    expect(page.text).toContain('<bdi>root</bdi>');
  });
});
