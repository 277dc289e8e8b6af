import { canonArch } from '@koji/core';
import { named } from '@koji/core/wire';
import { exportCli } from '@koji/plugin-sdk';
import type {} from './index.js';

/** `koji dud-build`: starts the build of a driver update disk and waits for it. */
export const handle_dud_build = exportCli({
  help: 'Build a driver update disk',
  group: 'build',
  usage: '[options] <koji_target> --scmurl=<git_repo> <dud_name><version> <pkg(nvr optional)> [<pkg> ...]',
  options: {
    scratch: { flags: ['--scratch'], action: 'true', help: 'Perform a scratch build' },
    scmurl: {
      flags: ['--scmurl'],
      metavar: 'SCMURL',
      help: 'SCM repository URL for non-rpm related content to be included in the ISO',
    },
    alldeps: {
      flags: ['--alldeps'],
      action: 'true',
      help: 'Download all involved rpm dependencies and put them inside the DUD ISO as well',
    },
    arches: { flags: ['--arch'], action: 'list', metavar: 'ARCH', help: 'Limit arches to this subset' },
    optional_arches: {
      flags: ['--can-fail'],
      metavar: 'ARCH1,ARCH2,...',
      help: 'List of archs which are not blocking for build (separated by commas.',
    },
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
  const [target, dud_name, dud_version, ...pkg_list] = args;
  if (target === undefined || dud_name === undefined || dud_version === undefined || pkg_list.length === 0)
    return tools.usageError('Incorrect number of arguments');
  const { arches, optional_arches: mayFail = '' } = tools.options;
  const { scratch = false, alldeps = false, scmurl = null } = tools.options;
  const disk = named({
    target,
    arches: arches.map(canonArch),
    dud_version,
    dud_name,
    pkg_list,
    scratch,
    alldeps,
    scmurl,
    optional_arches: mayFail.split(',').filter(Boolean).map(canonArch),
  });
  const taskId = await session.dudBuild(disk);
  if (!settings.quiet) {
    tools.print(`Created task: ${taskId}`);
    tools.print(`Task info: ${settings.weburl}/taskinfo?taskID=${taskId}`);
  }
  return tools.options.wait === false ? 0 : tools.watchTasks([taskId]);
});
