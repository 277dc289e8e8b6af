import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { kojidOptions, readOptions } from '@koji/core/config';
import { RefuseTask } from '@koji/plugin-sdk';
import { runTask } from '@koji/plugin-sdk/testing';
import { CreateImageTask } from '../src/tasks/images/create-image.js';
import { ImageTask } from '../src/tasks/images/image.js';
import { IndirectionImageTask } from '../src/tasks/images/indirection.js';
import { programFile } from '../src/programs/index.js';
import { lacksTools } from '../src/tasks/images/python.js';
import { makeTemplate, parseDistro } from '../src/tasks/images/template.js';
import { imageTools } from './support/image-tools.js';

const kojid = fileURLToPath(new URL('../dist/bundle/main.js', import.meta.url));
const folder = mkdtempSync(path.join(tmpdir(), 'koji-image-needs-'));
const defaults = readOptions(kojidOptions, new Map(), { file: 'kojid.conf', section: 'kojid' });
const tools = imageTools(folder);
// A Python without any of the tools, whatever this machine has.
const bare = imageTools(path.join(folder, 'bare'), []);
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test('tasks for images are refused where their tools are missing, with the names of these', async () => {
  const options = { ...tools, image_python: bare.image_python };
  const refused: [Parameters<typeof runTask>[0], readonly unknown[], string][] = [
    [
      ImageTask,
      ['a', '1', [], 't', 'http://a/'],
      `image needs ImageFactory, oz and pykickstart, which ${bare.image_python} (image_python in kojid.conf)`,
    ],
    [
      CreateImageTask,
      ['a', '1', '1', 'x86_64', {}, 1, {}, 'http://a/'],
      'createImage needs ImageFactory, oz and pykickstart',
    ],
    [IndirectionImageTask, [{}], 'indirectionimage needs ImageFactory and oz, which'],
  ];
  for (const [Handler, args, text] of refused) {
    const run = runTask(Handler, args, { options });
    await expect(run).rejects.toThrow(RefuseTask);
    await expect(run).rejects.toThrow(text);
  }
  const about = { ...defaults, ...tools };
  expect(await lacksTools(about, ['oz'])).toBeNull();
  expect(await lacksTools({ ...about, image_python: '/none' }, ['oz'])).toContain('could not run /none');
  expect(await lacksTools({ ...about, imagefactory_plugins: '/none' }, ['ImageFactory'])).toContain(
    'there is no folder /none (imagefactory_plugins in kojid.conf)',
  );
});

test('a template names what oz knows, and nothing of a user becomes a part of it', () => {
  expect(parseDistro('RHEL-5.9')).toEqual(['RHEL-5', 'U9']);
  expect(parseDistro('CentOS-7.4')).toEqual(['CentOS-7', '4']);
  expect(parseDistro('Fedora-40')).toEqual(['Fedora', '40']);
  for (const odd of ['Fedora', 'RHEL-7', 'Debian-12', null, 'Fedora-40-1'])
    expect(() => parseDistro(odd)).toThrow('Unknown or supported distro given');
  const about = { distro: 'Fedora-40', arch: 'armhfp', tree: 'http://a/?b&c', diskSize: '</size>' };
  const text = makeTemplate({ ...about, name: '<x>' });
  expect(text).toContain('<name>&lt;x&gt;</name>');
  expect(text).toContain('<arch>armv7l</arch>');
  expect(text).toContain('<url>http://a/?b&amp;c</url>');
  expect(text).toContain('<size>&lt;/size&gt;</size>');
});

test('kojid doctor lists the tasks that need more than a buildroot, with what they lack here', () => {
  const report = (about: Record<string, string>, ...words: string[]): string => {
    const settings = {
      server: 'http://127.0.0.1:1/kojihub',
      topurl: 'http://127.0.0.1:1',
      user: 'b',
      password: 'b',
    };
    const lines = Object.entries({ ...settings, ...about }).map(([name, value]) => `${name} = ${value}\n`);
    writeFileSync(path.join(folder, 'kojid.conf'), `[kojid]\n${lines.join('')}`);
    const args = [kojid, '--config', path.join(folder, 'kojid.conf'), 'doctor', ...words];
    return spawnSync(process.execPath, args, { encoding: 'utf8' }).stdout;
  };
  const has = report(tools);
  for (const methods of ['image, createImage', 'indirectionimage', 'livecd, livemedia, appliance'])
    expect(has).toContain(`   ok  ${methods}\n`);
  const lacks = report({ ...bare, template_python: bare.image_python });
  expect(lacks).toContain('refused here: livecd, livemedia, appliance, for want of pykickstart, which');
  expect(lacks).toContain(
    'refused here: image, createImage, for want of ImageFactory, oz and pykickstart, which',
  );
  expect(report(bare, '--check')).not.toContain('refused here');
});

test('an image that is cancelled has its virtual machine ended', async () => {
  const at = (name: string): string => path.join(folder, name);
  const config = { plugins: tools.imagefactory_plugins, tmpdir: at('oz-tmp'), timeout: null };
  const base = { template: '<name>a</name>', parameters: { install_script: 'echo wait' } };
  const request = {
    ...{
      work: 'build',
      task: 1,
      targets: [],
      domains: [],
      qcow2: null,
      rpms: false,
      result: at('answer.json'),
    },
    config: { ...config, image_manager_args: { storage_path: at('images') } },
    base,
  };
  writeFileSync(at('request.json'), JSON.stringify(request));
  const child = spawn(tools.image_python, ['-IB', programFile('imagefactory'), at('request.json')], {
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  const [line] = (await once(child.stdout, 'data')) as [Buffer];
  expect(String(line)).toBe('waiting\n');
  child.kill('SIGTERM');
  expect(await once(child, 'exit')).toEqual([143, null]);
  expect(existsSync(at('oz-tmp-aborted'))).toBe(true);
  expect(existsSync(at('answer.json'))).toBe(false);
});
