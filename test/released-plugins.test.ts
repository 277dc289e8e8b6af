import { execFileSync } from 'node:child_process';
import {
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
import { loadPlugins } from '@koji/plugin-sdk/host';
import type { LoadedPlugin, PluginPart } from '@koji/plugin-sdk/host';
import { runCommand, runTask, startTestHub } from '@koji/plugin-sdk/testing';
import type { TestHub } from '@koji/plugin-sdk/testing';
import { program, root } from './support/system.js';

interface Frozen {
  readonly brings: Readonly<Partial<Record<PluginPart, readonly string[]>>>;
  readonly files: Readonly<Record<string, string>>;
}

const released = path.join(root, 'test/fixtures/released');
const temp = mkdtempSync(path.join(tmpdir(), 'koji-released-'));
symlinkSync(path.join(root, 'node_modules'), path.join(temp, 'node_modules'));
afterAll(() => rmSync(temp, { recursive: true, force: true }));

/** Puts frozen plugins into a folder; their range of versions is one that fits, as when they are released again. */
function unpack(folder: string, plugins: Readonly<Record<string, Frozen>>): void {
  for (const [name, { files }] of Object.entries(plugins))
    for (const [file, text] of Object.entries(files)) {
      const full = path.join(folder, name, file);
      mkdirSync(path.dirname(full), { recursive: true });
      writeFileSync(full, file === 'package.json' ? text.replace(/("@koji\/[\w-]+": ")[^"]+/g, '$1*') : text);
    }
}

const namesOf = (plugin: LoadedPlugin): string[] => [
  ...plugin.methods.map(({ name }) => name),
  ...plugin.callbacks.flatMap(({ events }) => events),
  ...plugin.tasks.flatMap(({ methods }) => methods),
  ...plugin.commands.map(({ name }) => name),
  ...plugin.policyTests.map(({ name }) => name),
  ...plugin.webPages.map(({ name }) => name),
  ...plugin.webPanels.map(({ title }) => title),
];

// Those of the minor version before this one, and of this one since its release.
describe.each(readdirSync(released).sort().slice(-2))('the example plugins as of %s', (file) => {
  const plugins = JSON.parse(readFileSync(path.join(released, file), 'utf8')) as Record<string, Frozen>;
  const folder = path.join(temp, path.parse(file).name);
  let hub: TestHub;

  /** Node.js lets CommonJS require the SDK, but jest does not. */
  const isCommonJs = (name: string): boolean =>
    Object.keys(plugins[name]!.files).some((one) => one.endsWith('.cjs'));

  const load = async (name: string, part: PluginPart): Promise<LoadedPlugin> => {
    const { plugins: found, problems } = await loadPlugins({
      part,
      names: [name],
      folders: [folder],
      from: temp,
    });
    expect(problems).toEqual([]);
    return found[0]!;
  };

  beforeAll(async () => {
    unpack(folder, plugins);
    const names = Object.keys(plugins).filter((name) => plugins[name]?.brings.hub && !isCommonJs(name));
    hub = await startTestHub({
      options: { Plugins: names.join(' '), PluginPath: folder },
      tags: ['f43', 'f44'],
    });
    await hub.addBuild('bash-5.2-1', { tags: ['f43', 'f44'] });
    await hub.addBuild('zsh-5.9-2', { tags: ['f44'] });
  });
  afterAll(() => hub.stop());

  test('still load, and bring what they brought', async () => {
    for (const [name, { brings }] of Object.entries(plugins))
      for (const part of (isCommonJs(name) ? [] : Object.keys(brings)) as PluginPart[])
        expect({ name, part, brings: namesOf(await load(name, part)) }).toEqual({
          name,
          part,
          brings: brings[part],
        });
  });

  test('still load in a hub of their own, CommonJS too', () => {
    const names = Object.keys(plugins).filter((name) => isCommonJs(name));
    writeFileSync(
      path.join(temp, 'hub.conf'),
      `[hub]\nPluginPath = ${folder}\nPlugins = ${names.join(' ')}\n`,
    );
    const args = [program('koji-hub'), '--config', path.join(temp, 'hub.conf'), 'plugins', '--json'];
    const report = execFileSync(process.execPath, args, { encoding: 'utf8' });
    for (const name of names)
      for (const one of plugins[name]?.brings.hub ?? [])
        expect(report).toMatch(new RegExp(`brings[^]*\\b${one}\\b`));
  });

  test('still work: a method, a task, a command', async () => {
    const answer = await hub.admin.call('mymethod', ['one', 'two'], { kwarg1: 'three' });
    expect(answer).toEqual({ arg1: 'one', arg2: 'two', kwarg1: 'three', user: 'kojiadmin' });
    const [mytask] = (await load('mytask', 'builder')).tasks;
    const { result } = await runTask(mytask!.Handler, ['hello', 'world'], { named: { kwarg1: 'seven' } });
    expect(result).toEqual({ arg1: 'hello', arg2: 'world', kwarg1: 'seven', task: 1 });
    const [command] = (await load('comparetags', 'cli')).commands;
    const tasks = (await load('comparetags', 'builder')).tasks.map(({ Handler }) => Handler);
    expect(await runCommand(command!.run, ['f43', 'f44'], { hub, tasks })).toMatchObject({
      code: 0,
      printed: ['+ zsh-5.9-2'],
    });
  });
});

test('the example plugins of this minor version are kept: node scripts/freeze-plugins.mjs', () => {
  const { version } = JSON.parse(readFileSync(path.join(root, 'lerna.json'), 'utf8')) as { version: string };
  expect(readdirSync(released)).toContain(`${version.split('.').slice(0, 2).join('.')}.json`);
});
