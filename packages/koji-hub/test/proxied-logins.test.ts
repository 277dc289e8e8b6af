import { once } from 'node:events';
import http from 'node:http';
import { encodeArgs, encodeCall } from '@koji/core/wire';
import { sql } from '../src/db/sql.js';
import { authTypes } from '../src/auth/login.js';
import { databases } from './support/databases.js';
import { readOutcome, startRawHub } from './support/raw-hub.js';
import type { Outcome, RawHub } from './support/raw-hub.js';

const proxy = '127.0.0.9';
const refused = (text: string): Outcome => ({ fault: [1002, text] });

describe.each(databases)('logins by the word of a proxy on $name', (kind) => {
  let hub: RawHub;

  beforeAll(async () => {
    hub = await startRawHub(kind, {
      options: {
        TrustedProxies: proxy,
        ProxyAddressHeader: 'Forwarded',
        ClientVerifyHeader: 'X-Client-Verify',
        ClientDNHeader: 'X-Client-DN',
        PrincipalHeader: 'X-Remote-User',
        ProxyDNs: 'CN=web,O=Example',
        ProxyPrincipals: 'HTTP/web@EXAMPLE.COM, other@EXAMPLE.COM',
        AllowedKrbRealms: 'EXAMPLE.COM, PARTNER.COM',
        AllowProxyAuthType: 'yes',
      },
    });
    for (const name of ['alice', 'bob', 'blocked', 'builder']) await hub.addUser(name);
    await hub.database.write(async (db) => {
      await db.run(sql`UPDATE users SET status = 1 WHERE name = 'blocked'`);
      await db.run(sql`UPDATE users SET usertype = 1 WHERE name = 'builder'`);
    });
  });

  afterAll(() => hub.drop());

  async function login(
    headers: http.OutgoingHttpHeaders,
    { from = proxy, named = {} }: { from?: string; named?: Record<string, unknown> } = {},
  ): Promise<unknown> {
    const request = http.request(`${hub.api}/ssllogin`, {
      method: 'POST',
      localAddress: from,
      agent: false,
      headers: { 'Content-Type': 'text/xml', ...headers },
    });
    request.end(encodeCall('sslLogin', encodeArgs([], named)));
    const [response] = (await once(request, 'response')) as [http.IncomingMessage];
    const parts: Buffer[] = [];
    for await (const part of response) parts.push(Buffer.from(part as Buffer));
    const outcome = await readOutcome(new Response(Buffer.concat(parts)));
    if (!('value' in outcome)) return outcome;
    const { 'session-id': id } = outcome.value as { 'session-id': number };
    return hub.database.read((db) =>
      db.get(sql`SELECT users.name, sessions.authtype, sessions.hostip FROM sessions
        JOIN users ON users.id = sessions.user_id WHERE sessions.id = ${id}`),
    );
  }

  const byCertificate = (subject: string): http.OutgoingHttpHeaders => ({
    'X-Client-Verify': 'SUCCESS',
    'X-Client-DN': subject,
  });
  const byPrincipal = (principal: string): http.OutgoingHttpHeaders => ({ 'X-Remote-User': principal });

  test('a certificate that it verified logs in, at the address that it names', async () => {
    const headers = { ...byCertificate('CN=alice,O=Example'), Forwarded: 'for=6.6.6.6, for="192.0.2.7:99"' };
    const expected = { name: 'alice', authtype: authTypes.SSL, hostip: '192.0.2.7' };
    expect(await login(headers)).toEqual(expected);
    const web = byCertificate('CN=web,O=Example');
    expect(await login(web, { named: { proxyuser: 'bob' } })).toMatchObject({
      name: 'bob',
      authtype: authTypes.SSL,
    });
  });

  test('the same headers of anybody else log nobody in', async () => {
    for (const headers of [byCertificate('CN=alice'), byPrincipal('alice@EXAMPLE.COM')])
      expect(await login(headers, { from: '127.0.0.8' })).toEqual(refused('could not verify client: None'));
  });

  test('a certificate that it did not verify, or does not name well, logs nobody in', async () => {
    const failed = (why: string): Outcome => refused(`could not verify client: ${why}`);
    const subject = { 'X-Client-DN': 'CN=alice' };
    expect(await login(subject)).toEqual(failed('NONE'));
    expect(await login({ ...subject, 'X-Client-Verify': 'NONE' })).toEqual(failed('NONE'));
    expect(await login({ ...subject, 'X-Client-Verify': 'FAILED:expired' })).toEqual(
      failed('FAILED:expired'),
    );
    expect(await login({ ...subject, 'X-Client-Verify': 'success' })).toEqual(failed('success'));
    const unnamed = failed('FAILED:the proxy named no subject in the form of RFC 2253');
    for (const text of ['(null)', '/O=Example/CN=alice', 'CN=alice,'])
      expect(await login(byCertificate(text))).toEqual(unnamed);
    expect(await login(byCertificate('O=a\\,CN=alice'))).toEqual(
      refused('unable to get user information (CN) from client certificate'),
    );
  });

  test('a header that comes twice, one perhaps from the client, logs nobody in', async () => {
    const twice = refused('could not verify client: FAILED:the proxy sent several headers');
    expect(await login({ 'X-Remote-User': ['root@EXAMPLE.COM', 'alice@EXAMPLE.COM'] })).toEqual(twice);
    expect(await login({ 'X-Client-Verify': ['SUCCESS', 'NONE'], 'X-Client-DN': 'CN=alice' })).toEqual(twice);
    expect(await login({ 'X-Client-Verify': 'SUCCESS', 'X-Client-DN': ['CN=root', 'CN=alice'] })).toEqual(
      twice,
    );
  });

  test('a principal logs in, and its first login makes or finds its user', async () => {
    const gssapi = authTypes.GSSAPI;
    expect(await login(byPrincipal('carol@EXAMPLE.COM'))).toMatchObject({ name: 'carol', authtype: gssapi });
    expect(await login(byPrincipal('alice@EXAMPLE.COM'))).toMatchObject({ name: 'alice', authtype: gssapi });
    expect(await login(byPrincipal('alice@EXAMPLE.COM'))).toMatchObject({ name: 'alice' });
    const principals = await hub.database.read((db) =>
      db.all(sql`SELECT krb_principal FROM user_krb_principals ORDER BY krb_principal`),
    );
    expect(principals).toEqual([
      { krb_principal: 'alice@EXAMPLE.COM' },
      { krb_principal: 'carol@EXAMPLE.COM' },
    ]);
    // Without a realm it is a name, as mod_auth_gssapi gives it with GssapiLocalName.
    expect(await login(byPrincipal('bob'))).toMatchObject({ name: 'bob', authtype: gssapi });
    expect(await login(byPrincipal('builder'))).toMatchObject({ name: 'builder' });
    expect(await login(byPrincipal('(null)'))).toEqual(refused('could not verify client: NONE'));
  });

  test('principals of other realms, or that look like another one, log nobody in', async () => {
    expect(await login(byPrincipal('alice@EVIL.COM'))).toEqual(
      refused("Kerberos principal's realm: EVIL.COM is not allowed"),
    );
    for (const principal of [
      'alice\\@EXAMPLE.COM@PARTNER.COM',
      'alice@EXAMPLE.COM@PARTNER.COM',
      'alice@',
      '@EXAMPLE.COM',
      'WELLKNOWN/ANONYMOUS@WELLKNOWN:ANONYMOUS',
    ])
      expect(await login(byPrincipal(principal))).toEqual(
        refused(`invalid Kerberos principal: ${principal}`),
      );
    expect(await login(byPrincipal('blocked@EXAMPLE.COM'))).toEqual(
      refused('logins by blocked are not allowed'),
    );
    expect(await login(byPrincipal('../x@EXAMPLE.COM'))).toMatchObject({ fault: [1000, expect.anything()] });
  });

  test('a principal of ProxyPrincipals logs others in, by the way that it states', async () => {
    const web = byPrincipal('HTTP/web@EXAMPLE.COM');
    const as = (proxyuser: string, more = {}): Promise<unknown> =>
      login(web, { named: { proxyuser, ...more } });
    expect(await as('bob@EXAMPLE.COM')).toMatchObject({ name: 'bob', authtype: authTypes.GSSAPI });
    expect(await as('bob', { proxyauthtype: authTypes.SSL })).toMatchObject({
      name: 'bob',
      authtype: authTypes.SSL,
    });
    expect(await as('bob', { proxyauthtype: 0 })).toEqual(
      refused('Proxied authtype 0 is not valid for sslLogin'),
    );
    expect(await as('x@EVIL.COM')).toEqual(refused("Kerberos principal's realm: EVIL.COM is not allowed"));
    expect(await login(byPrincipal('alice@EXAMPLE.COM'), { named: { proxyuser: 'bob' } })).toEqual(
      refused('alice@EXAMPLE.COM is not authorized to login other users'),
    );
    // Its subject is not a principal, whatever it looks like.
    const lookalike = byCertificate('CN=HTTP/web@EXAMPLE.COM');
    expect(await login(lookalike, { named: { proxyuser: 'bob' } })).toEqual(
      refused('CN=HTTP/web@EXAMPLE.COM is not authorized to login other users'),
    );
  });
});
