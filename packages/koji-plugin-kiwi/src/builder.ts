import { realpath } from 'node:fs/promises';
import path from 'node:path';
import { GenericError, LiveCDError, sortTexts } from '@koji/core';
import { truthy } from '@koji/core/api';
import type { BuildrootRpmRef, RepoInfo, TargetInfo } from '@koji/core/api';
import { BuildRoot, requireBackend } from '@koji/builder/buildroot';
import { buildImage, rpmsIn } from '@koji/builder/image';
import type { ImageOptions } from '@koji/builder/image';
import { Scm } from '@koji/builder/scm';
import { BaseTaskHandler } from '@koji/plugin-sdk';
import { fileIn, prepareDescription, readDescription } from './description.js';
import type { Changes } from './description.js';

/** How an image is to be built. */
interface KiwiOptions extends ImageOptions {
  readonly profile?: string;
  readonly version?: string;
  readonly repos?: readonly string[];
  readonly repo_releasever?: string;
  readonly make_prep?: boolean;
  readonly type?: string;
  readonly type_attr?: readonly string[];
  readonly use_buildroot_repo?: boolean;
  readonly result_bundle_name_format?: string;
  /** Whether the buildroot has the builder's `/dev`. */
  readonly mount_dev?: boolean;
}

/** Builds an image from a kiwi description in source control. */
export class KiwiBuildTask extends BaseTaskHandler {
  static override readonly Methods = ['kiwiBuild'];
  static override readonly _taskWeight = 4.0;

  async handler(
    target: string | number,
    arches: readonly string[] | null,
    desc_url: string,
    { desc_path: descPath, opts = null }: { readonly desc_path: string; readonly opts?: KiwiOptions | null },
  ): Promise<string> {
    const scratch = truthy(opts?.scratch);
    const options: KiwiOptions = { ...opts, scratch, optional_arches: opts?.optional_arches ?? [] };
    return buildImage(this, {
      target,
      arches,
      options,
      identify: async ({ target: { build_tag: buildTag } }) => {
        const scm = Scm.parse(desc_url, { allowPassword: this.options.allow_password_in_scm_url === true });
        await scm.assertAllowed(this, { scratch });
        const { folder, top } = await scm.checkout(this, path.join(this.workdir, 'sources'), {
          buildTag,
          scratch,
        });
        const { name, version, profile } = await readDescription(
          await fileIn(await realpath(top), path.join(folder, descPath)),
        );
        const suffix = options.profile || profile;
        return { name: suffix ? `${name}-${suffix}` : name, version: options.version || version };
      },
      method: 'createKiwiImage',
      args: (arch, { name, version, release }, { target: info, repo, config }) => [
        ...[name, version, release, arch, info, info.build_tag, repo, desc_url, descPath],
        // Only the old kind of chroot lacks devices.
        truthy(config.extra['mock.new_chroot'] ?? true) ? options : { ...options, mount_dev: true },
      ],
    });
  }
}

/** The image to build, and its sources. */
interface ImageRequest {
  readonly release: string;
  readonly arch: string;
  readonly target_info: TargetInfo;
  readonly build_tag: string | number;
  readonly repo_info: Pick<RepoInfo, 'id'>;
  readonly desc_url: string;
  readonly desc_path: string;
  readonly opts?: KiwiOptions | null;
}

/** A subtask's report to the hub. */
interface ImageData {
  readonly arch: string;
  readonly task_id: number;
  readonly logs: readonly string[];
  readonly name: string;
  readonly version: string;
  readonly release: string;
  readonly rpmlist: readonly BuildrootRpmRef[];
  readonly files: readonly string[];
}

/** The making of one image. */
interface Work {
  readonly root: BuildRoot;
  readonly arch: string;
  readonly options: KiwiOptions;
}

/** The checked-out sources. */
interface Sources {
  readonly folder: string;
  /** The whole checkout and the folder that it is in, without links, as they were before any program ran there. */
  readonly top: string;
  readonly base: string;
}

const imageFolder = '/builddir/result/image';
const bundleFolder = '/builddir/result/bundle';

/** Builds the image of one arch in a buildroot. */
export class KiwiCreateImageTask extends BaseTaskHandler {
  static override readonly Methods = ['createKiwiImage'];
  static override readonly _taskWeight = 2.0;

  override async checkHost(): Promise<void> {
    await requireBackend(this);
  }

  async handler(
    name: string,
    version: string,
    {
      release,
      arch,
      target_info: target,
      build_tag: tag,
      repo_info: repo,
      desc_url: url,
      desc_path: descPath,
      opts = null,
    }: ImageRequest,
  ): Promise<ImageData> {
    const options = opts ?? {};
    const root = await BuildRoot.create(this, {
      tag,
      arch,
      repoId: repo.id,
      installGroup: 'kiwi-build',
      setupDns: true,
      bindOptions: truthy(options.mount_dev) ? { dirs: { '/dev': '/dev' } } : null,
    });
    await root.init();
    await root.startBuilding();
    const work = { root, arch, options };
    try {
      const sources = await this.checkout(work, url, target.build_tag);
      const repos = [...(options.repos ?? []), ...(truthy(options.use_buildroot_repo) ? [root.repoUrl] : [])];
      const changes = { name, version, arch, repos, releasever: options.repo_releasever ?? version };
      const description = await this.prepare(work, sources, descPath, changes);
      const place = path.relative(sources.base, path.dirname(description));
      await this.kiwi(
        root,
        `image-root.${arch}.log`,
        buildArguments(place, path.basename(description), options),
      );
      await this.kiwi(root, `kiwi-result-bundle.${arch}.log`, bundleArguments(release, options));
      const files = await this.uploadBundle(root);
      const rpmlist = truthy(options.scratch) ? [] : await rpmsIn(root, '/var/cache/kiwi/dnf');
      if (rpmlist.length === 0 && !truthy(options.scratch))
        throw new LiveCDError('No repos found in yum cache!');
      const logs = [path.basename(description)];
      return { arch, task_id: this.id, logs, name, version, release, rpmlist, files };
    } finally {
      await root.expire();
    }
  }

  private async checkout({ root, arch, options }: Work, url: string, buildTag: number): Promise<Sources> {
    const scratch = truthy(options.scratch);
    const scm = Scm.parse(url, { allowPassword: this.options.allow_password_in_scm_url === true });
    await scm.assertAllowed(this, { scratch });
    const log = `checkout-${arch}.log`;
    const { folder, top } = await scm.checkout(this, root.tmpDir, { buildTag, scratch, log });
    return { folder, top: await realpath(top), base: await realpath(root.tmpDir) };
  }

  /** The description as kiwi gets it; the task's output has it too. */
  private async prepare(
    { root, options }: Work,
    { folder, top, base }: Sources,
    descPath: string,
    changes: Changes,
  ): Promise<string> {
    const file = path.join(folder, descPath);
    if (truthy(options.make_prep)) {
      const status = await root.run(['make', 'prep'], { cwd: root.pathWithin(path.dirname(file)) });
      if (!status.success) throw new GenericError('Preparation step failed');
    }
    const description = await prepareDescription(top, await fileIn(top, file), changes);
    await root.uploadFile(root.pathWithin(path.join(root.tmpDir, path.relative(base, description))));
    return description;
  }

  private async kiwi(root: BuildRoot, log: string, [global, command]: KiwiArguments): Promise<void> {
    const folder = root.pathWithin(root.tmpDir);
    // Not in /tmp: another one is mounted there.
    const file = path.posix.join(folder, log);
    const words = ['kiwi-ng', ...global, '--debug', '--logfile', file, ...command];
    const logs = this.growingLogs(async () => [root.log(file)]);
    const status = await logs.during(root.run(words, { cwd: folder }));
    if (!status.success) throw new GenericError('Kiwi failed');
  }

  private async uploadBundle(root: BuildRoot): Promise<string[]> {
    const names = sortTexts(await root.list(bundleFolder));
    if (names.length === 0) throw new GenericError(`kiwi left no bundle in ${bundleFolder}`);
    for (const name of names) await root.uploadFile(path.posix.join(bundleFolder, name));
    return names;
  }
}

/** Those before the command, and the command. */
type KiwiArguments = readonly [readonly string[], readonly string[]];

function buildArguments(place: string, file: string, options: KiwiOptions): KiwiArguments {
  return [
    [
      ...(options.profile ? ['--profile', options.profile] : []),
      ...(options.type ? ['--type', options.type] : []),
      ...['--kiwi-file', file],
    ],
    [
      ...['system', 'build'],
      ...['--description', place],
      ...['--target-dir', imageFolder],
      ...(options.type_attr ?? []).flatMap((attribute) => ['--set-type-attr', attribute]),
    ],
  ];
}

function bundleArguments(release: string, { result_bundle_name_format: format }: KiwiOptions): KiwiArguments {
  return [
    [],
    [
      ...['result', 'bundle'],
      ...['--target-dir', imageFolder],
      ...['--bundle-dir', bundleFolder],
      ...['--id', release],
      ...(format ? ['--bundle-format', format] : []),
    ],
  ];
}
