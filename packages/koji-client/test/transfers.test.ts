import { createHash } from 'node:crypto';
import { createServer } from 'node:http';
import type { ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { downloadFile } from '../src/index.js';
import { TransferMeter, TransferTotals } from '../src/cli/progress.js';

const old = Buffer.alloc(400_000, 'old');
const renewed = Buffer.alloc(400_000, 'new');
/** The server's file, and the number of bytes after which each answer breaks off. */
let content = old;
let breaks: number[] = [];
const ranges: (string | undefined)[] = [];
/** The answer that breaks off, and at which byte. */
let cut: { at: number; response: ServerResponse } | null = null;
/** Breaks off once the bytes before have arrived: what a client has not read yet is lost with the connection. */
const onProgress = (done: number): void => {
  if (cut && done >= cut.at) cut.response.destroy();
};

const server = createServer((request, response) => {
  const etag = `"${createHash('md5').update(content).digest('hex')}"`;
  const { range, 'if-range': condition } = request.headers;
  ranges.push(range);
  const isPart = range !== undefined && (condition === undefined || condition === etag);
  const start = isPart ? Number(/\d+/.exec(range)?.[0]) : 0;
  const body = content.subarray(start);
  response.writeHead(isPart ? 206 : 200, { 'content-length': body.length, etag });
  const most = breaks.shift();
  if (most === undefined) response.end(body);
  else {
    cut = { at: start + most, response };
    response.write(body.subarray(0, most));
    if (most === 0) response.destroy();
  }
});
let folder: string;
let url: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'koji-transfers-'));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/file`;
});

beforeEach(() => {
  content = old;
  ranges.length = 0;
  cut = null;
});

afterAll(async () => {
  server.close();
  await rm(folder, { recursive: true });
});

test('a download that breaks off continues where it was', async () => {
  breaks = [100_000, 200_000];
  const file = join(folder, 'broken');
  const told: string[] = [];
  const options = { retryInterval: 0, onProgress, onBreak: (error: Error) => told.push(error.message) };
  expect(await downloadFile(url, file, options)).toBe('complete');
  expect((await readFile(file)).equals(old)).toBe(true);
  expect(told).toHaveLength(2);
  expect(ranges).toEqual([undefined, 'bytes=100000-', 'bytes=300000-']);
});

test('a file that changed in the meantime is downloaded from its start', async () => {
  breaks = [100_000];
  const file = join(folder, 'changed');
  const onBreak = (): void => void (content = renewed);
  await downloadFile(url, file, { retryInterval: 0, onBreak, onProgress });
  expect((await readFile(file)).equals(renewed)).toBe(true);
});

test('a server that breaks off again and again without a byte ends the download', async () => {
  breaks = [100_000, 0, 0, 0];
  const file = join(folder, 'hopeless');
  await expect(
    downloadFile(url, file, { retryInterval: 0, maxRetries: 2, onProgress }),
  ).rejects.toMatchObject({
    name: 'RequestError',
  });
  breaks = [];
});

test('what several transfers have done together is counted, also where a file is begun again', () => {
  const totals = new TransferTotals(3);
  totals.update(1, 2 ** 20, 2 ** 20);
  totals.update(2, 2 ** 19, 2 ** 20);
  totals.update(3, 100, 0);
  expect(totals.text()).toBe('1 of 3 files, 1.50 MiB');
  totals.update(2, 0, 2 ** 20);
  totals.update(2, 2 ** 20, 2 ** 20);
  expect(totals.text()).toBe('2 of 3 files, 2.00 MiB');
});

test('a line about a transfer has share, bytes, speed and time left, and fits', () => {
  let time = 0;
  const meter = new TransferMeter(() => time);
  meter.line(0, 2 ** 20 * 100, 80);
  time = 2;
  expect(meter.line(2 ** 20 * 20, 2 ** 20 * 100, 80)).toBe(
    '[====                ]  20%  20.00 MiB / 100.00 MiB  10.00 MiB/s  00:00:08 left',
  );
  time = 2.01;
  expect(meter.line(2 ** 20 * 21, 2 ** 20 * 100, 80)).toBeNull();
  time = 3;
  expect(meter.line(2 ** 20 * 30, 2 ** 20 * 100, 40)).toHaveLength(39);
});
