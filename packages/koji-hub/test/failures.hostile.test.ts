import { existsSync } from 'node:fs';
import { readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { spawnSync } from 'node:child_process';
import http from 'node:http';
import path from 'node:path';
import pg from 'pg';
import { UnknownFault } from '@koji/core';
import { sql } from '../src/db/sql.js';
import { borderFault, noteThrower, partFault } from '../src/server/faults.js';
import { databases } from './support/databases.js';
import { headersOf, loginAs, post, readOutcome, startRawHub, valueOf } from './support/raw-hub.js';
import type { Outcome, RawHub } from './support/raw-hub.js';

const [sqlite, postgres] = databases;
if (!sqlite) throw new Error('no database to test on');

/** Texts that no fault may contain: paths, addresses, error codes of the system, SQL. */
const secrets = /\/(?:tmp|var|home|work)\/|127\.0\.0\.1|E[A-Z]{4,}|SQLITE_|SELECT |ECONN/;

async function upload(
  hub: RawHub,
  session: Record<string, string>,
  query: Record<string, string>,
  body: string | Uint8Array<ArrayBuffer>,
): Promise<Outcome> {
  const text = new URLSearchParams({ fileverify: 'md5', ...query }).toString();
  const headers = { ...session, 'Content-Type': 'application/octet-stream' };
  return readOutcome(await fetch(`${hub.api}?${text}`, { method: 'POST', headers, body }));
}

const needsRoot = process.getuid?.() === 0 ? describe : describe.skip;

needsRoot('a hub on a full disk', () => {
  let hub: RawHub;
  let session: Record<string, string>;
  let disk = '';

  beforeAll(async () => {
    hub = await startRawHub(sqlite, {
      options: { KojiDir: 'disk', Database: 'sqlite:disk/koji.db' },
      async prepare(folder) {
        disk = path.join(folder, 'disk');
        spawnSync('mkdir', [disk]);
        const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=6m', 'none', disk]);
        expect(mounted.stderr.toString()).toBe('');
        spawnSync('cp', [path.join(folder, 'koji.db'), path.join(disk, 'koji.db')]);
      },
    });
    session = headersOf(await loginAs(hub, 'root'));
  });
  afterAll(async () => {
    await hub.stop();
    spawnSync('umount', ['-l', disk]);
    await hub.drop();
  });

  test('says so, keeps no part of a failed upload, answers reads, and continues once there is room', async () => {
    const big = new Uint8Array(8_000_000);
    const where = { filepath: 'up', filename: 'big' };
    const failed = await upload(hub, session, where, big);
    expect(failed).toEqual({ fault: [1000, expect.stringMatching(/^No space left on the hub/)] });
    expect(await readdir(path.join(disk, 'work/up'))).not.toContain('big');

    const fill = path.join(disk, 'fill');
    await writeFile(fill, new Uint8Array(8_000_000)).catch(() => undefined);
    const noSpace = { fault: [1000, expect.stringMatching(/^No space left on the hub/)] };
    // Free space in the database's own files is used first.
    const until = async (refuse: (n: number) => Promise<Outcome>): Promise<Outcome> => {
      let outcome: Outcome = { value: null };
      for (let n = 0; n < 100 && !('fault' in outcome); n++) outcome = await refuse(n);
      return outcome;
    };
    const notes = 'n'.repeat(50_000);
    expect(
      await until((n) =>
        post(hub.api, 'createTag', [`fill-${n}`, { extra: { notes }, __starstar: true }], session),
      ),
    ).toEqual(noSpace);
    expect(await until(() => post(hub.api, 'login', ['root', 'root']))).toEqual(noSpace);
    expect(valueOf(await post(hub.api, 'getLoggedInUser', [], session))).toMatchObject({ name: 'root' });
    expect(await until((n) => post(hub.api, 'createTag', [`x-${n}`], session))).toEqual(noSpace);

    await rm(fill);
    expect(headersOf(await loginAs(hub, 'root'))).toHaveProperty('Koji-Session-Id');
    expect(valueOf(await upload(hub, session, where, 'small'))).toMatchObject({ size: 5 });
  });
});

test('what is left of an upload whose client went away is removed, so that it can be sent again', async () => {
  const hub = await startRawHub(sqlite);
  try {
    const session = headersOf(await loginAs(hub, 'root'));
    const query = new URLSearchParams({ fileverify: 'md5', filepath: 'gone', filename: 'f' }).toString();
    const headers = { ...session, 'Content-Type': 'application/octet-stream', 'Content-Length': '100000' };
    const request = http.request(`${hub.api}?${query}`, { method: 'POST', headers });
    request.on('error', () => undefined);
    request.write(Buffer.alloc(50_000));
    const file = path.join(hub.kojiDir, 'work/gone/f');
    while (!existsSync(file)) await new Promise((resolve) => setTimeout(resolve, 10));
    request.destroy();
    while (existsSync(file)) await new Promise((resolve) => setTimeout(resolve, 10));
    expect(valueOf(await upload(hub, session, { filepath: 'gone', filename: 'f' }, 'all'))).toMatchObject({
      size: 3,
    });
  } finally {
    await hub.drop();
  }
});

describe('an error that nobody foresaw', () => {
  const id = /its log has the reason under ([0-9a-f]{8})$/;
  const none = { KojiDebug: false, KojiTraceback: null } as never;
  const unforeseen = (): Error[] => [
    new Error('connect to 127.0.0.1:5432 as koji: no'),
    new TypeError("Cannot read properties of undefined (reading '/home/koji/x')"),
    Object.assign(new Error('/var/lib/koji.db is no database'), { code: 'ERR_SOMETHING_ELSE' }),
    Object.assign(new Error('open /home/x'), { code: 'EWHATEVER', syscall: 'open' }),
  ];

  test('tells its caller nothing but where the log has it', () => {
    for (const error of unforeseen()) {
      const { faultString } = borderFault(error, none);
      expect(faultString).toMatch(id);
      expect(faultString).not.toMatch(/\/home|\/var|127\.0|reading|database/);
      const part = partFault(error);
      expect(part.faultString).toMatch(id);
      expect(part.traceback.join()).not.toMatch(/\/home|\/var|127\.0|reading|database/);
    }
  });

  test('is told when a plugin threw it, unless the hub threw it at the plugin', () => {
    const [ofPlugin, ofHub] = [new Error('closed on Fridays'), new Error('/home/koji/x')];
    noteThrower(ofPlugin, 'plugin');
    noteThrower(ofHub, 'hub');
    noteThrower(ofHub, 'plugin');
    expect(borderFault(ofPlugin, none)).toMatchObject({
      faultCode: 1,
      faultString: 'Error: closed on Fridays',
    });
    expect(partFault(ofPlugin).faultString).toBe('closed on Fridays');
    expect(borderFault(ofHub, none).faultString).toMatch(id);
    expect(borderFault(new UnknownFault(1, 'Error: told'), none).faultString).toBe('Error: told');
  });

  test('is in the log under the id that the caller got, in a multicall too', async () => {
    const hub = await startRawHub(sqlite);
    try {
      await hub.database.write((db) => db.run(sql`ALTER TABLE permissions RENAME TO elsewhere`));
      const alone = await post(hub.api, 'getAllPerms');
      const calls = [{ methodName: 'getAllPerms', params: [] }];
      const [part] = valueOf(await post(hub.api, 'multiCall', [calls])) as { faultString: string }[];
      const texts = ['fault' in alone ? alone.fault[1] : '', part?.faultString ?? ''];
      for (const text of texts) {
        expect(text).not.toMatch(secrets);
        const [, found = 'none'] = id.exec(text) ?? [];
        const log = await readFile(path.join(hub.folder, 'hub.log'), 'utf8');
        const from = log.indexOf(found);
        expect(log.slice(from, from + 500)).toContain('no such table');
      }
    } finally {
      await hub.drop();
    }
  });
});

const onPostgres = postgres ? test : test.skip;

onPostgres('a database that went away makes the hub offline for its clients, and says no more', async () => {
  if (!postgres) throw new Error('no PostgreSQL');
  const hub = await startRawHub(postgres);
  try {
    const server = new URL(hub.databaseUrl);
    const name = server.pathname.slice(1);
    server.pathname = 'postgres';
    const admin = new pg.Client(server.href);
    await admin.connect();
    await admin.query(`ALTER DATABASE ${name} ALLOW_CONNECTIONS false`);
    await admin.query('SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1', [name]);
    const answer = await post(hub.api, 'listTags');
    await admin.query(`ALTER DATABASE ${name} ALLOW_CONNECTIONS true`);
    await admin.end();
    expect(answer).toEqual({ fault: [1014, 'database outage'] });
    expect(valueOf(await post(hub.api, 'listTags'))).toEqual([]);
  } finally {
    await hub.drop();
  }
});
