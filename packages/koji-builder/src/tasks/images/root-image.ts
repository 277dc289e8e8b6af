import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { LiveCDError, makeFolderBelow } from '@koji/core';
import { truthy } from '@koji/core/api';
import type { BuildrootRpmRef, HostInfo, RepoInfo, TargetInfo } from '@koji/core/api';
import type { ExitStatus } from '@koji/plugin-sdk';
import type { BuildRoot } from '../../buildroot/index.js';
import { rpmsIn } from '../../image/index.js';
import { RootedTask } from '../rooted.js';
import { requireTools } from './create-image.js';
import { fetchGiven, type Fetched } from './fetch.js';
import { isoManifest } from './iso9660.js';
import { readKickstart, type Kickstart, type KickstartRepo } from './kickstart.js';
import { longestVolumeId, shortenVolumeId } from './volume-id.js';

/** Options of an image that a program in a buildroot makes, as clients give them. */
export interface RootImageOptions {
  readonly ksurl?: string | null;
  readonly ksversion?: string | null;
  /** Whether the repos of the kickstart file stay. */
  readonly ksrepo?: unknown;
  /** URLs of repos: a list, or a text with commas between them. */
  readonly repo?: readonly string[] | string | null;
  readonly install_tree_url?: string | null;
  readonly volid?: string | null;
  readonly scratch?: unknown;
  /** Of appliances. */
  readonly vmem?: number | string | null;
  readonly vcpu?: number | string | null;
  readonly format?: string | null;
  /** Of live images. */
  readonly nomacboot?: unknown;
  readonly squashfs_only?: unknown;
  readonly compress_arg?: readonly string[] | null;
  /** An SCM URL of templates for lorax, and the folder of them. */
  readonly lorax_url?: string | null;
  readonly lorax_dir?: string | null;
}

/** An image to make, and where. */
export interface RootImage {
  readonly root: BuildRoot;
  readonly name: string;
  readonly version: string;
  readonly release: string;
  readonly arch: string;
  readonly options: RootImageOptions;
  readonly kickstart: Kickstart;
  /** The kickstart file as programs inside see it. */
  readonly file: string;
  /** The folder that the program works in, as it sees it. */
  readonly folder: string;
}

/** Results of a program in a buildroot. */
export interface MadeImage {
  /** Names in the task's output. */
  readonly files: readonly string[];
  /** Logs of the program in the task's output. */
  readonly logs: readonly string[];
  readonly rootdev: string | null;
  /** Null for scratch images. */
  readonly rpmlist: readonly BuildrootRpmRef[] | null;
}

/** How a kind of image is made. */
export interface ImageProgram {
  /** The group of packages that has the program. */
  readonly group: string;
  /** Whether the program needs the devices of the builder. */
  readonly needsDevices: boolean;
}

/** Makes an image by a kickstart file with a program in a buildroot. */
export abstract class RootImageTask extends RootedTask {
  /** How it is made. */
  protected abstract readonly program: ImageProgram;
  /** Makes the image and uploads it. */
  protected abstract make(image: RootImage): Promise<MadeImage>;

  override async checkHost(host: HostInfo, args: readonly unknown[]): Promise<void> {
    await super.checkHost(host, args);
    await requireTools(this, ['pykickstart']);
  }

  protected override rootTag(args: readonly unknown[]): unknown {
    return args[5];
  }

  // eslint-disable-next-line max-params -- the order of a task's arguments is Koji's
  async handler(
    name: string,
    version: string,
    release: string,
    arch: string,
    target_info: TargetInfo,
    build_tag: string | number,
    repo_info: RepoInfo,
    ksfile: string,
    opts: RootImageOptions | null = null,
  ): Promise<object> {
    const options = opts ?? {};
    const { group, needsDevices } = this.program;
    const request = {
      ...{ tag: build_tag, arch, repoId: repo_info.id, installGroup: group, setupDns: true },
      bindOptions: needsDevices ? { dirs: { '/dev': '/dev' } } : null,
    };
    return this.inRoot(request, async (root) => {
      await root.startBuilding();
      await makeFolderBelow(root.rootDir, path.relative(root.rootDir, root.tmpDir));
      const given = await this.fetch(root, ksfile, { target: target_info, options });
      const kickstart = await this.read(given, { root, target: target_info, options });
      const own = `koji-image-${target_info.build_tag_name}-${this.id}.ks`;
      await writeFile(path.join(root.tmpDir, own), kickstart.text, { flag: 'wx' });
      const folder = root.pathWithin(root.tmpDir);
      const file = path.posix.join(folder, own);
      await root.uploadFile(file);
      const about = { root, name, version, release, arch, options, kickstart, file, folder };
      const { files, logs, rootdev, rpmlist } = await this.make(about);
      return {
        ...{ arch, rootdev, task_id: this.id, name, version, release, files },
        logs: [...logs, path.basename(ksfile), own, ...root.logs],
        ...(rpmlist === null ? {} : { rpmlist }),
      };
    });
  }

  private fetch(
    root: BuildRoot,
    ksfile: string,
    { target, options }: { readonly target: TargetInfo; readonly options: RootImageOptions },
  ): Promise<Fetched> {
    const { ksurl } = options;
    const given = { name: ksurl ? ksfile : `work/${ksfile}`, url: ksurl, kind: 'Kickstart' };
    return fetchGiven(this, given, {
      buildTag: target.build_tag_name,
      scratch: truthy(options.scratch),
      log: 'checkout.log',
      // Scripts in it may want the files beside it; an upload has none.
      folder: ksurl ? root.tmpDir : path.join(this.workdir, 'kickstart'),
      buildroot: root,
    });
  }

  private read(
    given: Fetched,
    {
      root,
      target,
      options,
    }: { readonly root: BuildRoot; readonly target: TargetInfo; readonly options: RootImageOptions },
  ): Promise<Kickstart> {
    const own = { name: `koji-${target.build_tag_name}-${root.repo.id}`, baseurl: root.repoUrl };
    const repos = givenRepos(options.repo);
    const changes = {
      version: options.ksversion || null,
      repos: truthy(options.ksrepo) ? null : repos.length > 0 ? repos : [own],
      url: options.install_tree_url || null,
      noverifyssl: false,
    };
    return readKickstart(this, given, changes, LiveCDError);
  }

  /** Runs the program in its folder. */
  protected runProgram({ root, folder }: RootImage, command: readonly string[]): Promise<ExitStatus> {
    return root.run(command, { cwd: folder });
  }

  /** Uploads a log of the program, if it has written one. */
  protected async uploadLog({ root }: RootImage, within: string): Promise<void> {
    await root.uploadFile(within).catch((error: unknown) => {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    });
  }

  /** Returns the rpms that the program has downloaded; null for scratch images. */
  protected async downloaded(
    { root, options }: RootImage,
    cache: string,
  ): Promise<readonly BuildrootRpmRef[] | null> {
    if (truthy(options.scratch)) return null;
    const rpms = await rpmsIn(root, cache);
    if (rpms.length === 0) throw new LiveCDError('No repos found in yum cache!');
    return rpms;
  }

  /** Uploads the one ISO image in a folder under a name, and its table of contents. */
  protected async uploadIso(
    { root }: RootImage,
    folder: string,
    { as, Failure }: { readonly as: string; readonly Failure: new (text: string) => Error },
  ): Promise<void> {
    const [iso, another] = (await root.list(folder)).filter((name) => name.endsWith('.iso')).sort();
    if (iso === undefined) throw new Failure('could not find iso file in chroot');
    if (another !== undefined) throw new Failure(`multiple .iso files found: ${iso} and ${another}`);
    const place = path.posix.join(folder, iso);
    const image = await root.openFile(place);
    try {
      await this.uploadText('manifest.log', await isoManifest(image, iso));
    } finally {
      await image.close();
    }
    await root.uploadFile(place, { name: as });
  }
}

/**
 * Returns the volume ID of an image.
 *
 * @throws the error for one that is too long
 */
export function volumeIdOf(
  { name, version, release, options: { volid } }: RootImage,
  Failure: new (text: string) => Error,
): string {
  const id = volid || shortenVolumeId(name, version, release);
  if (id.length > longestVolumeId)
    throw new Failure(`volume ID is longer than ${longestVolumeId} characters`);
  return id;
}

function givenRepos(repo: RootImageOptions['repo']): KickstartRepo[] {
  const urls = typeof repo === 'string' ? repo.split(',').filter(Boolean) : (repo ?? []);
  return [...new Set(urls)].map((baseurl, i) => ({ name: `koji-override-${i}`, baseurl }));
}
