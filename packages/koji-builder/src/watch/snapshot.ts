import { appendFile, copyFile, cp, mkdir, readdir, realpath, stat, symlink } from 'node:fs/promises';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Snapshot } from '../daemon/protocol.js';
import { realFile } from '../tasks/load.js';
import type { Elsewhere } from '../tasks/load.js';

const code = /\.([cm]?[jt]s|json|conf)$/;
const script = /(?<!\.d)\.[cm]?[jt]s$/;
// In two parts, or what reads such marks would take this file's own line for one.
const nameMark = ['source', 'URL'].join('');

/**
 * Copies folders of plugins so that the copies run as they are now, whatever is saved later. A copy has the path of its
 * folder below `top`, and beside it what Node would find from there: `node_modules` of the folders above are links to the
 * real ones, so that everything but the plugins is shared.
 *
 * @param folders each with whether it is a package; of others only the files in them are copied
 */
export async function takeSnapshot(top: string, folders: ReadonlyMap<string, boolean>): Promise<void> {
  const real = new Map<string, boolean>();
  for (const [folder, isPackage] of folders) real.set(await realpath(folder), isPackage);
  const isCopied = (file: string): boolean =>
    [...real.keys()].some((one) => one === file || one.startsWith(`${file}/`));
  const link = async (file: string): Promise<void> => {
    if (!isCopied(file) && (await isThere(file))) await symlink(file, top + file).catch(unlessThere);
  };
  for (const [folder, isPackage] of real) {
    for (const above of foldersAbove(folder)) {
      await mkdir(top + above, { recursive: true });
      // In node_modules other packages are beside the plugin; elsewhere only their folder matters.
      const names = above.includes('/node_modules') ? await readdir(above) : ['node_modules'];
      for (const name of names) await link(path.join(above, name));
    }
    if (isPackage) await copyPackage(folder, top + folder);
    else await copyFiles(folder, top + folder, link);
    await link(path.join(folder, 'node_modules'));
  }
}

function foldersAbove(folder: string): string[] {
  const above: string[] = [];
  for (let at = path.dirname(folder); at !== path.dirname(at); at = path.dirname(at)) above.unshift(at);
  return above;
}

async function copyPackage(folder: string, to: string): Promise<void> {
  const filter = (file: string): boolean => !/\/(node_modules|\.git)$/.test(file.slice(folder.length));
  await cp(folder, to, { recursive: true, filter });
  for (const entry of await readdir(to, { recursive: true, withFileTypes: true }))
    if (entry.isFile()) await nameScript(folder, to, path.join(entry.parentPath, entry.name));
}

/** Lets debuggers and stacks know a copy of a script by the file that it is of. */
async function nameScript(folder: string, to: string, file: string): Promise<void> {
  if (!script.test(file)) return;
  const { href } = pathToFileURL(folder + file.slice(to.length));
  await appendFile(file, `\n//# ${nameMark}=${href}\n`);
}

async function copyFiles(folder: string, to: string, link: (file: string) => Promise<void>): Promise<void> {
  await mkdir(to, { recursive: true });
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    const file = path.join(folder, entry.name);
    const copy = path.join(to, entry.name);
    if (!entry.isFile() || !code.test(entry.name)) await link(file);
    else await copyFile(file, copy).then(() => nameScript(folder, to, copy));
  }
}

const isThere = (file: string): Promise<boolean> =>
  stat(file).then(
    () => true,
    () => false,
  );

/** Two plugins may have neighbours in common. */
function unlessThere(error: unknown): void {
  if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
}

/** Where a process that runs plugins from a snapshot finds what. */
export function placesIn({ top, plugins }: Snapshot, folder: string): Elsewhere {
  return {
    configFolder: top + realFile(path.join(folder, 'plugins')),
    moved: (file) => top + realFile(file),
    ...(plugins ? { found: plugins } : {}),
  };
}
