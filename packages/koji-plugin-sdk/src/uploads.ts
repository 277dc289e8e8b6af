import path from 'node:path';
import { openFileBelow, openRegular, pathOfOpen } from '@koji/core';

/**
 * Opens a file that is to be uploaded and hands its path to `send`. Programs and checkouts fill folders of tasks, so
 * nothing below `top` may be reached by a link, which could lead anywhere; elsewhere the file itself may be none.
 *
 * @throws GenericError for a link, and for what is no regular file
 */
export async function withUpload<T>(
  file: string,
  top: string,
  send: (file: string) => Promise<T>,
): Promise<T> {
  // Whoever has opened it has looked.
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
