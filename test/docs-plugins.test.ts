import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  symlinkSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { callbackTable } from '@koji/plugin-sdk/host';
import { filesBelow } from './support/code.js';
import { blocksOf, freePorts, runBlocks, stopDaemons } from './support/pages.js';
import type { Block, Ports } from './support/pages.js';
import { root } from './support/system.js';

const docs = path.join(root, 'docs', 'plugins');
const page = (name: string): string => readFileSync(path.join(docs, name), 'utf8');

const temp = mkdtempSync(path.join(tmpdir(), 'koji-docs-'));
/** Where the commands run; its name is in what the first page writes. */
const folder = path.join(temp, 'koji');
/** The folder as the commands of the first page leave it. */
const begun = path.join(temp, 'begun');
let ports: Ports;

/** Runs blocks as somebody who has installed Koji in the folder, and looks for what each should print. */
async function run(blocks: readonly Block[]): Promise<void> {
  const env = {
    ...process.env,
    HOME: path.join(folder, 'home'),
    PATH: `${path.join(root, 'node_modules', '.bin')}:${process.env['PATH'] ?? ''}`,
    npm_config_offline: 'true',
    npm_config_cache: path.join(folder, 'home', 'npm'),
  };
  try {
    const said = await runBlocks(blocks, folder, env, ports);
    blocks.forEach(({ printed }, i) => {
      for (const line of printed) expect(said[i]).toContain(line);
    });
  } finally {
    await stopDaemons(folder);
  }
}

beforeAll(async () => {
  ports = await freePorts();
  mkdirSync(path.join(folder, 'home'), { recursive: true });
  // Files that `npm install` of the first page leaves.
  symlinkSync(path.join(root, 'node_modules'), path.join(folder, 'node_modules'));
  await run(blocksOf(page('README.md')));
  for (const name of ['hub', 'kojid']) rmSync(path.join(folder, `${name}.pid`));
  cpSync(folder, begun, { recursive: true, verbatimSymlinks: true });
});

afterAll(() => rmSync(temp, { recursive: true, force: true }));

/** The commands of a page; those that need a hub and start none come after its start. */
function commandsOf(name: string): Block[] {
  const blocks = blocksOf(page(name));
  const all = blocks.map(({ commands }) => commands).join('');
  const starts = all.includes('./restart.sh') || !/^koji /m.test(all);
  return starts ? blocks : [{ commands: './restart.sh\n', printed: [] }, ...blocks];
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
])('the commands of %s do what it says', async (name) => {
  rmSync(folder, { recursive: true });
  cpSync(begun, folder, { recursive: true, verbatimSymlinks: true });
  await run(commandsOf(name));
});

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
