import { execFileSync } from 'node:child_process';
import { mkdtemp, open, rm, symlink, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { boundedLines, readBounded } from '../src/index.js';

let folder: string;
const at = (name: string): string => path.join(folder, name);
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'bounded-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

test('a file is read up to its bound, and refused beyond it', async () => {
  await writeFile(at('five'), '12345');
  expect(String(await readBounded(at('five'), 5))).toBe('12345');
  await expect(readBounded(at('five'), 4)).rejects.toThrow(
    `${at('five')} has 5 bytes, more than the 4 that it may have`,
  );
  await truncate(at('five'), 2 ** 40);
  await expect(readBounded(at('five'), 2 ** 20)).rejects.toThrow('has 1099511627776 bytes');
});

test('a file that grows after its size was asked for is still bounded', async () => {
  const handle = await open(at('growing'), 'w+');
  try {
    await handle.write('x'.repeat(1000));
    const read = handle.read.bind(handle) as (...args: unknown[]) => Promise<{ bytesRead: number }>;
    let at = 0;
    // Each read finds as much as it asks for, as if somebody wrote on and on.
    Object.assign(handle, {
      read: async (buffer: Buffer, start: number, length: number) => {
        await handle.write(Buffer.alloc(length, 'y'), 0, length, at);
        const { bytesRead } = await read(buffer, start, length, at);
        at += bytesRead;
        return { bytesRead, buffer };
      },
    });
    await expect(readBounded(handle, 100_000)).rejects.toThrow('more than the 100000 that it may have');
    expect(at).toBeLessThan(300_000);
  } finally {
    await handle.close();
  }
});

test('what says that it has no bytes is read anyway', async () => {
  expect(String(await readBounded('/proc/self/status', 100_000))).toContain('VmRSS');
});

test('a pipe, a device and a folder are refused at once', async () => {
  execFileSync('mkfifo', [at('pipe')]);
  await symlink('/dev/zero', at('device'));
  for (const name of ['pipe', 'device', '.'])
    await expect(readBounded(at(name), 10)).rejects.toThrow('is no regular file');
  await expect(readBounded(at('none'), 10)).rejects.toMatchObject({ code: 'ENOENT' });
});

test('lines come whole over blocks, endless ones in pieces', async () => {
  async function* blocks(...texts: string[]): AsyncGenerator<Uint8Array> {
    for (const text of texts) yield Promise.resolve(Buffer.from(text));
  }
  const lines = async (...texts: string[]): Promise<string[]> => {
    const found: string[] = [];
    for await (const line of boundedLines(blocks(...texts), 10)) found.push(line);
    return found;
  };
  expect(await lines('a\nb', 'c\r', '\n\nd')).toEqual(['a', 'bc', '', 'd']);
  expect(await lines('1234567890', 'abc\n')).toEqual(['1234567890', 'abc']);
  expect(await lines('a\n')).toEqual(['a']);
  expect(await lines()).toEqual([]);
});
