import { initial } from './0001-initial.js';
import { fileIntents } from './0002-file-intents.js';
import { buildsByOwner } from './0003-builds-by-owner.js';
import { textLengths } from './0004-text-lengths.js';
import { plugins } from './0005-plugins.js';
import { repoHosts } from './0006-repo-hosts.js';
import { hubProcesses } from './0007-hub-processes.js';
import { webLogins } from './0008-web-logins.js';
import { pluginSchedules } from './0009-plugin-schedules.js';
import { pluginTableSteps } from './0010-plugin-tables.js';
import { hotIndexes } from './0011-hot-indexes.js';
import { moreHotIndexes } from './0012-more-hot-indexes.js';
import { tokens } from './0013-tokens.js';
import { nameTexts } from './0014-name-texts.js';
import { buildNvrs } from './0015-build-nvrs.js';
import type { Migration } from './migration.js';

/** Every step of the schema, in order. */
export const migrations: readonly Migration[] = [
  initial,
  fileIntents,
  buildsByOwner,
  textLengths,
  plugins,
  repoHosts,
  hubProcesses,
  webLogins,
  pluginSchedules,
  pluginTableSteps,
  hotIndexes,
  moreHotIndexes,
  tokens,
  nameTexts,
  buildNvrs,
];
