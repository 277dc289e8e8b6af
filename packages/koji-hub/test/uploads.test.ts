import { createHash, randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { lstat, mkdir, readFile, readdir, symlink, writeFile } from 'node:fs/promises';
import http from 'node:http';
import path from 'node:path';
import fc from 'fast-check';
import { double } from '@koji/core/wire';
import { Adler32 } from '../src/domain/values/adler32.js';
import { fileTime } from '../src/domain/values/file-times.js';
import { databases } from './support/databases.js';
import { headersOf, loginAs, post, readOutcome, startRawHub, valueOf } from './support/raw-hub.js';
import type { Outcome, RawHub } from './support/raw-hub.js';

const [sqlite] = databases;
if (!sqlite) throw new Error('no database to test on');

describe('uploads', () => {
  let hub: RawHub;
  let session: Record<string, string>;

  beforeAll(async () => {
    hub = await startRawHub(sqlite);
    session = headersOf(await loginAs(hub, 'root'));
  });

  afterAll(() => hub.drop());

  const upload = async (
    query: Record<string, string>,
    body: string | Uint8Array<ArrayBuffer> = 'data',
  ): Promise<Outcome> => {
    const text = new URLSearchParams({ fileverify: 'md5', ...query }).toString();
    const headers = { ...session, 'Content-Type': 'application/octet-stream' };
    return readOutcome(await fetch(`${hub.api}?${text}`, { method: 'POST', headers, body }));
  };
  const work = (...parts: string[]) => path.join(hub.kojiDir, 'work', ...parts);

  test('nothing is ever written outside of the work area, whatever the names', async () => {
    const segment = fc.oneof(
      fc.constantFrom('..', '.', '', '/', '~', 'a', '...', '..\\', '%2e%2e', '\0', 'x/..', '../..', '/etc'),
      fc.string({ maxLength: 8 }),
    );
    const directory = fc.array(segment, { maxLength: 5 }).map((parts) => parts.join('/'));
    const listing = async () =>
      (await readdir(hub.folder, { recursive: true }))
        .filter((name) => !/^store\/work\/|^hub\.log|^koji\.db/.test(name))
        .sort();
    await mkdir(work(), { recursive: true });
    const before = await listing();
    await fc.assert(
      fc.asyncProperty(directory, segment, async (filepath, filename) => {
        const outcome = await upload({ filepath: `fc/${filepath}`, filename, overwrite: '1' });
        const second = await upload({ filepath, filename, overwrite: '1' });
        for (const one of [outcome, second])
          if ('fault' in one) expect(one.fault[0]).toBeGreaterThanOrEqual(1000);
      }),
      { numRuns: 150 },
    );
    expect(await listing()).toEqual(before);
  });

  test('a link in the work area is not followed: neither as the file nor on the way to it', async () => {
    const outside = path.join(hub.folder, 'outside');
    await mkdir(outside);
    await writeFile(path.join(outside, 'f'), 'precious');
    await mkdir(work('linked'), { recursive: true });
    await symlink(outside, work('linked', 'way'));
    await symlink(path.join(outside, 'f'), work('linked', 'f'));
    await symlink(path.join(outside, 'new'), work('linked', 'dangling'));
    await writeFile(work('linked', '.user'), '1');
    const cases = [
      { filepath: 'linked/way', filename: 'f' },
      { filepath: 'linked/way', filename: 'fresh' },
      { filepath: 'linked/way/deeper', filename: 'fresh' },
      { filepath: 'linked', filename: 'f' },
      { filepath: 'linked', filename: 'dangling' },
    ];
    for (const where of cases)
      expect(await upload({ ...where, overwrite: '1' })).toMatchObject({ fault: [1000, expect.any(String)] });
    expect(await readFile(path.join(outside, 'f'), 'utf8')).toBe('precious');
    expect(await readdir(outside)).toEqual(['f']);
    expect(valueOf(await post(hub.api, 'checkUpload', ['linked', 'f', 'md5']))).toBeNull();
  });

  test('a file that was imported is seen through the link it left in the store', async () => {
    await mkdir(path.join(hub.kojiDir, 'packages/imported'), { recursive: true });
    await writeFile(path.join(hub.kojiDir, 'packages/imported/f.rpm'), 'rpm');
    await mkdir(work('import'), { recursive: true });
    await symlink('../../packages/imported/f.rpm', work('import', 'f.rpm'));
    await writeFile(work('import', '.user'), '1');
    expect(valueOf(await post(hub.api, 'checkUpload', ['import', 'f.rpm']))).toMatchObject({ size: 3 });
    expect(await upload({ filepath: 'import', filename: 'f.rpm', overwrite: '1' })).toMatchObject({
      fault: [1000, expect.stringContaining('destination is a symlink')],
    });
  });

  test('any sequence of raw uploads leaves the bytes that a file written so has, or a fault of Koji’s', async () => {
    const digests = ['md5', 'sha256', 'adler32', 'crc32', ''];
    const step = fc.record({
      filename: fc.constantFrom('one', 'two'),
      offset: fc.constantFrom('0', '-1', '3', '1000', '-2', '1e3', 'x', ' 7', '9'.repeat(20)),
      fileverify: fc.constantFrom(...digests, ...digests.slice(0, 3)),
      overwrite: fc.boolean(),
      volume: fc.constantFrom('DEFAULT', 'DEFAULT', 'nosuch', '../x'),
      body: fc.uint8Array({ maxLength: 2000 }),
    });
    const sums = (body: Buffer): Record<string, string> => ({
      md5: createHash('md5').update(body).digest('hex'),
      sha256: createHash('sha256').update(body).digest('hex'),
    });
    let run = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 8 }), async (steps) => {
        const filepath = `model/${++run}`;
        const files = new Map<string, Buffer>();
        for (const { body: bytes, overwrite, ...query } of steps) {
          const body = Buffer.from(bytes);
          const outcome = await upload(
            { ...query, filepath, ...(overwrite ? { overwrite: '1' } : {}) },
            new Uint8Array(body),
          );
          if ('fault' in outcome) expect(outcome.fault[0]).toBeGreaterThanOrEqual(1000);
          const { filename, fileverify } = query;
          const old = files.get(filename);
          const offset = query.offset === '-1' ? (old?.length ?? 0) : Number(query.offset);
          const possible = /^(0|-1|3|1000| 7)$/.test(query.offset) && query.volume === 'DEFAULT';
          const known = digests.indexOf(fileverify) < 3;
          if (!possible || !known || (old && query.offset === '0' && !overwrite)) {
            expect(outcome).toHaveProperty('fault');
            continue;
          }
          const kept = overwrite && query.offset !== '-1' ? (old ?? Buffer.of()).subarray(0, offset) : old;
          // A write after the end makes no file longer.
          const end = body.length > 0 || overwrite ? offset + body.length : 0;
          const fresh = Buffer.alloc(Math.max(kept?.length ?? 0, end));
          kept?.copy(fresh);
          body.copy(fresh, offset);
          // Data after the piece shows that it was not the last one. A refused upload creates no file, and extends none.
          if (!overwrite && fresh.length !== offset + body.length) {
            expect(outcome).toHaveProperty('fault');
            if (old) files.set(filename, fresh.subarray(0, old.length));
          } else {
            files.set(filename, fresh);
            expect(valueOf(outcome)).toMatchObject({
              size: body.length,
              offset,
              fileverify,
              ...(fileverify === 'adler32' ? {} : { hexdigest: sums(body)[fileverify] }),
            });
          }
        }
        for (const [name, content] of files) expect(await readFile(work(filepath, name))).toEqual(content);
      }),
      { numRuns: 80 },
    );
  });

  test('a large file goes to disk as it comes, and its digest is right', async () => {
    const body = new Uint8Array(randomBytes(30_000_000));
    const digest = createHash('sha256').update(body).digest('hex');
    const outcome = await upload({ filepath: 'large', filename: 'f', fileverify: 'sha256' }, body);
    expect(valueOf(outcome)).toEqual({
      size: body.length,
      fileverify: 'sha256',
      offset: 0,
      hexdigest: digest,
    });
    expect((await lstat(work('large', 'f'))).size).toBe(body.length);
  });

  test('a file that one upload is writing is locked to others, and free once that one breaks off', async () => {
    const query = new URLSearchParams({ filename: 'busy', filepath: 'busy', fileverify: 'md5' }).toString();
    const headers = { ...session, 'Content-Type': 'application/octet-stream', 'Content-Length': '1000' };
    const slow = http.request(`${hub.api}?${query}`, { method: 'POST', headers });
    slow.on('error', () => undefined);
    slow.write('half');
    for (let i = 0; !existsSync(work('busy', 'busy')); i++) {
      if (i === 1000) throw new Error('the upload did not begin within 50 s');
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    expect(await upload({ filename: 'busy', filepath: 'busy', overwrite: '1' })).toMatchObject({
      fault: [1001, expect.any(String)],
    });
    expect(await post(hub.api, 'checkUpload', ['busy', 'busy'])).toMatchObject({
      fault: [1001, expect.any(String)],
    });
    slow.destroy();
    for (let i = 0; ; i++) {
      const outcome = await upload({ filename: 'busy', filepath: 'busy', overwrite: '1' });
      if ('value' in outcome) break;
      if (i === 600) throw new Error('the file is still locked');
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    expect(await readFile(work('busy', 'busy'), 'utf8')).toBe('data');
  });

  test('the time of a file is the number that Python makes of it', () => {
    // Output of Python 3 for os.stat(file).st_mtime.
    expect(fileTime(1_796_047_312_571_000_126n)).toEqual(double(1_796_047_312.571));
    expect(fileTime(1_796_047_312_571_021_557n)).toEqual(double(1_796_047_312.5710216));
  });

  test('a folder whose ownership was cut off while being written belongs to the next who comes', async () => {
    await mkdir(work('cut'), { recursive: true });
    await writeFile(work('cut', '.user'), '');
    expect(await upload({ filename: 'f', filepath: 'cut' })).toHaveProperty('value');
    const owner = (await readFile(work('cut', '.user'), 'utf8')).trimEnd();
    expect(owner).toMatch(/^\d+$/);
    expect((await readdir(work('cut'))).sort()).toEqual(['.user', 'f']);
    await writeFile(work('cut', '.user'), `${owner}0`);
    expect(await upload({ filename: 'g', filepath: 'cut' })).toEqual({
      fault: [1000, 'Invalid upload directory, not owner: cut'],
    });
    expect(await readFile(work('cut', '.user'), 'utf8')).toBe(`${owner}0`);
  });

  test('uploads that come to a new folder at the same time name its owner once', async () => {
    const names = Array.from({ length: 8 }, (_, index) => `f${index}`);
    const answers = await Promise.all(names.map((filename) => upload({ filename, filepath: 'together' })));
    for (const answer of answers) expect(answer).toHaveProperty('value');
    expect((await readdir(work('together'))).sort()).toEqual(['.user', ...names]);
    expect(await readFile(work('together', '.user'), 'utf8')).toMatch(/^\d+\n$/);
  });

  test('a raw upload without filename or fileverify is refused in plain words', async () => {
    expect(await upload({ filepath: 'x' })).toMatchObject({ fault: [1000, 'raw upload without filename'] });
    expect(await upload({ filepath: 'x', filename: 'f', fileverify: '' })).toMatchObject({
      fault: [1000, expect.stringContaining('fileverify')],
    });
    expect(await upload({ filepath: 'x', filename: 'f', offset: 'ten' })).toMatchObject({
      fault: [1000, 'Invalid upload offset: ten'],
    });
  });

  test('Adler-32 adds up the same in any pieces', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 20_000 }), fc.nat(20_000), (data, cut) => {
        let [a, b] = [1, 0];
        for (const byte of data) {
          a = (a + byte) % 65_521;
          b = (b + a) % 65_521;
        }
        const slow = (b * 65_536 + a).toString(16).padStart(8, '0');
        expect(new Adler32().update(data.subarray(0, cut)).update(data.subarray(cut)).hex()).toBe(slow);
      }),
    );
    expect(new Adler32().update(new Uint8Array(100_000).fill(255)).hex()).toHaveLength(8);
  });
});
