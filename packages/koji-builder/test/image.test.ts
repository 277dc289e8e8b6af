import { chmodSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { BUILD_STATES } from '@koji/core';
import type { TaskInfo } from '@koji/core/api';
import { named } from '@koji/core/wire';
import { runTask, startTestHub } from '@koji/plugin-sdk/testing';
import type { TestHub } from '@koji/plugin-sdk/testing';
import { CreateImageTask } from '../src/tasks/images/create-image.js';
import { ImageTask } from '../src/tasks/images/image.js';
import { IndirectionImageTask } from '../src/tasks/images/indirection.js';
import { TagBuildTask } from '../src/tasks/tag.js';
import { runFamily, type FamilyRecord } from './support/family.js';
import { gitSite, type GitSite } from './support/git.js';
import { imageTools } from './support/image-tools.js';
import { rpmIn } from './support/specs.js';

const folder = mkdtempSync(path.join(tmpdir(), 'koji-image-'));
let hub: TestHub;
let git: GitSite;
let tools: ReturnType<typeof imageTools>;
let inner: string;
let repo: number;

const kickstart = (more = ''): string => `# a comment
repo --name=theirs --baseurl=http://elsewhere/
url --url=http://elsewhere/
%post
echo rpm gpg-pubkey,1,2,(none),(none),0,(none),1
${inner}
${more}
%end
`;

beforeAll(async () => {
  chmodSync(folder, 0o755);
  hub = await startTestHub({ tags: ['images', 'images-build'] });
  git = await gitSite();
  tools = imageTools(folder);
  // Replaces qemu-img: copies an image.
  mkdirSync(path.join(folder, 'programs'));
  const qemu = '#!/bin/bash\necho "qemu-img $*"\ncp "${@: -2:1}" "${@: -1}"\n';
  writeFileSync(path.join(folder, 'programs/qemu-img'), qemu, { mode: 0o755 });
  writeFileSync(path.join(folder, 'programs/mksquashfs'), '#!/bin/sh\ncp "$1/LiveOS/rootfs.img" "$2"\n', {
    mode: 0o755,
  });
  process.env.PATH = `${path.join(folder, 'programs')}:${process.env.PATH}`;
  const { admin } = hub;
  await admin.call('editTag2', ['images-build'], { arches: 'x86_64 aarch64' });
  await admin.call('createBuildTarget', ['images', 'images-build', 'images']);
  await admin.packageListAdd('images', 'server', 'kojiadmin');
  await admin.packageListAdd('images', 'small', 'kojiadmin');
  const rpm = rpmIn(folder, 'inner');
  await hub.addBuild('inner-1.0-1', { files: rpm.files, tags: ['images-build'] });
  inner = `echo rpm ${rpm.line}`;
  const builder = await hub.builder();
  [repo] = (await builder.call('host.repoInit', ['images-build'])) as [number];
  await builder.call('host.repoDone', [repo, {}]);
  git.commit('kickstarts', {
    'server.ks': `%include lang.inc\n${kickstart()}`,
    'lang.inc': 'lang en_US.UTF-8\n',
    'link.ks': '-> /etc/hostname',
  });
  mkdirSync(path.join(hub.topdir, 'work/ks'), { recursive: true });
  for (const [name, text] of Object.entries({
    'server.ks': kickstart(),
    'arch.ks': kickstart('echo fail aarch64 no such disk'),
    'fails.ks': kickstart('echo fail x86_64 No disk activity in 300 seconds'),
    'odd.ks': 'unknown command\n',
    'secret.ks': '%include /etc/shadow\n',
    'indirect.xml': '<template/>\n',
    'fails.xml': 'fail\n',
  }))
    writeFileSync(path.join(hub.topdir, 'work/ks', name), text);
});
afterAll(async () => {
  await git.stop();
  await hub.stop();
  rmSync(folder, { recursive: true, force: true });
});

const handlers = [ImageTask, CreateImageTask, TagBuildTask, IndirectionImageTask];
const url = (): string => `git+http://${git.host}/kickstarts.git#main`;
const fromGit = (): object => ({ kickstart: 'server.ks', ksurl: url() });
const settings = (): Record<string, unknown> => ({
  ...tools,
  allowed_scms: '*:*:no',
  topurl: 'http://files/kojifiles',
});

interface Made extends FamilyRecord {
  readonly id: number;
}

async function run(id: number, options: Record<string, unknown> = {}): Promise<Made> {
  return { id, ...(await runFamily(hub, id, handlers, { options: { ...settings(), ...options } })) };
}

async function build(
  opts: Record<string, unknown> = {},
  { name = 'server', version = '1', arches = ['x86_64'], options = {} } = {},
): Promise<Made> {
  const given = { kickstart: 'work/ks/server.ks', distro: 'Fedora-40', disk_size: 10, ...opts };
  const tree = 'http://mirror/$arch/';
  const about = named({ opts: given });
  return run(await hub.admin.buildImageOz(name, version, arches, 'images', tree, about), options);
}

/** Runs the task of one architecture that fails, without a hub; returns its fault. */
async function failure(opts: Record<string, unknown>): Promise<string> {
  const given = { kickstart: 'work/ks/server.ks', distro: 'Fedora-40', disk_size: 10, ...opts };
  const target = { name: 'images', build_tag: 2, build_tag_name: 'images-build' };
  const args = [
    'server',
    '1',
    '1',
    'x86_64',
    target,
    2,
    { id: repo },
    'http://mirror/',
    { ...given, scratch: true },
  ];
  const options = settings();
  const made = runTask(CreateImageTask, args, {
    options,
    topdir: hub.topdir,
    calls: { getTaskInfo: { owner: 1 } },
  });
  const error: unknown = await made.catch((cause: unknown) => cause);
  return error instanceof Error ? error.message : 'no failure';
}

const archivesOf = async (nvr: string) => hub.admin.listArchives((await hub.admin.getBuild(nvr, true)).id);

const textOf = (made: Made, name: string, arch = 'x86_64'): string =>
  made.children.get(arch)?.uploads.get(name)?.toString() ?? '';
const imageOf = (made: Made, name: string): unknown => JSON.parse(textOf(made, name));

describe('an image build', () => {
  test('is imported with its files, its logs and the rpms in it, and tagged', async () => {
    const made = await build(
      { ...fromGit(), format: ['qcow2', 'raw-xz'] },
      { arches: ['x86_64', 'aarch64'] },
    );
    expect(made.parent.result).toBe(
      `image build results in: ${hub.paths.build({ name: 'server', version: '1', release: '1', volume_name: null })}/images`,
    );
    const info = await hub.admin.getBuild('server-1-1', true);
    expect(info).toMatchObject({ state: BUILD_STATES.COMPLETE, task_id: made.id });
    expect(await hub.admin.getBuildType('server-1-1')).toEqual({ image: { build_id: info.id } });
    const archives = await hub.admin.listArchives(info.id, named({ type: 'image' }));
    const names = archives.map(({ filename }) => filename).sort();
    const base = [...(made.children.get('aarch64')?.uploads.keys() ?? [])].find((name) =>
      name.startsWith('koji-'),
    );
    const ofArch = (arch: string): string[] => [
      `libvirt-qcow2-${arch}.xml`,
      `libvirt-raw-xz-${arch}.xml`,
      `server-1-1.${arch}.qcow2`,
      `server-1-1.${arch}.raw.xz`,
      `tdl-${arch}.xml`,
    ];
    const own = names.filter((name) => name.startsWith('koji-images-build-'));
    expect(own).toHaveLength(2);
    expect(own).toContain(base);
    // The user's kickstart file exists once, although each architecture used it.
    expect(names).toEqual([...ofArch('x86_64'), ...ofArch('aarch64'), ...own, 'server.ks'].sort());
    const files = hub.paths.imagebuild(info);
    expect(readdirSync(files).sort()).toEqual(names);
    expect(readFileSync(path.join(files, base ?? ''), 'utf8')).toContain('\nlang en_US.UTF-8\n');
    for (const one of archives) {
      expect(readFileSync(path.join(files, one.filename)).length).toBe(one.size);
      const isImage = !one.filename.endsWith('xml');
      const rpms = await hub.admin.listRPMs(named({ imageID: one.id }));
      expect(rpms.map(({ nvr }) => nvr)).toEqual(isImage ? ['inner-1.0-1'] : []);
    }
    expect(readdirSync(path.join(hub.paths.buildLogs(info), 'image')).sort()).toContain('oz-x86_64.log');
    expect(await hub.admin.listTagged('images', named({ package: 'server' }))).toHaveLength(1);
  });

  test('gives ImageFactory what Koji gives it', async () => {
    const made = await build(
      {
        format: ['raw'],
        scratch: true,
        factory_parameter: [
          ['a', 'b'],
          ['install_script', 'no'],
        ],
        ksversion: 'F40',
      },
      { options: { oz_install_timeout: 7200 } },
    );
    const [task] = (await hub.admin.call('listTasks', [{ parent: made.id }, {}])) as TaskInfo[];
    const [own = ''] = [...(made.children.get('x86_64')?.uploads.keys() ?? [])].filter((name) =>
      name.startsWith('koji-'),
    );
    expect(own).toBe(`koji-images-build-${task?.id}-base.ks`);
    const lines = textOf(made, own).split('\n');
    expect(lines.slice(0, 3)).toEqual([
      'url --url=http://mirror/x86_64/',
      `repo --name=koji-override-0 --baseurl=http://files/kojifiles/repos/images-build/${repo}/x86_64`,
      '# a comment',
    ]);
    expect(textOf(made, 'server.ks')).toContain('http://elsewhere/');
    expect(imageOf(made, 'server-1-2.x86_64.raw')).toEqual({
      ...{ image: 'server-1-2.x86_64', timeout: 7200 },
      port: 1025 + (task?.id ?? 0),
    });
    expect(textOf(made, 'libvirt-raw-x86_64.xml')).toContain('<name>server-1-2.x86_64</name>');
    expect(textOf(made, 'libvirt-raw-x86_64.xml')).toContain('<source file="server-1-2.x86_64.raw"/>');
    expect(made.children.get('x86_64')?.result).toMatchObject({
      arch: 'x86_64',
      logs: ['oz-x86_64.log'],
      rpmlist: [],
    });
  });

  test('has all of Koji’s formats', async () => {
    const formats = [
      ...['docker', 'liveimg-squashfs', 'qcow', 'rhevm-ova', 'tar-gz', 'vagrant-hyperv', 'vagrant-libvirt'],
      ...['vagrant-virtualbox', 'vagrant-vmware-fusion', 'vdi', 'vmdk', 'vpc', 'vsphere-ova'],
    ];
    const made = await build({
      ...{ format: formats, scratch: true, release: '7', repo: ['http://a/$arch', 'http://b'] },
      ova_option: ['ovf_memory_mb=6144'],
      factory_parameter: [
        ['hyperv_ova_format', 'mine'],
        ['color', 'red'],
      ],
    });
    const uploads = made.children.get('x86_64')?.uploads;
    const images = [...(uploads?.keys() ?? [])].filter((name) => name.startsWith('server-'));
    expect(images.map((name) => name.slice('server-1-7.x86_64.'.length)).sort()).toEqual([
      ...[
        'liveimg.squashfs',
        'qcow',
        'rhevm.ova',
        'tar.gz',
        'tar.xz',
        'vagrant-hyperv.box',
        'vagrant-libvirt.box',
      ],
      ...['vagrant-virtualbox.box', 'vagrant-vmware-fusion.box', 'vdi', 'vhd', 'vmdk', 'vsphere.ova'],
    ]);
    const box = imageOf(made, 'server-1-7.x86_64.vagrant-hyperv.box');
    const parameters = { ovf_memory_mb: '6144', color: 'red', hyperv_ova_format: 'hyperv-vagrant' };
    expect(box).toMatchObject({ target: 'OVA', parameters, of: { target: 'hyperv', parameters } });
    expect(imageOf(made, 'server-1-7.x86_64.vagrant-vmware-fusion.box')).toMatchObject({
      of: { target: 'vsphere', parameters: { vsphere_vmdk_format: 'standard' } },
    });
    expect(imageOf(made, 'server-1-7.x86_64.tar.xz')).toMatchObject({
      target: 'docker',
      parameters: { compress: 'xz' },
    });
    expect(textOf(made, 'qemu-img-vpc-x86_64.log')).toContain('convert -f raw -O vpc');
    expect(textOf(made, 'qemu-img-qcow-x86_64.log')).toContain('convert -c -f raw -O qcow ');
    expect(textOf(made, 'libvirt-vpc-x86_64.xml')).toContain('<driver name="qemu" type="vpc"/>');
    expect(textOf(made, 'libvirt-tar-gz-x86_64.xml')).toContain('type-warning="tar-gz is not qemu-supported');
    const base = textOf(made, [...(uploads?.keys() ?? [])].find((name) => name.startsWith('koji-')) ?? '');
    expect(base).toContain(
      '--name=koji-override-0 --baseurl=http://a/x86_64\nrepo --name=koji-override-1 --baseurl=http://b\n',
    );
    const scratch = path.join(hub.topdir, 'scratch', 'kojiadmin');
    const [task] = (await hub.admin.call('listTasks', [{ parent: made.id }, {}])) as TaskInfo[];
    expect(readdirSync(path.join(scratch, `task_${task?.id}`))).toEqual(expect.arrayContaining(images));
  });

  test('continues without an architecture that may fail, but not without all', async () => {
    const made = await build(
      { kickstart: 'work/ks/arch.ks', optional_arches: 'aarch64,ppc64le', release: '9' },
      { arches: ['x86_64', 'aarch64'] },
    );
    expect([...made.children.keys()]).toEqual(['x86_64', 'tag']);
    const names = (await archivesOf('server-1-9')).map(({ filename }) => filename);
    expect(names).toContain('server-1-9.x86_64.raw');
    expect(names.some((name) => name.includes('aarch64'))).toBe(false);
    const all = { optional_arches: ['x86_64'], kickstart: 'work/ks/odd.ks', release: '10' };
    await expect(build(all)).rejects.toThrow('all subtasks failed');
    expect((await hub.admin.getBuild('server-1-10', true)).state).toBe(BUILD_STATES.FAILED);
  });

  test('that fails says why in the words of Koji and leaves log and screenshot', async () => {
    await expect(build({ kickstart: 'work/ks/fails.ks', scratch: true })).rejects.toThrow(
      'Image status is FAILED: Automated install failed or prompted for input. ' +
        'See the screenshot in the task results for more information',
    );
    const [task] = (await hub.admin.call('listTasks', [
      { method: 'createImage', state: [5] },
      { order: '-id', limit: 1 },
    ])) as TaskInfo[];
    const output = await hub.admin.listTaskOutput(task?.id ?? 0);
    expect(output).toEqual(expect.arrayContaining(['oz-x86_64.log', 'screenshot.png', 'tdl-x86_64.xml']));
    expect(await failure({ kickstart: 'work/ks/odd.ks' })).toMatch(
      /^Failed to parse kickstart file '.*\/kickstart\/odd.ks' : Unknown command: unknown command$/,
    );
    expect(await failure({ kickstart: 'work/ks/none.ks' })).toMatch(/^Kickstart .*none.ks does not exist\.$/);
    expect(await failure({ ksurl: url(), kickstart: 'link.ks' })).toContain('is a symbolic link');
    // Root reads it, the account that reads kickstart files does not.
    if (process.getuid?.() === 0)
      expect(await failure({ kickstart: 'work/ks/secret.ks' })).toMatch(
        /^Failed to read .*Permission denied/,
      );
    expect(await failure({ format: ['iso'] })).toBe('Invalid format: iso');
    expect(await failure({ noverifyssl: true })).toBe('noverifyssl option is not enabled');
  });

  test('is wrapped into rpms, one subtask for each architecture', async () => {
    const target = {
      name: 'images',
      build_tag: 2,
      build_tag_name: 'b',
      dest_tag: 1,
      dest_tag_name: 'images',
    };
    const completed: unknown[] = [];
    const { calls } = await runTask(
      ImageTask,
      ['server', '1', ['x86_64', 'aarch64'], 'images', 'http://a/', { specfile: 'git+https://a/b#c' }],
      {
        options: settings(),
        subtask: (method, args) => (method === 'wrapperRPM' ? { srpm: args[0] } : { task_id: 5, files: [] }),
        calls: {
          ...{ getBuildTarget: target, getRepo: { id: 7 }, getBuildConfig: { arches: 'x86_64 aarch64' } },
          ...{ getPackageConfig: { blocked: false }, getTaskInfo: (id: number) => ({ id, owner: 1 }) },
          ...{
            getNextRelease: '3',
            'host.assertPolicy': true,
            'host.initImageBuild': { id: 9, release: '3' },
          },
          'host.completeImageBuild': (...args: unknown[]) => completed.push(args[2]),
        },
      },
    );
    const labels = calls
      .filter(({ method }) => method === 'host.subtask')
      .map(({ args, named: { label } }) => [args[0], label]);
    expect(labels).toEqual([
      ...[
        ['createImage', 'x86_64'],
        ['createImage', 'aarch64'],
      ],
      ...[
        ['wrapperRPM', 'rpm x86_64'],
        ['wrapperRPM', 'rpm aarch64'],
      ],
      ['tagBuild', 'tag'],
    ]);
    const [results] = completed as Record<string, { rpmresults: object }>[];
    expect(Object.values(results ?? {}).map(({ rpmresults }) => rpmresults)).toEqual([
      { srpm: 'git+https://a/b#c', task_id: expect.any(Number) as number },
      { srpm: 'git+https://a/b#c', task_id: expect.any(Number) as number },
    ]);
  });

  test('is refused for names, packages and architectures that can’t be', async () => {
    await expect(build({}, { version: '1-2' })).rejects.toThrow('The Version may not have a hyphen');
    await expect(build({ release: '1-2' })).rejects.toThrow('The Release may not have a hyphen');
    await expect(build({}, { name: 'other' })).rejects.toThrow(
      'package (image) other not in list for tag images',
    );
    await expect(build({}, { arches: ['s390x'] })).rejects.toThrow('Invalid arch for build tag: s390x');
  });
});

describe('an image built with the tools of another one', () => {
  const indirect = async (opts: Record<string, unknown>): Promise<Made> => {
    const given = {
      name: 'small',
      version: '2',
      arch: 'x86_64',
      target: 'images',
      results_loc: 'out/small.raw',
    };
    const template = { indirection_template: 'work/ks/indirect.xml' };
    const about = named({
      opts: { ...given, ...template, scratch: null, release: null, skip_tag: null, ...opts },
    });
    return run(await hub.admin.buildImageIndirection(about));
  };

  test('is made from a build and from a task, imported and tagged', async () => {
    const made = await build({ format: ['qcow2'], release: '20' });
    const [task] = (await hub.admin.call('listTasks', [
      { parent: made.id, method: 'createImage' },
      {},
    ])) as TaskInfo[];
    const result = await indirect({
      base_image_build: 'server-1-20',
      utility_image_task: String(task?.id),
    });
    expect(result.parent.uploads.get('indirect.xml')?.toString()).toBe('<template/>\n');
    const image = JSON.parse(result.parent.uploads.get('small.raw')?.toString() ?? '') as unknown;
    expect(image).toMatchObject({
      target: 'indirection',
      parameters: { results_location: '/out/small.raw', utility_customizations: '<template/>\n' },
      of: { image: 'server-1-20.x86_64' },
    });
    expect((await archivesOf('small-2-1')).map(({ filename }) => filename)).toEqual(['small.raw']);
    expect(await hub.admin.listTagged('images', named({ package: 'small' }))).toHaveLength(1);
    const images = { base_image_build: 'server-1-20', utility_image_build: 'server-1-20' };
    const mock = { ...images, indirection_template: 'work/ks/fails.xml', release: '5' };
    await expect(indirect(mock)).rejects.toThrow(
      "Image status is FAILED: {'activity': 'working', 'error': 'no such tool'}",
    );
    expect((await hub.admin.getBuild('small-2-5', true)).state).toBe(BUILD_STATES.FAILED);
  });

  test('needs images that exist', async () => {
    const { id } = await hub.admin.getBuild('inner-1.0-1', true);
    const refused: [Record<string, unknown>, string][] = [
      [{ utility_image_build: 'none-1-1' }, 'Could not find build for (none-1-1)'],
      [
        { utility_image_build: 'inner-1.0-1' },
        `Could not retrieve archives for build (${id}) from NVR (inner-1.0-1)`,
      ],
      [
        { utility_image_build: 'small-2-1' },
        'Missing TDL (None) or qcow2 (None) image for image (small-2-1)',
      ],
    ];
    for (const [opts, text] of refused) await expect(indirect(opts)).rejects.toThrow(text);
    const made = await hub.admin.makeTask('sleep', [0]);
    await expect(indirect({ utility_image_task: made })).rejects.toThrow(
      `Input task (${made}) must be in closed state - current state is (free)`,
    );
  });
});
