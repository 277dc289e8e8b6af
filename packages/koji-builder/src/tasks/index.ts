import type { TaskHandlerClass } from '@koji/plugin-sdk/host';
import { BuildArchTask } from './build-arch.js';
import { BuildMavenTask } from './build-maven.js';
import { BuildTask } from './build.js';
import { ChainBuildTask } from './chainbuild.js';
import { ChainMavenTask } from './chainmaven.js';
import { CreateDistRepoTask } from './create-dist-repo.js';
import { CreaterepoTask } from './createrepo.js';
import { DefaultTask, ForkTask, SleepTask, SubtaskTask, WaitTestTask } from './basics.js';
import { DependantTask } from './dependant.js';
import { DistRepoTask } from './dist-repo.js';
import { ElsewhereTask } from './elsewhere.js';
import { CreateApplianceTask } from './images/appliance.js';
import { CreateImageTask } from './images/create-image.js';
import { ImageTask } from './images/image.js';
import { IndirectionImageTask } from './images/indirection.js';
import { CreateLiveCdTask } from './images/livecd.js';
import { CreateLiveMediaTask } from './images/livemedia.js';
import { ApplianceTask, LiveCdTask, LiveMediaTask } from './images/spins.js';
import { MavenTask } from './maven.js';
import { BuildNotificationTask, TagNotificationTask } from './notifications.js';
import { NewRepoTask } from './new-repo.js';
import { RestartHostsTask, RestartTask, RestartVerifyTask, ShutdownTask } from './restart.js';
import { BuildSrpmFromScmTask, RebuildSrpmTask } from './srpm.js';
import { TagBuildTask } from './tag.js';
import { WaitrepoTask } from './waitrepo.js';
import { WrapperRpmTask } from './wrapper-rpm.js';

/** The task types that every builder has. */
export const builtIn: readonly TaskHandlerClass[] = [
  ApplianceTask,
  BuildNotificationTask,
  BuildArchTask,
  BuildMavenTask,
  BuildSrpmFromScmTask,
  BuildTask,
  ChainBuildTask,
  ChainMavenTask,
  CreateApplianceTask,
  CreateDistRepoTask,
  CreateImageTask,
  CreateLiveCdTask,
  CreateLiveMediaTask,
  CreaterepoTask,
  DefaultTask,
  DependantTask,
  DistRepoTask,
  ElsewhereTask,
  ForkTask,
  ImageTask,
  IndirectionImageTask,
  LiveCdTask,
  LiveMediaTask,
  MavenTask,
  NewRepoTask,
  RebuildSrpmTask,
  RestartHostsTask,
  RestartTask,
  RestartVerifyTask,
  ShutdownTask,
  SleepTask,
  SubtaskTask,
  TagBuildTask,
  TagNotificationTask,
  WaitTestTask,
  WaitrepoTask,
  WrapperRpmTask,
];
