import type { TaskHandlerClass } from '@koji/plugin-sdk/host';
import { DefaultTask, ForkTask, SleepTask, SubtaskTask, WaitTestTask } from './basics.js';
import { BuildNotificationTask, TagNotificationTask } from './notifications.js';
import { TagBuildTask } from './tag.js';
import { WaitrepoTask } from './waitrepo.js';

/** The task types that every builder has. */
export const builtIn: readonly TaskHandlerClass[] = [
  BuildNotificationTask,
  DefaultTask,
  ForkTask,
  SleepTask,
  SubtaskTask,
  TagBuildTask,
  TagNotificationTask,
  WaitTestTask,
  WaitrepoTask,
];
