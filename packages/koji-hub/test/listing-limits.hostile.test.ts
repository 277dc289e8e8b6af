import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { listTar } from '../src/domain/archives/tar-listing.js';
import { listZip } from '../src/domain/archives/zip-listing.js';

let folder: string;
const at = (name: string): string => path.join(folder, name);
const few = { entries: 10, text: 1000, seconds: 60 };

/** A tar archive of members without content. */
function tarOf(names: readonly string[]): Buffer {
  const members = names.map((name) => {
    const header = Buffer.alloc(512);
    header.write(name, 0);
    header.write(' '.repeat(8) + '0', 148);
    const sum = header.reduce((total, byte) => total + byte, 0);
    header.write(`${sum.toString(8)}\0`, 148);
    return header;
  });
  return Buffer.concat([...members, Buffer.alloc(1024)]);
}

/** A zip archive's directory, which is all that is read. */
function zipOf(names: readonly string[]): Buffer {
  const entries = names.map((name) => {
    const entry = Buffer.alloc(46 + name.length);
    entry.write('PK\x01\x02', 0, 'latin1');
    entry.writeUInt16LE(name.length, 28);
    entry.write(name, 46);
    return entry;
  });
  const directory = Buffer.concat(entries);
  const end = Buffer.alloc(22);
  end.write('PK\x05\x06', 0, 'latin1');
  end.writeUInt16LE(names.length, 10);
  end.writeUInt32LE(directory.length, 12);
  return Buffer.concat([directory, end]);
}

/** The programs that this process runs now. */
function unpackers(): string[] {
  return readdirSync('/proc').filter((pid) => {
    try {
      const [, parent] = readFileSync(`/proc/${pid}/stat`, 'latin1').split(') ')[1]!.split(' ');
      return Number(parent) === process.pid && /\/(xz|bzip2)$/.test(readlinkSync(`/proc/${pid}/exe`));
    } catch {
      return false;
    }
  });
}

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'listing-'));
  const names = Array.from({ length: 11 }, (_, n) => `file-${n}`);
  await writeFile(at('eleven.tar'), tarOf(names));
  await writeFile(at('eleven.zip'), zipOf(names));
  await writeFile(at('long.tar'), tarOf(Array.from({ length: 10 }, () => 'n'.repeat(100))));
  await writeFile(at('long.zip'), zipOf(['n'.repeat(1001)]));
  // Far more than one block follows the end of the archive, and the programs continue to unpack it.
  const trailed = Buffer.concat([tarOf(names), Buffer.alloc(64 * 1024 * 1024)]);
  for (const program of ['xz', 'bzip2', 'gzip'])
    await writeFile(
      at(`eleven.${program}`),
      execFileSync(program, ['-1c'], { input: trailed, maxBuffer: 1 << 28 }),
    );
});
afterAll(() => rm(folder, { recursive: true, force: true }));

test.each([
  ['tar', listTar],
  ['zip', listZip],
])('a %s archive with too many files or names too long is not listed', async (kind, list) => {
  expect(await list(at(`eleven.${kind}`))).toHaveLength(11);
  await expect(list(at(`eleven.${kind}`), few)).rejects.toThrow(
    'cannot list an archive with more than 10 files',
  );
  await expect(list(at(`long.${kind}`), { ...few, text: 999 })).rejects.toThrow(
    'cannot list an archive whose names have more than 999 characters',
  );
});

test.each(['xz', 'bzip2', 'gzip'])('no program and no file is left open after one of %s', async (program) => {
  const open = (): number => readdirSync('/proc/self/fd').length;
  await listTar(at('eleven.tar'));
  const before = open();
  expect(await listTar(at(`eleven.${program}`))).toHaveLength(11);
  await expect(listTar(at(`eleven.${program}`), few)).rejects.toThrow('more than 10 files');
  expect(unpackers()).toEqual([]);
  for (let n = 0; n < 500 && open() > before; n++) await new Promise((resolve) => setTimeout(resolve, 10));
  expect(open()).toBeLessThanOrEqual(before);
});

test.each(['xz', 'bzip2', 'gzip'])('unpacking one of %s ends when it takes too long', async (program) => {
  // One member followed by a hole: everything must be unpacked before the next one is known.
  const header = tarOf(['large']).subarray(0, 512);
  header.write('77777777777\0', 124);
  header.write(' '.repeat(8) + '0', 148);
  header.write(`${header.reduce((total, byte) => total + byte, 0).toString(8)}\0`, 148);
  const bytes = Buffer.concat([header, Buffer.alloc(64 * 1024 * 1024)]);
  await mkdir(at('slow'), { recursive: true });
  const file = at(`slow/${program}`);
  await writeFile(file, execFileSync(program, ['-1c'], { input: bytes, maxBuffer: 1 << 28 }));
  await expect(listTar(file, { ...few, seconds: 0.01 })).rejects.toThrow(
    /more than 0.01 seconds to unpack|took longer than 0.01 seconds/,
  );
  expect(unpackers()).toEqual([]);
});
