import { canonArch } from '@koji/core';
import { named } from '@koji/core/wire';
import { exportCli } from '@koji/plugin-sdk';
import type { CliTools, HubSession } from '@koji/plugin-sdk';
import type {} from './index.js';

const options = {
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
} as const;

/** `koji kiwi-build`: starts an image build and waits for it. */
export const handle_kiwi_build = exportCli({
  help: 'Build an image from a kiwi description',
  group: 'build',
  usage: '[options] <target> <description_scm> <description_path>',
  options,
})(async (settings, session, args, tools) => {
  const [target, desc_url, desc_path, ...more] = args;
  if (target === undefined || desc_url === undefined || desc_path === undefined || more.length > 0)
    return tools.usageError('Incorrect number of arguments');
  const image = named({
    target,
    desc_url,
    desc_path,
    ...imageOptions(tools),
    ...(await usesBuildrootRepo(session, tools)),
  });
  const taskId = await session.kiwiBuild(image);
  if (!settings.quiet) {
    tools.print(`Created task: ${taskId}`);
    tools.print(`Task info: ${settings.weburl}/taskinfo?taskID=${taskId}`);
  }
  return tools.options.wait === false ? 0 : tools.watchTasks([taskId]);
});

type Tools = CliTools<typeof options>;

/** The options that were given; others are not sent. */
function imageOptions({ options: given }: Tools) {
  const { arches, optional_arches: mayFail, repos, type_attr } = given;
  const { scratch, make_prep, profile, version, release, type } = given;
  const { result_bundle_name_format, repo_releasever } = given;
  return {
    arches: arches.map(canonArch),
    ...(scratch ? { scratch } : {}),
    ...(profile ? { profile } : {}),
    ...(version ? { version } : {}),
    ...(release ? { release } : {}),
    ...(make_prep ? { make_prep } : {}),
    ...(type ? { type } : {}),
    ...(type_attr.length > 0 ? { type_attr } : {}),
    ...(result_bundle_name_format ? { result_bundle_name_format } : {}),
    ...(repos.length > 0 ? { repos } : {}),
    ...(repo_releasever ? { repo_releasever } : {}),
    ...(mayFail ? { optional_arches: mayFail.split(',').filter(Boolean).map(canonArch) } : {}),
  };
}

async function usesBuildrootRepo(session: HubSession, tools: Tools): Promise<{ use_buildroot_repo?: true }> {
  const [major = 0, minor = 0] = (await session.getKojiVersion()).split('.').map(Number);
  if (major < 1 || (major === 1 && minor < 35)) {
    tools.warn('hub version is < 1.35, buildroot repo is always used in addition to specified repos');
    return {};
  }
  if (tools.options.use_buildroot_repo) return { use_buildroot_repo: true };
  if (tools.options.repos.length > 0) return {};
  tools.warn('no repos given, using buildroot repo');
  return { use_buildroot_repo: true };
}
