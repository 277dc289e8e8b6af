import { mkdirSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { Site, until, type RunningBuilder } from './support/site.js';

const modules = fileURLToPath(new URL('../../../node_modules', import.meta.url));
let site: Site;
let builder: RunningBuilder;

/** A task type whose word is in a module of its own. */
const handler = (name: string, more = ''): string => `
import { BaseTaskHandler } from '@koji/plugin-sdk';
import { word } from './word.js';
export class Task extends BaseTaskHandler {
  static Methods = ['${name}'];
  async handler(wait = false) {
    while (wait && (await this.session.call('getTag', ['go-on'])) === null) await new Promise((r) => setTimeout(r, 50));
    return word;
  }
}
${more}`;

const write = (name: string, text: string): void => writeFileSync(site.path(name), text);
const sayWord = (text: string): void => write('dev/watched/lib/word.js', `export const word = '${text}';\n`);

beforeAll(async () => {
  site = await Site.create();
  // A package under development is linked into node_modules; one file lies in a plugin folder; one package is installed.
  for (const folder of ['dev/watched/lib', 'loose', 'node_modules/koji-plugin-installed', 'plugins', 'tmp'])
    mkdirSync(site.path(folder), { recursive: true });
  for (const name of readdirSync(modules))
    if (!name.startsWith('.')) symlinkSync(path.join(modules, name), site.path('node_modules', name));
  const manifest = (name: string): string =>
    JSON.stringify({
      name,
      version: '1.0.0',
      type: 'module',
      koji: { builder: './lib/index.js' },
      peerDependencies: { '@koji/plugin-sdk': '*' },
    });
  write('dev/watched/package.json', manifest('koji-plugin-watched'));
  write('dev/watched/lib/index.js', handler('say'));
  sayWord('one');
  symlinkSync(site.path('dev/watched'), site.path('node_modules/koji-plugin-watched'));
  symlinkSync(site.path('node_modules'), site.path('dev/node_modules'));
  write('node_modules/koji-plugin-installed/package.json', manifest('koji-plugin-installed'));
  mkdirSync(site.path('node_modules/koji-plugin-installed/lib'));
  write('node_modules/koji-plugin-installed/lib/index.js', handler('installed'));
  write('node_modules/koji-plugin-installed/lib/word.js', `export const word = 'installed';\n`);
  write(
    'loose/single.cjs',
    `const { BaseTaskHandler, option, pluginConfig } = require('@koji/plugin-sdk');
     const config = pluginConfig('single', { single: { word: option.text('none', 'What it says') } });
     exports.Single = class extends BaseTaskHandler {
       static Methods = ['single'];
       async handler() { return config.single.word; }
     };`,
  );
  // Other tests on the machine keep their copies in the common one.
  process.env['TMPDIR'] = site.path('tmp');
  builder = await site.startBuilder({ plugins: 'watched single installed', pluginpath: site.path('loose') }, [
    '--watch',
  ]);
});
afterAll(() => site.stop());

let seen = 0;
/** Waits for a new line of kojid.log. */
async function told(line: RegExp): Promise<string> {
  const found = await until(`kojid says ${line.source}`, () => line.exec(site.log().slice(seen)), 60);
  seen = site.log().length;
  return found[0];
}
const loaded = /the plugins are reloaded: watched, single, installed/;
const kept = /the plugins stay as they were: [^]*?remedy/;

test('tasks run the plugins as they were at the start', async () => {
  expect(await site.result('say')).toBe('one');
  expect(await site.result('single')).toBe('none');
  expect(await site.result('installed')).toBe('installed');
});

test('what is saved runs in the next task, the module that is saved and what it is imported by', async () => {
  sayWord('two');
  await told(loaded);
  expect(await site.result('say')).toBe('two');
  write('plugins/single.conf', '[single]\nword = configured\n');
  await told(loaded);
  expect(await site.result('single')).toBe('configured');
});

test('a task that runs continues with what it loaded', async () => {
  const running = await site.session.makeTask('say', [true]);
  await site.reach(running, 'OPEN');
  sayWord('three');
  await told(loaded);
  expect(await site.result('say')).toBe('three');
  await site.session.createTag('go-on');
  await site.reach(running, 'CLOSED');
  expect(await site.session.getTaskResult(running)).toBe('two');
});

test('a broken save leaves the old code to all tasks that follow, and the log says why', async () => {
  write('dev/watched/lib/word.js', 'export const word = ;\n');
  expect(await told(kept)).toMatch(/plugin watched \(\/[^)]*watched\/lib\/index\.js\): has a syntax error/);
  for (let n = 0; n < 3; n++) expect(await site.result('say')).toBe('three');
  write('plugins/single.conf', '[single]\nword\n');
  await told(kept);
  expect(await site.result('single')).toBe('configured');
  rmSync(site.path('dev/watched/lib/index.js'));
  await told(kept);
  expect(await site.result('say')).toBe('three');
  expect(site.log()).not.toContain('kojid-watch-');
  rmSync(site.path('plugins/single.conf'));
  sayWord('four');
  write('dev/watched/lib/index.js', handler('say'));
  await told(loaded);
  expect(await site.result('say')).toBe('four');
  expect(await site.result('single')).toBe('none');
});

test('a method that is new is offered, and one that is gone is not', async () => {
  write('dev/watched/lib/index.js', handler('sing'));
  await told(loaded);
  expect(await site.result('sing')).toBe('four');
  const gone = await site.session.makeTask('say', []);
  // A host that reports its methods is given nothing else.
  expect(await site.result('sing')).toBe('four');
  expect(await site.state(gone)).toBe('FREE');
});

test('nothing is left of the copies when kojid ends', async () => {
  const copies = (): string[] =>
    readdirSync(site.path('tmp')).filter((name) => name.startsWith('kojid-watch-'));
  expect(copies().length).toBeGreaterThan(0);
  await builder.stop();
  expect(copies()).toEqual([]);
});
