import { appendFileSync, mkdtempSync, rmSync, unlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { BaseTaskHandler } from '../src/index.js';
import type { ExitStatus } from '../src/index.js';
import { runTask } from '../src/testing/index.js';

const folder = mkdtempSync(path.join(tmpdir(), 'koji-logs-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const ended: ExitStatus[] = [];

class Programs extends BaseTaskHandler {
  static override readonly Methods = ['programs'];

  async handler(commands: string[][]): Promise<null> {
    ended.length = 0;
    for (const [log = '', ...command] of commands)
      ended.push(await this.logOutput(command, log, { cwd: this.workdir, env: { WORD: 'told' } }));
    return null;
  }
}

describe('logOutput', () => {
  const run = (...commands: string[][]) => runTask(Programs, [commands]);

  test('keeps what programs say, those of one log after each other', async () => {
    const { uploads } = await run(
      ['a.log', 'sh', '-c', 'echo out $WORD; echo err >&2; cat; pwd'],
      ['b.log', 'true'],
      ['a.log', 'echo', '$WORD'],
    );
    expect(String(uploads.get('a.log'))).toMatch(
      /^\$ sh -c echo out \$WORD; echo err >&2; cat; pwd\nout told\nerr\n\/.*\/task\n\$ echo \$WORD\n\$WORD\n$/,
    );
    expect(String(uploads.get('b.log'))).toBe('$ true\n');
  });

  test('kills a program that takes too long, and says so in its log', async () => {
    class Slow extends BaseTaskHandler {
      static override readonly Methods = ['slow'];
      async handler(): Promise<string> {
        return (await this.logOutput(['sleep', '60'], 'slow.log', { timeout: 0.2 })).describe('sleep');
      }
    }
    const { result, uploads } = await runTask(Slow);
    expect(result).toBe('sleep was killed by signal 15');
    expect(String(uploads.get('slow.log'))).toBe(
      '$ sleep 60\nsleep was killed: it took longer than 0.2 seconds\n',
    );
  });

  test('says how a program ended', async () => {
    await run(['a.log', 'sh', '-c', 'exit 3'], ['a.log', 'sh', '-c', 'kill -9 $$'], ['a.log', 'true']);
    expect(ended.map((status) => [status.success, status.describe('it')])).toEqual([
      [false, 'it exited with status 3'],
      [false, 'it was killed by signal 9'],
      [true, 'it exited with status 0'],
    ]);
  });

  test('reports a missing program', async () => {
    await expect(run(['a.log', 'no-such-program'])).rejects.toThrow('could not run no-such-program: no such');
  });
});

/** Sends logs again and again while a scene is played. */
class Logs extends BaseTaskHandler {
  static override readonly Methods = ['logs'];

  async handler(): Promise<null> {
    const logs = this.growingLogs(async () => files);
    for (const step of scene) {
      step();
      await logs.send();
    }
    return null;
  }
}

let files: string[] = [];
let scene: (() => void)[] = [];
const at = (...names: string[]): string => path.join(folder, ...names);
const play = (steps: (() => void)[], options: Record<string, unknown> = {}) => {
  scene = steps;
  return runTask(Logs, [], { options });
};

describe('growingLogs', () => {
  test('sends each piece once, and a log that is written again from its beginning', async () => {
    files = [at('root.log')];
    const { uploads } = await play([
      () => undefined,
      () => writeFileSync(at('root.log'), 'one\n'),
      () => appendFileSync(at('root.log'), 'two\n'),
      () => undefined,
      () => unlinkSync(at('root.log')),
      () => writeFileSync(at('root.log'), 'new\n'),
    ]);
    expect(String(uploads.get('root.log'))).toBe('new\n');
  });

  test('sends a log of more than a block whole', async () => {
    files = [at('big.log')];
    const text = '0123456789'.repeat(250_000);
    const { uploads } = await play([() => writeFileSync(at('big.log'), text)]);
    expect(uploads.get('big.log')?.equals(Buffer.from(text))).toBe(true);
  });

  test('gives logs of one name names of their own', async () => {
    const parts = ['x', 'y', 'z'].map((name) => mkdtempSync(at(`${name}-`)));
    files = parts.map((part) => path.join(part, 'dnf.log'));
    const { uploads } = await play([() => files.forEach((file, n) => writeFileSync(file, `${n}`))]);
    expect([...uploads].map(([name, text]) => [name, String(text)])).toEqual([
      ['dnf.log', '0'],
      ['dnf.DUP00.log', '1'],
      ['dnf.DUP01.log', '2'],
    ]);
  });

  test('with log_timestamps says when which part was written', async () => {
    files = [at('build.log')];
    const { uploads } = await play(
      [
        () => writeFileSync(at('build.log'), 'one\n'),
        () => appendFileSync(at('build.log'), 'two\n'),
        () => undefined,
      ],
      { log_timestamps: true },
    );
    expect(String(uploads.get('build.log-ts.log'))).toMatch(/^\d{10} 4\n\d{10} 8\n$/);
  });
});
