import { BaseTaskHandler } from '@koji/plugin-sdk';
import { buildImage, type ImageOptions, type ImagePlan } from '../../image/index.js';
import { requireTools } from './create-image.js';

/** Request of a task that spins an image from a kickstart file. */
interface Spin {
  readonly name: string;
  readonly version: string;
  readonly arches: readonly string[];
  readonly target: string | number;
  readonly ksfile: string;
  readonly options: ImageOptions;
}

type Way = Pick<ImagePlan, 'kind' | 'label' | 'method' | 'wrapperLabel'>;

/** Builds images by a kickstart file, in subtasks, and imports them as one build. */
abstract class SpinTask extends BaseTaskHandler {
  override async checkHost(): Promise<void> {
    await requireTools(this, ['pykickstart']);
  }

  protected spin({ name, version, arches, target, ksfile, options }: Spin, way: Way): Promise<string> {
    return buildImage(this, {
      ...way,
      ...{ target, arches, options },
      identify: async () => ({ name, version }),
      args: (arch, image, { target: info, repo }) => [
        ...[image.name, image.version, image.release, arch, info, info.build_tag, repo],
        ...[ksfile, options],
      ],
    });
  }
}

/** Builds a live CD. */
export class LiveCdTask extends SpinTask {
  static override readonly Methods = ['livecd'];

  // eslint-disable-next-line max-params -- the order of a task's arguments is Koji's
  handler(
    name: string,
    version: string,
    arch: string,
    target: string | number,
    ksfile: string,
    opts: ImageOptions | null = null,
  ): Promise<string> {
    const asked = { name, version, arches: [arch], target, ksfile, options: opts ?? {} };
    return this.spin(asked, { kind: 'livecd', label: () => 'livecd', method: 'createLiveCD' });
  }
}

/** Builds an appliance. */
export class ApplianceTask extends SpinTask {
  static override readonly Methods = ['appliance'];

  // eslint-disable-next-line max-params -- the order of a task's arguments is Koji's
  handler(
    name: string,
    version: string,
    arch: string,
    target: string | number,
    ksfile: string,
    opts: ImageOptions | null = null,
  ): Promise<string> {
    const asked = { name, version, arches: [arch], target, ksfile, options: opts ?? {} };
    return this.spin(asked, { kind: 'appliance', label: () => 'appliance', method: 'createAppliance' });
  }
}

/** Builds live images, one for each architecture. */
export class LiveMediaTask extends SpinTask {
  static override readonly Methods = ['livemedia'];

  // eslint-disable-next-line max-params -- the order of a task's arguments is Koji's
  handler(
    name: string,
    version: string,
    arches: readonly string[],
    target: string | number,
    ksfile: string,
    opts: ImageOptions | null = null,
  ): Promise<string> {
    const asked = { name, version, arches: [...new Set(arches)], target, ksfile, options: opts ?? {} };
    return this.spin(asked, {
      // Koji's word for live images, too.
      kind: 'livecd',
      label: (arch) => `livemedia ${arch}`,
      method: 'createLiveMedia',
      wrapperLabel: (arch) => `wrapper ${arch}`,
    });
  }
}
