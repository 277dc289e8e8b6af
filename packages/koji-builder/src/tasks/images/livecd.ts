import { LiveCDError } from '@koji/core';
import { RootImageTask, volumeIdOf, type MadeImage, type RootImage } from './root-image.js';

/** Makes a live CD with livecd-creator of the tag's group `livecd-build`. */
export class CreateLiveCdTask extends RootImageTask {
  static override readonly Methods = ['createLiveCD'];
  static override readonly _taskWeight = 1.5;
  protected override readonly program = { group: 'livecd-build', needsDevices: true };

  protected override async make(image: RootImage): Promise<MadeImage> {
    const { file, folder, name, version, release } = image;
    const cache = `${folder}/koji-livecd`;
    const log = `${folder}/livecd.log`;
    const words = ['-c', file, '-d', '-v', '--logfile', log, '--cache', cache];
    const status = await this.runProgram(image, [
      '/usr/bin/livecd-creator',
      ...[...words, '-f', volumeIdOf(image, LiveCDError)],
    ]);
    await this.uploadLog(image, log);
    if (!status.success)
      throw new LiveCDError(
        `Could not create LiveCD: ${status.describe('livecd-creator')}; ` +
          'see root.log or livecd.log for more information',
      );
    const iso = `${name}-${version}-${release}.iso`;
    await this.uploadIso(image, folder, { as: iso, Failure: LiveCDError });
    const rpmlist = await this.downloaded(image, cache);
    return { files: [iso], logs: ['livecd.log'], rootdev: null, rpmlist };
  }
}
