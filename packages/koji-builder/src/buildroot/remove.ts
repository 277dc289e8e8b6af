import { GenericError } from '@koji/core';
import { outputOf } from '@koji/plugin-sdk/host';

/**
 * Removes files and folders, however deep. Links are removed and not followed, also where they take a folder's place
 * meanwhile, and what is mounted there stays.
 *
 * @param cwd the folder that relative places are in
 * @param before words before the command, for files of other accounts
 * @throws GenericError when something can't be removed
 */
export async function removeTrees(
  places: readonly string[],
  cwd?: string,
  before: readonly string[] = [],
): Promise<void> {
  const where = cwd === undefined ? {} : { cwd };
  const command = [...before, 'rm', '-rf', '--one-file-system', '--', ...places];
  const { status, stderr } = await outputOf(command, { timeout: 24 * 3600, ...where });
  if (!status.success) throw new GenericError(stderr.trim().split('\n')[0] || status.describe('rm'));
}
