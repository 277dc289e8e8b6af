import { once } from 'node:events';
import { mkdir, writeFile } from 'node:fs/promises';
import net from 'node:net';
import path from 'node:path';
import { encodeCall } from '@koji/core/wire';
import { openDatabase } from '../src/db/database.js';
import type { Opened } from '../src/db/database.js';
import { sql } from '../src/db/sql.js';
import { databases } from './support/databases.js';
import type { TestDatabase } from './support/databases.js';
import { post, startRawHub, valueOf } from './support/raw-hub.js';
import type { RawHub } from './support/raw-hub.js';

async function until(done: () => Promise<boolean> | boolean): Promise<void> {
  while (!(await done())) await new Promise((resolve) => setTimeout(resolve, 20));
}

async function connect(hub: RawHub): Promise<net.Socket> {
  const { hostname, port } = new URL(hub.url);
  const socket = net.connect({ host: hostname, port: Number(port) });
  socket.on('error', () => undefined);
  await once(socket, 'connect');
  return socket;
}

/** Work that continues until it is ended. */
function held<T>(start: (end: Promise<void>, began: () => void) => Promise<T>) {
  let end = (): void => undefined;
  let began = (): void => undefined;
  const ending = new Promise<void>((resolve) => (end = resolve));
  const beginning = new Promise<void>((resolve) => (began = resolve));
  const done = start(ending, () => began());
  return { beginning, done, end: () => end() };
}

describe.each(databases)('the slots of the database, on $name', (kind) => {
  let made: TestDatabase;
  let database: Opened;

  beforeEach(async () => {
    made = await kind.create();
    database = await openDatabase({ url: made.url, folder: made.folder, longReads: 1, connections: 4 });
  });
  afterEach(async () => {
    await database.close();
    await made.drop();
  });

  const one = sql`SELECT id FROM channels ORDER BY id LIMIT 1`;

  test('are few for long reads, which see one moment, and lookups and writes continue meanwhile', async () => {
    const names = sql`SELECT name FROM tag`;
    const long = held((end, began) =>
      database.read(
        async (db) => {
          const before = await db.all(names);
          began();
          await end;
          return [before, await db.all(names)];
        },
        { long: true },
      ),
    );
    await long.beginning;
    let waited = true;
    const next = database.read((db) => db.all(names), { long: true }).finally(() => (waited = false));
    try {
      expect(await database.read((db) => db.get(one))).toEqual({ id: 1 });
      await database.write((db) => db.run(sql`INSERT INTO tag (name) VALUES ('later')`));
      expect(await database.read((db) => db.all(names))).toEqual([{ name: 'later' }]);
      expect(waited).toBe(true);
    } finally {
      long.end();
    }
    expect(await long.done).toEqual([[], []]);
    expect(await next).toEqual([{ name: 'later' }]);
  });

  test('a long read gives many rows, errors and values as any other does', async () => {
    const read = sql`SELECT a.id, a.name, b.type_id FROM archivetypes a, archivetypes b, channels c ORDER BY a.id, b.type_id, c.id`;
    const gather = (long: boolean) =>
      database.read(
        async (db) => {
          const rows: unknown[] = [];
          for await (const row of db.iterate(
            sql`SELECT a.id, a.name FROM archivetypes a, archivetypes b ORDER BY a.id`,
          ))
            rows.push(row);
          return [rows, await db.all(sql`SELECT * FROM channels ORDER BY id`)];
        },
        { long },
      );
    const [rows] = await gather(true);
    expect(rows?.length).toBeGreaterThan(1000);
    expect(await gather(true)).toEqual(await gather(false));
    await expect(database.read((db) => db.all(read), { long: true })).rejects.toThrow(/^database: .*type_id/);
    await expect(
      database.read((db) => db.run(sql`INSERT INTO tag (name) VALUES ('x')`), { long: true }),
    ).rejects.toThrow(/^database: /);
    // The connection is as good as new, also after rows that nobody read to their end.
    await database.read(
      (db) =>
        db
          .iterate(sql`SELECT * FROM archivetypes`)
          [Symbol.asyncIterator]()
          .next(),
      {
        long: true,
      },
    );
    expect(await database.read((db) => db.get(one), { long: true })).toEqual({ id: 1 });
  });

  test('a read ends before its next statement once nobody wants it any more', async () => {
    let wanted = true;
    const check = (): void => {
      if (!wanted) throw new Error('nobody wants it');
    };
    const reading = database.read(
      async (db) => {
        await db.get(one);
        wanted = false;
        await db.get(one);
      },
      { long: true, check },
    );
    await expect(reading).rejects.toThrow('nobody wants it');
  });
});

describe.each(databases)('a hub with little room, on $name', (kind) => {
  let hub: RawHub;

  beforeAll(async () => {
    const options = {
      RequestMemory: '500000',
      DownloadRate: '1000000',
      DownloadTimeout: '1',
      LogLevel: 'ERROR',
    };
    hub = await startRawHub(kind, { options });
  });
  afterAll(() => hub.drop());

  const echo = (length: number) =>
    fetch(hub.api, {
      method: 'POST',
      headers: { 'Content-Type': 'text/xml' },
      body: encodeCall('echo', ['x'.repeat(length)]),
    });

  test('long requests share RequestMemory, and short ones always find room', async () => {
    expect((await echo(300_000)).status).toBe(200);
    const slow = await connect(hub);
    slow.write(`POST /kojihub HTTP/1.1\r\nHost: hub\r\nContent-Length: 400000\r\n\r\n${' '.repeat(390_000)}`);
    await until(async () => (await echo(300_000)).status === 503);
    const refused = await echo(300_000);
    expect([refused.status, refused.headers.get('Retry-After')]).toEqual([503, '10']);
    expect(await refused.text()).toMatch(/RequestMemory/);
    expect((await echo(60_000)).status).toBe(200);
    slow.destroy();
    await until(async () => (await echo(300_000)).status === 200);
  });

  test('a client that takes a file too slowly is disconnected, however often it takes a little', async () => {
    await mkdir(path.join(hub.kojiDir, 'packages'), { recursive: true });
    await writeFile(path.join(hub.kojiDir, 'packages/large'), Buffer.alloc(50_000_000));
    expect((await (await fetch(`${hub.url}/kojifiles/packages/large`)).arrayBuffer()).byteLength).toBe(
      50_000_000,
    );
    const slow = await connect(hub);
    slow.pause();
    slow.write('GET /kojifiles/packages/large HTTP/1.1\r\nHost: hub\r\n\r\n');
    // The first second fills the system's buffers, in the next one too little is taken.
    const began = performance.now();
    await until(() => {
      slow.read(1000);
      return performance.now() - began > 4000;
    });
    slow.resume();
    if (!slow.closed) await once(slow, 'close');
    expect(slow.bytesRead).toBeLessThan(50_000_000);
  });

  test('a call that needs a login keeps nobody from writing while nobody is logged in', async () => {
    const writing = held((end, began) =>
      hub.database.write(async (db) => {
        await db.run(sql`INSERT INTO tag (name) VALUES ('long')`);
        began();
        await end;
      }),
    );
    await writing.beginning;
    const calls = ['createTag', 'getTag'].map((methodName) => ({ methodName, params: ['x'] }));
    const answers = post(hub.api, 'multiCall', [calls]).finally(() => writing.end());
    expect(valueOf(await answers)).toEqual([expect.objectContaining({ faultCode: 1004 }), [null]]);
    await writing.done;
  });
});
