import { runsInBackground } from './background.js';
import type { Run } from './command.js';
import { watch } from './commands/watching.js';
import { flag, noFlag } from './options.js';
import type { OptionDef } from './options.js';

/** Returns the options `--wait` and `--nowait` of commands that start a task. */
export function waitOptions(
  object: string,
  dont = "Don't wait on build",
): readonly OptionDef<boolean | undefined>[] {
  return [flag('--wait', `Wait on ${object}, even if running in the background`), noFlag('--nowait', dont)];
}

/** Options for a new task. */
export interface Started {
  /** `--wait` or `--nowait`; if absent, the command waits if somebody is watching. */
  readonly wait: boolean | undefined;
  /** Print nothing about the new task. */
  readonly silent?: boolean;
  /** Print nothing while watching; default: the same as `silent`. */
  readonly quietWatch?: boolean;
}

/** The priority that `--background` sends, relative to the default priority. */
export const backgroundPriority = (background: boolean | undefined): { priority: number | null } => ({
  priority: background ? 5 : null,
});

/** Prints the new task's id and page. */
export function announceTask({ print, global }: Run, taskId: number): void {
  print(`Created task: ${taskId}`);
  print(`Task info: ${global.weburl}/taskinfo?taskID=${taskId}`);
}

/** Announces a task, then watches it if requested; returns the exit code. */
export async function followTask(run: Run, taskId: number, started: Started): Promise<number> {
  const { wait, silent = false, quietWatch = silent } = started;
  if (!silent) announceTask(run, taskId);
  return (wait ?? !runsInBackground()) ? watch(run, [taskId], quietWatch) : 0;
}
