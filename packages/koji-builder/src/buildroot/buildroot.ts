import { mkdir, readdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { BuildrootError, GenericError, REPO_STATES, canonArch, nameOf } from '@koji/core';
import { truthy } from '@koji/core/api';
import type { BuildConfig, BuildrootRpmRef, RepoInfo } from '@koji/core/api';
import type { KojidOptions } from '@koji/core/config';
import { runProgram } from '@koji/plugin-sdk/host';
import type { BaseTaskHandler, ExitStatus, GrowingLogs } from '@koji/plugin-sdk';
import { settingsOf } from '../settings.js';
import { listInstalled, withOrigins, type InstalledRpm } from './installed.js';
import { asMockUser } from './mock-user.js';
import { pathInRoot, unmount, type Mount } from './mounts.js';
import { repoUrls, rootConfig, type BuildRootRequest } from './settings.js';

interface Parts {
  readonly id: number;
  readonly arch: string;
  readonly repo: RepoInfo;
  readonly config: BuildConfig;
}

/**
 * A folder in which a task runs programs of a distribution, made by mock. At the hub it is INIT when it was made, WAITING
 * and BUILDING when the task says so, and EXPIRED from {@link BuildRoot.expire} on; kojid removes the folder some time
 * after that, and expires it itself when the task ended without doing so.
 *
 * @example
 * async function listPackages(task: BaseTaskHandler, tag: string, repoId: number): Promise<void> {
 *   const root = await BuildRoot.create(task, { tag, arch: 'x86_64', repoId });
 *   try {
 *     await root.init();
 *     const status = await root.mock(['--chroot', '--', 'rpm', '-qa']);
 *     if (!status.success) throw new BuildrootError(root.describe(status));
 *   } finally {
 *     await root.expire();
 *   }
 * }
 */
export class BuildRoot {
  /** The buildroot's id at the hub. */
  readonly id: number;
  /** `TAG-ID-REPO`: the name of its folder below mockdir. */
  readonly name: string;
  /** The arch of its repo, a canonical one. */
  readonly arch: string;
  /** The repo that its packages come from. */
  readonly repo: RepoInfo;
  /** The build tag as it was when the repo was made. */
  readonly config: BuildConfig;
  private readonly options: KojidOptions;
  private readonly logs: GrowingLogs;
  private readonly mounted: string[] = [];

  private constructor(
    private readonly task: BaseTaskHandler,
    { id, arch, repo, config }: Parts,
  ) {
    this.id = id;
    this.arch = arch;
    this.repo = repo;
    this.config = config;
    this.name = `${repo.tag_name}-${id}-${repo.id}`;
    this.options = settingsOf(task);
    this.logs = task.growingLogs(() => this.findLogs());
  }

  /**
   * Makes a buildroot at the hub and writes mock's configuration for it; nothing is installed before {@link init}.
   *
   * @throws BuildrootError when the repo is not one of the tag's or can't be used any more
   */
  static async create(task: BaseTaskHandler, request: BuildRootRequest): Promise<BuildRoot> {
    const { session, logger } = task;
    const repo = await session.repoInfo(request.repoId);
    if (!repo) throw new BuildrootError(`No such repo: ${request.repoId}`);
    const config = await session.getBuildConfig(request.tag, repo.create_event);
    checkRepo(repo, config);
    if (repo.state === REPO_STATES.EXPIRED) logger.info(`Requested repo (${repo.id}) is no longer current`);
    const arch = canonArch(request.arch);
    const id = await session.host.newBuildRoot(repo.id, arch, task.id);
    const root = new BuildRoot(task, { id, arch, repo, config });
    const { mockconfigdir } = root.options;
    const text = await rootConfig(
      { id, name: root.name, repoId: repo.id, config, request },
      root.options,
      logger,
    );
    await mkdir(mockconfigdir, { recursive: true });
    await writeFile(root.configFile, text);
    await task.uploadFile(root.configFile, { name: 'mock_config.log' });
    return root;
  }

  /** A buildroot that there is, by its id. */
  static async open(task: BaseTaskHandler, id: number): Promise<BuildRoot> {
    const found = await task.session.getBuildroot(id, true);
    const { repo_id: repoId = null, arch = null } = found ?? {};
    if (repoId === null || arch === null)
      throw new BuildrootError(`Buildroot ${id} was not made from a repo by a builder`);
    const repo = await task.session.repoInfo(repoId);
    if (!repo) throw new BuildrootError(`No such repo: ${repoId}`);
    const config = await task.session.getBuildConfig(repo.tag_id, repo.create_event);
    return new BuildRoot(task, { id, arch, repo, config });
  }

  /** The name of the build tag. */
  get tagName(): string {
    return this.repo.tag_name;
  }

  /** The folder that is `/` inside. */
  get rootDir(): string {
    return path.join(this.options.mockdir, this.name, 'root');
  }

  /** Where mock puts logs and what it built. */
  get resultDir(): string {
    return path.join(this.options.mockdir, this.name, 'result');
  }

  /** A folder for files that programs inside shall find, which `/tmp` is not: mock mounts another there. */
  get tmpDir(): string {
    return path.join(this.rootDir, this.options.chroot_tmpdir);
  }

  /** Where its repo is, for programs inside. */
  get repoUrl(): string {
    return repoUrls(this.options, { repoId: this.repo.id, tagName: this.tagName, arch: this.arch })[0] ?? '';
  }

  private get configFile(): string {
    return path.join(this.options.mockconfigdir, `${this.name}.cfg`);
  }

  /**
   * A path below {@link rootDir} as programs inside see it.
   *
   * @throws BuildrootError for a path that is not below it
   */
  pathWithin(file: string): string {
    const below = path.relative(this.rootDir, file);
    if (below === '..' || below.startsWith('../') || path.isAbsolute(below))
      throw new BuildrootError(`${file} is not within the buildroot at ${this.rootDir}`);
    return path.join('/', below);
  }

  /**
   * Where a path that programs inside see is on the host. Symbolic links are followed as inside: whatever a package or a
   * command put there, the answer is in the buildroot.
   */
  hostPath(within: string): Promise<string> {
    return pathInRoot(this.rootDir, within);
  }

  /**
   * Installs the packages to begin with and tells the hub which they were.
   *
   * @throws BuildrootError when mock fails; the buildroot is expired then
   */
  async init(): Promise<void> {
    const status = await this.mock(['--init']);
    if (!status.success) {
      await this.expire();
      throw new BuildrootError(`could not init mock buildroot, ${this.describe(status)}`);
    }
    // For the log.
    await this.mock(['--chroot', 'uname -r']);
    await this.task.session.host.setBuildRootList(this.id, await this.packages());
  }

  /**
   * Installs more packages and tells the hub which they were.
   *
   * @throws BuildrootError when mock fails
   */
  async install(packages: readonly string[]): Promise<void> {
    const args = ['--install', ...packages];
    const status = await this.mock(args);
    await this.task.session.host.updateBuildRootList(this.id, await this.packages());
    if (!status.success) throw new BuildrootError(status.describe(args.join(' ')));
  }

  /** Runs mock on this buildroot; its logs are uploaded meanwhile. */
  async mock(args: readonly string[]): Promise<ExitStatus> {
    const { mockpath, mockuser } = this.options;
    const { extra } = this.config;
    const options = [
      ...('mock.new_chroot' in extra
        ? [truthy(extra['mock.new_chroot']) ? '--new-chroot' : '--old-chroot']
        : []),
      ...(truthy(extra['mock.bootstrap_image_ready']) ? ['--bootstrap-image-ready'] : []),
    ];
    const command = [...(await asMockUser(mockuser)), mockpath, '-r', this.configFile, ...options, ...args];
    this.task.logger.info(command.join(' '));
    return this.logs.during(runProgram(command, this.output));
  }

  /**
   * Mounts something of the host inside; {@link unmount} takes it away again, and must before the buildroot is removed.
   *
   * @param log the log of the task that gets what mount says
   * @throws GenericError when it can't be mounted
   */
  async mount({ device, at, type, options }: Mount, log: string): Promise<void> {
    const place = await this.hostPath(at);
    await mkdir(place, { recursive: true });
    const status = await this.task.logOutput(['mount', '-t', type, '-o', options, device, place], log);
    if (!status.success) throw new GenericError(`Unable to mount ${place}: ${status.describe('mount')}`);
    this.mounted.push(place);
  }

  /** Takes away what was mounted below the buildroot, by whomever; what can't be is told in kojid.log. */
  async unmount(): Promise<void> {
    const failed = await unmount(this.rootDir, this.mounted.splice(0));
    if (failed.length > 0) this.task.logger.warn(`Unable to unmount: ${failed.join(', ')}`);
  }

  /** How mock ended, and in which log to read why: `mock exited with status 10; see build.log for more information`. */
  describe(status: ExitStatus, log = logOf(status)): string {
    return `${status.describe('mock')}; see ${log} for more information`;
  }

  /** The rpms that are installed now, each with where it came from. */
  async packages(): Promise<BuildrootRpmRef[]> {
    return this.origins(await listInstalled(this.rootDir));
  }

  /**
   * Says of rpms that came out of its repo where they are from, as `packages` does.
   *
   * @throws BuildError when one is from nowhere; BuildrootError when it is not the one that the repo lists
   */
  async origins(rpms: readonly InstalledRpm[]): Promise<BuildrootRpmRef[]> {
    return withOrigins(this.task, rpms, this);
  }

  /** Tells the hub that the build begins. */
  async startBuilding(): Promise<void> {
    await this.task.session.host.setBuildRootState(this.id, 'BUILDING');
  }

  /** Tells the hub that the buildroot is needed no more. */
  async expire(): Promise<void> {
    await this.task.session.host.setBuildRootState(this.id, 'EXPIRED');
  }

  private get output(): string {
    return path.join(this.task.workdir, 'mock_output.log');
  }

  private async findLogs(): Promise<string[]> {
    const below = async (folder: string, wanted: RegExp): Promise<string[]> => {
      const names = await readdir(folder).catch(() => []);
      return names.filter((name) => wanted.test(name)).map((name) => path.join(folder, name));
    };
    return [
      ...(await below(this.resultDir, /\.log$/)),
      ...(await below(path.join(this.rootDir, 'var/log'), /^dnf.*\.log$/)),
      this.output,
    ];
  }
}

/** The log in which mock tells most of what it did, by the codes that it exits with. */
function logOf({ code }: ExitStatus): string {
  if (code === 10) return 'build.log';
  return code === 1 ? 'build.log or root.log' : 'root.log';
}

function checkRepo(repo: RepoInfo, config: BuildConfig): void {
  if (repo.tag_id !== config.id)
    throw new BuildrootError(`tag/repo mismatch: ${config.name} vs ${repo.tag_name}`);
  if (repo.state !== REPO_STATES.READY && repo.state !== REPO_STATES.EXPIRED)
    throw new BuildrootError(
      `Requested repo (${repo.id}) is ${nameOf(REPO_STATES, repo.state) ?? repo.state}`,
    );
  // It becomes a folder's name and a comment in mock's configuration.
  if (!/^[^/\s\p{Cc}]+$/u.test(repo.tag_name))
    throw new BuildrootError(`a buildroot can't be named by the tag ${JSON.stringify(repo.tag_name)}`);
}
