import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Commands } from './support/commands.js';
import { runKoji } from './support/hub.js';

// A case is a folder: `args` (one a line), and what must come of them: `stdout`, `stderr`, `exit`. No hub answers.
const root = fileURLToPath(new URL('cases', import.meta.url));
let home: string;
let profile: string;
const commands = new Commands();

beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), 'koji-cases-'));
  profile = join(home, 'koji.conf');
  await writeFile(profile, '[koji]\nserver = http://127.0.0.1:9/kojihub\n');
});

afterAll(async () => {
  await commands.stop();
  await rm(home, { recursive: true, force: true });
});

test.each(readdirSync(root))('koji does what the case %s says', async (name) => {
  const read = (file: string): string => {
    const path = join(root, name, file);
    return existsSync(path) ? readFileSync(path, 'utf8') : '';
  };
  const args = read('args').split('\n').filter(Boolean);
  const own = args[0] === '-c' || args[0] === '-p' ? [] : ['-c', profile];
  const ran = await commands.run([...own, ...args], { home, cwd: home });
  expect({
    ...ran,
    stderr: ran.stderr.replaceAll(home, 'HOME').replace(/^\d{4}-\d\d-\d\d [\d:,]+/gm, 'TIME'),
  }).toEqual({
    code: Number(read('exit') || 0),
    stdout: read('stdout'),
    stderr: read('stderr'),
  });
});

test('an unknown command lists the commands there are and says so', async () => {
  const ran = await runKoji(['-c', profile, 'no-such-command'], { home });
  expect(ran.code).toBe(1);
  expect(ran.stdout).toMatch(/^Available commands:\n\nadmin commands:\n {8}add-channel {15}Add a channel\n/);
  expect(ran.stderr).toMatch(/ \[ERROR\] koji: Unknown command: no-such-command\n$/);
});

test('koji without arguments, help and --help-commands list the same', async () => {
  const lists = await Promise.all(
    [[], ['help'], ['--help-commands'], ['list-commands']].map((args) =>
      runKoji(['-c', profile, ...args], { home }),
    ),
  );
  for (const ran of lists) expect(ran).toEqual(lists[0]);
  expect(lists[0]).toMatchObject({ code: 0, stderr: '' });
});
