import {
  appendFileSync,
  closeSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { execFileSync } from 'node:child_process';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { makeLogger } from '@koji/core';
import { blocksOf, outputOf, runProgram } from '@koji/plugin-sdk/host';
import { GrowingLogs } from '../src/growing-logs.js';
import { BaseTaskHandler } from '../src/index.js';
import { runTask } from '../src/testing/index.js';

let folder: string;
const at = (...names: string[]): string => path.join(folder, ...names);
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'koji-programs-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

// A zombie waits for its parent to look, it runs no more.
const alive = (pid: number): boolean => {
  try {
    return !/\) Z /.test(readFileSync(`/proc/${pid}/stat`, 'latin1'));
  } catch {
    return false;
  }
};
const pidsIn = (file: string): number[] => readFileSync(file, 'utf8').trim().split(/\s+/).map(Number);
async function gone(pids: readonly number[]): Promise<void> {
  for (let n = 0; n < 500 && pids.some(alive); n++) await new Promise((resolve) => setTimeout(resolve, 20));
  expect(pids.filter(alive)).toEqual([]);
}

describe('a program whose output is read as it comes', () => {
  const read = async (
    script: string,
    options: { timeout?: number; input?: number } = {},
  ): Promise<string> => {
    const parts: Buffer[] = [];
    for await (const part of blocksOf(['sh', '-c', script], options)) parts.push(part);
    return Buffer.concat(parts).toString();
  };

  test('reads its input from a file, and fails when the program does', async () => {
    writeFileSync(at('in'), 'given');
    const input = openSync(at('in'), 'r');
    expect(await read('cat', { input })).toBe('given');
    closeSync(input);
    await expect(read('echo some; exit 3')).rejects.toThrow('sh exited with status 3');
    const none = blocksOf(['no-such-program-here']);
    await expect(none.next()).rejects.toThrow('could not run no-such-program-here');
  });

  test('is killed with all that it started when it takes too long, or nobody reads on', async () => {
    const endless = `sleep 600 & echo $$ $! > ${at('pids')}; yes`;
    await expect(read(`sleep 600 & echo $$ $! > ${at('pids')}; sleep 600`, { timeout: 1 })).rejects.toThrow(
      'sh was killed: it took longer than 1 seconds',
    );
    await gone(pidsIn(at('pids')));
    for await (const part of blocksOf(['sh', '-c', endless])) {
      expect(part.length).toBeGreaterThan(0);
      break;
    }
    await gone(pidsIn(at('pids')));
  });
});

describe('a program that takes too long', () => {
  test('is killed with all that it started, also what does not listen or has left its group', async () => {
    const script = `
      sh -c 'trap "" TERM; while :; do sleep 1; done' & a=$!
      setsid sh -c 'trap "" TERM; while :; do sleep 1; done' & b=$!
      (setsid sleep 600 & echo $! > ${at('c')})
      trap "" TERM
      echo $$ $a $b > ${at('pids')}; wait; while :; do sleep 1; done`;
    const status = await runProgram(['sh', '-c', script], at('log'), { timeout: 2 });
    expect(status.describe('sh')).toBe('sh was killed by signal 9');
    expect(readFileSync(at('log'), 'utf8')).toContain('sh was killed: it took longer than 2 seconds\n');
    await gone([...pidsIn(at('pids')), ...pidsIn(at('c'))]);
  });

  test('has not succeeded when it ends by itself on being asked', async () => {
    const script = 'trap "exit 0" TERM; while :; do sleep 0.1; done';
    const status = await runProgram(['sh', '-c', script], at('log'), { timeout: 0.5 });
    expect([status.success, status.describe('sh')]).toEqual([false, 'sh was killed by signal 15']);
  });
});

test('who holds the output of a program open holds up nobody', async () => {
  const script = `sleep 600 & echo $! > ${at('pid')}; echo said`;
  const { status, stdout } = await outputOf(['sh', '-c', script]);
  const [pid = 0] = pidsIn(at('pid'));
  expect([status.success, stdout, alive(pid)]).toEqual([true, 'said\n', true]);
  process.kill(pid, 'SIGKILL');
  const ended = await runProgram(['sh', '-c', script], at('log'), { endsAll: true });
  expect(ended.success).toBe(true);
  await gone(pidsIn(at('pid')));
});

test('a program that says too much is killed', async () => {
  await expect(outputOf(['yes'], { most: 1000 })).rejects.toThrow('yes was killed: it said more than 1000');
});

describe('a log', () => {
  const sent: { name: string; piece: Buffer; offset: number }[] = [];
  const said: string[] = [];
  const logsOf = (file: string, onSend: (n: number) => void = () => undefined): GrowingLogs =>
    new GrowingLogs({
      find: async () => [file],
      send: async (name, piece, offset) => {
        onSend(sent.push({ name, piece: Buffer.from(piece), offset }));
      },
      logger: makeLogger((level, text) => said.push(text())),
      timestamps: null,
    });
  beforeEach(() => {
    sent.length = 0;
    said.length = 0;
  });

  test('that grows while it is sent goes in few requests', async () => {
    const file = at('root.log');
    writeFileSync(file, 'x'.repeat(10));
    const more = Buffer.alloc(3 << 20, 'y');
    await logsOf(file, (n) => n === 1 && appendFileSync(file, more)).send();
    expect(sent.map(({ offset, piece }) => [offset, piece.length])).toEqual([
      [0, 10],
      [10, 1 << 20],
      [10 + (1 << 20), 1 << 20],
      [10 + (2 << 20), 1 << 20],
    ]);
  });

  test('that grows whenever a piece is sent has its turn, and no more', async () => {
    const file = at('root.log');
    writeFileSync(file, 'begin');
    await logsOf(file, () => appendFileSync(file, 'more')).send();
    expect(sent.length).toBeLessThan(30);
  });

  test('is sent to its end, also when the program wrote while others were sent', async () => {
    const [one, two] = [at('one.log'), at('two.log')];
    writeFileSync(one, '1');
    writeFileSync(two, '2');
    let end: () => void = () => undefined;
    const work = new Promise<void>((resolve) => (end = resolve));
    const logs = new GrowingLogs({
      find: async () => [one, two],
      send: async (name, piece, offset) => {
        sent.push({ name, piece: Buffer.from(piece), offset });
        if (name !== 'two.log' || offset > 0) return;
        appendFileSync(one, 'last words');
        end();
      },
      logger: makeLogger(() => undefined),
      timestamps: null,
    });
    await logs.during(work);
    const text = sent.filter(({ name }) => name === 'one.log').map(({ piece }) => String(piece));
    expect(text.join('')).toBe('1last words');
  });

  test.each([
    ['a link', (file: string) => symlinkSync('/etc/passwd', file), 'is a symbolic link'],
    ['a pipe', (file: string) => execFileSync('mkfifo', [file]), 'is no regular file'],
    [
      'nothing but a hole',
      (file: string) => {
        writeFileSync(file, '');
        truncateSync(file, 2 ** 40);
      },
      'hardly any of them were written',
    ],
  ])('that is %s is left out, which is said once', async (_what, plant, why) => {
    plant(at('dnf.log'));
    const logs = logsOf(at('dnf.log'));
    await logs.send();
    await logs.send();
    expect(sent).toEqual([]);
    expect(said).toEqual([expect.stringContaining(why)]);
  });
});

describe('an upload', () => {
  class Uploads extends BaseTaskHandler {
    static override readonly Methods = ['uploads'];
    async handler(what: 'file' | 'below' | 'tree'): Promise<null> {
      symlinkSync(folder, path.join(this.workdir, 'out'));
      mkdirSync(path.join(this.workdir, 'tree'));
      symlinkSync(at('secret'), path.join(this.workdir, 'tree/link.log'));
      writeFileSync(path.join(this.workdir, 'tree/plain.log'), 'plain');
      if (what === 'file') await this.uploadFile(path.join(this.workdir, 'tree/link.log'));
      if (what === 'below') await this.uploadFile(path.join(this.workdir, 'out/secret'));
      if (what === 'tree') await this.uploadTree(path.join(this.workdir, 'tree'));
      return null;
    }
  }
  beforeEach(() => writeFileSync(at('secret'), 'secret'));

  test.each(['file', 'below'] as const)('follows no link (%s)', async (what) => {
    await expect(runTask(Uploads, [what])).rejects.toThrow('is a symbolic link');
  });

  test('of a folder leaves links out', async () => {
    const { uploads, log } = await runTask(Uploads, ['tree']);
    expect([...uploads].map(([name, bytes]) => [name, String(bytes)])).toEqual([['plain.log', 'plain']]);
    expect(log.join('\n')).toContain('Skipping upload for non-file');
    expect(existsSync(at('secret'))).toBe(true);
  });
});
