import path from 'node:path';
import { openFileBelow, openRegular, pathOfOpen } from '@koji/core';

/**
 * Opens a file for an upload and passes its path to `send`. Programs and checkouts fill folders of tasks, so links below
 * `top` are not followed, since they could lead anywhere. Elsewhere only the file itself must not be a link.
 *
 * @throws GenericError for a link, and for anything but a regular file
 */
export async function withUpload<T>(
  file: string,
  top: string,
  send: (file: string) => Promise<T>,
): Promise<T> {
  // The code that opened the file has checked it.
  if (/^\/proc\/self\/fd\/\d+$/.test(file)) return send(file);
  const below = path.relative(top, path.resolve(file));
  const isInside = below !== '..' && !below.startsWith('../') && !path.isAbsolute(below);
  const handle = isInside ? await openFileBelow(top, below) : await openRegular(path.resolve(file));
  try {
    return await send(pathOfOpen(handle, file));
  } finally {
    await handle.close();
  }
}
