import { GenericError } from '@koji/core';
import { named } from '@koji/core/wire';
import { exportCli } from '@koji/plugin-sdk';
import type { CliTools, HubSession } from '@koji/plugin-sdk';
import type {} from './index.js';

/** `koji save-failed-tree`: has the buildroot of a failed task packed, and waits for it. */
export const handle_save_failed_tree = exportCli({
  help: 'Create tarball with whole buildtree',
  usage: '[options] ID',
  options: {
    full: {
      flags: ['-f', '--full'],
      action: 'true',
      help: 'Download whole tree, if not specified, only builddir will be downloaded',
    },
    buildroot: [
      { flags: ['-t', '--task'], action: 'false', help: 'Treat ID as a task ID (the default)' },
      { flags: ['-r', '--buildroot'], action: 'true', help: 'Treat ID as a buildroot ID' },
    ],
    quiet: { flags: ['--quiet'], action: 'true', help: 'Do not print the task information' },
    nowait: { flags: ['--nowait'], action: 'true', help: "Don't wait on build" },
  },
})(async (settings, session, args, tools) => {
  const { full = false, buildroot, nowait } = tools.options;
  const quiet = tools.options.quiet ?? settings.quiet;
  const [given, ...more] = args;
  if (given === undefined || more.length > 0)
    return tools.usageError('List exactly one task or buildroot ID');
  if (!/^\s*[+-]?\d+\s*$/.test(given)) tools.usageError('ID must be an integer');
  const id = buildroot ? Number(given) : await newestBuildroot(session, Number(given), tools);
  if (id === null) return 1;
  const taskId = await start(session, { id, full }, tools);
  if (taskId === null) return 1;
  if (!quiet) {
    tools.print(`Created task ${taskId} for buildroot ${id}`);
    tools.print(`Task info: ${settings.weburl}/taskinfo?taskID=${taskId}`);
  }
  return nowait ? 0 : tools.watchTasks([taskId], { quiet });
});

async function newestBuildroot(session: HubSession, taskId: number, tools: CliTools): Promise<number | null> {
  const buildroots = await session.listBuildroots(named({ taskID: taskId }));
  if (buildroots.length === 0) {
    tools.print(`No buildroots for task ${taskId}`);
    return null;
  }
  const id = Math.max(...buildroots.map((one) => one.id));
  if (buildroots.length > 1) tools.print(`Multiple buildroots for task. Choosing last one (${id})`);
  return id;
}

async function start(
  session: HubSession,
  { id, full }: { readonly id: number; readonly full: boolean },
  tools: CliTools,
): Promise<number | null> {
  try {
    return await session.saveFailedTree(id, full);
  } catch (error) {
    if (!(error instanceof GenericError) || !error.message.includes('Invalid method')) throw error;
    tools.print(
      '* The save_failed_tree plugin appears to not be installed on the koji hub.  Please contact the administrator.',
    );
    return null;
  }
}
