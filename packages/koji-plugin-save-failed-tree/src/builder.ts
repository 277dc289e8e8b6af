import { existsSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import path from 'node:path';
import { GenericError } from '@koji/core';
import { BuildRoot } from '@koji/builder/buildroot';
import { BaseTaskHandler, option, pluginConfig } from '@koji/plugin-sdk';

const config = pluginConfig('save_failed_tree', {
  filters: {
    paths: option.text('', 'What is left out, by its path in the archive: patterns, spaces between them'),
  },
  general: { volume: option.text('', "The volume that the archive goes to; default: the hub's own") },
});

/** Packs the buildroot of a failed task into `broot-ID.tar.gz` in its own output: the folder `builddir`, or all of it. */
export class SaveFailedTreeTask extends BaseTaskHandler {
  static override readonly Methods = ['saveFailedTree'];
  static override readonly _taskWeight = 3.0;

  async handler(buildrootID: number, full = false): Promise<null> {
    const found = await this.session.getBuildroot(buildrootID);
    if (!found) throw new GenericError(`Nonexistent buildroot: ${buildrootID}`);
    const { id: hostId } = await this.session.host.getHost();
    if (found.host_id !== hostId) throw new GenericError('Task is run on wrong builder');
    const root = await BuildRoot.open(this, buildrootID);
    try {
      const folder = full ? root.rootDir : path.join(root.rootDir, 'builddir');
      if (!existsSync(folder)) throw new GenericError(`Buildroot directory is missing: ${folder}`);
      const archive = path.join(this.workdir, `broot-${buildrootID}.tar.gz`);
      await this.pack(folder, archive);
      const { volume } = config.general;
      await this.uploadFile(archive, volume === '' ? {} : { volume });
      await rm(archive);
      return null;
    } finally {
      await root.close();
    }
  }

  /** Names in it are the paths of this host without the leading slash, as in Koji's archives. */
  private async pack(folder: string, archive: string): Promise<void> {
    const excludes = config.filters.paths.split(/\s+/).filter(Boolean);
    const status = await this.logOutput(
      [
        'tar',
        '--create',
        '--gzip',
        '--sparse',
        `--file=${archive}`,
        '--directory=/',
        '--anchored',
        '--wildcards',
        '--wildcards-match-slash',
        ...excludes.map((pattern) => `--exclude=${pattern.replace(/^\/+/, '')}`),
        '--',
        path.relative('/', folder),
      ],
      'tar.log',
    );
    // 1: a file changed or disappeared in the meantime, which does not affect the others.
    if (status.code !== 0 && status.code !== 1)
      throw new GenericError(`Could not pack ${folder}: ${status.describe('tar')}; see tar.log`);
  }
}
