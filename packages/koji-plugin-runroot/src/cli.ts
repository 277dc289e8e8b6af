import { setTimeout as sleep } from 'node:timers/promises';
import { GenericError, TASK_STATES } from '@koji/core';
import { named } from '@koji/core/wire';
import { exportCli } from '@koji/plugin-sdk';
import type { CliTools, HubSession } from '@koji/plugin-sdk';
import type {} from './index.js';

const options = {
  package: { flags: ['-p', '--package'], action: 'list', help: 'make sure this package is in the chroot' },
  mount: {
    flags: ['-m', '--mount'],
    action: 'list',
    help: 'mount this directory read-write in the chroot',
  },
  skip_setarch: { flags: ['--skip-setarch'], action: 'true', help: 'bypass normal setarch in the chroot' },
  weight: { flags: ['-w', '--weight'], action: 'int', help: 'set task weight' },
  channel_override: { flags: ['--channel-override'], help: 'use a non-standard channel' },
  task_id: { flags: ['--task-id'], action: 'true', help: 'Print the ID of the runroot task' },
  use_shell: {
    flags: ['--use-shell'],
    action: 'true',
    help: 'Run command through a shell, otherwise uses exec',
  },
  new_chroot: [
    {
      flags: ['--new-chroot'],
      action: 'true',
      help: 'Run command with the --new-chroot (systemd-nspawn) option to mock',
    },
    {
      flags: ['--old-chroot'],
      action: 'false',
      help: 'Run command with the --old-chroot (systemd-nspawn) option to mock',
    },
  ],
  repo_id: { flags: ['--repo-id'], action: 'int', help: 'ID of the repo to use' },
  wait: { flags: ['--nowait'], action: 'false', help: 'Do not wait on task' },
  watch: { flags: ['--watch'], action: 'true', help: 'Watch task instead of printing runroot.log' },
  quiet: { flags: ['--quiet'], action: 'true', help: 'Do not print the task information' },
} as const;

/** `koji runroot`: runs a command in a buildroot and prints what it said. */
export const handle_runroot = exportCli({
  help: 'Run a command in a buildroot',
  group: 'admin',
  usage: '[options] <tag> <arch> <command>',
  interspersed: false,
  options,
})(async (settings, session, args, tools) => {
  const given = tools.options;
  const [tag, arch, ...words] = args;
  if (tag === undefined || arch === undefined || words.length === 0)
    return tools.usageError('Incorrect number of arguments');
  const command = given.use_shell ? words.join(' ') : words;
  const taskId = await start(session, { tag, arch, command }, tools);
  if (given.task_id) tools.print(String(taskId));
  if (given.wait === false) return 0;
  const quiet = given.quiet ?? settings.quiet;
  if (given.watch) return tools.watchTasks([taskId], { quiet });
  tools.atInterrupt(async () => {
    tools.print('User interrupt: canceling runroot task');
    await session.cancelTask(taskId);
  });
  const pause = settings.poll_interval * 1000;
  while (!(await session.taskFinished(taskId))) await sleep(pause);
  if (!quiet) await showLog(session, taskId, tools);
  const { state } = await session.getTaskInfo(taskId, false, true);
  return state === TASK_STATES.CLOSED ? 0 : 1;
});

type Tools = CliTools<typeof options>;

interface Run {
  readonly tag: string;
  readonly arch: string;
  readonly command: string | readonly string[];
}

async function start(session: HubSession, { tag, arch, command }: Run, tools: Tools): Promise<number> {
  const given = tools.options;
  const { new_chroot: newChroot } = given;
  const opts = named({
    channel: given.channel_override ?? null,
    packages: given.package,
    mounts: given.mount,
    repo_id: given.repo_id ?? null,
    skip_setarch: given.skip_setarch === true,
    weight: given.weight ?? null,
    // Old builders do not support it.
    ...(newChroot === undefined ? {} : { new_chroot: newChroot }),
  });
  try {
    return await session.runroot(tag, arch, command, opts);
  } catch (error) {
    if (error instanceof GenericError && error.message.includes('Invalid method'))
      tools.warn(
        '* The runroot plugin appears to not be installed on the koji hub.  Please contact the administrator.',
      );
    throw error;
  }
}

async function showLog(session: HubSession, taskId: number, tools: Tools): Promise<void> {
  const output = await session.listTaskOutput(taskId);
  if (output.includes('runroot.log')) tools.write(await tools.taskOutput(taskId, 'runroot.log'));
}
