import { spawnSync } from 'node:child_process';
import { mkdirSync, symlinkSync } from 'node:fs';
import path from 'node:path';
import { System, root } from '../../../test/support/system.js';

let system: System;

beforeAll(async () => {
  system = await System.create({ hub: { Plugins: 'mycallback' } });
  mkdirSync(system.path('node_modules'));
  symlinkSync(
    path.join(root, 'examples/koji-plugin-mycallback'),
    system.path('node_modules/koji-plugin-mycallback'),
  );
  await system.startHub();
});

afterAll(() => system.stop());

test('mycallback writes who tags what to the log of the hub, before and after', () => {
  const rpms = ['src', 'noarch'].map((arch) => path.join(root, `examples/data/mypkg-1.0-1.${arch}.rpm`));
  system.koji('add-tag', 'mytag');
  system.koji('import', '--create-build', ...rpms);
  system.koji('add-pkg', '--owner', 'kojiadmin', 'mytag', 'mypkg');
  expect(system.log('hub.log')).not.toContain('mycallback: preTag');
  system.koji('call', 'tagBuildBypass', 'mytag', 'mypkg-1.0-1');
  const lines = system
    .log('hub.log')
    .split('\n')
    .filter((line) => line.includes('mycallback:'));
  expect(lines).toEqual([
    expect.stringContaining('mycallback: preTag of mypkg-1.0-1 into mytag by kojiadmin'),
    expect.stringContaining('mycallback: postTag of mypkg-1.0-1 into mytag by kojiadmin'),
  ]);
});

test('its own test, written for node --test, is green', () => {
  const { status, stdout } = spawnSync(
    process.execPath,
    ['--test', '--test-reporter=tap', path.join(import.meta.dirname, 'callback.test.mjs')],
    { encoding: 'utf8', env: { ...process.env, NODE_OPTIONS: process.env.KOJI_TEST_NODE_OPTIONS } },
  );
  expect([status, stdout]).toEqual([0, expect.stringContaining('# pass 1')]);
});
