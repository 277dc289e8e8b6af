import { mkdir, symlink, writeFile } from 'node:fs/promises';
import net from 'node:net';
import path from 'node:path';
import { databases } from './support/databases.js';
import { startRawHub } from './support/raw-hub.js';
import type { RawHub } from './support/raw-hub.js';

const [sqlite] = databases;
if (!sqlite) throw new Error('no database to test on');

describe('files over HTTP', () => {
  let hub: RawHub;
  let files: string;

  beforeAll(async () => {
    hub = await startRawHub(sqlite);
    files = `${hub.url}/kojifiles`;
    const store = (...parts: string[]) => path.join(hub.kojiDir, ...parts);
    await mkdir(store('packages/a b'), { recursive: true });
    await writeFile(store('packages/a b/x&<y>.txt'), '0123456789');
    await writeFile(store('packages/empty'), '');
    await writeFile(store('packages/a.xml'), '<x/>');
    await mkdir(store('work/cli'), { recursive: true });
    await writeFile(store('work/cli/.user'), '1');
    for (const name of ['a.xml', 'a.html', 'a.svg', 'a.json', 'a.log'])
      await writeFile(store('work/cli', name), '<x/>');
    await writeFile(path.join(hub.folder, 'secret'), 'secret');
    await symlink('../../secret', store('packages/out'));
    await symlink('a b/x&<y>.txt', store('packages/in'));
    await mkdir(path.join(hub.folder, 'disk2/packages'), { recursive: true });
    await writeFile(path.join(hub.folder, 'disk2/packages/f'), 'on the other disk');
    await symlink(path.join(hub.folder, 'disk2'), store('vol/other'));
  });

  beforeAll(async () => {
    const disk3 = path.join(hub.folder, 'disk3');
    await mkdir(path.join(disk3, '.own'), { recursive: true });
    await writeFile(path.join(disk3, 'repo.json'), '{}');
    await writeFile(path.join(disk3, '.own/f'), 'hidden');
    await symlink(disk3, path.join(hub.kojiDir, 'repos-far'));
    await symlink('.own/f', path.join(disk3, 'in'));
    await symlink('../secret', path.join(disk3, 'out'));
  });

  afterAll(() => hub.drop());

  const name = 'packages/a%20b/x%26%3Cy%3E.txt';

  test('a file comes with its length and time, and not again while it is unchanged', async () => {
    const answer = await fetch(`${files}/${name}`);
    expect([answer.status, await answer.text()]).toEqual([200, '0123456789']);
    expect(answer.headers.get('content-length')).toBe('10');
    const known = { 'If-None-Match': answer.headers.get('etag') ?? '' };
    expect((await fetch(`${files}/${name}`, { headers: known })).status).toBe(304);
    const since = { 'If-Modified-Since': answer.headers.get('last-modified') ?? '' };
    expect((await fetch(`${files}/${name}`, { headers: since })).status).toBe(304);
    const head = await fetch(`${files}/${name}`, { method: 'HEAD' });
    expect([head.headers.get('content-length'), await head.text()]).toEqual(['10', '']);
    expect(await (await fetch(`${files}/packages/empty`)).text()).toBe('');
  });

  test.each([
    ['bytes=0-3', 206, '0123', 'bytes 0-3/10'],
    ['bytes=7-', 206, '789', 'bytes 7-9/10'],
    ['bytes=-2', 206, '89', 'bytes 8-9/10'],
    ['bytes=-50', 206, '0123456789', 'bytes 0-9/10'],
    ['bytes=8-100', 206, '89', 'bytes 8-9/10'],
    ['bytes=5-2', 200, '0123456789', null],
    ['bytes=0-1,4-5', 200, '0123456789', null],
    ['lines=1-2', 200, '0123456789', null],
  ])('Range %s is answered %i', async (range, status, text, contentRange) => {
    const answer = await fetch(`${files}/${name}`, { headers: { Range: range } });
    expect([answer.status, await answer.text(), answer.headers.get('content-range')]).toEqual([
      status,
      text,
      contentRange,
    ]);
  });

  test.each(['bytes=10-', 'bytes=-0'])(
    'Range %s, which there is nothing of, is answered 416',
    async (range) => {
      const answer = await fetch(`${files}/${name}`, { headers: { Range: range } });
      expect([answer.status, answer.headers.get('content-range')]).toEqual([416, 'bytes */10']);
    },
  );

  test.each([
    '/kojifiles/../secret',
    '/kojifiles/packages/../../secret',
    '/kojifiles/%2e%2e/secret',
    '/kojifiles/packages/%2e%2e%2f%2e%2e%2fsecret',
    '/kojifiles/packages/out',
    '/kojifiles/work/cli/.user',
    '/kojifiles/packages/a%00b',
    '/kojifiles/%ff',
    '/kojifiles/../koji.db',
  ])('%s leads nowhere', async (target) => {
    const { hostname, port } = new URL(hub.url);
    const got = await new Promise<string>((resolve, reject) => {
      let text = '';
      const socket = net.connect(Number(port), hostname, () =>
        socket.write(`GET ${target} HTTP/1.1\r\nHost: hub\r\nConnection: close\r\n\r\n`),
      );
      socket.setEncoding('utf8').on('data', (data: string) => (text += data));
      socket.once('close', () => resolve(text)).once('error', reject);
    });
    expect(got).toMatch(/^HTTP\/1\.1 404 /);
    expect(got).not.toContain('SQLite');
  });

  test.each([
    ['packages/a.xml', 'text/xml'],
    ['packages/', 'text/html; charset=utf-8'],
    ['packages/none', 'text/plain'],
    ['work/cli/a.xml', 'application/octet-stream'],
    ['work/cli/a.html', 'application/octet-stream'],
    ['work//cli/a.svg', 'application/octet-stream'],
    ['work/cli/a.json', 'application/octet-stream'],
    ['work/cli/a.log', 'text/plain; charset=utf-8'],
  ])('%s runs nothing on the origin of the hub, as %s', async (target, type) => {
    const { headers } = await fetch(`${files}/${target}`);
    expect(headers.get('content-type')).toBe(type);
    expect(headers.get('content-security-policy')).toBe("sandbox; default-src 'none'");
    expect(headers.get('x-content-type-options')).toBe('nosniff');
  });

  test('a link within the store and a volume on another disk are followed', async () => {
    expect(await (await fetch(`${files}/packages/in`)).text()).toBe('0123456789');
    expect(await (await fetch(`${files}/vol/other/packages/f`)).text()).toBe('on the other disk');
  });

  test('a folder at the top may be on another disk, and a link in it leads no further', async () => {
    const far = `${files}/repos-far`;
    expect(await (await fetch(`${far}/repo.json`)).text()).toBe('{}');
    expect((await fetch(`${far}/`)).status).toBe(200);
    for (const name of ['in', 'out', '.own/f']) expect((await fetch(`${far}/${name}`)).status).toBe(404);
  });

  test('a folder lists what is in it, escaped, and without what is hidden', async () => {
    const answer = await fetch(`${files}/packages/a%20b`);
    expect(answer.url).toBe(`${files}/packages/a%20b/`);
    const text = await answer.text();
    expect(text).toContain('x&#38;&#60;y&#62;.txt');
    expect(text).toContain('./x&');
    expect(await (await fetch(`${files}/work/cli/`)).text()).not.toContain('.user');
    expect(await (await fetch(files)).text()).toContain('packages/');
  });

  test('nothing is written over plain HTTP', async () => {
    const answer = await fetch(`${files}/packages/new`, { method: 'PUT', body: 'x' });
    expect([answer.status, answer.headers.get('allow')]).toEqual([405, 'GET, HEAD']);
  });
});
