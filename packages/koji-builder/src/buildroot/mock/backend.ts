import { copyFile, mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { BuildError, BuildrootError, listBelow, makeFolderBelow, openFileBelow } from '@koji/core';
import { truthy } from '@koji/core/api';
import { outputOf, runProgram } from '@koji/plugin-sdk/host';
import type { ProgramOptions } from '@koji/plugin-sdk/host';
import type { ExitStatus, LogSource } from '@koji/plugin-sdk';
import type { Backend, RootParts, RootPlaces, RunOptions, SrpmSources } from '../backend.js';
import { onlySpec, takeResult } from '../rpmbuild.js';
import { rootConfig } from './settings.js';
import { asMockUser } from './user.js';

/** How many logs of the package manager are uploaded. */
const mostLogs = 100;

/** A buildroot made by mock(1), which knows it by a configuration in `mockconfigdir`. */
export class MockBackend implements Backend {
  readonly name = 'mock';
  readonly program = 'mock';
  readonly installWords = '--install';
  readonly hasOwnPackages = true;
  readonly warning = null;
  readonly base = null;
  readonly places: RootPlaces;
  private readonly outputs = new Set<string>();

  constructor(private readonly parts: RootParts) {
    const top = path.join(parts.options.mockdir, parts.name);
    this.places = { top, root: path.join(top, 'root'), result: path.join(top, 'result') };
    this.outputs.add(this.output);
  }

  private get output(): string {
    return path.join(this.parts.task.workdir, 'mock_output.log');
  }

  /** Mock's configuration of the buildroot. */
  get configFile(): string {
    return mockConfigFile(this.parts.options, this.parts.name);
  }

  async configure(): Promise<{ file: string; log: string }> {
    const { id, name, repo, config, request, options, task } = this.parts;
    if (!request) throw new BuildrootError(`buildroot ${name} was made by another task`);
    const text = await rootConfig({ id, name, repoId: repo.id, config, request }, options, task.logger);
    await mkdir(options.mockconfigdir, { recursive: true });
    await writeFile(this.configFile, text);
    return { file: this.configFile, log: 'mock_config.log' };
  }

  async init(): Promise<ExitStatus> {
    const status = await this.mock(['--init']);
    // For the log.
    if (status.success) await this.mock(['--chroot', 'uname -r']);
    return status;
  }

  install(names: readonly string[]): Promise<ExitStatus> {
    return this.mock(['--install', ...names]);
  }

  run(command: readonly string[], options: RunOptions): Promise<ExitStatus> {
    const { as = 'root', cwd, network, env = {}, timeout, log, machine, newChroot = null } = options;
    const variables = Object.entries(env).map(([name, value]) => `${name}=${value}`);
    const words = variables.length > 0 ? ['/usr/bin/env', ...variables, ...command] : command;
    const args = [
      ...(newChroot === null ? [] : [newChroot ? '--new-chroot' : '--old-chroot']),
      ...(machine === undefined ? [] : ['--arch', machine]),
      ...(network === undefined
        ? []
        : [network ? '--enable-network' : '--config-opts=rpmbuild_networking=False']),
      ...(as === 'builder' ? ['--no-clean', '--unpriv'] : []),
      ...(cwd === undefined ? [] : ['--cwd', cwd]),
      ...['--chroot', '--', ...words],
    ];
    return this.mock(args, log, timeout === undefined ? {} : { timeout });
  }

  buildSrpm({ spec, sources }: SrpmSources): Promise<ExitStatus> {
    return this.mock([
      ...['--no-clean', '--buildsrpm', '--spec', spec, '--sources', sources],
      ...['--target', 'noarch'],
    ]);
  }

  /** Mock itself would only build it from scratch, so rpm unpacks it inside, and rpmbuild packs it with the tag's macros. */
  async rebuildSrpm(srpm: string): Promise<ExitStatus> {
    const { root } = this.places;
    const { chroot_tmpdir: tmp } = this.parts.options;
    const within = (...names: string[]): string => path.posix.join('/', tmp, ...names);
    const below = within('srpm').slice(1);
    await makeFolderBelow(root, below);
    const file = path.basename(srpm);
    await copyFile(srpm, path.join(root, below, file));
    const top = within('srpm_unpacked');
    const inside = ['--no-clean', '--target', 'noarch', '--chroot', '--'];
    const unpack = ['rpm', '--define', `_topdir ${top}`, '-iv', within('srpm', file)];
    const unpacked = await this.mock([...inside, ...unpack]);
    if (!unpacked.success) return unpacked;
    const spec = onlySpec((await listBelow(root, `${top}/SPECS`)).map(({ name }) => name));
    const pack = ['rpmbuild', '--define', `_topdir ${top}`, '-bs', '--nodeps', `${top}/SPECS/${spec}`];
    const packed = await this.mock([...inside, ...pack]);
    if (packed.success) await this.takeSource(`${top}/SRPMS`);
    return packed;
  }

  build(srpm: string, { arch }: { readonly arch: string }): Promise<ExitStatus> {
    return this.mock(['--no-clean', '--target', arch, '--rebuild', srpm]);
  }

  async giveToBuilder(folder: string): Promise<void> {
    const { mockuser } = this.parts.options;
    if (process.getuid?.() !== 0 || mockuser === '') return;
    const owner = `${mockuser}:mock`;
    const { status, stderr } = await outputOf(['chown', '-R', '-h', owner, '--', folder]);
    if (!status.success) throw new BuildrootError(`could not give ${folder} to ${owner}: ${stderr.trim()}`);
  }

  /** Packages could have put links in place of logs and their folders. */
  async logs(): Promise<(string | LogSource)[]> {
    const { top } = this.places;
    const below = async (folder: string, wanted: RegExp): Promise<LogSource[]> => {
      const found = await listBelow(top, folder).catch(() => []);
      return found
        .filter((entry) => entry.isFile() && wanted.test(entry.name))
        .map(({ name }) => path.join(folder, name))
        .map((log) => ({ file: path.join(top, log), open: () => openFileBelow(top, log) }));
    };
    return [
      ...(await below('result', /\.log$/)),
      ...(await below('root/var/log', /^dnf[\w.-]*\.log$/)).slice(0, mostLogs),
      ...this.outputs,
    ];
  }

  /** The log in which mock tells most of what it did, by the codes that it exits with. */
  logOf({ code }: ExitStatus): string {
    if (code === 10) return 'build.log';
    return code === 1 ? 'build.log or root.log' : 'root.log';
  }

  /** Mock's roots are plain folders. */
  async attach(): Promise<void> {}

  /** Mock's own processes have ended with each call. */
  async kill(): Promise<void> {}

  private async mock(args: readonly string[], log?: string, how: ProgramOptions = {}): Promise<ExitStatus> {
    const { options, config, task } = this.parts;
    const { mockpath, mockuser } = options;
    const { extra } = config;
    const ofTag = [
      ...('mock.new_chroot' in extra
        ? [truthy(extra['mock.new_chroot']) ? '--new-chroot' : '--old-chroot']
        : []),
      ...(truthy(extra['mock.bootstrap_image_ready']) ? ['--bootstrap-image-ready'] : []),
    ];
    const command = [...(await asMockUser(mockuser)), mockpath, '-r', this.configFile, ...ofTag, ...args];
    task.logger.info(command.join(' '));
    const output = log === undefined ? this.output : path.join(task.workdir, path.basename(log));
    this.outputs.add(output);
    return runProgram(command, output, { ...how, endsAll: true });
  }

  private async takeSource(folder: string): Promise<void> {
    const { root } = this.places;
    const files = (await listBelow(root, folder)).map(({ name }) => name);
    const [file] = files;
    if (file === undefined) throw new BuildError(`No srpms found in ${path.join(root, folder)}`);
    if (files.length > 1)
      throw new BuildError(`Multiple srpms found in ${path.join(root, folder)}: ${files.join(', ')}`);
    await takeResult(this.places, path.join(folder, file));
  }
}

/** Where mock's configuration of a buildroot is. */
export function mockConfigFile({ mockconfigdir }: { readonly mockconfigdir: string }, name: string): string {
  return path.join(mockconfigdir, `${name}.cfg`);
}
