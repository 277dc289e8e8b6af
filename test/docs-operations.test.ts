import { execFile } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { hubOptions, kojidOptions } from '@koji/core/config';
import { program, root } from './support/system.js';

const run = promisify(execFile);
const folder = path.join(root, 'docs', 'operations');
const own = ['README.md', 'install.md', 'upgrade.md', 'scale.md', 'housekeeping.md'];
const read = (name: string): string => readFileSync(path.join(folder, name), 'utf8');
const env = { ...process.env, NODE_OPTIONS: process.env.KOJI_TEST_NODE_OPTIONS };

/** The lines of the `sh` blocks of a page. */
function linesOf(page: string): string[] {
  return [...page.matchAll(/^```sh\n([\s\S]*?)^```/gm)].flatMap(([, block = '']) => block.trim().split('\n'));
}

test('the index has every page of the folder', () => {
  const linked = [...read('README.md').matchAll(/\]\((\w[\w-]*\.md)\)/g)].map(([, name]) => name);
  const pages = readdirSync(folder).filter((name) => name.endsWith('.md') && name !== 'README.md');
  for (const page of own.slice(1)) expect(linked).toContain(page);
  for (const name of linked) expect(pages).toContain(name);
});

test.each(own)('what %s names exists: pages, files and options', (name) => {
  const page = read(name);
  for (const [, link = ''] of page.matchAll(/\]\(([^)#:]+)(?:#[^)]*)?\)/g))
    expect([link, existsSync(path.join(folder, link))]).toEqual([link, true]);
  const options = new Set([...Object.keys(hubOptions), ...Object.keys(kojidOptions)]);
  for (const [, option = ''] of page.matchAll(/^(\w+) = /gm)) expect([...options]).toContain(option);
  for (const line of linesOf(page))
    for (const [file] of line.matchAll(/\bdeploy\/\S+/g))
      expect(existsSync(path.join(root, file))).toBe(true);
});

test('the commands of the hub in the pages run, in their order, on a hub of their own', async () => {
  const place = mkdtempSync(path.join(tmpdir(), 'koji-operations-'));
  try {
    const config = path.join(place, 'hub.conf');
    writeFileSync(config, '[hub]\nKojiDir = store\n');
    const lines = ['install.md', 'upgrade.md', 'housekeeping.md']
      .flatMap((name) => linesOf(read(name)))
      .filter((line) => line.startsWith('koji-hub '));
    expect(lines.length).toBeGreaterThan(5);
    for (const line of lines) {
      const words = line
        .replace('/etc/koji-hub/hub.conf', config)
        .replace('/backup/', `${place}/`)
        .split(' ')
        .slice(1);
      await run(process.execPath, [program('koji-hub'), ...words], { cwd: place, env });
    }
  } finally {
    rmSync(place, { recursive: true, force: true });
  }
});
