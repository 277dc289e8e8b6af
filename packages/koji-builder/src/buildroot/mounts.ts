import { lstat, readFile, readlink, realpath } from 'node:fs/promises';
import path from 'node:path';
import { GenericError, inFolderBelow, messageOf } from '@koji/core';
import { outputOf } from '@koji/plugin-sdk/host';

const mostLinks = 40;

/** A mount, with its place in a buildroot. */
export interface Mount {
  /** As `mount` takes it: a folder of the host for binds. */
  readonly device: string;
  /** Path for programs inside. */
  readonly at: string;
  /** As `mount -t` takes it. */
  readonly type: string;
  /** As `mount -o` takes them. */
  readonly options: string;
}

/**
 * Where a path that programs in a root see is on the host. Symbolic links are followed as inside, so that none can lead
 * out of the root; what does not exist ends the search and is taken as it is named.
 *
 * @throws GenericError for links that go round in circles
 */
export async function pathInRoot(root: string, within: string): Promise<string> {
  const left = path.posix.normalize(`/${within}`).split('/').filter(Boolean);
  let links = 0;
  let at: string[] = [];
  for (let part = left.shift(); part !== undefined; part = left.shift()) {
    if (part === '.' || part === '..') {
      at = part === '..' ? at.slice(0, -1) : at;
      continue;
    }
    const file = path.join(root, ...at, part);
    const stat = await lstat(file).catch(() => null);
    if (!stat?.isSymbolicLink()) {
      at.push(part);
      continue;
    }
    if (++links > mostLinks) throw new GenericError(`too many symbolic links: ${within}`);
    const target = await readlink(file);
    if (target.startsWith('/')) at = [];
    left.unshift(...target.split('/').filter(Boolean));
  }
  return path.join(root, ...at);
}

/**
 * The places below a folder, and the folder itself, where something is mounted; the deepest first. The links that lead to
 * the folder are followed: the table of mounts has none in its paths.
 */
export async function mountsBelow(folder: string): Promise<string[]> {
  const parent = await realpath(path.dirname(folder)).catch(() => path.dirname(folder));
  const real = path.join(parent, path.basename(folder));
  const table = await readFile('/proc/mounts', 'utf8');
  const places = table
    .split('\n')
    .map((line) => unescaped(line.split(' ')[1] ?? '').replace(/ \(deleted\)$/, ''))
    .filter((place) => place === real || place.startsWith(`${real}/`));
  return [...new Set(places)].sort().reverse();
}

/** Spaces and the like are written in octal there. */
function unescaped(text: string): string {
  return text.replace(/\\([0-7]{3})/g, (_, digits: string) => String.fromCharCode(parseInt(digits, 8)));
}

/**
 * Takes away what is mounted at some places below a folder and anywhere else below it. A place that is reached by a link by
 * now is left alone: the link may lead to what the host has mounted.
 *
 * @returns what could not be, with the reason of each
 */
export async function unmount(folder: string, places: readonly string[] = []): Promise<string[]> {
  const failed: string[] = [];
  const left: string[] = [];
  for (const place of places) {
    const problem = await inFolderBelow(
      folder,
      path.relative(folder, place),
      'refuse',
      async () => null,
    ).catch(messageOf);
    if (problem === null) left.push(place);
    else failed.push(`${place}: ${problem}`);
  }
  const all = [...new Set([...left, ...(await mountsBelow(folder))])].sort().reverse();
  for (const place of all) {
    const problem = await outputOf(['umount', '-l', place], { timeout: 60 }).then(
      ({ status, stderr }) => (status.success ? null : stderr.trim() || status.describe('umount')),
      messageOf,
    );
    if (problem !== null) failed.push(`${place}: ${problem}`);
  }
  return failed;
}
