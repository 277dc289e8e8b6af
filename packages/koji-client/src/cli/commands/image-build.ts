import { named } from '@koji/core/wire';
import { GenericError, canonArch } from '@koji/core';
import { parseIni } from '@koji/core/config';
import type { Sections } from '@koji/core/config';
import { readFileSync } from 'node:fs';
import { command } from '../command.js';
import type { Run } from '../command.js';
import {
  canFailOption,
  imageRepoOption,
  ksurlOption,
  ksversionOption,
  noprogressOption,
  releaseOption,
  skipTagOption,
  specfileOption,
} from '../image-options.js';
import { flag, noFlag, pairs, text, texts } from '../options.js';
import { backgroundPriority, followTask } from '../starting.js';
import { uploadShown } from '../uploading.js';
import { checkImageTarget } from './images.js';

function readConfig({ usageError }: Run, file: string, section: string): Sections {
  const sections = parseIni([{ file, text: readFileSync(file, 'utf8') }], { interpolation: true });
  return sections.has(section) ? sections : usageError(`single section called [${section}] is required`);
}

/** The parameters of an image: five by position, the rest as options of the hub. */
interface Image {
  readonly name: string;
  readonly version: string;
  readonly target: string;
  readonly installTree: string;
  readonly arches: readonly string[];
  readonly options: Readonly<Record<string, unknown>>;
}

const passedOn = [
  'ksurl',
  'ksversion',
  'kickstart',
  'scratch',
  'repo',
  'release',
  'skip_tag',
  'specfile',
  'distro',
  'format',
  'disk_size',
  'ova_option',
  'factory_parameter',
  'optional_arches',
  'noverifyssl',
];

const imageBuild = command({
  name: 'image-build',
  category: 'build',
  arguments: ['text', 'text', 'target', 'text', 'text...'],
  examples: ['image-build f44-cloud 1 f44-candidate https://mirror.example/f44/ x86_64 --kickstart=cloud.ks'],
  summary: 'Create a disk image given an install tree',
  usage: `image-build [options] <name> <version> <target> <install-tree-url> <arch> [<arch> ...]
       %prog image-build --config <FILE>
`,
  options: {
    background: flag('--background', 'Run the image creation task at a lower priority'),
    config: text(
      '--config',
      'Use a configuration file to define image-build options instead of command line options (they will be ignored).',
    ),
    disk_size: text('--disk-size', 'Set the disk device size in gigabytes'),
    distro: text(
      '--distro',
      'specify the RPM based distribution the image will be based on with the format RHEL-X.Y, CentOS-X.Y, SL-X.Y, or Fedora-NN. The packages for the Distro you choose must have been built in this system.',
    ),
    format: texts(
      '--format',
      "Convert results to one or more formats (vmdk, qcow, qcow2, vdi, vpc, rhevm-ova, vsphere-ova, vagrant-virtualbox, vagrant-libvirt, vagrant-vmware-fusion, vagrant-hyperv, docker, raw-xz, liveimg-squashfs, tar-gz), this option may be used multiple times. By default, specifying this option will omit the raw disk image (which is 10G in size) from the build results. If you really want it included with converted images, pass in 'raw' as an option.",
    ),
    kickstart: text('--kickstart', 'Path to a local kickstart file'),
    ksurl: ksurlOption,
    ksversion: ksversionOption,
    noprogress: noprogressOption,
    noverifyssl: flag(
      '--noverifyssl',
      'Use the noverifyssl option for the install tree and all repos. This option is only allowed if enabled on the builder.',
    ),
    nowait: noFlag('--nowait', "Don't wait on image creation"),
    ova_option: texts(
      '--ova-option',
      "Override a value in the OVA description XML. Provide a value in a name=value format, such as 'ovf_memory_mb=6144'",
    ),
    factory_parameter: pairs(
      '--factory-parameter',
      'Pass a parameter to Image Factory. The results are highly specific to the image format being created. This is a two argument parameter that can be specified an arbitrary number of times. For example: --factory-parameter docker_cmd \'[ "/bin/echo Hello World" ]\'',
    ),
    release: releaseOption,
    repo: imageRepoOption('image'),
    scratch: flag('--scratch', 'Create a scratch image'),
    skip_tag: skipTagOption,
    optional_arches: canFailOption,
    specfile: specfileOption,
    // The last one, as in Koji's help.
    wait: flag('--wait', 'Wait on the image creation, even if running in the background'),
  },
  async run(run) {
    const { options, global, session, login, usageError } = run;
    const image = options.config ? imageOfFile(run, options.config, options) : imageOfArguments(run, options);
    const { ksurl, kickstart, distro } = image.options;
    if (!ksurl && !kickstart) return usageError('You must specify --kickstart');
    if (!distro)
      return usageError('You must specify --distro. Examples: Fedora-16, RHEL-6.4, SL-6.4 or CentOS-6.4');
    await login();
    await checkImageTarget(run, image.target);
    const arches = image.arches.map(canonArch);
    const uploaded = ksurl ? {} : { kickstart: await uploadTemplate(run, String(kickstart), 'cli-image') };
    const sent: Record<string, unknown> = { ...image.options, ...uploaded };
    const opts = Object.entries(sent).filter(([key, value]) => passedOn.includes(key) && value !== undefined);
    const id = await session.buildImageOz(
      image.name,
      image.version,
      arches,
      image.target,
      image.installTree,
      named({ opts: Object.fromEntries(opts), ...backgroundPriority(options.background) }),
    );
    return followTask(run, id, { wait: options.wait ?? options.nowait, silent: global.quiet });
  },
});

async function uploadTemplate(run: Run, file: string, prefix: string): Promise<string> {
  const silent = run.options['noprogress'] === true;
  return `work/${await uploadShown(run, file, { prefix, silent })}`;
}

const unlessEmpty = <T>(list: readonly T[]): readonly T[] | undefined => (list.length > 0 ? list : undefined);

interface GivenImageOptions {
  readonly disk_size: string | undefined;
  readonly ova_option: readonly string[];
  readonly factory_parameter: readonly (readonly string[])[];
  readonly repo: readonly string[];
}

function sentOptions(options: GivenImageOptions): Record<string, unknown> {
  return {
    ...options,
    disk_size: options.disk_size ?? 10,
    ova_option: unlessEmpty(options.ova_option),
    factory_parameter: unlessEmpty(options.factory_parameter),
    repo: unlessEmpty(options.repo),
  };
}

function imageOfArguments({ args, usageError }: Run, options: GivenImageOptions): Image {
  const [name, version, target, installTree, ...arches] = args;
  if (
    name === undefined ||
    version === undefined ||
    target === undefined ||
    installTree === undefined ||
    arches.length === 0
  )
    return usageError(
      'At least five arguments are required: a name, a version, a build target, a URL to an install tree, ' +
        'and 1 or more architectures.',
    );
  return { name, version, target, installTree, arches, options: sentOptions(options) };
}

function imageOfFile(run: Run, file: string, options: GivenImageOptions): Image {
  const section = 'image-build';
  const sections = readConfig(run, file, section);
  const values = new Map(sections.get(section));
  const take = (key: string): string => {
    const value = values.get(key);
    if (value === undefined) throw new GenericError(`${file}: [${section}] needs the option ${key}`);
    values.delete(key);
    return value;
  };
  const [name, version, target, installTree] = ['name', 'version', 'target', 'install_tree'].map(take) as [
    string,
    string,
    string,
    string,
  ];
  const arches = take('arches').split(',');
  const lists = ['repo', 'format', 'can_fail'].flatMap((key): [string, string[]][] => {
    const value = values.get(key);
    values.delete(key);
    return value === undefined ? [] : [[key === 'can_fail' ? 'optional_arches' : key, value.split(',')]];
  });
  const ova = sections.get('ova-options');
  const factory = sections.get('factory-parameters');
  return {
    name,
    version,
    target,
    installTree,
    arches,
    options: {
      ...sentOptions(options),
      ...Object.fromEntries(lists),
      ...Object.fromEntries(values),
      ...(ova ? { ova_option: [...ova].map(([key, value]) => `${key}=${value}`) } : {}),
      ...(factory ? { factory_parameter: [...factory] } : {}),
    },
  };
}

const required = ['name', 'version', 'arch', 'target', 'indirection_template', 'results_loc'];
const optional = [
  'indirection_template_url',
  'scratch',
  'utility_image_task',
  'utility_image_build',
  'base_image_task',
  'base_image_build',
  'release',
  'skip_tag',
];

const imageBuildIndirection = command({
  name: 'image-build-indirection',
  category: 'build',
  arguments: ['text', 'text', 'file'],
  examples: ['image-build-indirection --config image.ini'],
  summary: 'Create a disk image using other disk images via the Indirection plugin',
  usage: `image-build-indirection [base_image] [utility_image] [indirection_build_template]
       %prog image-build --config <FILE>
`,
  options: {
    config: text(
      '--config',
      'Use a configuration file to define image-build options instead of command line options (they will be ignored).',
    ),
    background: flag('--background', 'Run the image creation task at a lower priority'),
    name: text('--name', 'Name of the output image'),
    version: text('--version', 'Version of the output image'),
    release: text('--release', 'Release of the output image'),
    arch: text('--arch', 'Architecture of the output image and input images'),
    target: text('--target', 'Build target to use for the indirection build'),
    skip_tag: flag('--skip-tag', 'Do not tag the resulting build'),
    base_image_task: text('--base-image-task', 'ID of the createImage task of the base image to be used'),
    base_image_build: text('--base-image-build', 'NVR or build ID of the base image to be used'),
    utility_image_task: text(
      '--utility-image-task',
      'ID of the createImage task of the utility image to be used',
    ),
    utility_image_build: text('--utility-image-build', 'NVR or build ID of the utility image to be used'),
    indirection_template: text(
      '--indirection-template',
      'Name of the local file, or SCM file containing the template used to drive the indirection plugin',
    ),
    indirection_template_url: text(
      '--indirection-template-url',
      'SCM URL containing the template used to drive the indirection plugin',
    ),
    results_loc: text(
      '--results-loc',
      'Relative path inside the working space image where the results should be extracted from',
    ),
    scratch: flag('--scratch', 'Create a scratch image'),
    wait: [
      flag('--wait', 'Wait on the image creation, even if running in the background'),
      noFlag('--nowait', 'Do not wait on the image creation'),
    ],
    noprogress: noprogressOption,
  },
  async run(run) {
    const { global, session, print, login } = run;
    const options: Record<string, unknown> = { ...run.options };
    if (run.options.config) {
      const section = 'image-build-indirection';
      const values = readConfig(run, run.options.config, section).get(section);
      for (const [key, value] of values ?? []) if (key in options) options[key] = value;
    }
    for (const kind of ['utility', 'base'])
      if (Boolean(options[`${kind}_image_task`]) === Boolean(options[`${kind}_image_build`]))
        throw new GenericError(`You must specify either a ${kind}-image task or build ID/NVR`);
    const missing = required.filter((key) => !options[key]);
    if (missing.length > 0) {
      const flags = missing.map((key) => `--${key.replaceAll('_', '-')}`);
      print(`Missing the following required options: ${flags.join(' ')}`);
      throw new GenericError('Missing required options specified above');
    }
    await login();
    await checkImageTarget(run, String(options['target']));
    options['arch'] = canonArch(String(options['arch']));
    if (!options['indirection_template_url']) {
      if (!options['scratch'])
        throw new GenericError('Non-scratch builds must provide a URL for the indirection template');
      const template = String(options['indirection_template']);
      options['indirection_template'] = await uploadTemplate(run, template, 'cli-image-indirection');
    }
    const opts = Object.fromEntries([...required, ...optional].map((key) => [key, options[key] ?? null]));
    const id = await session.buildImageIndirection(
      named({
        opts,
        ...backgroundPriority(
          options['background'] === undefined ? undefined : Boolean(options['background']),
        ),
      }),
    );
    const wait = options['wait'] === undefined ? undefined : Boolean(options['wait']);
    return followTask(run, id, { wait, silent: global.quiet });
  },
});

export const imageBuilding = [imageBuild, imageBuildIndirection];
