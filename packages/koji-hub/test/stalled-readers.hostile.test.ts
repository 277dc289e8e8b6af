import { once } from 'node:events';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { decodeResponse, encodeCall } from '@koji/core/wire';
import { sql } from '../src/db/sql.js';
import { databases } from './support/databases.js';
import { headersOf, loginAs, post, startRawHub, valueOf } from './support/raw-hub.js';
import type { RawHub } from './support/raw-hub.js';

const count = 8000;
/** Long, since it is the bytes of an answer that matter, and as long as PostgreSQL has in an index. */
const name = 'a-package-with-a-rather-long-name-'.repeat(44);
/** Bytes of the answer to {@link everything}, at least. */
const length = count * name.length;
const everything = encodeCall('search', ['*', 'package', 'glob']);

/** Sends a call with a long answer and reads nothing. */
async function stall(hub: RawHub, body = everything): Promise<net.Socket> {
  const { hostname, port } = new URL(hub.url);
  const socket = net.connect({ host: hostname, port: Number(port) });
  socket.on('error', () => undefined);
  socket.pause();
  await once(socket, 'connect');
  const head = `POST /kojihub HTTP/1.1\r\nHost: hub\r\nConnection: close\r\nContent-Length: ${body.length}`;
  socket.write(`${head}\r\n\r\n${body}`);
  return socket;
}

async function readAll(socket: net.Socket): Promise<Buffer> {
  const parts: Buffer[] = [];
  for await (const part of socket) parts.push(part as Buffer);
  return Buffer.concat(parts);
}

/** As {@link readAll}, of a connection that may break off. */
async function readSome(socket: net.Socket): Promise<Buffer> {
  const parts: Buffer[] = [];
  socket.on('data', (part: Buffer) => parts.push(part)).resume();
  if (!socket.closed) await once(socket, 'close');
  return Buffer.concat(parts);
}

/** The bytes of an answer in HTTP's chunks, or as they are. */
function bodyOf(answer: Buffer): Buffer {
  const start = answer.indexOf('\r\n\r\n') + 4;
  if (!/transfer-encoding: chunked/i.test(answer.toString('latin1', 0, start))) return answer.subarray(start);
  const parts: Buffer[] = [];
  for (let at = start; ;) {
    const lineEnd = answer.indexOf('\r\n', at);
    const size = parseInt(answer.toString('latin1', at, lineEnd), 16);
    if (size === 0) return Buffer.concat(parts);
    parts.push(answer.subarray(lineEnd + 2, lineEnd + 2 + size));
    at = lineEnd + 2 + size + 2;
  }
}

/** Bytes of buffers that are in use, not those that merely were not collected yet. */
function heldMemory(): number {
  setFlagsFromString('--expose-gc');
  (runInNewContext('gc') as () => void)();
  return process.memoryUsage().arrayBuffers;
}

async function until(done: () => Promise<boolean>): Promise<void> {
  while (!(await done())) await new Promise((resolve) => setTimeout(resolve, 20));
}

describe.each(databases)('clients that do not read their answers, on $name', (kind) => {
  let hub: RawHub;
  const open: net.Socket[] = [];

  async function start(options: Readonly<Record<string, string>>): Promise<void> {
    hub = await startRawHub(kind, { options: { LogLevel: 'ERROR', ...options } });
    await hub.database.write((db) =>
      db.run(sql`WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < ${count})
        INSERT INTO package (name) SELECT CAST(${name} AS text) || n FROM numbers`),
    );
  }

  afterEach(async () => {
    for (const socket of open.splice(0)) socket.destroy();
    await hub.drop();
  });

  test('keep nobody else from reading and writing, take little memory, and get their answers at last', async () => {
    await start({ AnswerMemory: '4000000' });
    const before = heldMemory();
    for (let i = 0; i < 12; i++) open.push(await stall(hub));
    const session = headersOf(await loginAs(hub, 'root'));
    expect(valueOf(await post(hub.api, 'createTag', ['f44'], session))).toEqual(expect.any(Number));
    expect(valueOf(await post(hub.api, 'getTag', ['f44']))).toMatchObject({ name: 'f44' });
    expect(valueOf(await post(hub.api, 'getAPIVersion'))).toBe(1);
    // The last of them is answered by now, or has its turn after this one.
    expect((await readAll(await stall(hub))).length).toBeGreaterThan(length);
    // Data that is just being written to a file is released.
    await until(() => Promise.resolve(heldMemory() - before < 50_000_000));
    const late = open.pop() as net.Socket;
    const read = decodeResponse(bodyOf(await readAll(late)));
    expect(read).toHaveProperty('value.length', count);
  });

  test('leave no file that anybody sees', async () => {
    const folder = await mkdtemp(path.join(os.tmpdir(), 'koji-answers-'));
    await start({ AnswerMemory: '0', AnswerFolder: folder });
    for (let i = 0; i < 5; i++) open.push(await stall(hub));
    expect((await readAll(await stall(hub))).length).toBeGreaterThan(length);
    await until(async () => (await readdir(folder)).length === 0);
    await rm(folder, { recursive: true });
  });

  test('are disconnected after AnswerTimeout, however often they read a little', async () => {
    await start({ AnswerTimeout: '1' });
    const silent = await stall(hub);
    const dripping = await stall(hub);
    open.push(silent, dripping);
    await Promise.all([once(silent, 'readable'), once(dripping, 'readable')]);
    const began = performance.now();
    let got = 0;
    // The hub's own timer started earlier, so that it is over when this is.
    await until(async () => {
      got += (dripping.read(1000) as Buffer | null)?.length ?? 0;
      return performance.now() - began > 1500;
    });
    expect(got).toBeGreaterThan(0);
    expect((await readSome(silent)).length).toBeLessThan(length);
    expect(got + (await readSome(dripping)).length).toBeLessThan(length);
  });

  test('give way to others when AnswerFiles is full', async () => {
    await start({ AnswerMemory: '1000000', AnswerFiles: '30000000' });
    for (let i = 0; i < 6; i++) open.push(await stall(hub));
    expect((await readAll(await stall(hub))).length).toBeGreaterThan(length);
    const read = await Promise.all(open.map(readSome));
    expect(read.filter((bytes) => bytes.length < length)).not.toHaveLength(0);
  });
});
