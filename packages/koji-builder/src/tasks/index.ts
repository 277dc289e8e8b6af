import type { TaskHandlerClass } from '@koji/plugin-sdk/host';
import { CreaterepoTask } from './createrepo.js';
import { DefaultTask, ForkTask, SleepTask, SubtaskTask, WaitTestTask } from './basics.js';
import { BuildNotificationTask, TagNotificationTask } from './notifications.js';
import { NewRepoTask } from './new-repo.js';
import { TagBuildTask } from './tag.js';
import { WaitrepoTask } from './waitrepo.js';

/** The task types that every builder has. */
export const builtIn: readonly TaskHandlerClass[] = [
  BuildNotificationTask,
  CreaterepoTask,
  DefaultTask,
  ForkTask,
  NewRepoTask,
  SleepTask,
  SubtaskTask,
  TagBuildTask,
  TagNotificationTask,
  WaitTestTask,
  WaitrepoTask,
];
