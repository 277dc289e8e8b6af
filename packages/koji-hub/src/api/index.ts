import type { OwnApi } from '@koji/core/api';
import type { Handlers } from '../call.js';
import { archives } from './archives.js';
import { archiveTypes } from './archive-types.js';
import { builder } from './builder.js';
import { building } from './building.js';
import { buildroots } from './buildroots.js';
import { builds } from './builds.js';
import { buildTasks } from './build-tasks.js';
import { changelogs } from './changelogs.js';
import { channels } from './channels.js';
import { comps } from './comps.js';
import { externalRepos } from './external-repos.js';
import { historyHandlers } from './history.js';
import { historyQueries } from './history-queries.js';
import { hosts } from './hosts.js';
import { imports } from './imports.js';
import { inheritance } from './inheritance.js';
import { notifications } from './notifications.js';
import { packages } from './packages.js';
import { permissions } from './permissions.js';
import { policies } from './policies.js';
import { repoBuilding } from './repo-building.js';
import { reports } from './reports.js';
import { repos } from './repos.js';
import { results } from './results.js';
import { rpms } from './rpms.js';
import { scheduler } from './scheduler.js';
import { search } from './search.js';
import { session } from './session.js';
import { snapshots } from './snapshots.js';
import { system } from './system.js';
import { tagging } from './tagging.js';
import { tags } from './tags.js';
import { targets } from './targets.js';
import { tasks } from './tasks.js';
import { buildTypeHandlers } from './types-of-builds.js';
import { uploads } from './uploads.js';
import { tokens } from './tokens.js';
import { userGroupHandlers } from './user-groups.js';
import { users } from './users.js';
import { volumes } from './volumes.js';

/** Every method's handler, by wire name; multicalls are the dispatcher's own. A declaration without one does not compile. */
export const handlers = {
  ...archives,
  ...archiveTypes,
  ...builder,
  ...building,
  ...buildroots,
  ...builds,
  ...buildTasks,
  ...changelogs,
  ...channels,
  ...comps,
  ...externalRepos,
  ...historyHandlers,
  ...historyQueries,
  ...hosts,
  ...imports,
  ...inheritance,
  ...notifications,
  ...packages,
  ...permissions,
  ...policies,
  ...repoBuilding,
  ...reports,
  ...repos,
  ...results,
  ...rpms,
  ...scheduler,
  ...search,
  ...session,
  ...snapshots,
  ...system,
  ...tagging,
  ...tags,
  ...targets,
  ...tasks,
  ...buildTypeHandlers,
  ...tokens,
  ...uploads,
  ...userGroupHandlers,
  ...users,
  ...volumes,
} satisfies Handlers<Omit<OwnApi, 'multiCall' | 'system.multicall'>>;
