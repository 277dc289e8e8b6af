import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync, existsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import {
  filesBelow,
  inFolderBelow,
  listBelow,
  makeFolderBelow,
  openFileBelow,
  openRegular,
} from '@koji/core';
import type { Links } from '@koji/core';

let base: string;
let top: string;
const at = (...names: string[]): string => path.join(top, ...names);
beforeEach(() => {
  base = mkdtempSync(path.join(tmpdir(), 'koji-below-'));
  top = path.join(base, 'root');
  mkdirSync(at('var/log'), { recursive: true });
  mkdirSync(path.join(base, 'outside'));
  writeFileSync(path.join(base, 'outside/secret'), 'secret');
  writeFileSync(at('var/log/dnf.log'), 'plain');
});
afterEach(() => rmSync(base, { recursive: true, force: true }));

async function read(below: string, links: Links = 'refuse'): Promise<string> {
  const handle = await openFileBelow(top, below, links);
  try {
    return await handle.readFile('utf8');
  } finally {
    await handle.close();
  }
}

test('a file is read, one that is missing is said to be', async () => {
  expect(await read('var/log/dnf.log')).toBe('plain');
  expect(await read('/var/./log//dnf.log')).toBe('plain');
  await expect(read('var/log/none')).rejects.toMatchObject({ code: 'ENOENT' });
  await expect(read('../outside/secret')).rejects.toThrow('leads upward');
});

test.each([
  ['an absolute link to a file', () => symlinkSync(path.join(base, 'outside/secret'), at('x'))],
  ['a relative link to a file', () => symlinkSync('../outside/secret', at('x'))],
  ['a link to nothing', () => symlinkSync('nothing', at('x'))],
  ['a link to a file of the folder', () => symlinkSync('var/log/dnf.log', at('x'))],
])('%s is refused', async (_what, plant) => {
  plant();
  await expect(read('x')).rejects.toThrow(`${at('x')} is a symbolic link`);
  await expect(openRegular(at('x'))).rejects.toThrow('is a symbolic link');
});

test('a folder that is a link is refused, to read, to list, to make and to use', async () => {
  symlinkSync(path.join(base, 'outside'), at('etc'));
  const link = `${at('etc')} is a symbolic link`;
  await expect(read('etc/secret')).rejects.toThrow(link);
  await expect(listBelow(top, 'etc')).rejects.toThrow(link);
  await expect(makeFolderBelow(top, 'etc/new')).rejects.toThrow(link);
  await expect(inFolderBelow(top, 'etc', 'refuse', async () => 1)).rejects.toThrow(link);
  expect(existsSync(path.join(base, 'outside/new'))).toBe(false);
});

test('links are followed as inside where that is asked for', async () => {
  mkdirSync(at('usr/lib'), { recursive: true });
  writeFileSync(at('usr/lib/file'), 'inside');
  symlinkSync('/usr/lib', at('lib'));
  symlinkSync('../../../../../../usr/lib', at('var/up'));
  symlinkSync(path.join(base, 'outside'), at('out'));
  symlinkSync('loop', at('loop'));
  expect(await read('lib/file', 'inside')).toBe('inside');
  expect(await read('var/up/file', 'inside')).toBe('inside');
  expect((await listBelow(top, 'lib', 'inside')).map(({ name }) => name)).toEqual(['file']);
  await expect(read('out/secret', 'inside')).rejects.toMatchObject({ code: 'ENOENT' });
  await expect(read('loop/x', 'inside')).rejects.toThrow('too many symbolic links');
});

test('a pipe, a folder and a device are no files, and none of them is waited for', async () => {
  execFileSync('mkfifo', [at('pipe')]);
  await expect(read('pipe')).rejects.toThrow(`${at('pipe')} is no regular file`);
  await expect(read('var')).rejects.toThrow('is no regular file');
  await expect(openRegular('/dev/null')).rejects.toThrow('/dev/null is no regular file');
});

test('a folder that turns into a link again and again never leads out', async () => {
  mkdirSync(at('real'));
  writeFileSync(at('real/secret'), 'plain');
  symlinkSync(path.join(base, 'outside'), at('link'));
  const stop = new AbortController();
  const swapping = (async () => {
    while (!stop.signal.aborted) {
      renameSync(at('real'), at('aside'));
      renameSync(at('link'), at('real'));
      await new Promise((resolve) => setImmediate(resolve));
      renameSync(at('real'), at('link'));
      renameSync(at('aside'), at('real'));
      await new Promise((resolve) => setImmediate(resolve));
    }
  })();
  const seen = new Set<string>();
  for (let n = 0; n < 500; n++) {
    seen.add(await read('real/secret').catch(() => 'refused'));
    seen.add(await read('real/secret', 'inside').catch(() => 'refused'));
  }
  stop.abort();
  await swapping;
  expect(seen).not.toContain('secret');
  expect([...seen].every((one) => one === 'plain' || one === 'refused')).toBe(true);
});

test('everything below a folder is found, and nothing behind links', async () => {
  symlinkSync(path.join(base, 'outside'), at('var/out'));
  mkdirSync(at('var/deep/deeper'), { recursive: true });
  writeFileSync(at('var/deep/deeper/file'), '');
  const found: string[] = [];
  for await (const { below, isFile } of filesBelow(top)) found.push(`${below} ${isFile}`);
  expect(found.sort()).toEqual(['var/deep/deeper/file true', 'var/log/dnf.log true', 'var/out false']);
});
