/** The recipes of docs/operations/logins.md for logins at a proxy, run by nginx and Apache. */
import { execFile, spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import type { IncomingMessage } from 'node:http';
import https from 'node:https';
import os from 'node:os';
import path from 'node:path';
import { ClientSession } from '@koji/client';
import { encodeCall } from '@koji/core/wire';
import { makeCertificate, makeServerCertificates } from '../packages/koji-hub/test/support/certificates.js';
import { freePort } from '../scripts/ports.mjs';
import { kdcProblem, realm, startKdc } from '../scripts/kdc.mjs';
import type { Kdc } from '../scripts/kdc.mjs';
import { program, root, until } from './support/system.js';

const page = readFileSync(path.join(root, 'docs/operations/logins.md'), 'utf8');

/** The blocks of a section of the page, by their languages. */
function blocksOf(section: string): Record<string, string> {
  const [, text = ''] = new RegExp(`^## ${section}\n([\\s\\S]*?)(?=^## )`, 'm').exec(page) ?? [];
  const blocks = [...text.matchAll(/^```(\w+)\n([\s\S]*?)^```/gm)];
  return Object.fromEntries(blocks.map(([, language = '', block = '']) => [language, block]));
}

/** Puts other values in the place of those that the page has as examples; each must be there. */
function replaced(text: string, values: Readonly<Record<string, string>>): string {
  return Object.entries(values).reduce((before, [from, to]) => {
    expect(before).toContain(from);
    return before.replaceAll(from, to);
  }, text);
}

const modules = ['/usr/lib/apache2/modules', '/usr/lib64/httpd/modules'].find((name) => existsSync(name));
const apache = ['/usr/sbin/apache2', '/usr/sbin/httpd'].find((name) => existsSync(name));
const nginx = '/usr/sbin/nginx';
const hasModule = (name: string): boolean => existsSync(path.join(modules ?? '', `mod_${name}.so`));

function apacheProblem(): string | null {
  if (apache === undefined) return 'Apache is not installed';
  if (!hasModule('auth_gssapi')) return 'mod_auth_gssapi is not installed';
  return kdcProblem();
}

interface Ended {
  readonly code: number;
  readonly out: string;
}

/** A hub behind a proxy, in a folder of their own. */
class Place {
  private readonly children: ChildProcess[] = [];
  hubPort = 0;
  port = 0;

  private constructor(readonly folder: string) {}

  static async make(): Promise<Place> {
    const place = new Place(await mkdtemp(path.join(os.tmpdir(), 'koji-proxies-')));
    // Proxies that root starts run as somebody else.
    await chmod(place.folder, 0o755);
    await makeServerCertificates(place.folder);
    for (const name of ['alice', 'bob'])
      await makeCertificate(place.folder, name, { subject: `/O=Example/CN=${name}`, by: 'ca' });
    await makeCertificate(place.folder, 'stranger', { subject: '/CN=alice' });
    place.port = await freePort();
    return place;
  }

  file(name: string): string {
    return path.join(this.folder, name);
  }

  start(command: string, args: readonly string[], env: Readonly<Record<string, string>> = {}): ChildProcess {
    const child = spawn(command, args, {
      cwd: this.folder,
      env: { ...process.env, NODE_OPTIONS: process.env.KOJI_TEST_NODE_OPTIONS, ...env },
      stdio: ['ignore', 'pipe', 'inherit'],
      // Apache's end is the end of all of its group.
      detached: true,
    });
    this.children.push(child);
    return child;
  }

  /** The address of the API behind the proxy. */
  get hubUrl(): string {
    return `https://127.0.0.1:${this.port}/kojihub`;
  }

  /** Starts a hub with the options of a recipe. */
  async startHub(recipe: string): Promise<void> {
    await this.run('koji-hub', ['init', '.', '--password', 'secret']);
    const conf = readFileSync(this.file('hub.conf'), 'utf8');
    const options = recipe.replace('[hub]\n', '');
    await writeFile(
      this.file('hub.conf'),
      conf.replace(/^Listen = .*$/m, `Listen = 127.0.0.1:0\n${options}`),
    );
    const hub = this.start(process.execPath, [program('koji-hub'), '--config', 'hub.conf']);
    const [line] = (await once(hub.stdout!, 'data')) as [Buffer];
    this.hubPort = Number(/:(\d+)\/kojihub/.exec(String(line))?.[1]);
    const profile = `[koji]\nserver = ${this.hubUrl}\nserverca = ${this.file('ca.crt')}\n`;
    await writeFile(this.file('koji.conf'), profile);
  }

  run(
    name: 'koji' | 'koji-hub',
    args: readonly string[],
    env: Readonly<Record<string, string>> = {},
  ): Promise<Ended> {
    const options = {
      cwd: this.folder,
      env: { ...process.env, NODE_OPTIONS: process.env.KOJI_TEST_NODE_OPTIONS, HOME: this.folder, ...env },
    };
    return new Promise((resolve) => {
      execFile(process.execPath, [program(name), ...args], options, (error, stdout, stderr) =>
        resolve({ code: error ? Number(error.code) : 0, out: `${stdout}${stderr}` }),
      );
    });
  }

  koji(args: readonly string[], env?: Readonly<Record<string, string>>): Promise<Ended> {
    return this.run('koji', ['-c', 'koji.conf', ...args], env);
  }

  /** Sends a call as it is, and returns status and text of the answer. */
  async post(address: string, headers: Readonly<Record<string, string>>): Promise<[number, string]> {
    const request = https.request(`https://127.0.0.1:${this.port}${address}`, {
      ca: readFileSync(this.file('ca.crt')),
      agent: false,
      method: 'POST',
      headers: { 'Content-Type': 'text/xml', ...headers },
    });
    request.end(encodeCall('sslLogin', []));
    const [response] = (await once(request, 'response')) as [IncomingMessage];
    let text = '';
    for await (const part of response.setEncoding('utf8')) text += String(part);
    return [response.statusCode ?? 0, text];
  }

  /** Waits until the hub answers through the proxy. */
  async answers(): Promise<void> {
    await until('the hub behind the proxy answers', async () => {
      const { code } = await this.koji(['version']);
      return code === 0;
    });
  }

  async stop(): Promise<void> {
    for (const child of this.children.reverse()) {
      const ended = once(child, 'exit');
      if (child.exitCode !== null) continue;
      child.kill('SIGTERM');
      await ended;
    }
    await rm(this.folder, { recursive: true, force: true });
  }
}

/** Apache by TLS before the hub of a place, with more lines for what is asked of clients. */
function apacheConfig(place: Place, lines: string): string {
  const loaded = [
    ...['mpm_event', 'authn_core', 'authz_core', 'authz_user', 'auth_gssapi', 'headers', 'socache_shmcb'],
    ...['ssl', 'proxy', 'proxy_http', 'unixd'],
  ].filter(hasModule);
  const account = process.getuid?.() === 0 ? 'User nobody\nGroup nogroup\n' : '';
  return `${loaded.map((name) => `LoadModule ${name}_module ${path.join(modules ?? '', `mod_${name}.so`)}`).join('\n')}
ServerName 127.0.0.1
ServerRoot ${place.folder}
DefaultRuntimeDir ${place.folder}
PidFile ${place.file('apache.pid')}
ErrorLog ${place.file('error.log')}
Listen 127.0.0.1:${place.port}
${account}SSLEngine On
SSLCertificateFile ${place.file('server.crt')}
SSLCertificateKeyFile ${place.file('server.key')}
ProxyPass / http://127.0.0.1:${place.hubPort}/
${lines}`;
}

const hasNginx = existsSync(nginx);

(hasNginx ? describe : describe.skip)(
  `nginx with the recipe for certificates${hasNginx ? '' : ' (skipped: nginx is not installed)'}`,
  () => {
    let place: Place;

    beforeAll(async () => {
      place = await Place.make();
      const { nginx: server = '', ini = '' } = blocksOf('TLS and certificates in a proxy');
      await place.startHub(ini);
      const config = replaced(server, {
        'listen 443': `listen 127.0.0.1:${place.port}`,
        '/etc/nginx/tls/server': place.file('server'),
        '/etc/nginx/tls/clients.crt': place.file('ca.crt'),
        'http://127.0.0.1:8080': `http://127.0.0.1:${place.hubPort}`,
      });
      const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
        (name) => `${name}_temp_path ${place.file(name)};`,
      );
      await writeFile(
        place.file('nginx.conf'),
        `daemon off; pid ${place.file('pid')}; error_log stderr; events {}\nhttp {\naccess_log off;\n${temporary.join('\n')}\n${config}}\n`,
      );
      place.start(nginx, ['-e', 'stderr', '-c', place.file('nginx.conf')]);
      await place.answers();
    });

    afterAll(() => place.stop());

    test('a certificate logs in, uploads pass, and a certificate of a stranger is refused', async () => {
      expect(await place.koji(['--cert', 'alice.pem', 'whoami'])).toMatchObject({
        code: 0,
        out: expect.stringMatching(/^User: alice .*\n.*\nLogin: certificate \(certificate\)\n/) as string,
      });
      const stranger = await place.koji(['--cert', 'stranger.pem', 'whoami']);
      // nginx itself refuses a certificate of another authority.
      expect([stranger.code, stranger.out]).toEqual([1, expect.stringContaining('400')]);
      const session = new ClientSession(place.hubUrl, {
        cert: place.file('bob.pem'),
        serverCa: place.file('ca.crt'),
      });
      await session.loginWithCertificate();
      const bytes = Buffer.alloc(3_000_000, 'some bytes, ');
      await session.uploadBytes(bytes, 'cli-build/by-nginx', { name: 'big' });
      const [, store = ''] = /^KojiDir = (.*)$/m.exec(readFileSync(place.file('hub.conf'), 'utf8')) ?? [];
      const stored = path.resolve(place.folder, store, 'work/cli-build/by-nginx/big');
      expect((await readFile(stored)).equals(bytes)).toBe(true);
      await session.logout();
      await session.close();
    });

    test('headers of a client say nothing', async () => {
      const [status, text] = await place.post('/kojihub/ssllogin', {
        'X-Client-Verify': 'SUCCESS',
        'X-Client-DN': 'CN=root',
      });
      expect(status).toBe(200);
      expect(text).toContain('could not verify client: NONE');
    });
  },
);

const problem = apacheProblem();

(problem === null ? describe : describe.skip)(
  `Apache with the recipe for Kerberos${problem === null ? '' : ` (skipped: ${problem})`}`,
  () => {
    let place: Place;
    let kdc: Kdc;

    beforeAll(async () => {
      place = await Place.make();
      kdc = await startKdc(place.folder);
      await kdc.addPrincipal('HTTP/127.0.0.1', place.file('http.keytab'));
      await kdc.addPrincipal('alice', place.file('alice.keytab'));
      await chmod(place.file('http.keytab'), 0o644);
      await mkdir(place.file('replays'));
      await chmod(place.file('replays'), 0o777);
      const { apache: location = '', ini = '' } = blocksOf('Kerberos in a proxy');
      await place.startHub(ini);
      const recipe = replaced(location, { '/etc/httpd/http.keytab': place.file('http.keytab') });
      await writeFile(place.file('apache.conf'), apacheConfig(place, recipe));
      place.start(apache ?? '', ['-f', place.file('apache.conf'), '-DFOREGROUND'], {
        ...kdc.env,
        KRB5RCACHEDIR: place.file('replays'),
      });
      await place.answers();
    });

    afterAll(async () => {
      await place.stop();
      await kdc.stop();
    });

    test('a ticket logs in, and a client without one is asked for it', async () => {
      const login = ['--authtype=kerberos', '--principal=alice', '--keytab', place.file('alice.keytab')];
      expect(await place.koji([...login, 'whoami'], kdc.env)).toMatchObject({
        code: 0,
        out: expect.stringMatching(
          new RegExp(
            `^User: alice .*\\n.*\\nLogin: kerberos \\(Kerberos\\)\\nKerberos principal: alice@${realm}\\n`,
          ),
        ) as string,
      });
      const [status] = await place.post('/kojihub/ssllogin', {});
      expect(status).toBe(401);
    });

    test('the header of a client says nothing, whatever the path', async () => {
      const header = { 'X-Remote-User': `alice@${realm}` };
      expect((await place.post('/kojihub/ssllogin', header))[0]).toBe(401);
      for (const address of [
        '/kojihub',
        '/kojihub/',
        '//kojihub/ssllogin',
        '/kojihub/SSLLOGIN',
        '/kojihub/%73sllogin',
      ]) {
        const [, text] = await place.post(address, header);
        expect([address, text]).not.toEqual([address, expect.stringContaining('session-key')]);
      }
    });
  },
);

const hasApache = apache !== undefined;

(hasApache ? describe : describe.skip)(
  `Apache that asks for certificates where clients log in${hasApache ? '' : ' (skipped: Apache is not installed)'}`,
  () => {
    let place: Place;

    beforeAll(async () => {
      place = await Place.make();
      await place.startHub(blocksOf('TLS and certificates in a proxy').ini ?? '');
      const lines = `SSLCACertificateFile ${place.file('ca.crt')}
<Location /kojihub/ssllogin>
  SSLVerifyClient require
  RequestHeader set X-Client-Verify expr=%{SSL_CLIENT_VERIFY}
  RequestHeader set X-Client-DN expr=%{SSL_CLIENT_S_DN}
</Location>
`;
      await writeFile(place.file('apache.conf'), apacheConfig(place, lines));
      place.start(apache ?? '', ['-f', place.file('apache.conf'), '-DFOREGROUND']);
      await place.answers();
    });

    afterAll(() => place.stop());

    // As in Koji's httpd.conf. TLS 1.3 would ask after the handshake, which Node.js does not answer.
    test('a certificate still logs in', async () => {
      expect(await place.koji(['--cert', 'alice.pem', 'whoami'])).toMatchObject({
        code: 0,
        out: expect.stringMatching(/^User: alice .*\n.*\nLogin: certificate \(certificate\)\n/) as string,
      });
      const none = await place.koji(['--cert', 'stranger.pem', 'whoami']);
      expect(none.code).toBe(1);
    });
  },
);
