import { spawnSync } from 'node:child_process';
import { mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { CallbackError } from '@koji/core';
import { unpack, unpackRpm } from '../src/payload.js';
import type { Unpacking } from '../src/payload.js';
import { cpioOf, inBlocks } from './support/cpio.js';
import type { Member } from './support/cpio.js';

let folder: string;
let into: string;

beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'rpm2maven-'));
  into = await mkdtemp(path.join(folder, 'into-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const everything: Omit<Unpacking, 'into'> = { isWanted: () => true, most: 100_000 };

/** The unpacked files: what the archive calls them is not where they are. */
async function unpacked(members: readonly Member[], isWanted = everything.isWanted): Promise<string[][]> {
  const folders = await unpack(inBlocks(cpioOf(members)), { ...everything, into, isWanted });
  const shown = async (file: string): Promise<string> =>
    `${path.relative(into, file)} ${await readFile(file, 'utf8')}`;
  return Promise.all(folders.map((files) => Promise.all(files.map(shown))));
}

/** Everything below the test's folder, as `a/b`. */
async function all(): Promise<string[]> {
  const names: string[] = await readdir(folder, { recursive: true });
  return names
    .map((name) => path.relative(path.basename(into), name))
    .filter(Boolean)
    .sort();
}

test('the plain files of the wanted folders are unpacked, the others passed over', async () => {
  const members = [
    { name: './usr/share/java', mode: 0o40755 },
    { name: './usr/share/java/a.jar', content: 'the jar' },
    { name: './usr/share/doc/README', content: 'not wanted' },
    { name: './usr/share/java/b/empty.jar' },
    { name: './usr/share/java/a.pom', content: 'x'.repeat(5000) },
    { name: './usr/share/java/device', mode: 0o20644 },
  ];
  expect(await unpacked(members, (name) => name.startsWith('/usr/share/java'))).toEqual([
    ['0/a.jar the jar', `0/a.pom ${'x'.repeat(5000)}`],
    ['1/empty.jar '],
  ]);
});

test('a file of several names has its content under each that is wanted', async () => {
  const linked = (name: string, content = ''): Member => ({ name, content, links: 3, inode: 7 });
  const members = [
    linked('./a/one.jar'),
    linked('./b/two.jar'),
    { name: './a/other.jar', content: 'other', inode: 8 },
    linked('./c/three.jar', 'shared'),
  ];
  const isWanted = (name: string): boolean => name !== '/c';
  expect(await unpacked(members, isWanted)).toEqual([
    ['0/other.jar other', '0/one.jar shared'],
    ['1/two.jar shared'],
  ]);
});

test('nothing is written outside, whatever the names and links say', async () => {
  const members = [
    { name: '../../outside.jar', content: 'a' },
    { name: '/etc/passwd', content: 'b' },
    { name: './x/../../y/evil.jar', content: 'c' },
    { name: './lib', mode: 0o120777, content: folder },
    { name: './lib/through.jar', content: 'd' },
    { name: './.', content: 'e' },
    { name: '..', content: 'f' },
    { name: '', content: 'g' },
  ];
  expect(await unpacked(members)).toEqual([
    ['0/outside.jar a'],
    ['1/passwd b'],
    ['2/evil.jar c'],
    ['3/through.jar d'],
  ]);
  expect(await all()).toEqual([
    '0',
    '0/outside.jar',
    '1',
    '1/passwd',
    '2',
    '2/evil.jar',
    '3',
    '3/through.jar',
  ]);
});

const good = cpioOf([{ name: './a/b.jar', content: 'content' }]);

test.each([
  ['is no archive', Buffer.alloc(300, 'x'), 'the payload is no cpio archive'],
  [
    'is of a kind for larger files',
    Buffer.from(`07070X${'0'.repeat(104)}`),
    'the payload is no cpio archive',
  ],
  ['is empty', Buffer.alloc(0), 'the payload ends too early'],
  ['ends within a header', good.subarray(0, 60), 'the payload ends too early'],
  ['ends within a file', good.subarray(0, 124), 'the payload ends too early'],
  ['has no end', good.subarray(0, 132), 'the payload ends too early'],
  ['has a name without an end', cpioOf([{ name: 'a\0b' }]), 'a name in the payload is damaged'],
  ['has a very long name', cpioOf([{ name: 'a'.repeat(5000) }]), 'a name in the payload is too long'],
  [
    'has a file twice',
    cpioOf([
      { name: './a/b.jar', content: '1' },
      { name: './a/../a/b.jar', content: '2' },
    ]),
    'EEXIST',
  ],
  [
    'is larger than it may be',
    cpioOf([{ name: './a/b.jar', content: 'x'.repeat(100_000) }]),
    'the payload has more than 100000 bytes',
  ],
])('a payload that %s is refused', async (_what, bytes, problem) => {
  await expect(unpack(inBlocks(bytes, 1000), { ...everything, into })).rejects.toThrow(problem);
});

test('a file that is not an rpm is refused, and says who found out', async () => {
  const file = path.join(folder, 'no.rpm');
  await writeFile(file, 'not an rpm');
  const refused = unpackRpm(file, { ...everything, into });
  await expect(refused).rejects.toBeInstanceOf(CallbackError);
  await expect(refused).rejects.toThrow(
    /^error extracting files from .*no\.rpm, rpm2cpio exited with status [1-9]/,
  );
});

test('a machine without rpm2cpio says so', () => {
  const built = JSON.stringify(new URL('../dist/payload.js', import.meta.url).href);
  const program = `
    const { unpackRpm } = await import(${built});
    const all = { into: '.', isWanted: () => true, most: 1 };
    await unpackRpm('/any.rpm', all).catch((error) => console.log(error.message));`;
  const { stdout } = spawnSync(process.execPath, ['--input-type=module', '-e', program], {
    encoding: 'utf8',
    cwd: folder,
    env: { PATH: folder },
  });
  expect(stdout).toBe(
    'error extracting files from /any.rpm, could not run rpm2cpio: no such program or working folder\n',
  );
});
