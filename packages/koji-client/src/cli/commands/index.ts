import type { Command, ListedCommand } from '../command.js';
import { catalog } from './catalog.js';

/** The files of commands. Each is loaded when one of its commands is needed. */
const files = {
  'build-lists': async () => (await import('./build-lists.js')).buildLists,
  build: async () => (await import('./build.js')).building,
  buildroots: async () => (await import('./buildroots.js')).buildroots,
  builds: async () => (await import('./builds.js')).builds,
  channels: async () => (await import('./channels.js')).channels,
  comps: async () => (await import('./comps.js')).comps,
  completion: async () => (await import('./completion.js')).completing,
  'content-generators': async () => (await import('./content-generators.js')).contentGenerators,
  'diff-builds': async () => (await import('./diff-builds.js')).diffingBuilds,
  'diff-tags': async () => (await import('./diff-tags.js')).diffingTags,
  'dist-repo': async () => (await import('./dist-repo.js')).distRepos,
  doctor: async () => (await import('./doctor.js')).checking,
  'download-build': async () => (await import('./download-build.js')).downloadingBuilds,
  'download-tasks': async () => (await import('./download-tasks.js')).downloadingTasks,
  'external-repos': async () => (await import('./external-repos.js')).externalRepos,
  groups: async () => (await import('./groups.js')).groups,
  history: async () => (await import('./history.js')).history,
  'host-editing': async () => (await import('./host-editing.js')).hostEditing,
  'host-info': async () => (await import('./host-info.js')).hostInfo,
  hosts: async () => (await import('./hosts.js')).hosts,
  'image-build': async () => (await import('./image-build.js')).imageBuilding,
  images: async () => (await import('./images.js')).images,
  'import-archive': async () => (await import('./import-archive.js')).archiveImports,
  imports: async () => (await import('./imports.js')).imports,
  inheritance: async () => (await import('./inheritance.js')).inheritance,
  login: async () => (await import('./login.js')).loginCommands,
  maven: async () => (await import('./maven.js')).maven,
  moving: async () => (await import('./moving.js')).moving,
  notifications: async () => (await import('./notifications.js')).notifications,
  open: async () => (await import('./open.js')).opening,
  'package-editing': async () => (await import('./package-editing.js')).packageEditing,
  packages: async () => (await import('./packages.js')).packages,
  repos: async () => (await import('./repos.js')).repos,
  rpc: async () => (await import('./rpc.js')).rpc,
  'rpm-info': async () => (await import('./rpm-info.js')).rpmInfo,
  scheduler: async () => (await import('./scheduler.js')).scheduler,
  search: async () => (await import('./search.js')).searching,
  'signed-copies': async () => (await import('./signed-copies.js')).signedCopies,
  signing: async () => (await import('./signing.js')).signing,
  snapshots: async () => (await import('./snapshots.js')).snapshots,
  system: async () => (await import('./system.js')).system,
  'tag-editing': async () => (await import('./tag-editing.js')).tagEditing,
  'tag-info': async () => (await import('./tag-info.js')).tagInfo,
  tagging: async () => (await import('./tagging.js')).tagging,
  tags: async () => (await import('./tags.js')).tags,
  targets: async () => (await import('./targets.js')).targets,
  'task-control': async () => (await import('./task-control.js')).taskControl,
  tasks: async () => (await import('./tasks.js')).tasks,
  'user-editing': async () => (await import('./user-editing.js')).userEditing,
  'user-info': async () => (await import('./user-info.js')).userInfo,
  tokens: async () => (await import('./tokens.js')).tokenCommands,
  users: async () => (await import('./users.js')).users,
  volumes: async () => (await import('./volumes.js')).volumes,
  waiting: async () => (await import('./waiting.js')).waiting,
  watching: async () => (await import('./watching.js')).watching,
  why: async () => (await import('./why.js')).explaining,
  win: async () => (await import('./win.js')).win,
} as const satisfies Readonly<Record<string, () => Promise<readonly Command[]>>>;

type CommandFile = keyof typeof files;

/** A line of the generated list of commands. */
type CatalogEntry = Omit<ListedCommand, 'load'> & { readonly file: CommandFile };

const entries: readonly CatalogEntry[] = catalog;

/** The commands of `koji` itself, except `help` and those of plugins. */
export const builtInCommands: readonly ListedCommand[] = entries.map(({ file, ...entry }) => ({
  ...entry,
  async load() {
    const command = (await files[file]()).find(({ name }) => name === entry.name);
    if (!command) throw new Error(`'${entry.name}' is not in commands/${file}.ts. Run npm run docs.`);
    return command;
  },
}));

/** Loads the declarations of all built-in commands. */
export async function loadBuiltInCommands(): Promise<Command[]> {
  return (await loadFiles()).map(({ command }) => command);
}

/** Returns the list of commands, from which `catalog.ts` is generated. */
export async function makeCatalog(): Promise<CatalogEntry[]> {
  return (await loadFiles()).map(({ file, command: { name, category, summary, extra } }) => ({
    name,
    category,
    summary,
    ...(extra ? { extra } : {}),
    file,
  }));
}

async function loadFiles(): Promise<{ file: CommandFile; command: Command }[]> {
  const loaded: { file: CommandFile; command: Command }[] = [];
  for (const file of Object.keys(files) as CommandFile[])
    for (const command of await files[file]()) loaded.push({ file, command });
  return loaded;
}
