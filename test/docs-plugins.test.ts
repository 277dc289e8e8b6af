import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { callbackTable } from '@koji/plugin-sdk/host';
import { freePort, root } from './support/system.js';

const docs = path.join(root, 'docs', 'plugins');
const page = (name: string): string => readFileSync(path.join(docs, name), 'utf8');

/** A command block of a page and, if there is one behind it, the lines that must be in what it prints. */
interface Block {
  readonly commands: string;
  readonly printed: readonly string[];
}

/** Blocks of `sh` are run, a `text` block behind one is what it prints; all others are only shown. */
function blocksOf(text: string): Block[] {
  const fences = [...text.matchAll(/^```(\w*)\n([^]*?)^```$/gm)].map(([, kind = '', body = '']) => ({
    kind,
    body,
  }));
  return fences.flatMap(({ kind, body }, i) => {
    const next = fences[i + 1];
    const printed = next?.kind === 'text' ? next.body.trimEnd().split('\n') : [];
    return kind === 'sh' ? [{ commands: body, printed }] : [];
  });
}

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'koji-docs-'));
  // What `npm install` of the first page leaves behind.
  symlinkSync(path.join(root, 'node_modules'), path.join(folder, 'node_modules'));
  mkdirSync(path.join(folder, 'home'));
});

afterEach(async () => {
  for (const name of ['kojid', 'hub', 'receiver']) {
    const file = path.join(folder, `${name}.pid`);
    if (!existsSync(file)) continue;
    const pid = Number(readFileSync(file, 'utf8'));
    try {
      process.kill(pid, 'SIGTERM');
      for (;;) {
        process.kill(pid, 0);
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
    } catch {
      // It is gone.
    }
  }
  rmSync(folder, { recursive: true, force: true });
});

/** Runs blocks in one shell that stops at the first failure; answers what each printed. */
async function run(blocks: readonly Block[]): Promise<string[]> {
  const mark = '=== end of block ===';
  const ports = [await freePort(), await freePort()];
  const script = blocks.map(({ commands }) => `${commands}echo '${mark}'\n`).join('');
  writeFileSync(
    path.join(folder, 'docs.sh'),
    `set -e\n${script.replaceAll('8080', String(ports[0])).replaceAll('8081', String(ports[1]))}`,
  );
  const env = {
    ...process.env,
    HOME: path.join(folder, 'home'),
    PATH: `${path.join(root, 'node_modules', '.bin')}:${process.env['PATH'] ?? ''}`,
    npm_config_offline: 'true',
    npm_config_cache: path.join(folder, 'home', 'npm'),
  };
  const shell = spawn('bash', ['-c', 'exec 2>&1; . ./docs.sh'], {
    cwd: folder,
    env,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let said = '';
  shell.stdout.setEncoding('utf8').on('data', (text: string) => (said += text));
  // Not `close`: the daemons that the commands start may outlive the shell.
  const [status] = (await once(shell, 'exit')) as [number | null];
  if (status !== 0) throw new Error(`the commands ended with ${String(status)}:\n${said}`);
  return said.split(`${mark}\n`);
}

test.each([
  'method.md',
  'callback.md',
  'task.md',
  'cli.md',
  'messages.md',
  'testing.md',
  'publish.md',
  'failures.md',
])(
  'the commands of %s do what it says',
  async (name) => {
    const blocks = [...blocksOf(page('README.md')), ...blocksOf(page(name))];
    const said = await run(blocks);
    blocks.forEach(({ printed }, i) => {
      for (const line of printed) expect(said[i]).toContain(line);
    });
  },
  120_000,
);

test('every event has its place in the reference, and there are no others', () => {
  const headings = [...page('events.md').matchAll(/^## (\S+)$/gm)].map(([, name]) => name);
  expect(headings).toEqual(Object.keys(callbackTable));
});

test('every link between the pages leads somewhere', () => {
  for (const name of readdirSync(docs)) {
    for (const [, target = ''] of page(name).matchAll(/\]\(([^)]+)\)/g)) {
      const [file = '', heading] = target.split('#');
      const full = path.join(docs, file === '' ? name : file);
      expect({ name, target, there: existsSync(full) }).toEqual({ name, target, there: true });
      if (heading === undefined) continue;
      const headings = [...readFileSync(full, 'utf8').matchAll(/^#+ (.+)$/gm)].map(([, text = '']) =>
        text.toLowerCase().replaceAll(' ', '-'),
      );
      expect(headings).toContain(heading);
    }
  }
});

test('a method, a task and a command with their test are fewer than 120 lines', () => {
  const folder = path.join(root, 'examples/koji-plugin-comparetags');
  const files = ['src', 'test'].flatMap((name) =>
    readdirSync(path.join(folder, name))
      .filter((file) => file.endsWith('.ts'))
      .map((file) => path.join(folder, name, file)),
  );
  const lines = files.map((file) => readFileSync(file, 'utf8').trimEnd().split('\n').length);
  expect(files.length).toBe(4);
  expect(lines.reduce((sum, count) => sum + count, 0)).toBeLessThan(120);
});
