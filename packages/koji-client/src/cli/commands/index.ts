import type { Command } from '../command.js';
import { buildLists } from './build-lists.js';
import { building } from './build.js';
import { buildroots } from './buildroots.js';
import { builds } from './builds.js';
import { channels } from './channels.js';
import { comps } from './comps.js';
import { completing } from './completion.js';
import { contentGenerators } from './content-generators.js';
import { diffingBuilds } from './diff-builds.js';
import { diffingTags } from './diff-tags.js';
import { distRepos } from './dist-repo.js';
import { downloadingBuilds } from './download-build.js';
import { downloadingTasks } from './download-tasks.js';
import { externalRepos } from './external-repos.js';
import { groups } from './groups.js';
import { history } from './history.js';
import { hostEditing } from './host-editing.js';
import { hostInfo } from './host-info.js';
import { hosts } from './hosts.js';
import { imageBuilding } from './image-build.js';
import { images } from './images.js';
import { archiveImports } from './import-archive.js';
import { imports } from './imports.js';
import { inheritance } from './inheritance.js';
import { loginCommands } from './login.js';
import { maven } from './maven.js';
import { moving } from './moving.js';
import { notifications } from './notifications.js';
import { opening } from './open.js';
import { packageEditing } from './package-editing.js';
import { packages } from './packages.js';
import { repos } from './repos.js';
import { rpc } from './rpc.js';
import { rpmInfo } from './rpm-info.js';
import { scheduler } from './scheduler.js';
import { searching } from './search.js';
import { signedCopies } from './signed-copies.js';
import { signing } from './signing.js';
import { snapshots } from './snapshots.js';
import { system } from './system.js';
import { tagEditing } from './tag-editing.js';
import { tagInfo } from './tag-info.js';
import { tagging } from './tagging.js';
import { tags } from './tags.js';
import { targets } from './targets.js';
import { taskControl } from './task-control.js';
import { tasks } from './tasks.js';
import { userEditing } from './user-editing.js';
import { userInfo } from './user-info.js';
import { users } from './users.js';
import { volumes } from './volumes.js';
import { waiting } from './waiting.js';
import { watching } from './watching.js';
import { explaining } from './why.js';
import { win } from './win.js';

/** The commands of `koji` itself, apart from those of plugins. */
export const builtInCommands: readonly Command[] = [
  ...archiveImports,
  ...buildLists,
  ...building,
  ...buildroots,
  ...builds,
  ...channels,
  ...comps,
  ...completing,
  ...contentGenerators,
  ...diffingBuilds,
  ...diffingTags,
  ...distRepos,
  ...downloadingBuilds,
  ...downloadingTasks,
  ...externalRepos,
  ...groups,
  ...history,
  ...hostEditing,
  ...hostInfo,
  ...hosts,
  ...imageBuilding,
  ...images,
  ...imports,
  ...inheritance,
  ...loginCommands,
  ...maven,
  ...moving,
  ...notifications,
  ...opening,
  ...packageEditing,
  ...packages,
  ...repos,
  ...rpc,
  ...rpmInfo,
  ...scheduler,
  ...searching,
  ...signedCopies,
  ...signing,
  ...snapshots,
  ...system,
  ...tagEditing,
  ...tagInfo,
  ...tagging,
  ...tags,
  ...targets,
  ...taskControl,
  ...tasks,
  ...userEditing,
  ...userInfo,
  ...users,
  ...volumes,
  ...waiting,
  ...watching,
  ...explaining,
  ...win,
];
