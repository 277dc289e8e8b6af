import path from 'node:path';
import { ApplianceError, GenericError, LiveCDError, plain } from '@koji/core';
import { truthy } from '@koji/core/api';
import type { BuildrootRpmRef, RepoInfo, TargetInfo } from '@koji/core/api';
import { BuildRoot, requireBackend } from '@koji/builder/buildroot';
import { buildImage, rpmsIn } from '@koji/builder/image';
import type { ImageOptions } from '@koji/builder/image';
import { Scm } from '@koji/builder/scm';
import { BaseTaskHandler } from '@koji/plugin-sdk';

/** How a disk is to be built. */
interface DudOptions extends ImageOptions {
  /** With everything that the packages need. */
  readonly alldeps?: boolean;
  /** Where further content is. */
  readonly scmurl?: string | null;
}

/** The disk to build. */
interface DudRequest {
  readonly target: string | number;
  /** Names or NVRs of the rpms on it. */
  readonly pkg_list: readonly string[];
  readonly opts?: DudOptions | null;
}

/** Builds a driver update disk. */
export class DudBuildTask extends BaseTaskHandler {
  static override readonly Methods = ['dudBuild'];
  static override readonly _taskWeight = 1.0;

  async handler(
    dud_name: string,
    dud_version: string,
    arches: readonly string[] | null,
    { target, pkg_list: packages, opts = null }: DudRequest,
  ): Promise<string> {
    checkPackages(packages);
    if (dud_version.includes('-')) throw new ApplianceError('The Version may not have a hyphen');
    const options: DudOptions = {
      ...opts,
      scratch: truthy(opts?.scratch),
      alldeps: truthy(opts?.alldeps),
      scmurl: opts?.scmurl || null,
      optional_arches: opts?.optional_arches ?? [],
    };
    return buildImage(this, {
      target,
      arches,
      options,
      identify: async () => ({ name: dud_name, version: dud_version }),
      method: 'createDudIso',
      args: (arch, { name, version, release }, { target: info, repo }) => [
        ...[name, version, release, arch, info, info.build_tag, repo, packages, options],
      ],
    });
  }
}

/** Contents of a disk of one arch. */
interface IsoRequest {
  readonly dud_release: string;
  readonly arch: string;
  readonly target_info: TargetInfo;
  readonly build_tag: string | number;
  readonly repo_info: Pick<RepoInfo, 'id'>;
  readonly pkg_list: readonly string[];
  readonly opts?: DudOptions | null;
}

/** A subtask's report to the hub. */
interface ImageData {
  readonly arch: string;
  readonly task_id: number;
  readonly name: string;
  readonly version: string;
  readonly release: string;
  readonly logs: readonly string[];
  readonly rpmlist: readonly BuildrootRpmRef[];
  readonly files: readonly string[];
}

/** Builds the disk of one arch in a buildroot: `dd-NAME-VERSION-RELEASE.ARCH.iso`. */
export class DudCreateImageTask extends BaseTaskHandler {
  static override readonly Methods = ['createDudIso'];
  static override readonly _taskWeight = 1.0;

  override async checkHost(): Promise<void> {
    await requireBackend(this);
  }

  async handler(
    dud_name: string,
    dud_version: string,
    {
      dud_release: release,
      arch,
      target_info: target,
      build_tag: tag,
      repo_info: repo,
      pkg_list: packages,
      opts = null,
    }: IsoRequest,
  ): Promise<ImageData> {
    const options = opts ?? {};
    const scratch = truthy(options.scratch);
    const iso = `dd-${dud_name}-${dud_version}-${release}.${arch}.iso`;
    checkPackages(packages);
    checkFileName(iso);
    const root = await BuildRoot.create(this, {
      tag,
      arch,
      repoId: repo.id,
      installGroup: 'dud-build',
      setupDns: true,
      bindOptions: { dirs: { '/dev': '/dev' } },
    });
    await root.init();
    await root.startBuilding();
    try {
      await fetchRpms(root, packages, truthy(options.alldeps));
      await layOut(root, arch);
      const about = { buildTag: target.build_tag, scratch };
      if (options.scmurl) await this.addSources(root, options.scmurl, `checkout-${arch}.log`, about);
      await finish(root, arch, iso);
      await root.uploadFile(path.posix.join(root.pathWithin(root.tmpDir), iso));
      const rpmlist = scratch ? [] : await rpmsIn(root, root.pathWithin(root.tmpDir));
      if (rpmlist.length === 0 && !scratch) throw new LiveCDError('No rpms found in root dir!');
      const image = { name: dud_name, version: dud_version, release };
      return { arch, task_id: this.id, ...image, logs: [], rpmlist, files: [iso] };
    } finally {
      await root.expire();
    }
  }

  /** Puts the content of a repository on the disk. */
  private async addSources(root: BuildRoot, url: string, log: string, about: About): Promise<void> {
    const scm = Scm.parse(url, { allowPassword: this.options.allow_password_in_scm_url === true });
    await scm.assertAllowed(this, { scratch: about.scratch });
    const { folder } = await scm.checkout(this, root.tmpDir, { ...about, log });
    const copy = ['cp', '-aR', '--', path.relative(root.tmpDir, folder), './dd/'];
    await run(root, copy, 'copying SCM repo content into dirstruct');
  }
}

interface About {
  readonly buildTag: number;
  readonly scratch: boolean;
}

/** Names become arguments of dnf. */
function checkPackages(packages: readonly unknown[]): void {
  const wrong = packages.find((name) => typeof name !== 'string' || !/^[^-]/.test(name));
  if (wrong !== undefined)
    throw new GenericError(
      `'${plain(wrong)}' in the list of packages is no name of one: names begin with a letter or digit`,
    );
}

function checkFileName(iso: string): void {
  if (/[/\p{Cc}]/u.test(iso))
    throw new GenericError(
      `a disk can't be called '${iso}': leave slashes and control characters out of its name and version`,
    );
}

async function run(root: BuildRoot, command: readonly string[], what: string): Promise<void> {
  const status = await root.run(command, { cwd: root.pathWithin(root.tmpDir) });
  if (!status.success)
    throw new GenericError(`DUD build failed while ${what}: ${status.describe(root.program)}`);
}

/** One after the other, to tell which of them can't be had. */
async function fetchRpms(root: BuildRoot, packages: readonly string[], allDeps: boolean): Promise<void> {
  for (const name of packages) {
    const command = ['dnf', 'download', ...(allDeps ? ['--resolve', '--alldeps'] : []), name];
    await run(root, command, `getting the involved rpm '${name}'`);
  }
}

async function layOut(root: BuildRoot, arch: string): Promise<void> {
  const folders = ['mkdir', '-p', `./dd/rpms/${arch}/repodata/`, '-p', './dd/src/'];
  await run(root, folders, 'preparing the dir struct for the ISO');
  // By this file an installer knows such a disk; it has no end of line.
  const mark = ['sh', '-c', "printf 'Driver Update Disk version 3' > ./dd/rhdd3"];
  await run(root, mark, 'writing the rhdd3 file in the ISO');
}

async function finish(root: BuildRoot, arch: string, iso: string): Promise<void> {
  const rpms = `./dd/rpms/${arch}/`;
  // The shell finds the files; names are its arguments and no part of what it reads.
  await run(root, ['sh', '-c', 'cp ./*.rpm "$1"', 'sh', rpms], 'copying RPMs into dir struct');
  await run(root, ['createrepo', '-q', '--workers=1', rpms], 'creating ISO repodata');
  const format = ['-quiet', '-lR', '-V', 'OEMDRV', '-input-charset', 'utf8'];
  await run(root, ['xorrisofs', ...format, '-o', iso, './dd', '-v'], 'xorrisofs');
}
