import path from 'node:path';
import { ApplianceError } from '@koji/core';
import { truthy } from '@koji/core/api';
import { BaseTaskHandler } from '@koji/plugin-sdk';
import { buildImage, type ImageOptions, type ImagePlace } from '../../image/index.js';
import { ozTools, requireTools, type OzOptions } from './create-image.js';

/** Options of an image build. */
type ImageBuildOptions = OzOptions & ImageOptions;

/** Builds disk images with oz, for each architecture in a subtask, and imports them as one build. */
export class ImageTask extends BaseTaskHandler {
  static override readonly Methods = ['image'];

  override async checkHost(): Promise<void> {
    await requireTools(this, ozTools);
  }

  // eslint-disable-next-line max-params -- the order of a task's arguments is Koji's
  async handler(
    name: string,
    version: string,
    arches: readonly string[],
    target: string | number,
    inst_tree: string,
    opts: ImageBuildOptions | null = null,
  ): Promise<string> {
    const options = opts ?? {};
    const { kickstart } = options;
    return buildImage(this, {
      ...{ target, arches, options: { ...options, optional_arches: listOf(options.optional_arches) } },
      identify: async (place) => {
        await this.assertPolicy(place, options);
        checkVersion(version, options.release);
        return { name, version };
      },
      method: 'createImage',
      args: (arch, image, { target: info, repo }) => [
        ...[image.name, image.version, image.release, arch, info, info.build_tag, repo],
        ...[inst_tree.replaceAll('$arch', arch), options],
      ],
      shared: kickstart ? path.basename(kickstart) : undefined,
    });
  }

  private async assertPolicy(
    { target }: ImagePlace,
    { ksurl = null, scratch, skip_tag: skipTag, repo_id: repoId }: OzOptions & ImageOptions,
  ): Promise<void> {
    await this.session.host.assertPolicy('build_rpm', {
      user_id: (await this.taskInfo()).owner,
      source: ksurl,
      task_id: this.id,
      build_tag: target.build_tag,
      skip_tag: truthy(skipTag),
      scratch: truthy(scratch),
      from_scm: false,
      repo_id: repoId ?? null,
      target: target.name,
      ...(truthy(skipTag) ? {} : { tag: target.dest_tag }),
    });
  }
}

/**
 * Checks that a version and a release can be parts of the name of an image.
 *
 * @throws ApplianceError for one with a hyphen
 */
export function checkVersion(version: string, release: string | null | undefined): void {
  if (version.includes('-')) throw new ApplianceError('The Version may not have a hyphen');
  if (release?.includes('-')) throw new ApplianceError('The Release may not have a hyphen');
}

/** Koji's command sends architectures that may fail as one text. */
function listOf(arches: unknown): readonly string[] {
  if (Array.isArray(arches)) return arches.filter((arch) => typeof arch === 'string');
  return typeof arches === 'string' ? arches.split(',').filter(Boolean) : [];
}
