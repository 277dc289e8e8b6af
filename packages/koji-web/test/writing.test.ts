import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { named } from '@koji/core/wire';
import { context, exported } from '@koji/plugin-sdk';
import { startTestHub } from '@koji/plugin-sdk/testing';
import type { TestHub } from '@koji/plugin-sdk/testing';
import { root } from '../../../test/support/system.js';
import { Visitor, send, tokenIn } from './support/visitor.js';

/** Makes a session look as if it had been used last, or opened, years ago. */
const aging = {
  unused: exported((id: number) => {
    const { sql, run } = context.db;
    return run(sql`UPDATE sessions SET update_time = '2020-01-01 00:00:00.000000+00:00' WHERE id = ${id}`);
  }),
  hoursAgo: exported((id: number, hours: number) => {
    const { sql, run } = context.db;
    const start = new Date(Date.now() - hours * 3_600_000);
    return run(sql`UPDATE sessions SET start_time = ${start} WHERE id = ${id}`);
  }),
  old: exported((id: number) => {
    const { sql, run } = context.db;
    return run(sql`UPDATE sessions SET start_time = '2020-01-01 00:00:00.000000+00:00' WHERE id = ${id}`);
  }),
};

let hub: TestHub;
let base: string;

beforeAll(async () => {
  hub = await startTestHub({
    tags: ['f44', 'f44-build', 'f44-updates'],
    plugins: { aging },
    options: {
      TrustedProxies: '127.0.0.1',
      UserHeader: 'X-Remote-User',
      FailedLogins: '3',
      SessionRenewalTimeout: '60',
    },
  });
  base = `${hub.url.replace('kojihub', 'koji')}/`;
  await hub.login('ada');
  await hub.login('grace');
});

afterAll(() => hub.stop());

/** Calls a method with texts. */
async function post(
  url: string,
  method: string,
  args: readonly string[],
  headers: Readonly<Record<string, string>> = {},
): Promise<string> {
  const params = args.map((arg) => `<param><value>${arg}</value></param>`).join('');
  const body = `<methodCall><methodName>${method}</methodName><params>${params}</params></methodCall>`;
  return (await send(url, { method: 'POST', headers: { 'Content-Type': 'text/xml', ...headers }, body }))
    .text;
}

async function visitor(user: string): Promise<Visitor> {
  const browser = new Visitor(base);
  const { status } = await browser.logIn(user);
  expect(status).toBe(303);
  return browser;
}

describe('login', () => {
  test('a password opens a session under a new id, which leads on to the page that was wanted', async () => {
    const ada = new Visitor(base);
    await ada.get('login');
    const before = ada.cookie;
    const { status, headers } = await ada.logIn('ada', 'test', 'taginfo?tagID=f44');
    expect([status, headers.location]).toEqual([303, 'taginfo?tagID=f44']);
    expect(ada.cookie).not.toBe(before);
    expect(ada.setCookie).toMatch(
      /^koji-web=[\w-]{43}; Max-Age=2592000; Path=\/koji; HttpOnly; SameSite=Lax$/,
    );
    expect((await ada.get('')).text).toContain('<bdi>ada</bdi>');
    // The id of before, which somebody may have planted, is worth nothing.
    const planted = new Visitor(base);
    planted.cookie = before;
    expect((await planted.get('')).text).not.toContain('<bdi>ada</bdi>');
  });

  test('a wrong password keeps the name, and too many of them are refused', async () => {
    const stranger = new Visitor(base);
    const { status, text } = await stranger.logIn('grace', 'wrong');
    expect(status).toBe(403);
    expect(text).toContain('invalid username or password');
    expect(text).toContain('value="grace"');
    expect(text).not.toContain('wrong');
    for (const password of ['wrong', 'wrong']) await stranger.logIn('grace', password);
    expect((await stranger.logIn('grace')).text).toContain('too many failed logins of this user');
  });

  test('the cookie is for TLS only under any name but that of this machine', async () => {
    const { headers } = await send(`${base}login`, { headers: { Host: 'koji.example.com' } });
    expect(headers['set-cookie']?.[0]).toMatch(
      /^__Secure-koji-web=[\w-]{43}; Path=\/koji; HttpOnly; Secure; SameSite=Lax$/,
    );
  });

  test('a password that would go over a network in clear text is not taken', async () => {
    const origin = 'http://koji.example.com';
    const { status, text } = await send(`${base}login`, {
      method: 'POST',
      headers: {
        Host: 'koji.example.com',
        Origin: origin,
        'Content-Type': 'application/x-www-form-urlencoded',
      },
      body: 'user=ada&password=test',
    });
    expect([status, text]).toEqual([403, expect.stringContaining('over https only')]);
  });

  test('leads to pages of this site only', async () => {
    const hostile = [
      '//evil.example',
      '\\\\evil.example',
      '/\\evil.example',
      'https://evil.example/',
      'javascript:alert(1)',
      'builds?x=1\r\nSet-Cookie: a=b',
      '../kojihub',
      'nothing',
    ];
    const ada = await visitor('ada');
    for (const page of hostile) {
      const { headers } = await ada.get(`login?page=${encodeURIComponent(page)}`);
      expect({ page, to: headers.location }).toEqual({
        page,
        to: page.startsWith('builds') ? 'builds?x=1%0D%0ASet-Cookie%3A+a%3Db' : './',
      });
      expect(headers['set-cookie']).toBeUndefined();
    }
  });

  test('a logout ends the session at the hub, so that its cookie is worth nothing', async () => {
    const ada = await visitor('ada');
    const thief = new Visitor(base);
    thief.cookie = ada.cookie;
    const token = tokenIn((await ada.get('')).text);
    expect((await ada.get('logout')).text).toContain('Log out</button>');
    expect((await thief.get('')).text).toContain('<bdi>ada</bdi>');
    expect((await ada.post('logout', { token })).status).toBe(303);
    expect(ada.cookie).toBeNull();
    expect((await thief.get('')).text).not.toContain('<bdi>ada</bdi>');
    const { status, text } = await thief.post('notificationcreate', { token });
    expect([status, text]).toEqual([403, expect.stringContaining('You are not logged in')]);
  });

  test('a cookie is worth nothing at another address', async () => {
    const ada = await visitor('ada');
    const { text } = await send(base, { headers: { Cookie: ada.cookie ?? '' }, from: '127.0.0.2' });
    expect(text).toContain('Log in');
    expect((await ada.get('')).text).toContain('<bdi>ada</bdi>');
  });

  test('a login ends when it was not used for long, and when it is old', async () => {
    for (const method of ['unused', 'old']) {
      const ada = await visitor('ada');
      const { current } = JSON.parse((await ada.get('activesession.json')).text) as { current: number };
      // The hub notes uses of sessions once a second, which may be just after this.
      let location: string | undefined;
      for (let tries = 0; location === undefined && tries < 10; tries++) {
        await hub.admin.call(method, [current]);
        location = (await ada.get('activesession')).headers.location;
      }
      expect(location).toBe('login?page=activesession');
      expect(await hub.admin.getSessionInfo(true, 'ada')).not.toContainEqual(
        expect.objectContaining({ id: current }),
      );
    }
  });

  test('a login lives longer than sessions of programs, and is revoked like them', async () => {
    const ada = await visitor('ada');
    const { current } = JSON.parse((await ada.get('activesession.json')).text) as { current: number };
    const opened = await post(hub.url, 'login', ['ada', 'test']);
    const program = Number(/session-id<\/name>\s*<value><int>(\d+)/.exec(opened)?.[1]);
    const headers = {
      'Koji-Session-Id': String(program),
      'Koji-Session-Key': /\d+-\w{24}/.exec(opened)?.[0] ?? '',
    };
    expect(await post(hub.url, 'getPerms', [], headers)).toContain('<array>');
    for (const id of [current, program]) await hub.admin.call('hoursAgo', [id, 300]);
    expect(await post(hub.url, 'getPerms', [], headers)).toContain('has expired');
    expect((await ada.get('')).text).toContain('<bdi>ada</bdi>');
    await ada.submit('notificationcreate', { package: 'all', tag: 'f44-build' });
    const [made] = await hub.admin.getBuildNotifications('ada');
    await hub.admin.deleteNotification(made?.id ?? 0);
    await hub.admin.call('logout', [current]);
    expect((await ada.get('')).text).not.toContain('<bdi>ada</bdi>');
  });

  test('a trusted proxy names the user; the header has no effect from anybody else', async () => {
    const proxy = new Visitor(base, { 'X-Remote-User': 'ada' });
    expect((await proxy.get('login?page=tags')).headers.location).toBe('tags');
    expect((await proxy.get('')).text).toContain('<bdi>ada</bdi>');
    const other = await send(base, {
      headers: { Cookie: proxy.cookie ?? '', 'X-Remote-User': 'grace' },
    });
    expect(other.text).toContain('Log in');
    const far = await send(`${base}login`, { headers: { 'X-Remote-User': 'kojiadmin' }, from: '127.0.0.2' });
    expect(far.text).toContain('type="password"');
    const twice = await send(`${base}login`, { headers: { 'X-Remote-User': ['kojiadmin', 'ada'] } });
    expect(twice.text).toContain('type="password"');
    const unknown = await send(`${base}login`, { headers: { 'X-Remote-User': 'nobody' } });
    expect([unknown.status, unknown.text]).toEqual([
      403,
      expect.stringContaining('no user &#39;nobody&#39;'),
    ]);
  });

  test('the methods of the hub take no cookie', async () => {
    const ada = await visitor('ada');
    const { text } = await send(hub.url, {
      method: 'POST',
      headers: { Cookie: ada.cookie ?? '', 'Content-Type': 'text/xml' },
      body: '<methodCall><methodName>getLoggedInUser</methodName><params/></methodCall>',
    });
    expect(text).toContain('<nil/>');
  });
});

describe('forged requests', () => {
  const form = { package: 'all', tag: 'all' };

  test('each of the three checks refuses by itself', async () => {
    const ada = await visitor('ada');
    const other = await visitor('kojiadmin');
    const token = tokenIn((await ada.get('notificationcreate')).text);
    const foreign = tokenIn((await other.get('notificationcreate')).text);
    const origin = new URL(base).origin;
    const good = { Origin: origin, 'Sec-Fetch-Site': 'same-origin' };
    const cases: [string, Record<string, string>, Record<string, string>][] = [
      ['no token', {}, good],
      ['the token of another session', { token: foreign }, good],
      ['a longer token', { token: `${token}a` }, good],
      ['another site', { token }, { Origin: origin, 'Sec-Fetch-Site': 'cross-site' }],
      ['another host of the site', { token }, { Origin: origin, 'Sec-Fetch-Site': 'same-site' }],
      ['another origin', { token }, { Origin: 'https://evil.example' }],
      ['another port', { token }, { Origin: 'http://127.0.0.1:1' }],
      ['no origin', { token }, {}],
      ['an opaque origin', { token }, { Origin: 'null', 'Sec-Fetch-Site': 'same-origin' }],
    ];
    for (const [what, extra, headers] of cases) {
      const { status } = await ada.post('notificationcreate', { ...form, ...extra }, headers);
      expect({ what, status }).toEqual({ what, status: 403 });
    }
    expect(await hub.admin.getBuildNotifications('ada')).toEqual([]);
    const { status } = await ada.post('notificationcreate', { ...form, token }, { Origin: origin });
    expect(status).toBe(303);
    expect(await hub.admin.getBuildNotifications('ada')).toHaveLength(1);
  });

  test('a link does nothing, nor does a body of another kind, and a large one is refused', async () => {
    const admin = await visitor('kojiadmin');
    const token = tokenIn((await admin.get('tagcreate')).text);
    const asked = await admin.get(`tagcreate?name=planted&add=Add&token=${token}&a=1`);
    expect([asked.status, asked.text]).toEqual([200, expect.stringContaining('value="planted"')]);
    const headers = { Origin: new URL(base).origin, Cookie: admin.cookie ?? '' };
    const json = await send(`${base}tagcreate`, {
      method: 'POST',
      headers: { ...headers, 'Content-Type': 'application/json' },
      body: JSON.stringify({ name: 'planted', token }),
    });
    expect(json.status).toBe(415);
    const large = await admin.post('tagcreate', { token, name: 'x'.repeat(200_000) });
    expect(large.status).toBe(413);
    expect(await hub.admin.getTag('planted')).toBeNull();
    expect((await send(`${base}builds`, { method: 'POST', headers })).status).toBe(405);
  });

  test('who is not logged in is led to the login and back', async () => {
    const { status, headers } = await new Visitor(base).get('canceltask?taskID=1');
    expect([status, headers.location]).toEqual([303, 'login?page=canceltask%3FtaskID%3D1']);
  });
});

describe('writing', () => {
  let admin: Visitor;
  let ada: Visitor;

  beforeAll(async () => {
    admin = await visitor('kojiadmin');
    ada = await visitor('ada');
  });

  test('tasks are canceled, resubmitted and freed by those who may', async () => {
    const task = await hub.admin.makeTask('sleep', [1]);
    expect((await ada.get(`taskinfo?taskID=${task}`)).text).not.toContain('canceltask');
    const refused = await ada.submit(`canceltask?taskID=${task}`);
    expect([refused.status, refused.text]).toEqual([403, expect.stringContaining('role="alert"')]);
    expect((await admin.get(`taskinfo?taskID=${task}`)).text).toContain(`canceltask?taskID=${task}`);
    expect((await admin.get(`canceltask?taskID=${task}`)).text).toContain(`Cancel task ${task}?`);
    expect((await hub.admin.getTaskInfo(task))?.state).toBe(0);
    const { status, headers } = await admin.submit(`canceltask?taskID=${task}`);
    expect([status, headers.location]).toEqual([303, `taskinfo?taskID=${task}`]);
    expect((await hub.admin.getTaskInfo(task))?.state).toBe(3);
    expect((await admin.get(`taskinfo?taskID=${task}`)).text).toContain('resubmittask');
    const again = await admin.submit(`resubmittask?taskID=${task}`);
    const next = Number(/^taskinfo\?taskID=(\d+)$/.exec(again.headers.location ?? '')?.[1]);
    expect(await hub.admin.getTaskInfo(next)).toMatchObject({ method: 'sleep', state: 0 });
    // A task that no builder has can't be freed, and the page reports it.
    const free = await admin.submit(`freetask?taskID=${next}`);
    expect([free.status, free.text]).toEqual([400, expect.stringContaining('role="alert"')]);
    expect((await admin.get('canceltask?taskID=99999')).status).toBe(404);
  });

  test('tags are made, edited and deleted, and a fault of the hub keeps what was typed', async () => {
    const wrong = await admin.submit('tagcreate', { name: 'no spaces please', arches: 'x86_64' });
    expect(wrong.status).toBe(400);
    expect(wrong.text).toContain('value="no spaces please"');
    expect(wrong.text).toContain('value="x86_64"');
    const { headers } = await admin.submit('tagcreate', {
      name: 'f45',
      arches: 'x86_64 aarch64',
      locked: '1',
    });
    const tag = await hub.admin.getTag('f45', true);
    expect(headers.location).toBe(`taginfo?tagID=${tag.id}`);
    expect(tag).toMatchObject({ arches: 'x86_64 aarch64', locked: true, perm_id: null });
    const form = (await admin.get('tagedit?tagID=f45')).text;
    expect(form).toContain('value="f45"');
    expect(form).toMatch(/name="locked"[^>]*checked/);
    await admin.submit('tagedit?tagID=f45', { name: 'f45-next', arches: 'x86_64', permission: '1' });
    expect(await hub.admin.getTag('f45-next')).toMatchObject({ id: tag.id, locked: false, perm_id: 1 });
    expect((await ada.submit('tagdelete?tagID=f45-next')).status).toBe(403);
    expect((await admin.submit('tagdelete?tagID=f45-next')).headers.location).toBe('tags');
    expect(await hub.admin.getTag('f45-next')).toBeNull();
  });

  test('parents of a tag are added, changed and removed', async () => {
    const [child, parent] = ['f44-build', 'f44'];
    const links = () => hub.admin.getInheritanceData(child);
    const add = `tagparent?tagID=${child}&action=add`;
    await admin.submit(add, { parent, priority: '5', maxdepth: '', intransitive: '1', pkg_filter: '' });
    expect(await links()).toMatchObject([
      { name: parent, priority: 5, maxdepth: null, intransitive: true, pkg_filter: null },
    ]);
    const twice = await admin.submit(add, { parent, priority: '6' });
    expect(twice.text).toContain('inherits from f44 already');
    const [{ parent_id: id } = { parent_id: 0 }] = await links();
    const edit = `tagparent?tagID=${child}&parentID=${id}&action=edit`;
    expect((await admin.get(edit)).text).toMatch(/name="priority"[^>]*value="5"/);
    const wrong = await admin.submit(edit, { priority: 'five' });
    expect([wrong.status, wrong.text]).toEqual([400, expect.stringContaining('is not a whole number')]);
    await admin.submit(edit, { priority: '7', maxdepth: '0', pkg_filter: '^kernel' });
    expect(await links()).toMatchObject([
      { priority: 7, maxdepth: 0, intransitive: false, pkg_filter: '^kernel' },
    ]);
    await admin.submit(edit.replace('edit', 'remove'));
    expect(await links()).toEqual([]);
  });

  test('targets are made, edited and deleted', async () => {
    const { headers } = await admin.submit('buildtargetcreate', {
      name: 'f44-candidate',
      buildTag: 'f44-build',
      destTag: 'f44',
    });
    const target = await hub.admin.getBuildTarget('f44-candidate');
    expect(headers.location).toBe(`buildtargetinfo?targetID=${target?.id}`);
    const of = `targetID=${target?.id}`;
    const wrong = await admin.submit(`buildtargetedit?${of}`, {
      name: 'x',
      buildTag: 'f44-build',
      destTag: 'gone',
    });
    expect([wrong.status, wrong.text]).toEqual([400, expect.stringContaining('gone')]);
    await admin.submit(`buildtargetedit?${of}`, {
      name: 'next',
      buildTag: 'f44-build',
      destTag: 'f44-updates',
    });
    expect(await hub.admin.getBuildTarget('next')).toMatchObject({ dest_tag_name: 'f44-updates' });
    await admin.submit(`buildtargetdelete?${of}`);
    expect(await hub.admin.getBuildTarget('next')).toBeNull();
  });

  test('hosts are edited, disabled and enabled; of an edit that is refused nothing stays', async () => {
    const host = await hub.admin.addHost('builder1', ['x86_64']);
    const of = `hostID=${host}`;
    await admin.submit(`hostedit?${of}`, {
      arches: 'x86_64 i686',
      capacity: '3.5',
      description: 'in the cellar',
      comment: '',
      channels: 'createrepo',
    });
    expect(await hub.admin.getHost(host)).toMatchObject({
      arches: 'x86_64 i686',
      capacity: 3.5,
      description: 'in the cellar',
      enabled: false,
    });
    expect((await hub.admin.listChannels(host)).map(({ name }) => name)).toEqual(['createrepo']);
    const wrong = await admin.submit(`hostedit?${of}`, {
      arches: 's390x',
      capacity: '2',
      enabled: '1',
      channels: 'no-such-channel',
    });
    expect([wrong.status, wrong.text]).toEqual([400, expect.stringContaining('no-such-channel')]);
    expect(await hub.admin.getHost(host)).toMatchObject({ arches: 'x86_64 i686', enabled: false });
    await admin.submit(`enablehost?${of}`);
    expect((await hub.admin.getHost(host))?.enabled).toBe(true);
    await admin.submit(`disablehost?${of}`);
    expect((await hub.admin.getHost(host))?.enabled).toBe(false);
  });

  test('forms escape what is stored, what the address says and what was typed', async () => {
    const hostile = `</textarea>"'><script>document.title='HACKED'</script>`;
    const host = await hub.admin.addHost('builder2', ['x86_64']);
    await hub.admin.call('editHost', [host], { description: hostile, comment: hostile });
    const query = `name=${encodeURIComponent(hostile)}`;
    const pages = [
      await admin.get(`hostedit?hostID=${host}`),
      await admin.get(`tagcreate?${query}`),
      await admin.submit('tagcreate', { name: hostile }),
      await admin.get(`revokepermission?userID=ada&permission=${encodeURIComponent(hostile)}`),
      await new Visitor(base).logIn(hostile, 'wrong'),
    ];
    for (const { text } of pages) {
      expect(text).not.toMatch(/<script>|<\/textarea>"/);
      expect(text).toContain('&lt;script&gt;document.title');
    }
  });

  test('builds are tagged and untagged', async () => {
    const build = await hub.addBuild('hello-1-1', { tags: ['f44'] });
    const { text } = await admin.get(`tagbuild?buildID=${build.id}`);
    const untag = /untagbuild\?buildID=\d+&amp;tagID=\d+/.exec(text)?.[0].replace('&amp;', '&') ?? '';
    const tagged = await admin.submit(`tagbuild?buildID=${build.id}`, { tag: 'f44', force: '1' });
    expect(tagged.headers.location).toMatch(/^taskinfo\?taskID=\d+$/);
    expect((await admin.submit(untag)).headers.location).toBe(`buildinfo?buildID=${build.id}`);
    expect(await hub.admin.listTags(build.id)).toEqual([]);
  });

  test('notifications are for their owner', async () => {
    await ada.submit('notificationcreate', { package: 'hello', tag: 'f44', success_only: '1' });
    const mine = (await hub.admin.getBuildNotifications('ada')).find(({ tag_id: tag }) => tag !== null);
    expect(mine).toMatchObject({ success_only: true });
    const edit = `notificationedit?notificationID=${mine?.id}`;
    expect((await ada.get('')).text).toContain(edit);
    expect((await ada.get(edit)).text).toContain('value="hello"');
    expect((await admin.get(edit)).status).toBe(404);
    await ada.submit(edit, { package: 'all', tag: 'f44' });
    expect(await hub.admin.getBuildNotification(mine?.id ?? 0)).toMatchObject({
      package_id: null,
      success_only: false,
    });
    await ada.submit(edit.replace('edit', 'delete'));
    expect(await hub.admin.getBuildNotification(mine?.id ?? 0)).toBeNull();
  });

  test('permissions are given and taken by admins', async () => {
    expect((await ada.submit('grantpermission?userID=ada', { permission: 'admin' })).status).toBe(403);
    await admin.submit('grantpermission?userID=ada', { permission: 'tag' });
    expect(await hub.admin.getUserPerms('ada')).toEqual(['tag']);
    expect((await ada.get('tags')).text).toContain('tagcreate');
    await admin.submit('revokepermission?userID=ada&permission=tag');
    expect(await hub.admin.getUserPerms('ada')).toEqual([]);
  });

  test('sessions are listed and ended by their user', async () => {
    const phone = await visitor('ada');
    const end = /activesessiondelete\?sessionID=\d+/g;
    const [newest = ''] = (await ada.get('activesession')).text.match(end) ?? [];
    expect((await admin.get(newest)).status).toBe(404);
    expect((await phone.get('')).text).toContain('<bdi>ada</bdi>');
    expect((await ada.submit(newest)).headers.location).toBe('activesession');
    expect((await phone.get('activesession')).headers.location).toBe('login?page=activesession');
    expect((await ada.get('')).text).toContain('<bdi>ada</bdi>');
  });

  test('tokens are listed with their limits, and revoked by their user only', async () => {
    const session = await hub.login('ada');
    const nightly = await session.createToken(
      'nightly',
      named({ read_only: true, methods: ['listTags'], permissions: [] }),
    );
    const release = await session.createToken('release');
    await session.revokeToken(release.id);
    const { text } = await ada.get('tokens');
    expect(text).toContain('<bdi>nightly</bdi>');
    expect(text).toContain('reads only; <bdi>listTags</bdi>; no permissions');
    expect(text).toContain(`tokenrevoke?tokenID=${nightly.id}`);
    expect(text).not.toContain('<bdi>release</bdi>');
    const all = (await ada.get('tokens?ended=1')).text;
    expect(all).toContain('<bdi>release</bdi>');
    expect(all).not.toContain(`tokenrevoke?tokenID=${release.id}`);
    for (const shown of [text, all, (await ada.get('tokens.json')).text])
      expect(shown).not.toContain(nightly.token);
    const revoke = `tokenrevoke?tokenID=${nightly.id}`;
    expect((await admin.get('tokens?ended=1')).text).not.toContain('nightly');
    expect((await admin.get(revoke)).status).toBe(404);
    expect((await new Visitor(base).get('tokens')).headers.location).toBe('login?page=tokens');
    expect((await ada.post(revoke, { token: 'forged' })).status).toBe(403);
    expect(await session.listTokens()).toHaveLength(1);
    expect((await ada.submit(revoke)).headers.location).toBe('tokens');
    expect(await session.listTokens()).toEqual([]);
    expect((await ada.get('tokens')).text).toContain('You have no tokens.');
    expect((await ada.get(revoke)).status).toBe(404);
  });
});

test('koji-web alone keeps the session of the hub, limits attempts, and loses a session that is revoked', async () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'koji-web-alone-'));
  const config = path.join(folder, 'web.conf');
  writeFileSync(config, `[web]\nKojiHubURL = ${hub.url}\nListen = 127.0.0.1:0\nTrustedProxies = 127.0.0.1\n`);
  const program = path.join(root, 'packages/koji-web/dist/bundle/main.js');
  const web = spawn(process.execPath, [program, '--config', config], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  try {
    const [line] = (await once(web.stdout, 'data')) as [Buffer];
    const alone = /http:\S+/.exec(line.toString())?.[0] ?? '';
    const ada = new Visitor(alone, { 'X-Remote-User': 'kojiadmin' });
    expect((await ada.logIn('ada')).status).toBe(303);
    expect((await ada.get('')).text).toContain('<bdi>ada</bdi>');
    await ada.submit('notificationcreate', { package: 'all', tag: 'f44' });
    expect(await hub.admin.getBuildNotifications('ada')).toContainEqual(
      expect.objectContaining({ package_id: null, success_only: false }),
    );
    const refused = await ada.submit('tagcreate', { name: 'f46' });
    expect([refused.status, refused.text]).toEqual([403, expect.stringContaining('tag permission required')]);
    const [newest = ''] = (await ada.get('activesession')).text.match(/sessionID=\d+/g) ?? [];
    await hub.admin.call('logout', [Number(newest.split('=')[1])]);
    expect((await ada.submit('notificationcreate', { package: 'all', tag: 'all' })).status).toBe(403);
    expect((await ada.get('')).text).not.toContain('<bdi>ada</bdi>');
    const stranger = new Visitor(alone, { 'X-Forwarded-For': '192.0.2.7' });
    const token = tokenIn((await stranger.get('login')).text);
    const guess = (user: string) => stranger.post('login', { token, user, password: 'wrong' });
    for (let i = 0; i < 20; i++) expect((await guess(`guess${i}`)).text).toContain('invalid username');
    expect((await guess('ada')).text).toContain('too many failed logins from this address');
    expect((await new Visitor(alone).logIn('ada')).status).toBe(303);
  } finally {
    web.kill();
    await once(web, 'exit');
    rmSync(folder, { recursive: true, force: true });
  }
});
