import path from 'node:path';
import { ApplianceError, filesBelow, makeFolderBelow } from '@koji/core';
import { RootImageTask, type MadeImage, type RootImage } from './root-image.js';

/** Makes an appliance with appliance-creator of the tag's group `appliance-build`. */
export class CreateApplianceTask extends RootImageTask {
  static override readonly Methods = ['createAppliance'];
  static override readonly _taskWeight = 1.5;
  protected override readonly program = { group: 'appliance-build', needsDevices: true };

  protected override async make(image: RootImage): Promise<MadeImage> {
    const { root, file, folder, name, version, release, options, kickstart } = image;
    const cache = `${folder}/koji-appliance`;
    const log = `${folder}/appliance.log`;
    await makeFolderBelow(root.rootDir, `${folder}/app-output`.slice(1));
    const { vmem, vcpu, format } = options;
    const given = Object.entries({ vmem, vcpu, format }).flatMap(([option, value]) =>
      value === undefined || value === null ? [] : [`--${option}`, String(value)],
    );
    const status = await this.runProgram(image, [
      ...['/usr/bin/appliance-creator', '-c', file, '-d', '-v', '--logfile', log, '--cache', cache],
      ...['-o', 'app-output', ...given, '--name', `${name}-${version}-${release}`],
      ...['--version', version, '--release', release],
    ]);
    await this.uploadLog(image, log);
    if (!status.success)
      throw new ApplianceError(
        `Could not create appliance: ${status.describe('appliance-creator')}; ` +
          'see root.log or appliance.log for more information',
      );
    const files = await this.uploadOutput(image);
    if (kickstart.root === null) throw new ApplianceError('kickstart lacks a "/" mountpoint');
    const rpmlist = await this.downloaded(image, cache);
    return { files, logs: ['appliance.log'], rootdev: kickstart.root, rpmlist };
  }

  private async uploadOutput({ root, folder }: RootImage): Promise<readonly string[]> {
    const files: string[] = [];
    for await (const { below, isFile } of filesBelow(root.rootDir, `${folder}/app-output`.slice(1))) {
      const name = path.basename(below);
      if (!isFile) throw new ApplianceError(`${below} among the results is no regular file`);
      await root.uploadFile(`/${below}`, { name });
      files.push(name);
    }
    if (files.length === 0) throw new ApplianceError('Could not find image build results!');
    return files.sort();
  }
}
