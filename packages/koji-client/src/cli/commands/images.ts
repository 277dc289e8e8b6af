import { named } from '@koji/core/wire';
import { GenericError, canonArch } from '@koji/core';
import { command } from '../command.js';
import type { Run } from '../command.js';
import {
  canFailOption,
  imageRepoOption,
  imageTaskOptions,
  ksversionOption,
  releaseOption,
  skipTagOption,
  specfileOption,
  volidOption,
} from '../image-options.js';
import { flag, text, texts } from '../options.js';
import { backgroundPriority, followTask } from '../starting.js';
import { uploadShown } from '../uploading.js';

/** Shared by the commands that build images from a kickstart file. */
interface ImageOptions {
  readonly wait: boolean | undefined;
  readonly noprogress: boolean | undefined;
  readonly background: boolean | undefined;
  readonly ksurl: string | undefined;
  readonly repo: readonly string[];
  readonly optional_arches?: string | undefined;
}

/** Options that the hub accepts from any of these commands. */
const passedOn = [
  'format',
  'install_tree_url',
  'isoname',
  'ksurl',
  'ksversion',
  'release',
  'repo',
  'scratch',
  'skip_tag',
  'specfile',
  'vcpu',
  'vmem',
  'volid',
  'optional_arches',
  'lorax_dir',
  'lorax_url',
  'nomacboot',
  'ksrepo',
  'squashfs_only',
  'compress_arg',
];

/** Checks that a target and its destination tag exist. A wrong one is a fault here, not a usage error. */
export async function checkImageTarget({ session }: Run, name: string): Promise<void> {
  const target = await session.getBuildTarget(name);
  if (!target) throw new GenericError(`No such build target: ${name}`);
  if (!(await session.getTag(target.dest_tag)))
    throw new GenericError(`No such destination tag: ${target.dest_tag_name}`);
}

/** Starts the task that builds an image from a kickstart file. */
async function buildImage(
  run: Run,
  kind: 'livecd' | 'appliance' | 'livemedia',
  options: ImageOptions,
): Promise<number> {
  const { args, global, session, login } = run;
  const [name = '', version = '', target = '', arches = '', kickstart = ''] = args;
  await login();
  await checkImageTarget(run, target);
  const arch = kind === 'livemedia' ? arches.split(',').map(canonArch) : canonArch(arches);
  const file = options.ksurl
    ? kickstart
    : await uploadShown(run, kickstart, { prefix: `cli-${kind}`, silent: options.noprogress === true });
  const given = Object.entries({
    ...options,
    repo: options.repo.length > 0 ? options.repo : undefined,
    optional_arches: options.optional_arches?.split(','),
  }).filter(([key, value]) => passedOn.includes(key) && value !== undefined);
  const id = await session.buildImage(
    name,
    version,
    arch,
    target,
    file,
    kind,
    named({
      opts: Object.fromEntries(given),
      ...backgroundPriority(options.background),
    }),
  );
  return followTask(run, id, { wait: options.wait, silent: global.quiet });
}

const maxVolumeId = 32;

function checkVolumeId({ usageError }: Run, volumeId: string | undefined): void {
  if (volumeId !== undefined && volumeId.length > maxVolumeId)
    usageError(`Volume ID has a maximum length of ${maxVolumeId} characters`);
}

const spinLivecd = command({
  name: 'spin-livecd',
  category: 'build',
  arguments: ['text', 'text', 'target', 'text', 'file'],
  examples: ['spin-livecd f44-live 1 f44-candidate x86_64 live.ks'],
  summary: 'Create a live CD image given a kickstart file',
  usage: 'spin-livecd [options] <name> <version> <target> <arch> <kickstart-file>',
  options: {
    ...imageTaskOptions('livecd'),
    ksversion: ksversionOption,
    scratch: flag('--scratch', 'Create a scratch LiveCD image'),
    repo: imageRepoOption('LiveCD'),
    release: releaseOption,
    volid: volidOption,
    specfile: specfileOption,
    skip_tag: skipTagOption,
  },
  run(run) {
    run.print('spin-livecd is deprecated and will be replaced with spin-livemedia');
    if (run.args.length !== 5)
      return run.usageError(
        'Five arguments are required: a name, a version, an architecture, a build target, ' +
          'and a relative path to a kickstart file.',
      );
    checkVolumeId(run, run.options.volid);
    return buildImage(run, 'livecd', run.options);
  },
});

const spinLivemedia = command({
  name: 'spin-livemedia',
  category: 'build',
  arguments: ['text', 'text', 'target', 'text', 'file'],
  examples: ['spin-livemedia f44-live 1 f44-candidate x86_64 live.ks'],
  summary: 'Create a livemedia image given a kickstart file',
  usage: 'spin-livemedia [options] <name> <version> <target> <arch> <kickstart-file>',
  options: {
    ...imageTaskOptions('livemedia'),
    install_tree_url: text('--install-tree-url', 'Provide the URL for the install tree', { metavar: 'URL' }),
    ksversion: ksversionOption,
    scratch: flag('--scratch', 'Create a scratch LiveMedia image'),
    repo: imageRepoOption('LiveMedia'),
    release: releaseOption,
    volid: volidOption,
    specfile: specfileOption,
    skip_tag: skipTagOption,
    optional_arches: canFailOption,
    lorax_dir: text(
      '--lorax_dir',
      'The relative path to the lorax templates directory within the checkout of "lorax_url".',
      { metavar: 'DIR' },
    ),
    lorax_url: text(
      '--lorax_url',
      'The URL to the SCM containing any custom lorax templates that are to be used to override the default templates.',
      { metavar: 'URL' },
    ),
    nomacboot: flag('--nomacboot', 'Pass the nomacboot option to livemedia-creator'),
    ksrepo: flag('--ksrepo', 'Do not overwrite repos in the kickstart'),
    squashfs_only: flag('--squashfs-only', 'Use a plain squashfs filesystem.'),
    compress_arg: texts('--compress-arg', 'List of compressions.', { metavar: 'ARG OPT' }),
  },
  run(run) {
    const { options, usageError } = run;
    if (run.args.length !== 5)
      return usageError(
        'Five arguments are required: a name, a version, a build target, an architecture, ' +
          'and a relative path to a kickstart file.',
      );
    if (options.lorax_url !== undefined && options.lorax_dir === undefined)
      return usageError('The "--lorax_url" option requires that "--lorax_dir" also be used.');
    checkVolumeId(run, options.volid);
    return buildImage(run, 'livemedia', options);
  },
});

const spinAppliance = command({
  name: 'spin-appliance',
  category: 'build',
  arguments: ['text', 'text', 'target', 'text', 'file'],
  examples: ['spin-appliance f44-appliance 1 f44-candidate x86_64 appliance.ks'],
  summary: 'Create an appliance given a kickstart file',
  usage: 'spin-appliance [options] <name> <version> <target> <arch> <kickstart-file>',
  options: {
    ...imageTaskOptions('appliance'),
    ksversion: ksversionOption,
    scratch: flag('--scratch', 'Create a scratch appliance'),
    repo: imageRepoOption('appliance'),
    release: releaseOption,
    specfile: specfileOption,
    skip_tag: skipTagOption,
    vmem: text('--vmem', 'Set the amount of virtual memory in the appliance in MB, default is 512'),
    vcpu: text('--vcpu', 'Set the number of virtual cpus in the appliance, default is 1'),
    format: {
      ...text('--format', 'Disk format, default is raw. Other options are qcow, qcow2, and vmx.', {
        metavar: 'DISK_FORMAT',
      }),
      initial: 'raw',
    },
  },
  run(run) {
    run.print('spin-appliance is deprecated and will be replaced with image-build');
    if (run.args.length !== 5)
      return run.usageError(
        'Five arguments are required: a name, a version, an architecture, a build target, ' +
          'and a relative path to a kickstart file.',
      );
    return buildImage(run, 'appliance', run.options);
  },
});

export const images = [spinLivecd, spinLivemedia, spinAppliance];
