import { canonArch } from '@koji/core';
import { exportCli } from '@koji/plugin-sdk';
import type { CliTools, HubSession } from '@koji/plugin-sdk';

/** `koji kiwi-build`: starts an image build and waits for it. */
export const handle_kiwi_build = exportCli({
  help: 'Build an image from a kiwi description',
  group: 'build',
  usage: '[options] <target> <description_scm> <description_path>',
  options: {
    scratch: { flags: ['--scratch'], action: 'true', help: 'Perform a scratch build' },
    version: { flags: ['--version'], help: 'Override default version of the output image' },
    release: { flags: ['--release'], help: 'Release of the output image' },
    repos: {
      flags: ['--repo'],
      action: 'list',
      metavar: 'REPO',
      help: 'Specify a repo that will override the repo used to install RPMs in the image. May be used multiple times. The build tag repo associated with the target is the default.',
    },
    repo_releasever: {
      flags: ['--repo-releasever'],
      help: 'Override default releasever of the output image',
    },
    noprogress: { flags: ['--noprogress'], action: 'true', help: 'Do not display progress of the upload' },
    profile: {
      flags: ['--kiwi-profile'],
      metavar: 'KIWI_PROFILE',
      help: 'Select profile from description file',
    },
    type: { flags: ['--type'], help: 'Override default build type from description' },
    type_attr: {
      flags: ['--type-attr'],
      action: 'list',
      help: 'Override default attributes for the build type from description. May be used multiple times.',
    },
    result_bundle_name_format: {
      flags: ['--result-bundle-name-format'],
      help: 'Override default bundle name format',
    },
    make_prep: {
      flags: ['--make-prep'],
      action: 'true',
      help: "Run 'make prep' in checkout before starting the build",
    },
    use_buildroot_repo: {
      flags: ['--buildroot-repo'],
      action: 'true',
      help: 'Add buildroot repo to installation sources. This is off by default, but if there is no --repo used, it will be turned on automatically.',
    },
    optional_arches: {
      flags: ['--can-fail'],
      metavar: 'ARCH1,ARCH2,...',
      help: 'List of archs which are not blocking for build (separated by commas.',
    },
    arches: { flags: ['--arch'], action: 'list', metavar: 'ARCH', help: 'Limit arches to this subset' },
    wait: [
      { flags: ['--nowait'], action: 'false', help: '' },
      {
        flags: ['--wait'],
        action: 'true',
        help: 'Wait on the image creation, even if running in the background',
      },
    ],
  },
})(async (settings, session, args, tools) => {
  const [target, desc_url, desc_path, ...more] = args;
  if (desc_path === undefined || more.length > 0) tools.usageError('Incorrect number of arguments');
  const taskId = (await session.call('kiwiBuild', [], {
    target,
    desc_url,
    desc_path,
    ...imageOptions(tools),
    ...(await usesBuildrootRepo(session, tools)),
  })) as number;
  if (!settings.quiet) {
    tools.print(`Created task: ${taskId}`);
    tools.print(`Task info: ${String(settings.weburl)}/taskinfo?taskID=${taskId}`);
  }
  return tools.options.wait === false ? 0 : tools.watchTasks([taskId]);
});

/** What is sent when it is given. */
const sent: ReadonlySet<string> = new Set([
  'scratch',
  'profile',
  'version',
  'release',
  'make_prep',
  'type',
  'type_attr',
  'result_bundle_name_format',
  'repos',
  'repo_releasever',
]);

const isGiven = (value: unknown): boolean => (Array.isArray(value) ? value.length > 0 : Boolean(value));

function imageOptions({ options }: CliTools): Record<string, unknown> {
  const { arches, optional_arches: mayFail } = options as { arches: string[]; optional_arches?: string };
  return {
    arches: arches.map(canonArch),
    ...Object.fromEntries(
      Object.entries(options).filter(([name, value]) => sent.has(name) && isGiven(value)),
    ),
    ...(mayFail ? { optional_arches: mayFail.split(',').filter(Boolean).map(canonArch) } : {}),
  };
}

async function usesBuildrootRepo(
  session: HubSession,
  tools: CliTools,
): Promise<{ use_buildroot_repo?: true }> {
  const [major = 0, minor = 0] = String(await session.call('getKojiVersion'))
    .split('.')
    .map(Number);
  if (major < 1 || (major === 1 && minor < 35)) {
    tools.warn('hub version is < 1.35, buildroot repo is always used in addition to specified repos');
    return {};
  }
  if (tools.options.use_buildroot_repo) return { use_buildroot_repo: true };
  if ((tools.options.repos as string[]).length > 0) return {};
  tools.warn('no repos given, using buildroot repo');
  return { use_buildroot_repo: true };
}
