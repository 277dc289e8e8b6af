import type { TaskHandlerClass } from '@koji/plugin-sdk/host';
import { DefaultTask, ForkTask, SleepTask, SubtaskTask, WaitTestTask } from './basics.js';
import { TagBuildTask } from './tag.js';

/** The task types that every builder has. */
export const builtIn: readonly TaskHandlerClass[] = [
  DefaultTask,
  ForkTask,
  SleepTask,
  SubtaskTask,
  TagBuildTask,
  WaitTestTask,
];
