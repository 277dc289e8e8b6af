import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { System, root, until } from '../../../test/support/system.js';
import type { RpmReport } from '../src/report.js';

const rpm = (arch: string): string => path.join(root, `examples/data/mypkg-1.0-1.${arch}.rpm`);
let system: System;

beforeAll(async () => {
  system = await System.create({ hub: { Plugins: 'rpmcheck' }, kojid: { plugins: 'rpmcheck' } });
  mkdirSync(system.path('node_modules'));
  symlinkSync(
    path.join(root, 'examples/koji-plugin-rpmcheck'),
    system.path('node_modules/koji-plugin-rpmcheck'),
  );
  mkdirSync(system.path('plugins'));
  writeFileSync(system.path('plugins/rpmcheck.conf'), '[rpmcheck]\ncheck_imports = yes\n');
  writeFileSync(
    system.path('koji.conf'),
    `${readFileSync(system.path('koji.conf'), 'utf8')}plugins = rpmcheck\n`,
  );
  system.hub('user', 'add', 'alice', '--password', 'secret');
  await system.startHub();
  await system.startBuilder();
});

afterAll(() => system.stop());

test('koji rpm-check prints the report of a good package', () => {
  const said = system.koji('rpm-check', rpm('src'));
  expect(said).toContain('mypkg-1.0-1.src: ok');
  expect(said).toMatch(/^ {2}SHA256HEADER: ok$/m);
  const id = /task (\d+)/.exec(said)?.[1] ?? '';
  const folder = system.path('koji/work/tasks', id, id);
  const report = JSON.parse(readFileSync(path.join(folder, 'rpmcheck.json'), 'utf8')) as RpmReport;
  expect(report.ok).toBe(true);
  expect(report.digests.length).toBeGreaterThan(1);
});

test('koji rpm-check says what is bad about a damaged package and ends with 1', () => {
  const bytes = readFileSync(rpm('noarch'));
  const last = bytes.length - 1;
  bytes.writeUInt8(bytes.readUInt8(last) ^ 1, last);
  writeFileSync(system.path('damaged.rpm'), bytes);
  const { status, stdout } = system.tryKoji('rpm-check', system.path('damaged.rpm'), rpm('src'));
  expect(status).toBe(1);
  expect(stdout).toMatch(/mypkg-1\.0-1\.noarch: BAD/);
  expect(stdout).toMatch(/: BAD, expected [0-9a-f]+, is [0-9a-f]+/);
  expect(stdout).toContain('mypkg-1.0-1.src: ok');
});

test('koji rpm-check reports a file that is not a package, and a missing one', () => {
  writeFileSync(system.path('text.rpm'), 'not an rpm at all');
  const text = system.tryKoji('rpm-check', system.path('text.rpm'));
  expect(text.status).toBe(1);
  expect(text.stderr).toMatch(/text\.rpm: .*is not an RPM: /);
  expect(system.tryKoji('rpm-check', system.path('absent.rpm'))).toMatchObject({
    status: 2,
    stderr: expect.stringContaining('no such file') as unknown,
  });
});

test('checkRPM is for users who may build, and for uploads only', () => {
  const alice = system.tryKoji('--user', 'alice', 'call', 'checkRPM', 'cli-rpmcheck/x.rpm');
  expect(alice.stderr).toContain('ActionNotAllowed: build permission required');
  const outside = system.tryKoji('call', 'checkRPM', '../packages/x.rpm');
  expect(outside.stderr).toContain('is not a path below the work folder');
});

test('an imported package is checked when the configuration says so', async () => {
  system.koji('import', '--create-build', rpm('src'), rpm('noarch'));
  await until('both tasks to end', () =>
    /is checked by task \d+(.|\n)*is checked by task \d+/.test(system.log('hub.log')),
  );
  const ids = [...system.log('hub.log').matchAll(/is checked by task (\d+)/g)].map(([, id = '']) => id);
  for (const id of ids) {
    system.koji('watch-task', '--quiet', id);
    const result = JSON.parse(system.koji('call', '--json-output', 'getTaskResult', id)) as { ok: boolean };
    expect(result.ok).toBe(true);
  }
});
