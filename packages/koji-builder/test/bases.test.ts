import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { ExitStatus } from '@koji/plugin-sdk';
import { outputOf } from '@koji/plugin-sdk/host';
import { ensureBase, removeOldBases } from '../src/buildroot/sandbox/base.js';

const folder = mkdtempSync(path.join(tmpdir(), 'koji-bases-'));
const places = { rootsdir: folder, workdir: folder };
const bases = path.join(folder, 'bases');
const hour = 3600;
const longAgo = new Date(Date.now() - 10 * hour * 1000);

const succeed = async (): Promise<ExitStatus> => (await outputOf(['true'])).status;

beforeEach(() => mkdirSync(bases, { recursive: true }));
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** Whatever there is, as if nobody had touched it for hours. */
function age(...names: string[]): void {
  for (const name of names) {
    const place = path.join(bases, name);
    for (const one of [path.join(place, 'complete'), place])
      if (existsSync(one)) utimesSync(one, longAgo, longAgo);
  }
}

test('tasks that need the same base make it once', async () => {
  let made = 0;
  const install = async (): Promise<ExitStatus> => {
    made += 1;
    return succeed();
  };
  const base = path.join(bases, '1-x86_64-a');
  expect(await Promise.all([1, 2, 3].map(() => ensureBase(base, install)))).toEqual([null, null, null]);
  expect(made).toBe(1);
});

test('a lock that can not be had is an error that names it, and nothing is made without it', async () => {
  // As long as a name may be, so that the lock's is too long.
  const base = path.join(bases, 'b'.repeat(255));
  const install = async (): Promise<ExitStatus> => {
    throw new Error('made without the lock');
  };
  await expect(ensureBase(base, install)).rejects.toThrow(`could not lock ${base}.lock: `);
  expect(readdirSync(bases)).toEqual([]);
});

test('a base that nobody used for long goes at once, what an earlier removal left with it', async () => {
  await ensureBase(path.join(bases, '1-x86_64-old'), succeed);
  await ensureBase(path.join(bases, '2-x86_64-new'), succeed);
  mkdirSync(path.join(bases, '1-x86_64-old.part-old', 'root'), { recursive: true });
  age('1-x86_64-old', '1-x86_64-old.lock', '1-x86_64-old.part-old');
  expect(await removeOldBases(places, new Set(), hour)).toEqual(['1-x86_64-old', '1-x86_64-old.part-old']);
  expect(readdirSync(bases).sort()).toEqual(['2-x86_64-new', '2-x86_64-new.lock']);
});

test('a lock that somebody has stays', async () => {
  const lock = path.join(bases, '3-x86_64-c.lock');
  writeFileSync(lock, '');
  const holder = spawn('flock', [lock, 'sh', '-c', 'echo; exec cat'], { stdio: ['pipe', 'pipe', 'inherit'] });
  await once(holder.stdout, 'data');
  age('3-x86_64-c.lock');
  expect(await removeOldBases(places, new Set(), hour)).toEqual([]);
  expect(readdirSync(bases)).toEqual(['3-x86_64-c.lock']);
  holder.stdin.end();
  await once(holder, 'close');
  await removeOldBases(places, new Set(), hour);
  expect(readdirSync(bases)).toEqual([]);
});
