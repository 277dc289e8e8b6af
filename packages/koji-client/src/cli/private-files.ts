import { closeSync, constants, fstatSync, openSync, readFileSync } from 'node:fs';
import { ConfigError } from '@koji/core';

/** Contents of a private file, for messages. */
interface PrivateFile {
  readonly what: string;
  /** Remedy for a file that others can read, as a sentence. */
  readonly remedy: string;
  /** Whether its place is the user's choice, so that it may be a link, or belong to root. */
  readonly isChosen: boolean;
}

/**
 * Returns the text of a file that only the user can read; null if there is none.
 *
 * @throws ConfigError for a file that other users can read or that belongs to one of them
 */
export function readPrivateFile(file: string, { what, remedy, isChosen }: PrivateFile): string | null {
  let fd: number;
  try {
    // A pipe that nobody writes to would never open.
    const flags = constants.O_RDONLY | constants.O_NONBLOCK | (isChosen ? 0 : constants.O_NOFOLLOW);
    fd = openSync(file, flags);
  } catch (error) {
    if (['ENOENT', 'ENOTDIR'].includes((error as NodeJS.ErrnoException).code ?? '')) return null;
    throw new ConfigError(`${file}: cannot read the ${what}: ${(error as Error).message}`, { cause: error });
  }
  try {
    const stat = fstatSync(fd);
    if (!stat.isFile()) throw new ConfigError(`${file}: not a file. ${remedy}`);
    const own = process.getuid?.() ?? stat.uid;
    if (stat.uid !== own && !(isChosen && stat.uid === 0))
      throw new ConfigError(`${file}: belongs to another user (uid ${stat.uid}). ${remedy}`);
    if ((stat.mode & 0o077) !== 0) {
      const shown = (stat.mode & 0o777).toString(8).padStart(4, '0');
      throw new ConfigError(`${file}: mode ${shown} lets other users read the ${what}. ${remedy}`);
    }
    return readFileSync(fd, 'utf8');
  } finally {
    closeSync(fd);
  }
}
