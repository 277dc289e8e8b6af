import { jest } from '@jest/globals';
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { named } from '@koji/core/wire';
import { startTestHub } from '@koji/plugin-sdk/testing';
import type { TestHub } from '@koji/plugin-sdk/testing';
import { freePort } from '../../../scripts/ports.mjs';
import { root } from '../../../test/support/system.js';
import { Person, startProvider } from './support/provider.js';
import type { TestProvider } from './support/provider.js';
import { Visitor, send } from './support/visitor.js';

const secrets = { hub: 'hubs-secret-5b1d', alone: 'alones-secret-77a2' };

let provider: TestProvider;
let hub: TestHub;
/** The hub's own page, at which nobody is created. */
let base: string;
/** A koji-web before the hub, which creates users. */
let alone: string;
let web: ChildProcess;
let folder: string;
/** The page's texts before the provider answered anybody. */
let away: Awaited<ReturnType<Visitor['get']>>;

const logFile = (): string => path.join(folder, 'web.log');

beforeAll(async () => {
  folder = mkdtempSync(path.join(tmpdir(), 'koji-oidc-'));
  provider = await startProvider();
  const [hubPort, webPort] = [await freePort(), await freePort()];
  base = `http://127.0.0.1:${hubPort}/koji/`;
  alone = `http://127.0.0.1:${webPort}/builds/koji/`;
  writeFileSync(path.join(folder, 'secret'), `${secrets.hub}\n`);
  hub = await startTestHub({
    tags: ['f44'],
    options: {
      Listen: `127.0.0.1:${hubPort}`,
      LogLevel: 'DEBUG',
      ProxyUsers: 'the-page',
      OIDCIssuer: provider.issuer,
      OIDCName: 'Example <ID>',
      OIDCClientID: 'hub',
      OIDCClientSecret: `file:${path.join(folder, 'secret')}`,
      OIDCRedirectURL: `${base}oidccallback`,
      OIDCGroupsClaim: 'roles.koji',
      OIDCPermissions: 'cn=tag people, ou=x = tag target | hosts = host',
    },
  });
  await hub.login('ada', 'repo');
  await hub.login('the-page', 'admin');
  await hub.builder('builder1');
  web = await startAlone(webPort);
  away = await new Visitor(alone).get('oidclogin');
  await provider.serve([
    {
      client_id: 'hub',
      client_secret: secrets.hub,
      redirect_uris: [`${base}oidccallback`],
      token_endpoint_auth_method: 'client_secret_basic',
    },
    {
      client_id: 'alone',
      client_secret: secrets.alone,
      redirect_uris: [`${alone}oidccallback`],
      token_endpoint_auth_method: 'client_secret_post',
    },
  ]);
});

afterAll(async () => {
  web.kill();
  await once(web, 'exit');
  await hub.stop();
  await provider.stop();
  rmSync(folder, { recursive: true, force: true });
});

async function startAlone(port: number): Promise<ChildProcess> {
  const lines = {
    KojiHubURL: hub.url,
    Listen: `127.0.0.1:${port}`,
    WebPath: '/builds/koji',
    LogFile: logFile(),
    LogLevel: 'DEBUG',
    TrustedProxies: '127.0.0.1',
    UserHeader: 'X-Remote-User',
    WebUser: 'the-page',
    WebPassword: 'env:PASSWORD_OF_PAGE',
    OIDCIssuer: provider.issuer,
    OIDCClientID: 'alone',
    OIDCClientSecret: 'env:SECRET_OF_CLIENT',
    OIDCClientAuth: 'post',
    OIDCRedirectURL: `${alone}oidccallback`,
    OIDCGroupsClaim: 'roles.koji',
    OIDCPermissions: 'hosts = host',
    OIDCCreatesUsers: 'yes',
  };
  const text = Object.entries(lines).map(([name, value]) => `${name} = ${value}\n`);
  writeFileSync(path.join(folder, 'web.conf'), `[web]\n${text.join('')}`);
  const program = path.join(root, 'packages/koji-web/dist/bundle/main.js');
  // The password of the hub's users in tests.
  const env = { ...process.env, PASSWORD_OF_PAGE: 'test', SECRET_OF_CLIENT: secrets.alone };
  const child = spawn(process.execPath, [program, '--config', path.join(folder, 'web.conf')], {
    env,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  await once(child.stdout, 'data');
  return child;
}

/** Goes from the page to the provider and back; returns the page's address that the provider led to. */
async function cameBack(browser: Visitor, user: string, page = ''): Promise<string> {
  const { status, headers } = await browser.get(`oidclogin?page=${encodeURIComponent(page)}`);
  expect(status).toBe(303);
  const back = await new Person(provider.issuer, user).logIn(headers.location ?? '');
  expect(back.startsWith(`${browser.base}oidccallback?`)).toBe(true);
  return back.slice(browser.base.length);
}

async function logIn(browser: Visitor, user: string, page = ''): ReturnType<Visitor['get']> {
  return browser.get(await cameBack(browser, user, page));
}

const expectUser = async (browser: Visitor, user: string | null): Promise<void> => {
  const { text } = await browser.get('');
  if (user === null) expect(text).toContain('href="login"');
  else expect(text).toContain(`<bdi>${user}</bdi>`);
};

describe('a login with a provider', () => {
  test('leads through its form to the page that was wanted, and is a session of the hub', async () => {
    const ada = new Visitor(base);
    const form = (await ada.get('login?page=taginfo%3FtagID%3Df44')).text;
    expect(form).toContain(
      '<a href="oidclogin?page=taginfo%3FtagID%3Df44">Log in with <bdi>Example &lt;ID&gt;',
    );
    const before = ada.cookie;
    const { status, headers } = await logIn(ada, 'ada', 'taginfo?tagID=f44');
    expect([status, headers.location]).toEqual([303, 'taginfo?tagID=f44']);
    expect(ada.cookie).not.toBe(before);
    expect([...ada.cookies.keys()]).toEqual(['koji-web']);
    await expectUser(ada, 'ada');
    const { current } = JSON.parse((await ada.get('activesession.json')).text) as { current: number };
    expect(await hub.admin.getSessionInfo(true, 'ada')).toContainEqual(
      expect.objectContaining({ id: current }),
    );
    const { text } = await send(hub.url, {
      method: 'POST',
      headers: { Cookie: ada.cookie ?? '', 'Content-Type': 'text/xml' },
      body: '<methodCall><methodName>getLoggedInUser</methodName><params/></methodCall>',
    });
    expect(text).toContain('<nil/>');
  });

  test('asks for a code with PKCE, state and nonce, each new, and shows no secret', async () => {
    const starts = await Promise.all([1, 2].map(() => new Visitor(base).get('oidclogin')));
    const queries = starts.map(({ headers }) => new URL(headers.location ?? '').searchParams);
    for (const query of queries)
      expect(Object.fromEntries(query)).toEqual({
        client_id: 'hub',
        response_type: 'code',
        redirect_uri: `${base}oidccallback`,
        scope: 'openid profile',
        code_challenge: expect.stringMatching(/^[\w-]{43}$/) as string,
        code_challenge_method: 'S256',
        state: expect.stringMatching(/^[\w-]{43}$/) as string,
        nonce: expect.stringMatching(/^[\w-]{43}$/) as string,
      });
    for (const name of ['state', 'nonce', 'code_challenge'])
      expect(new Set(queries.map((query) => query.get(name))).size).toBe(2);
    expect(starts[0]?.headers['set-cookie']).toEqual([
      expect.stringMatching(/^koji-web-oidc=.*; Max-Age=600; Path=\/koji; HttpOnly; SameSite=Lax$/),
    ]);
  });

  test('counts only in the browser that started it, with its own state, once', async () => {
    const ada = new Visitor(base);
    const back = await cameBack(ada, 'ada');
    const kept = new Map(ada.cookies);
    for (const [what, browser, address] of [
      ['another browser', new Visitor(base), back],
      ['another state', ada, back.replace(/state=[^&]+/, 'state=wrong')],
      ['no state', ada, back.replace(/state=[^&]+/, '')],
    ] as const) {
      const { status, text } = await browser.get(address);
      expect({ what, status, text }).toMatchObject({
        what,
        status: 403,
        text: expect.stringContaining('in another browser') as string,
      });
      await expectUser(browser, null);
    }
    // A login that went wrong has to be started again.
    expect((await ada.get(back)).status).toBe(403);
    kept.forEach((pair, name) => ada.cookies.set(name, pair));
    expect((await ada.get(back)).status).toBe(303);
    const thief = new Visitor(base);
    kept.forEach((pair, name) => thief.cookies.set(name, pair));
    const replayed = await thief.get(back);
    expect([replayed.status, replayed.text]).toEqual([
      403,
      expect.stringContaining('refused the login (invalid_grant)'),
    ]);
    await expectUser(thief, null);
  });

  test('with the code of another login, or a cookie that was changed, is refused', async () => {
    const [ada, other] = [new Visitor(base), new Visitor(base)];
    const [back, foreign] = [await cameBack(ada, 'ada'), await cameBack(other, 'kojiadmin')];
    const code = /code=[^&]+/;
    const mixed = await ada.get(back.replace(code, code.exec(foreign)?.[0] ?? ''));
    expect([mixed.status, mixed.text]).toEqual([403, expect.stringContaining('refused the login')]);
    const flow = other.cookies.get('koji-web-oidc') ?? '';
    other.cookies.set(
      'koji-web-oidc',
      flow.replace(/=./, (two) => (two === '=a' ? '=b' : '=a')),
    );
    expect((await other.get(foreign)).status).toBe(403);
    await expectUser(other, null);
  });

  test('has to end ten minutes after its start', async () => {
    const ada = new Visitor(base);
    const back = await cameBack(ada, 'ada');
    const late = Date.now() + 601_000;
    const clock = jest.spyOn(Date, 'now').mockImplementation(() => late);
    try {
      const { status, text } = await ada.get(back);
      expect([status, text]).toEqual([403, expect.stringContaining('started too long ago')]);
    } finally {
      clock.mockRestore();
    }
    await expectUser(ada, null);
  });

  test('is refused to who does not agree, is unknown to the hub, or is a builder', async () => {
    const ada = new Visitor(base);
    const { headers } = await ada.get('oidclogin');
    const back = await new Person(provider.issuer, 'ada').refuse(headers.location ?? '');
    const denied = await ada.get(back.slice(base.length));
    expect([denied.status, denied.text]).toEqual([
      403,
      expect.stringContaining('refused the login (access_denied)'),
    ]);
    for (const [user, why] of [
      ['stranger', 'the hub has no user &#39;stranger&#39;'],
      ['builder1', 'logins by builder1 are not allowed'],
    ] as const) {
      const { status, text } = await logIn(new Visitor(base), user);
      expect([status, text]).toEqual([403, expect.stringContaining(why)]);
    }
    expect(await hub.admin.getUser('stranger')).toBeNull();
  });

  test('leads to pages of this site only', async () => {
    for (const page of [
      '//evil.example',
      'https://evil.example/',
      '/\\evil.example',
      '../kojihub',
      'nothing',
    ]) {
      const { headers } = await logIn(new Visitor(base), 'ada', page);
      expect(headers.location).toBe('./');
    }
  });

  test('grants and revokes the permissions of groups each time, and no others', async () => {
    const perms = async (): Promise<string[]> => (await hub.admin.getUserPerms('ada', false)).sort();
    const ada = new Visitor(base);
    await logIn(ada, 'ada');
    expect(await perms()).toEqual(['repo']);
    await provider.group('ada', ['cn=tag people, ou=x', 'others']);
    await logIn(new Visitor(base), 'ada');
    expect(await perms()).toEqual(['repo', 'tag', 'target']);
    // The session of before has them, too.
    expect((await ada.get('tags')).text).toContain('tagcreate');
    await provider.group('ada', ['hosts']);
    await logIn(new Visitor(base), 'ada');
    expect(await perms()).toEqual(['host', 'repo']);
    expect((await ada.get('tags')).text).not.toContain('tagcreate');
    const history = await hub.admin.queryHistory(named({ tables: ['user_perms'], user: 'ada' }));
    expect((history['user_perms'] ?? []).map((row) => row['creator_name']).sort()).toEqual([
      ...['koji-web', 'koji-web', 'koji-web'],
      'kojiadmin',
    ]);
  });

  test('ends with a logout, after which the provider has one of its own', async () => {
    const ada = new Visitor(base);
    await logIn(ada, 'ada');
    const thief = new Visitor(base);
    thief.cookie = ada.cookie;
    const { headers } = await ada.submit('logout');
    expect(headers.location).toBe('logout');
    const { text } = await ada.get('logout');
    expect(text).toContain('You are logged out');
    expect(text).toContain(`<a href="${provider.issuer}/session/end?`);
    await expectUser(ada, null);
    await expectUser(thief, null);
  });
});

describe('koji-web alone', () => {
  test('logs in with the provider, creates who is new, and grants permissions', async () => {
    await provider.group('newcomer', ['hosts']);
    const browser = new Visitor(alone);
    const { status, headers } = await logIn(browser, 'newcomer', 'hosts');
    expect([status, headers.location]).toEqual([303, 'hosts']);
    await expectUser(browser, 'newcomer');
    expect(await hub.admin.getUserPerms('newcomer')).toEqual(['host']);
    const host = await hub.admin.addHost('builder2', ['x86_64']);
    expect((await browser.submit(`disablehost?hostID=${host}`)).status).toBe(303);
    const refused = await browser.submit('tagcreate', { name: 'f46' });
    expect([refused.status, refused.text]).toEqual([403, expect.stringContaining('tag permission required')]);
    await browser.submit('logout');
    await expectUser(browser, null);
  });

  test('refuses a wrong name of a user, of which nothing is created', async () => {
    const { status, text } = await logIn(new Visitor(alone), 'no spaces please');
    expect([status, text]).toEqual([400, expect.stringContaining('no spaces please')]);
    expect(await hub.admin.getUser('no spaces please')).toBeNull();
  });

  test('logs in the user that a trusted proxy names, but not one that others name', async () => {
    const proxied = new Visitor(alone, { 'X-Remote-User': 'ada' });
    expect((await proxied.get('login?page=tags')).headers.location).toBe('tags');
    await expectUser(proxied, 'ada');
    await proxied.submit('notificationcreate', { package: 'all', tag: 'f44' });
    expect(await hub.admin.getBuildNotifications('ada')).toHaveLength(1);
    expect(
      (await send(alone, { headers: { Cookie: proxied.cookie ?? '', 'X-Remote-User': 'kojiadmin' } })).text,
    ).toContain('Log in');
    const far = await send(`${alone}login`, { headers: { 'X-Remote-User': 'kojiadmin' }, from: '127.0.0.2' });
    expect(far.text).toContain('type="password"');
    const unknown = await send(`${alone}login`, { headers: { 'X-Remote-User': 'nobody' } });
    expect([unknown.status, unknown.text]).toEqual([
      403,
      expect.stringContaining('no user &#39;nobody&#39;'),
    ]);
  });

  test('lets only users of ProxyUsers log in others', async () => {
    const ada = await hub.login('ada');
    await expect(ada.call('login', ['ada', 'test', { proxyuser: 'kojiadmin' }])).rejects.toThrow();
    const answer = await send(hub.url, {
      method: 'POST',
      headers: { 'Content-Type': 'text/xml' },
      body: `<methodCall><methodName>login</methodName><params><param><value>ada</value></param><param><value>test</value></param>
        <param><value><struct><member><name>proxyuser</name><value>kojiadmin</value></member></struct></value></param></params></methodCall>`,
    });
    expect(answer.text).toContain('ada is not authorized to login other users');
  });
});

test('a provider that does not answer is named, and asked again', async () => {
  expect([away.status, away.text]).toEqual([503, expect.stringContaining('single sign-on does not answer')]);
  expect(away.text).toContain('type="password"');
  expect((await new Visitor(alone).get('oidclogin')).status).toBe(303);
});

test('secrets are on no page and in no line of a log', async () => {
  const browser = new Visitor(base);
  const pages = [
    await browser.get('login'),
    await browser.get('oidclogin'),
    await browser.get('oidccallback?error=x'),
  ];
  const lines = [
    ...hub.log,
    readFileSync(logFile(), 'utf8'),
    ...pages.map((page) => JSON.stringify(page)),
  ].join('\n');
  expect(lines).toContain('refused a login: access_denied');
  for (const secret of Object.values(secrets)) expect(lines).not.toContain(secret);
});
