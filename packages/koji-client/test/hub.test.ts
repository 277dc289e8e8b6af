import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { AuthError, AuthLockError, GenericError, ParameterError } from '@koji/core';
import { ClientSession, downloadFile, named } from '../src/index.js';
import { startRealHub } from './support/hub.js';
import type { RealHub } from './support/hub.js';

let hub: RealHub;
let admin: ClientSession;

beforeAll(async () => {
  hub = await startRealHub();
  admin = new ClientSession(hub.url, { retryInterval: 0 });
  await admin.login('kojiadmin', 'kojiadmin');
});

afterAll(async () => {
  await admin.logout();
  await admin.close();
  await hub.stop();
});

test('methods are called by position and by name, with answers and faults of the hub', async () => {
  const id = await admin.createTag('f44', named({ arches: 'x86_64' }));
  expect(await admin.getTag('f44')).toMatchObject({ id, name: 'f44', arches: 'x86_64' });
  expect(await admin.getTag('nosuch')).toBeNull();
  await expect(admin.getTag('nosuch', true)).rejects.toThrow(new GenericError("No such tagInfo: 'nosuch'"));
  await expect(admin.call('getTag', [], { nosuch: 1 })).rejects.toBeInstanceOf(ParameterError);
  await expect(admin.call('nosuch')).rejects.toThrow('Invalid method: nosuch');
});

test('many calls of one login at the same time arrive in order', async () => {
  await Promise.all(Array.from({ length: 30 }, (_, i) => admin.createTag(`many-${i}`)));
  const names = (await admin.listTags()) as { name: string }[];
  expect(names.filter(({ name }) => name.startsWith('many-'))).toHaveLength(30);
});

test('a wrong password and an unknown user are refused alike', async () => {
  const session = new ClientSession(hub.url);
  await expect(session.login('kojiadmin', 'wrong')).rejects.toBeInstanceOf(AuthError);
  await expect(session.login('nobody', 'wrong')).rejects.toThrow('invalid username or password');
  expect(session.loggedIn).toBe(false);
  await session.close();
});

test('a multicall commits what went well and gives each fault to its call', async () => {
  const calls = admin.multicall({ batch: 2 });
  const first = calls.createTag('multi-1');
  const twice = calls.createTag('multi-1');
  const second = calls.createTag('multi-2');
  await calls.run();
  expect(await first).toEqual(expect.any(Number));
  await expect(twice).rejects.toThrow("A tag with the name 'multi-1' already exists");
  expect(await admin.getTag('multi-2')).toMatchObject({ id: second.result });
});

test('subsessions end with their master, exclusive sessions keep others out, other processes can take one over', async () => {
  const master = new ClientSession(hub.url, { user: 'kojiadmin', password: 'kojiadmin' });
  await master.login();
  const child = await master.subsession();
  expect(await child.getLoggedInUser()).toMatchObject({ name: 'kojiadmin' });
  const taken = new ClientSession(hub.url, { session: child.sessionKey! });
  expect(await taken.call('getPerms')).toEqual(['admin']);
  await master.logoutChild(child.sessionKey!['session-id']);
  await expect(child.getLoggedInUser()).rejects.toBeInstanceOf(AuthError);
  await master.logout();
  await Promise.all([master, child, taken].map((session) => session.close()));
});

test('an exclusive session of another login is an error of its own', async () => {
  await admin.createUser('solo');
  await hub.setPassword('solo', 'solo');
  const first = new ClientSession(hub.url);
  const second = new ClientSession(hub.url);
  await first.login('solo', 'solo');
  await second.login('solo', 'solo');
  await first.exclusiveSession();
  await expect(second.exclusiveSession()).rejects.toBeInstanceOf(AuthLockError);
  await second.exclusiveSession(true);
  await expect(first.getLoggedInUser()).rejects.toBeInstanceOf(AuthError);
  await second.logout();
  await Promise.all([first.close(), second.close()]);
});

test('files of any size arrive whole in the upload area, and say how far they are', async () => {
  const bytes = Buffer.alloc(2_500_000, 'some text that repeats ');
  const file = join(hub.folder, 'big.bin');
  await writeFile(file, bytes);
  const done: number[] = [];
  await admin.upload(file, 'cli-test/1', { onProgress: (progress) => done.push(progress.done) });
  await admin.upload(file, 'cli-test/1', { name: 'again.bin', blocksize: 700_001 });
  await admin.uploadBytes(Buffer.alloc(0), 'cli-test/1', { name: 'empty' });
  expect(done).toEqual([0, 1_048_576, 2_097_152, 2_500_000]);
  // Jest's own comparison of two buffers takes several seconds for each megabyte.
  for (const name of ['big.bin', 'again.bin'])
    expect(bytes.equals(await readFile(join(hub.kojiDir, 'work/cli-test/1', name)))).toBe(true);
  expect(await readFile(join(hub.kojiDir, 'work/cli-test/1/empty'))).toHaveLength(0);
});

test('the output of a task is read whole, in part and in blocks', async () => {
  const id = await admin.makeTask('sleep', [1]);
  const text = Array.from({ length: 5000 }, (_, i) => `line ${i}\n`).join('');
  const output = join(hub.kojiDir, `work/tasks/${id % 10_000}/${id}`);
  await mkdir(output, { recursive: true });
  await writeFile(join(output, 'build.log'), text);
  expect(String(await admin.readTaskOutput(id, 'build.log'))).toBe(text);
  expect(String(await admin.readTaskOutput(id, 'build.log', { offset: 5, size: 8 }))).toBe(text.slice(5, 13));
  const blocks: Buffer[] = [];
  for await (const block of admin.streamTaskOutput(id, 'build.log', { blocksize: 10_000, offset: 3 }))
    blocks.push(block);
  expect(blocks.length).toBeGreaterThan(3);
  expect(String(Buffer.concat(blocks))).toBe(text.slice(3));
  const fromEnd: Buffer[] = [];
  for await (const block of admin.streamTaskOutput(id, 'build.log', { blocksize: 10_000, offset: -25_000 }))
    fromEnd.push(block);
  expect(fromEnd.map((block) => block.length)).toEqual([10_000, 10_000, 5000]);
  expect(String(Buffer.concat(fromEnd))).toBe(text.slice(-25_000));
});

test('files below topurl are downloaded, and a part that is there is continued', async () => {
  const text = 'x'.repeat(100_000);
  await admin.uploadBytes(Buffer.from(text), 'cli-test/2', { name: 'file' });
  const url = `${hub.url.replace('kojihub', 'kojifiles')}/work/cli-test/2/file`;
  const file = join(hub.folder, 'got/file');
  expect(await downloadFile(url, file)).toBe('complete');
  expect(await readFile(file, 'utf8')).toBe(text);
  await writeFile(file, text.slice(0, 40_000));
  const progress: number[] = [];
  expect(await downloadFile(url, file, { size: 100_000, onProgress: (done) => progress.push(done) })).toBe(
    'resumed',
  );
  expect(await readFile(file, 'utf8')).toBe(text);
  expect(progress[0]).toBeGreaterThan(40_000);
  expect(await downloadFile(url, file, { size: 100_000 })).toBe('skipped');
  const short = join(hub.folder, 'short');
  await expect(downloadFile(url, short, { size: 30_000 })).rejects.toThrow(
    'has more than the 30000 bytes that it should have',
  );
  await expect(downloadFile(`${url}-not`, join(hub.folder, 'none'))).rejects.toThrow('HTTP status 404');
  await expect(readFile(join(hub.folder, 'none'))).rejects.toThrow('ENOENT');
});

test('the version of the hub is known', async () => {
  expect(await admin.hubVersion()).toMatch(/^1\.\d+\.\d+/);
});
