import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { RpmHeader, listSignatures } from '@koji/plugin-sdk/koji';
import { startTestHub } from '@koji/plugin-sdk/testing';
import type { TestHub } from '@koji/plugin-sdk/testing';
import * as sign from '../src/hub.js';

const rpms = ['src', 'noarch'].map((arch) =>
  path.join(import.meta.dirname, `../../data/mypkg-1.0-1.${arch}.rpm`),
);
const passphrase = 'correct horse';
const home = mkdtempSync(path.join(tmpdir(), 'koji-gnupg-'));
const gpg = (...args: string[]): string =>
  execFileSync('gpg', ['--homedir', home, '--batch', '--pinentry-mode', 'loopback', ...args], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
  });
let key: string;
let database: string;
let hub: TestHub;

beforeAll(async () => {
  // The agent of GnuPG would remember the right passphrase, and sign for a wrong one.
  writeFileSync(path.join(home, 'gpg-agent.conf'), 'default-cache-ttl 0\nmax-cache-ttl 0\n');
  gpg('--passphrase', passphrase, '--quick-generate-key', 'Koji <koji@example.org>', 'rsa2048', 'sign');
  key = /^fpr:+(\w+):/m.exec(gpg('--list-keys', '--with-colons'))?.[1]?.slice(-8).toLowerCase() ?? '';
  // The keys that rpm trusts, so that it can verify signatures.
  database = path.join(home, 'rpmdb');
  const exported = path.join(home, 'key.asc');
  gpg('--armor', '--output', exported, '--export');
  execFileSync('rpmkeys', ['--dbpath', database, '--import', exported]);
  const conf = `[DEFAULT]
gpg_path = ${home}
gpg_name = koji@example.org
gpg_pass = ${passphrase}
[f44-build]
strict_keys = yes
[f44]
sign_tagged = yes
[unsigned-build]
enabled = no
[wrong-build]
gpg_pass = not this one
`;
  const tags = ['f44-build', 'unsigned-build', 'wrong-build', 'f44', 'other'];
  hub = await startTestHub({
    plugins: { sign },
    manifests: { sign: { limits: { callbacks: 120 } } },
    config: { sign: conf },
    tags,
  });
});
afterAll(async () => {
  await hub.stop();
  execFileSync('gpgconf', ['--homedir', home, '--kill', 'all']);
  rmSync(home, { recursive: true });
});

/** Imports the packages as the result of a build for a tag. */
async function build(buildTag: string): Promise<number> {
  const builder = await hub.builder();
  const task = await hub.admin.makeTask('build', ['git://example.org/mypkg', null]);
  await hub.admin.assignTask(task, 'builder', true);
  await builder.host.openTask(task);
  const [repo] = await builder.host.repoInit(buildTag);
  const root = await builder.host.newBuildRoot(repo, 'noarch', task);
  const folder = `tasks/${task % 10000}/${task}`;
  for (const file of rpms) await builder.upload(file, folder);
  const [srpm = '', ...others] = rpms.map((file) => `${folder}/${path.basename(file)}`);
  const nvr = { name: 'mypkg', version: '1.0', release: '1', epoch: null };
  const id = await builder.host.initBuild({ ...nvr, task_id: task });
  await builder.host.completeBuild(
    task,
    id,
    srpm,
    others,
    Object.fromEntries(others.map((one) => [one, root])),
  );
  return id;
}

const filesOf = async (id: number): Promise<{ readonly file: string; readonly copy: string }[]> => {
  const { admin, paths } = hub;
  const about = await admin.getBuild(id, true);
  return (await admin.listBuildRPMs(id)).map((rpm) => ({
    file: `${paths.build(about)}/${paths.rpm(rpm)}`,
    copy: `${paths.build(about)}/${paths.signed(rpm, key)}`,
  }));
};
const keysOf = async (file: string): Promise<string[]> =>
  listSignatures(await RpmHeader.read(file)).map(({ sigkey }) => sigkey);
const verify = (file: string): string =>
  execFileSync('rpmkeys', ['--dbpath', database, '--checksig', file], { encoding: 'utf8' });

describe('what is built', () => {
  let id: number;
  beforeAll(async () => {
    id = await build('f44-build');
  });
  afterAll(() => hub.admin.resetBuild(id));

  test('is signed before it is imported, and rpm takes the signature for good', async () => {
    for (const { file } of await filesOf(id)) {
      expect(new Set(await keysOf(file))).toEqual(new Set([key]));
      expect(verify(file)).toContain('digests signatures OK');
    }
    const signatures = await hub.admin.queryRPMSigs(null, key);
    expect(signatures).toHaveLength(2);
  });

  test('has signed copies where the build tag wants them', async () => {
    const copies = (await filesOf(id)).map(({ copy }) => copy);
    const signed = await Promise.all(copies.map((copy) => keysOf(copy).catch(() => null)));
    // The source package of this build is from no buildroot.
    expect(signed.filter((keys) => keys?.includes(key))).toHaveLength(1);
  });
});

test('what gets into a tag is signed by copies: the imported files stay as they are', async () => {
  const id = await build('unsigned-build');
  const files = await filesOf(id);
  for (const { file } of files) expect(await keysOf(file)).toEqual([]);
  for (const tag of ['other', 'f44']) await hub.admin.packageListAdd(tag, 'mypkg', 'kojiadmin');
  await hub.admin.tagBuildBypass('other', id);
  expect(await hub.admin.queryRPMSigs(null, key)).toEqual([]);
  await hub.admin.tagBuildBypass('f44', id);
  expect(await hub.admin.queryRPMSigs(null, key)).toHaveLength(2);
  for (const { file, copy } of files) {
    expect(await keysOf(file)).toEqual([]);
    expect(verify(copy)).toContain('digests signatures OK');
  }
  // Once more with the same signatures.
  await hub.admin.untagBuildBypass('f44', id);
  await hub.admin.tagBuildBypass('f44', id);
  await hub.admin.resetBuild(id);
});

test('a passphrase that does not open the key fails the import, and no log has it', async () => {
  const failing = build('wrong-build');
  await expect(failing).rejects.toThrow(
    /Error running preImport callback from sign:[^]*Package sign failed!/,
  );
  expect(await hub.admin.getBuild('mypkg-1.0-1')).toMatchObject({ state: 0 });
  expect(hub.log.join('\n')).toContain('Package sign failed!');
  for (const secret of [passphrase, 'not this one']) expect(hub.log.join('\n')).not.toContain(secret);
});
