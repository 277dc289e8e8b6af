import path from 'node:path';
import { LiveMediaError } from '@koji/core';
import { truthy } from '@koji/core/api';
import { Scm } from '../../scm/index.js';
import { settingsOf } from '../../settings.js';
import { RootImageTask, volumeIdOf, type MadeImage, type RootImage } from './root-image.js';

/** Makes a live image with livemedia-creator of the tag's group `livemedia-build`. */
export class CreateLiveMediaTask extends RootImageTask {
  static override readonly Methods = ['createLiveMedia'];
  static override readonly _taskWeight = 1.5;
  // With the builder's devices, loop devices would remain (bugzilla.redhat.com/1315541).
  protected override readonly program = { group: 'livemedia-build', needsDevices: false };

  protected override async make(image: RootImage): Promise<MadeImage> {
    const { folder, name, version, release, arch, options } = image;
    const iso = `${name}-${arch}-${version}-${release}.iso`;
    const results = `${folder}/lmc`;
    const words = [...this.wordsFor(image, iso), '--resultdir', results];
    const templates = options.lorax_url ? ['--lorax-templates', await this.fetchTemplates(image)] : [];
    const status = await this.runProgram(image, ['/sbin/livemedia-creator', ...words, ...templates]);
    await this.uploadLogs(image);
    if (!status.success)
      throw new LiveMediaError(
        `Could not create LiveMedia: ${status.describe('livemedia-creator')}; ` +
          'see root.log or livemedia-out.log for more information',
      );
    await this.uploadIso(image, results, { as: iso, Failure: LiveMediaError });
    // livemedia-creator keeps no rpms that could be listed.
    const rpmlist = truthy(options.scratch) ? null : [];
    return { files: [iso], logs: ['livemedia-out.log'], rootdev: null, rpmlist };
  }

  private wordsFor(image: RootImage, iso: string): readonly string[] {
    const { file, folder, name, version, arch, options, kickstart } = image;
    const { compress_arg: compress } = options;
    return [
      ...['--ks', file, '--logfile', `${folder}/lmc-logs/livemedia-out.log`, '--no-virt', '--project', name],
      ...['--make-iso', '--volid', volumeIdOf(image, LiveMediaError), '--iso-only'],
      ...['--iso-name', iso, '--releasever', version],
      arch === 'x86_64' && !truthy(options.nomacboot) ? '--macboot' : '--nomacboot',
      ...(kickstart.append === null ? [] : ['--extra-boot-args', `"${kickstart.append}"`]),
      ...(truthy(options.squashfs_only) ? ['--squashfs-only'] : []),
      ...(compress ?? []).flatMap((word) => ['--compress-arg', word]),
    ];
  }

  /** Checks out templates of lorax; returns where they are, as programs inside see it. */
  private async fetchTemplates({ root, options }: RootImage): Promise<string> {
    const scratch = truthy(options.scratch);
    const allowPassword = settingsOf(this).allow_password_in_scm_url;
    const scm = Scm.parse(options.lorax_url ?? '', { allowPassword });
    await scm.assertAllowed(this, { scratch });
    const { folder } = await scm.checkout(this, path.join(root.tmpDir, 'lorax-templates'), {
      ...{ buildTag: root.tagName, scratch, buildroot: root },
      log: 'lorax-templates-checkout.log',
    });
    return path.posix.join(root.pathWithin(folder), options.lorax_dir ?? '');
  }

  /** Uploads the logs that are not empty; those of anaconda under names that no others have. */
  private async uploadLogs({ root, folder }: RootImage): Promise<void> {
    for (const [below, prefix] of [
      ['lmc-logs', ''],
      ['lmc-logs/anaconda', 'anaconda-'],
    ]) {
      const names = await root.list(`${folder}/${below}`);
      for (const name of names.filter((one) => one.endsWith('.log')).sort()) {
        const log = await root.openFile(`${folder}/${below}/${name}`);
        const { size } = await log.stat().finally(() => log.close());
        if (size > 0) await root.uploadFile(`${folder}/${below}/${name}`, { name: `${prefix}${name}` });
      }
    }
  }
}
