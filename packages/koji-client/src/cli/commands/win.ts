import { named } from '@koji/core/wire';
import { checkTarget, givenOptions } from '../build-target.js';
import { command } from '../command.js';
import { flag, int, text } from '../options.js';
import { backgroundPriority, followTask, waitOptions } from '../starting.js';

const winBuild = command({
  name: 'win-build',
  category: 'build',
  arguments: ['target', 'text', 'text'],
  examples: ['win-build f44-win git+https://git.example/win/app#main windows-vm'],
  summary: 'Build a Windows package from source',
  usage: 'win-build [options] <target> <URL> <VM>',
  options: {
    winspec: text(
      '--winspec',
      'SCM URL to retrieve the build descriptor from. If not specified, the winspec must be ' +
        'in the root directory of the source repository.',
      { metavar: 'URL' },
    ),
    patches: text(
      '--patches',
      'SCM URL of a directory containing patches to apply to the sources before building',
      { metavar: 'URL' },
    ),
    cpus: int('--cpus', 'Number of cpus to allocate to the build VM (requires admin access)'),
    mem: int('--mem', 'Amount of memory (in megabytes) to allocate to the build VM (requires admin access)'),
    static_mac: flag('--static-mac', 'Retain the original MAC address when cloning the VM'),
    specfile: text('--specfile', 'SCM URL of a spec file fragment to use to generate wrapper RPMs', {
      metavar: 'URL',
    }),
    scratch: flag('--scratch', 'Perform a scratch build'),
    repo_id: int('--repo-id', 'Use a specific repo'),
    skip_tag: flag('--skip-tag', 'Do not attempt to tag package'),
    background: flag('--background', 'Run the build at a lower priority'),
    wait: waitOptions('the build'),
    quiet: flag('--quiet', 'Do not print the task information'),
  },
  async run(run) {
    const { args, options, global, session, login, usageError } = run;
    const [name, url, machine] = args;
    if (name === undefined || url === undefined || machine === undefined || args.length !== 3)
      return usageError('Exactly three arguments (a build target, a SCM URL, and a VM name) are required');
    await login();
    const target = name.toLowerCase() === 'none' && options.repo_id ? null : name;
    if (target !== null) await checkTarget(run, target, { scratch: options.scratch });
    const opts = givenOptions({ ...options, ...(target === null ? { skip_tag: true } : {}) }, [
      'winspec',
      'patches',
      'cpus',
      'mem',
      'static_mac',
      'specfile',
      'scratch',
      'repo_id',
      'skip_tag',
    ]);
    const id = await session.winBuild(
      machine,
      url,
      target,
      opts,
      named(backgroundPriority(options.background)),
    );
    return followTask(run, id, { wait: options.wait, silent: options.quiet ?? global.quiet });
  },
});

export const win = [winBuild];
