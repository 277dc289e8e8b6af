import { createHash } from 'node:crypto';
import { sql } from '../src/db/sql.js';
import { databases } from './support/databases.js';
import { startRawHub } from './support/raw-hub.js';
import type { RawHub } from './support/raw-hub.js';

describe.each(databases)('logins on the web page on $name', (kind) => {
  let hub: RawHub;

  beforeAll(async () => {
    hub = await startRawHub(kind);
  });

  afterAll(() => hub.drop());

  async function send(address: string, cookie: string, fields?: Readonly<Record<string, string>>) {
    const { url } = hub;
    const form = fields && {
      method: 'POST',
      body: new URLSearchParams(fields),
      headers: { Origin: url, Cookie: cookie },
    };
    const answer = await fetch(`${url}/koji/${address}`, {
      redirect: 'manual',
      ...(form ?? { headers: { Cookie: cookie } }),
    });
    const text = await answer.text();
    const given = /koji-web=[\w-]{43}/.exec(answer.headers.get('set-cookie') ?? '')?.[0];
    const token = /name="token" value="([^"]+)"/.exec(text)?.[1] ?? '';
    return { status: answer.status, text, cookie: given ?? cookie, token };
  }

  test('the database has the hash of the id; what is done, and a logout, are the hub’s own', async () => {
    const form = await send('login', '');
    const login = { token: form.token, user: 'root', password: 'root' };
    const { status, cookie } = await send('login', form.cookie, login);
    expect(status).toBe(303);
    const rows = () => hub.database.read((db) => db.all(sql`SELECT * FROM web_login`));
    const key = createHash('sha256').update(cookie.replace('koji-web=', '')).digest('hex');
    expect(await rows()).toEqual([expect.objectContaining({ key })]);
    const { token } = await send('tagcreate', cookie);
    expect((await send('tagcreate', cookie, { token, name: 'f44' })).status).toBe(303);
    const tag = (await send('taginfo?tagID=f44', cookie)).text;
    expect(tag).toContain('<bdi>root</bdi>');
    expect(tag).toContain('tagedit');
    expect((await send('logout', cookie, { token })).status).toBe(303);
    expect(await rows()).toEqual([]);
    const open = await hub.database.read((db) =>
      db.all(sql`SELECT id FROM sessions WHERE closed = FALSE AND expired = FALSE`),
    );
    expect(open).toEqual([]);
    expect((await send('tags', cookie)).text).not.toContain('<bdi>root</bdi>');
  });
});
