import { readFileSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { runCommand, runTask, startTestHub } from '@koji/plugin-sdk/testing';
import type { TestHub } from '@koji/plugin-sdk/testing';
import { RpmCheckTask } from '../src/builder.js';
import { handle_rpm_check } from '../src/cli.js';
import * as plugin from '../src/hub.js';
import * as web from '../src/web.js';

const data = path.join(import.meta.dirname, '../../data');
const rpms = ['src', 'noarch'].map((arch) => path.join(data, `mypkg-1.0-1.${arch}.rpm`));
let folder: string;
let hub: TestHub;
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'rpmcheck-'));
  hub = await startTestHub({
    plugins: { rpmcheck: plugin },
    webPlugins: { rpmcheck: web },
    config: { rpmcheck: '[rpmcheck]\ncheck_imports = yes\n' },
  });
});
afterAll(async () => {
  await hub.stop();
  await rm(folder, { recursive: true });
});

test('the task reports a good package', async () => {
  const { result, uploads } = await runTask(RpmCheckTask, ['mypkg-1.0-1.src.rpm'], { topdir: data });
  expect(result).toEqual({ nvra: 'mypkg-1.0-1.src', ok: true, sigkeys: [] });
  expect(String(uploads.get('rpmcheck.txt'))).toContain('SHA256HEADER: ok');
});

test('the command uploads packages, has them checked and says which are bad', async () => {
  const bytes = readFileSync(rpms[1] ?? '');
  bytes.writeUInt8(bytes.readUInt8(bytes.length - 1) ^ 1, bytes.length - 1);
  const damaged = path.join(folder, 'damaged.rpm');
  writeFileSync(damaged, bytes);
  const files = [damaged, rpms[0] ?? ''];
  const { code, printed } = await runCommand(handle_rpm_check, files, { hub, tasks: [RpmCheckTask] });
  expect([code, printed.join('\n')]).toEqual([
    1,
    expect.stringMatching(/mypkg-1\.0-1\.noarch: BAD[^]*mypkg-1\.0-1\.src: ok/),
  ]);
});

test('every imported package gets a task when the configuration says so', async () => {
  await hub.addBuild('mypkg-1.0-1', { files: rpms });
  expect(hub.log.filter((line) => /was imported and is checked by task \d+/.test(line))).toHaveLength(2);
});

test('the page of a build shows the checks of its packages, and a page shows the newest ones', async () => {
  const get = async (address: string): Promise<string> =>
    (await fetch(hub.url.replace('kojihub', `koji/${address}`))).text();
  const [build] = await hub.admin.listBuilds();
  const page = await get(`buildinfo?buildID=${build?.build_id}`);
  expect(page).toMatch(/RPM checks<small> <bdi>rpmcheck[^]*mypkg-1\.0-1\.noarch\.rpm[^]*waits or runs/);
  expect(await get('rpmchecks')).toContain('mypkg-1.0-1.src.rpm');
});

test('the method is for users who may build, and for uploads only', async () => {
  const alice = await hub.login('alice');
  await expect(alice.call('checkRPM', ['cli-rpmcheck/x.rpm'])).rejects.toThrow('build permission required');
  const bob = await hub.login('bob', 'build');
  await expect(bob.call('checkRPM', ['../x.rpm'])).rejects.toThrow('is not a path below the work folder');
});
