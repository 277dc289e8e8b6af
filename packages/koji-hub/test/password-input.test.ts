import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { findConfig } from '../src/config.js';
import { openDatabase } from '../src/db/database.js';
import { sql } from '../src/db/sql.js';

const program = fileURLToPath(new URL('../dist/bundle/main.js', import.meta.url));
const env = { ...process.env, NODE_OPTIONS: process.env.KOJI_TEST_NODE_OPTIONS };
/** Runs a program on a terminal, types each answer as soon as its prompt appears, and exits like the program. */
const onTerminal = `
import os, pty, sys
steps = [(b'New password', sys.argv[1]), (b'Once more', sys.argv[2])]
said = b''
def hear(fd):
    global said
    data = os.read(fd, 1024)
    said += data
    while steps and steps[0][0] in said:
        os.write(fd, steps.pop(0)[1].encode())
    return data
sys.exit(os.waitstatus_to_exitcode(pty.spawn(sys.argv[3:], hear)))`;

describe('a password that is asked for on a terminal', () => {
  let folder: string;

  beforeAll(async () => {
    folder = await mkdtemp(path.join(os.tmpdir(), 'koji-password-'));
    await promisify(execFile)(process.execPath, [program, 'init', folder], { env });
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  const ask = async (first: string, second: string): Promise<{ code: number; shown: string }> => {
    const command = [process.execPath, program, '--config', path.join(folder, 'hub.conf')];
    const child = spawn('python3', ['-c', onTerminal, first, second, ...command, 'user', 'passwd', 'admin'], {
      env,
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    let shown = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => (shown += text));
    const [code] = (await once(child, 'close')) as [number];
    return { code, shown };
  };

  const stored = async (): Promise<string> => {
    const { options } = findConfig(path.join(folder, 'hub.conf'));
    const database = await openDatabase({ url: options.Database ?? 'sqlite:koji.db', folder });
    try {
      const row = await database.read((db) =>
        db.get<{ password: string }>(sql`SELECT password FROM users WHERE name = 'admin'`),
      );
      return row!.password;
    } finally {
      await database.close();
    }
  };

  test('is kept when it was given twice, and not shown', async () => {
    const before = await stored();
    const { code, shown } = await ask('-first one\r', '-first one\r');
    expect(shown).not.toContain('first');
    expect(code).toBe(0);
    expect(await stored()).not.toBe(before);
  });

  test('may be pasted with its repetition, and corrected', async () => {
    const before = await stored();
    expect(await ask('secone\x7f\x7fnd\rsecond\r', '')).toMatchObject({ code: 0 });
    expect(await stored()).not.toBe(before);
  });

  test.each([
    ['when the two differ', 'one\r', 'another\r', 'the two are not the same'],
    ['when nothing is typed but Ctrl-C', '\x03', '', 'no password given'],
  ])('stays as it was %s', async (_, first, second, message) => {
    const before = await stored();
    const { code, shown } = await ask(first, second);
    expect({ code, shown }).toEqual({
      code: 1,
      shown: expect.stringContaining(`koji-hub: ${message}`) as string,
    });
    expect(await stored()).toBe(before);
  });
});
