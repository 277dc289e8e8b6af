import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { BuildRoot, requireBackend } from '@koji/builder/buildroot';
import { buildImage } from '@koji/builder/image';
import { truthy } from '@koji/core/api';
import type { BuildConfig, RepoInfo, TargetInfo } from '@koji/core/api';
import { BaseTaskHandler } from '@koji/plugin-sdk';
import type { ArgsOf } from '@koji/plugin-sdk';
import { GenericError } from '@koji/plugin-sdk/koji';
import type { Options } from './args.js';
import { buildArgs } from './args.js';

/** Builds an image: its arches in subtasks. */
export class ImageBuilderBuildTask extends BaseTaskHandler {
  static override readonly Methods = ['imageBuilderBuild'];
  static override readonly Args = buildArgs;
  static override readonly _taskWeight = 0.2;

  async handler(...[target, arches, types, name, version, opts]: ArgsOf<typeof buildArgs>): Promise<string> {
    return buildImage(this, {
      target,
      arches,
      options: { ...opts, release: opts.release ?? null, optional_arches: opts.failable_arches ?? [] },
      identify: async () => ({ name, version }),
      method: 'imageBuilderBuildArch',
      args: (arch, image, place) => [
        ...[name, version, image.release, arch, types],
        ...[place.target, place.config, place.repo, opts],
      ],
    });
  }
}

/** The image to build, and its sources. */
interface ArchRequest {
  readonly release: string;
  readonly arch: string;
  readonly types: readonly string[];
  readonly target_info: TargetInfo;
  readonly build_config: BuildConfig;
  readonly repo_info: RepoInfo;
  readonly opts?: Options;
}

/** The image of one arch, as reported to the hub. */
interface ImageData {
  readonly task_id: number;
  readonly name: string;
  readonly version: string;
  readonly release: string;
  readonly arch: string;
  readonly files: readonly string[];
  readonly logs: readonly string[];
  readonly rpmlist: readonly [];
}

const output = '/builddir/output';
// Programs that make sandboxes want `/` to be a mount point, which that of an old chroot is not.
const mounted = 'root=$(mktemp -d) && mount --rbind / "$root" && exec chroot "$root" "$@"';
const wrapper = ['unshare', '--mount', '--propagation', 'private', 'sh', '-c', mounted, 'sh'];

/** Builds the image of one arch in a buildroot. */
export class ImageBuilderBuildArchTask extends BaseTaskHandler {
  static override readonly Methods = ['imageBuilderBuildArch'];
  static override readonly _taskWeight = 0.2;

  override async checkHost(): Promise<void> {
    await requireBackend(this);
  }

  async handler(
    name: string,
    version: string,
    {
      release,
      arch,
      types,
      target_info: target,
      build_config: config,
      repo_info: repo,
      opts = {},
    }: ArchRequest,
  ): Promise<ImageData> {
    const isOld = !truthy(config.extra['mock.new_chroot'] ?? true);
    if (!isOld) this.logger.warn('image-builder may need devices: set mock.new_chroot of the build tag to 0');
    const root = await BuildRoot.create(this, {
      tag: target.build_tag,
      arch,
      repoId: repo.id,
      installGroup: 'image-builder-build',
      setupDns: true,
      bindOptions: isOld ? { dirs: { '/dev': '/dev' } } : null,
    });
    await root.init();
    await root.startBuilding();
    try {
      const run = async (words: readonly string[], failure: string): Promise<void> => {
        const status = await root.run(words, { cwd: root.pathWithin(root.tmpDir) });
        if (!status.success) throw new GenericError(failure);
      };
      const { ref, 'build-ref': buildRef, 'installer-payload-ref': payload } = opts.bootc ?? {};
      for (const image of [ref, buildRef, payload])
        if (image) await run(['podman', 'pull', image], `podman failed to pull container ${image}`);
      const words = [...(isOld ? wrapper : []), ...(await this.command(root, arch, opts))];
      const place = ['--output-dir', output, '--output-name', `${name}-${version}-${release}.${arch}`];
      for (const type of types) await run([...words, ...place, type], '`image-builder` failed');
      const files = [...(await root.list(output))].sort();
      for (const file of files) await root.uploadFile(path.posix.join(output, file));
      return { task_id: this.id, name, version, release, arch, files, logs: [], rpmlist: [] };
    } finally {
      await root.expire();
    }
  }

  /** Options of image-builder, except for the image. */
  private async command(root: BuildRoot, arch: string, opts: Options): Promise<string[]> {
    const { ostree = {}, bootc = {}, blueprint, preview } = opts;
    const file = path.join(root.tmpDir, 'blueprint.json');
    if (blueprint) await writeFile(file, JSON.stringify(blueprint));
    const repos = opts.repos?.map((url) => url.replaceAll(/\$(base)?arch/g, arch)) ?? [];
    const given: Record<string, string | undefined> = {
      blueprint: blueprint && root.pathWithin(file),
      distro: opts.distro,
      'ostree-url': ostree.url,
      'ostree-ref': ostree.ref?.replaceAll('$arch', arch),
      'ostree-parent': ostree.parent,
      'bootc-ref': bootc.ref,
      'bootc-build-ref': bootc['build-ref'],
      'installer-payload-ref': bootc['installer-payload-ref'],
      'bootc-default-fs': bootc['default-fs'],
      seed: opts.seed?.toString(),
      preview: preview?.toString(),
    };
    return [
      ...['image-builder', '-v', 'build', '--use-librepo=false', '--with-sbom', '--with-manifest'],
      ...(repos.length > 0 ? repos : [root.repoUrl]).flatMap((url) => ['--force-repo', url]),
      ...Object.entries(given).flatMap(([name, value]) => (value ? [`--${name}`, value] : [])),
    ];
  }
}
