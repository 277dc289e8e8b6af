import type { EntitySchema } from 'typeorm';
import type { Dialect } from '../sql.js';
import { archiveTables } from './archives.js';
import { buildrootTables } from './buildroots.js';
import { buildTables } from './builds.js';
import { channelTables } from './channels.js';
import { contentGeneratorTables } from './content-generators.js';
import { externalRepoTables } from './external-repos.js';
import { fileIntentTables } from './file-intents.js';
import { groupTables } from './groups.js';
import { eventTables } from './history.js';
import { hostTables } from './hosts.js';
import { hubProcessTables } from './hub-processes.js';
import { notificationTables } from './notifications.js';
import { packageTables } from './packages.js';
import { permissionTables } from './permissions.js';
import { pluginTables } from './plugins.js';
import { repoTables } from './repos.js';
import { rpmTables } from './rpms.js';
import { schedulerTables } from './scheduler.js';
import { sessionTables } from './sessions.js';
import { tagTables } from './tags.js';
import { targetTables } from './targets.js';
import { taskTables } from './tasks.js';
import { tokenTables } from './tokens.js';
import { userTables } from './users.js';
import { volumeTables } from './volumes.js';
import { webLoginTables } from './web-logins.js';

/** Every table of the hub, as TypeORM sees it on one database. */
export function tables(dialect: Dialect): EntitySchema[] {
  return [
    ...eventTables,
    ...userTables,
    ...permissionTables,
    ...sessionTables,
    ...channelTables,
    ...hostTables,
    ...taskTables,
    ...packageTables,
    ...volumeTables,
    ...contentGeneratorTables,
    ...buildTables,
    ...tagTables,
    ...targetTables,
    ...repoTables,
    ...externalRepoTables,
    ...buildrootTables,
    ...groupTables,
    ...rpmTables,
    ...archiveTables,
    ...notificationTables,
    ...schedulerTables,
    ...fileIntentTables,
    ...hubProcessTables,
    ...pluginTables,
    ...webLoginTables,
    ...tokenTables,
  ].map((table) => table(dialect));
}
