import { chmodSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { BUILD_STATES } from '@koji/core';
import { named } from '@koji/core/wire';
import { RefuseTask } from '@koji/plugin-sdk';
import { runTask, startTestHub } from '@koji/plugin-sdk/testing';
import type { TestHub } from '@koji/plugin-sdk/testing';
import { CreateApplianceTask } from '../src/tasks/images/appliance.js';
import { isoManifest } from '../src/tasks/images/iso9660.js';
import { CreateLiveCdTask } from '../src/tasks/images/livecd.js';
import { CreateLiveMediaTask } from '../src/tasks/images/livemedia.js';
import { ApplianceTask, LiveCdTask, LiveMediaTask } from '../src/tasks/images/spins.js';
import { shortenVolumeId } from '../src/tasks/images/volume-id.js';
import { TagBuildTask } from '../src/tasks/tag.js';
import { fakeMock, type FakeMock } from '../src/testing/index.js';
import { runFamily, type FamilyRecord } from './support/family.js';
import { gitSite, type GitSite } from './support/git.js';
import { imageTools } from './support/image-tools.js';
import { makeIso } from './support/iso.js';
import { rpmIn } from './support/specs.js';

const folder = mkdtempSync(path.join(tmpdir(), 'koji-spin-'));
let hub: TestHub;
let git: GitSite;
let mock: FakeMock;
let tools: ReturnType<typeof imageTools>;
let repo: number;

const kickstart = `repo --name=theirs --baseurl=http://theirs/
bootloader --location=mbr --append="console=ttyS0"
part / --size=1024 --ondisk=sda
%include lang.inc
`;

/** All three programs do this here: record their arguments, and create an image, logs and the list of its rpms. */
const creator = (image: string, rpm: string): string => `#!/bin/bash
name=$(basename "$0")
words="$*"
while [ $# -gt 0 ]; do
  case "$1" in
    --logfile) log="$2" ;; --cache) cache="$2" ;; --resultdir) results="$2" ;; -o) results="$2" ;; -c|--ks) ks="$2" ;;
  esac
  shift
done
mkdir -p "$(dirname "$log")" "\${results:-.}"
echo "$name $words" > "$log"
grep -q fails "$ks" && exit 7
[ -z "$cache" ] || { mkdir -p "$cache/repo"; cp ${rpm} "$cache/repo/"; }
case "$name" in
  appliance-creator) mkdir "$results/deep"; echo disk > "$results/deep/a.raw"; echo xml > "$results/a.xml" ;;
  livecd-creator) cp ${image} live.iso ;;
  *) mkdir "$(dirname "$log")/anaconda"; echo said > "$(dirname "$log")/anaconda/program.log"; touch "$(dirname "$log")/empty.log"
     cp ${image} "$results/made.iso" ;;
esac
`;

beforeAll(async () => {
  chmodSync(folder, 0o755);
  hub = await startTestHub({ tags: ['spins', 'spins-build'] });
  git = await gitSite();
  tools = imageTools(folder);
  const rpm = rpmIn(folder, 'inner');
  writeFileSync(
    path.join(folder, 'small.iso'),
    makeIso('LIVE', { 'EFI/BOOT/grub.cfg': 'menu', 'images/long name.img': 'x'.repeat(3000) }),
  );
  mkdirSync(path.join(folder, 'programs'));
  for (const name of ['livecd-creator', 'appliance-creator', 'livemedia-creator'])
    writeFileSync(
      path.join(folder, 'programs', name),
      creator(path.join(folder, 'small.iso'), rpm.files.at(-1) ?? ''),
      { mode: 0o755 },
    );
  mock = await fakeMock(path.join(folder, 'mock'), { programs: path.join(folder, 'programs') });
  const { admin } = hub;
  await admin.call('editTag2', ['spins-build'], { arches: 'x86_64 aarch64' });
  await admin.call('createBuildTarget', ['spins', 'spins-build', 'spins']);
  for (const name of ['Live', 'Live-Server', 'app']) await admin.packageListAdd('spins', name, 'kojiadmin');
  await hub.addBuild('inner-1.0-1', { files: rpm.files, tags: ['spins-build'] });
  const builder = await hub.builder();
  [repo] = (await builder.call('host.repoInit', ['spins-build'])) as [number];
  await builder.call('host.repoDone', [repo, {}]);
  git.commit('ks', {
    'spins/live.ks': kickstart,
    'spins/lang.inc': 'lang cs_CZ.UTF-8\n',
    'spins/bad.ks': 'fails\n',
  });
  mkdirSync(path.join(hub.topdir, 'work/cli-livecd'), { recursive: true });
  writeFileSync(
    path.join(hub.topdir, 'work/cli-livecd/live.ks'),
    kickstart.replace('%include lang.inc\n', ''),
  );
});
afterAll(async () => {
  await git.stop();
  await hub.stop();
  rmSync(folder, { recursive: true, force: true });
});

const handlers = [
  ...[LiveCdTask, CreateLiveCdTask, LiveMediaTask, CreateLiveMediaTask],
  ...[ApplianceTask, CreateApplianceTask, TagBuildTask],
];
const url = (): string => `git+http://${git.host}/ks.git?spins#main`;

const options = (): Record<string, unknown> => ({
  ...tools,
  ...mock.options,
  allowed_scms: '*:*:no',
  topurl: 'http://files/kojifiles',
});

interface Made extends FamilyRecord {
  readonly id: number;
  text(label: string, name: string): string;
}

async function build(
  kind: 'livecd' | 'livemedia' | 'appliance',
  { name = 'Live', ksfile = 'live.ks', opts = {} } = {},
): Promise<Made> {
  const given = { ksurl: url(), ...opts };
  const arch = kind === 'livemedia' ? ['x86_64'] : 'x86_64';
  const id = await hub.admin.buildImage(name, '1', arch, 'spins', ksfile, kind, named({ opts: given }));
  const record = await runFamily(hub, id, handlers, { options: options() });
  return {
    id,
    ...record,
    text: (label, file) => record.children.get(label)?.uploads.get(file)?.toString() ?? '',
  };
}

const own = (made: Made, label: string): string =>
  [...(made.children.get(label)?.uploads.keys() ?? [])].find((name) => name.startsWith('koji-image-')) ?? '';

test('a live CD is imported with its manifest, its logs and the rpms in it', async () => {
  const made = await build('livecd', { opts: { release: '3' } });
  const build3 = await hub.admin.getBuild('Live-1-3', true);
  expect(build3.state).toBe(BUILD_STATES.COMPLETE);
  expect(made.parent.result).toBe(
    `livecd build results in: ${hub.paths.imagebuild({ ...build3, volume_name: null })}`,
  );
  const archives = await hub.admin.listArchives(build3.id);
  expect(archives.map(({ filename }) => filename)).toEqual(['Live-1-3.iso']);
  expect((await hub.admin.listRPMs(named({ imageID: archives[0]?.id ?? 0 }))).map(({ nvr }) => nvr)).toEqual([
    'inner-1.0-1',
  ]);
  expect(await hub.admin.listTagged('spins', named({ package: 'Live' }))).toHaveLength(1);
  const text = made.text('livecd', own(made, 'livecd'));
  expect(text).toContain(
    `repo --name=koji-spins-build-${repo} --baseurl=http://files/kojifiles/repos/spins-build/${repo}/x86_64\n`,
  );
  expect(text).toContain('lang cs_CZ.UTF-8');
  expect(text).not.toContain('http://theirs/');
  expect(made.text('livecd', 'livecd.log')).toMatch(
    /^livecd-creator -c \S+koji-image-spins-build-\d+\.ks -d -v --logfile \S+livecd\.log --cache \S+koji-livecd -f Live-1-3$/m,
  );
  expect(made.text('livecd', 'manifest.log').split('\n')).toEqual([
    ...['System ID: LINUX', 'Volume ID: LIVE', '', 'Size(bytes)  File Name', '2048         /'],
    ...['2048         /EFI/', '2048         /EFI/BOOT/', '4            /EFI/BOOT/grub.cfg'],
    ...['2048         /images/', '3000         /images/long name.img', ''],
  ]);
  const logs = readdirSync(path.join(hub.paths.buildLogs(build3), 'image'));
  expect(logs).toEqual(expect.arrayContaining(['livecd.log', 'manifest.log', 'checkout.log']));
});

test('a live image is made as its options say, and a scratch one is where scratch builds are', async () => {
  const opts = {
    ...{
      volid: 'My_Live',
      squashfs_only: true,
      compress_arg: ['-Xbcj x86'],
      ksrepo: true,
      lorax_dir: 'spins',
    },
    ...{ lorax_url: url(), scratch: true, install_tree_url: 'http://tree/', release: '1' },
  };
  const made = await build('livemedia', { opts });
  expect(made.parent.result).toMatch(/^Scratch livecd build results in: \S+\/work\/tasks\/\S+$/);
  const log = made.text('livemedia x86_64', 'livemedia-out.log');
  for (const words of [
    '--no-virt --project Live --make-iso --volid My_Live --iso-only',
    '--iso-name Live-x86_64-1-1.iso --releasever 1 --macboot --extra-boot-args "console=ttyS0" --squashfs-only',
    '--compress-arg -Xbcj x86 ',
    '/lorax-templates/ks/spins/spins',
  ])
    expect(log).toContain(words);
  expect(made.text('livemedia x86_64', 'anaconda-program.log')).toBe('said\n');
  expect(made.text('livemedia x86_64', own(made, 'livemedia x86_64'))).toMatch(
    /url --url=http:\/\/tree\/\nrepo --name=theirs|url --url=http:\/\/tree\//,
  );
  const result = made.children.get('livemedia x86_64')?.result as object;
  expect(result).toMatchObject({ files: ['Live-x86_64-1-1.iso'], rootdev: null });
  expect(result).not.toHaveProperty('rpmlist');
});

test('an appliance is imported with all that its program made', async () => {
  const ksfile = 'cli-livecd/live.ks';
  const opts = {
    ksurl: null,
    vmem: '2048',
    vcpu: '2',
    format: 'raw',
    release: '2',
    repo: 'http://a,http://b',
  };
  const made = await build('appliance', { name: 'app', ksfile, opts });
  const names = (await hub.admin.listArchives((await hub.admin.getBuild('app-1-2', true)).id)).map(
    ({ filename }) => filename,
  );
  expect(names.sort()).toEqual(['a.raw', 'a.xml']);
  expect(made.children.get('appliance')?.result).toMatchObject({
    rootdev: 'sda',
    rpmlist: [{ name: 'inner' }],
  });
  expect(made.text('appliance', 'appliance.log')).toContain(
    '-o app-output --vmem 2048 --vcpu 2 --format raw --name app-1-2 --version 1 --release 2',
  );
  expect(made.text('appliance', own(made, 'appliance'))).toContain(
    '--baseurl=http://a\nrepo --name=koji-override-1 --baseurl=http://b',
  );
});

test('a program that fails is named with its log', async () => {
  const target = await hub.admin.getBuildTarget('spins', named({ strict: true }));
  const args = [
    'Live',
    '1',
    '9',
    'x86_64',
    target,
    target.build_tag,
    { id: repo },
    'bad.ks',
    { ksurl: url() },
  ];
  await expect(runTask(CreateLiveCdTask, args, { hub, options: options() })).rejects.toThrow(
    'Could not create LiveCD: livecd-creator exited with status 7; see root.log or livecd.log for more information',
  );
});

test('tasks for such images are refused where pykickstart is missing', async () => {
  const lacking = { image_python: '/usr/bin/python3', ...mock.options };
  const refused = runTask(LiveCdTask, ['a', '1', 'x86_64', 't', 'a.ks'], { options: lacking });
  await expect(refused).rejects.toThrow(RefuseTask);
  await expect(refused).rejects.toThrow(
    'livecd needs pykickstart, which /usr/bin/python3 (image_python in kojid.conf)',
  );
});

test('volume IDs have the short words of Fedora and at most 32 characters', () => {
  expect(shortenVolumeId('Fedora-Workstation-Live', '40', 'Beta1')).toBe('Fedora-WS-Live-40-B1');
  expect(shortenVolumeId('x'.repeat(40), '1', '1')).toHaveLength(32);
});

test('anything but an ISO image is refused, and a damaged one ends', async () => {
  const image = makeIso('A', { 'a/b': 'c' });
  const manifestOf = async (bytes: Buffer): Promise<string> => {
    const file = path.join(folder, 'damaged.iso');
    writeFileSync(file, bytes);
    const handle = await open(file);
    return isoManifest(handle, 'damaged.iso').finally(() => handle.close());
  };
  expect(await manifestOf(image)).toContain('1            /a/b\n');
  await expect(manifestOf(Buffer.alloc(40_000))).rejects.toThrow(
    'Could not open damaged.iso as an ISO-9660 image!',
  );
  // A folder that has itself as a folder.
  const looped = Buffer.from(image);
  const at = looped.indexOf('D0', 18 * 2048, 'latin1') - 33;
  looped.writeUInt32LE(looped.readUInt32LE(16 * 2048 + 158), at + 2);
  await expect(manifestOf(looped)).rejects.toThrow('too deep');
  await expect(manifestOf(image.subarray(0, 16 * 2048 + 100))).rejects.toThrow();
});
