import { existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { callbackTable } from '@koji/plugin-sdk/host';
import { filesBelow } from './support/code.js';
import { blocksOf, runBlocks, stopDaemons } from './support/pages.js';
import type { Block } from './support/pages.js';
import { root } from './support/system.js';

const docs = path.join(root, 'docs', 'plugins');
const page = (name: string): string => readFileSync(path.join(docs, name), 'utf8');

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'koji-docs-'));
  // What `npm install` of the first page leaves behind.
  symlinkSync(path.join(root, 'node_modules'), path.join(folder, 'node_modules'));
  mkdirSync(path.join(folder, 'home'));
});

afterEach(async () => {
  await stopDaemons(folder);
  rmSync(folder, { recursive: true, force: true });
});

/** Runs blocks as somebody who has installed Koji in the folder; answers what each printed. */
async function run(blocks: readonly Block[]): Promise<string[]> {
  return runBlocks(blocks, folder, {
    ...process.env,
    HOME: path.join(folder, 'home'),
    PATH: `${path.join(root, 'node_modules', '.bin')}:${process.env['PATH'] ?? ''}`,
    npm_config_offline: 'true',
    npm_config_cache: path.join(folder, 'home', 'npm'),
  });
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

test('every link of a page to a file or a heading leads somewhere', () => {
  const pages = ['README.md', ...filesBelow('docs', '.md'), ...filesBelow('packages', 'README.md')];
  const lost = pages.flatMap((name) => {
    const text = withoutCode(readFileSync(path.join(root, name), 'utf8'));
    const targets = [...text.matchAll(/\]\(([^)\s]+)\)/g)].map(([, target = '']) => target);
    return targets.filter((target) => !leadsSomewhere(name, target)).map((target) => `${name}: ${target}`);
  });
  expect(lost).toEqual([]);
});

const withoutCode = (text: string): string => text.replace(/^ *```[^]*?^ *```$/gm, '');

function leadsSomewhere(from: string, target: string): boolean {
  if (/^[a-z]+:/.test(target)) return true;
  const [file = '', heading] = target.split('#');
  const full = file === '' ? path.join(root, from) : path.join(root, path.dirname(from), file);
  if (!existsSync(full)) return false;
  return heading === undefined || headingsOf(full).includes(heading);
}

/** The headings of a page as links name them. */
function headingsOf(file: string): string[] {
  const text = withoutCode(readFileSync(file, 'utf8'));
  return [...text.matchAll(/^#+ (.+)$/gm)].map(([, heading = '']) =>
    heading
      .toLowerCase()
      .replace(/[^\w\- ]/g, '')
      .replaceAll(' ', '-'),
  );
}

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
