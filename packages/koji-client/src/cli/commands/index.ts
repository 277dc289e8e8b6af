import type { Command } from '../command.js';
import { builds } from './builds.js';
import { hosts } from './hosts.js';
import { imports } from './imports.js';
import { packages } from './packages.js';
import { rpc } from './rpc.js';
import { tagging } from './tagging.js';
import { tags } from './tags.js';
import { tasks } from './tasks.js';
import { users } from './users.js';
import { watching } from './watching.js';

/** The commands of `koji` itself, apart from those of plugins. */
export const builtInCommands: readonly Command[] = [
  ...builds,
  ...hosts,
  ...imports,
  ...packages,
  ...rpc,
  ...tagging,
  ...tags,
  ...tasks,
  ...users,
  ...watching,
];
