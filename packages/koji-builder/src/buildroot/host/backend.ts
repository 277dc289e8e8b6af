import { chmod, copyFile, mkdir, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { BuildrootError, buildMacros, listBelow, openFileBelow, settingsBelow } from '@koji/core';
import { outputOf, runProgram } from '@koji/plugin-sdk/host';
import type { ExitStatus, LogSource } from '@koji/plugin-sdk';
import { builderId, withoutRights } from '../account.js';
import type { Backend, RootParts, RootPlaces, RunOptions, SrpmSources } from '../backend.js';
import { limitWords } from '../limits.js';
import { rootsFolder } from '../notes.js';
import { Rpmbuild, type Step } from '../rpmbuild.js';
import { isRoot } from '../userns.js';

/**
 * No isolation: runs rpmbuild of this host, with the packages of the host, in a separate folder. For a first try on a machine
 * without alternatives; the results depend on the machine.
 */
export class HostBackend implements Backend {
  readonly name = 'host';
  readonly installWords = 'install';
  readonly hasOwnPackages = false;
  readonly base = null;
  readonly configFile = null;
  readonly warning =
    'built with the programs of the builder itself and without its BuildRequires (buildroot_backend = host): for a try only';
  readonly places: RootPlaces;
  private last = 'rpmbuild';

  constructor(private readonly parts: RootParts) {
    const top = path.join(rootsFolder(parts.options), parts.name);
    this.places = { top, root: path.join(top, 'root'), result: path.join(top, 'result') };
  }

  get program(): string {
    return this.last;
  }

  async configure(): Promise<null> {
    this.parts.task.logger.warn(this.warning);
    return null;
  }

  async init(): Promise<ExitStatus> {
    const { root, result } = this.places;
    const { options, arch, request, config } = this.parts;
    await mkdir(result, { recursive: true });
    // Whatever the umask of kojid is, the builder must get to its folder, and rpm opens every folder on the way.
    for (const folder of [rootsFolder(options), this.places.top])
      await chmod(folder, ((await stat(folder)).mode & 0o7777) | 0o555);
    for (const folder of ['build', 'tmp', options.chroot_tmpdir])
      await mkdir(path.join(root, folder), { recursive: true });
    const { packager, vendor, distribution, mockhost: mockHost } = options;
    const macros = buildMacros({
      ...{ arch, targetArch: request?.arch ?? arch, packager, vendor, distribution, mockHost },
      macros: settingsBelow(config.extra, 'rpm.macro.', '%'),
    });
    const lines = Object.entries(macros)
      .filter(([name]) => name !== '%_topdir')
      .map(([name, value]) => `${name} ${value.replaceAll('\n', '\\\n')}\n`);
    await writeFile(path.join(root, '.rpmmacros'), lines.join(''));
    await writeFile(path.join(result, 'build.log'), `WARNING: ${this.warning}\n`);
    await this.giveToBuilder(root);
    return this.log(['rpmbuild', '--version'], {});
  }

  async install(): Promise<ExitStatus> {
    throw new BuildrootError('the back end host installs no packages: this builder builds with what it has');
  }

  async run(command: readonly string[], options: RunOptions): Promise<ExitStatus> {
    const { as = 'root' } = options;
    if (as === 'root')
      throw new BuildrootError(
        'the back end host runs nothing as root: it would be root of the builder itself. Use buildroot_backend = mock or sandbox',
      );
    return this.log(command, options);
  }

  async buildSrpm(from: SrpmSources): Promise<ExitStatus> {
    return this.ended(await this.rpmbuild().pack(from));
  }

  async rebuildSrpm(srpm: string): Promise<ExitStatus> {
    return this.ended(await this.rpmbuild().repack(srpm));
  }

  async build(srpm: string, { arch }: { readonly arch: string }): Promise<ExitStatus> {
    return this.ended(await this.rpmbuild().build(srpm, arch));
  }

  async giveToBuilder(folder: string): Promise<void> {
    if (!isRoot()) return;
    const { status, stderr } = await outputOf([
      ...['chown', '-R', '-h', `${builderId}:${builderId}`, '--', folder],
    ]);
    if (!status.success)
      throw new BuildrootError(`could not give ${folder} to the builder: ${stderr.trim()}`);
  }

  async logs(): Promise<(string | LogSource)[]> {
    const { top } = this.places;
    const entries = await listBelow(top, 'result').catch(() => []);
    return entries
      .filter((entry) => entry.isFile() && entry.name.endsWith('.log'))
      .map(({ name }) => path.join('result', name))
      .map((log) => ({ file: path.join(top, log), open: () => openFileBelow(top, log) }));
  }

  logOf(): string {
    return 'build.log';
  }

  async attach(): Promise<void> {}

  async kill(): Promise<void> {}

  private rpmbuild(): Rpmbuild {
    const { top, root, result } = this.places;
    // The task's own folder may be closed to the builder; this one is only kojid's to change.
    const sourceAt = (srpm: string): string => path.join(top, 'sources', path.basename(srpm));
    return new Rpmbuild({
      root,
      result,
      topdir: path.join(root, 'build'),
      extra: [],
      install: null,
      sourceAt,
      run: async (command, srpm) => {
        if (srpm !== undefined) {
          const copy = sourceAt(srpm);
          await mkdir(path.dirname(copy), { recursive: true });
          await copyFile(srpm, copy);
          // The copy has the mode of the file, which may be for kojid alone.
          await chmod(path.dirname(copy), 0o755);
          await chmod(copy, 0o644);
        }
        return this.log(command, { timeout: this.parts.options.rpmbuild_timeout });
      },
    });
  }

  private ended({ program, status }: Step): ExitStatus {
    this.last = program;
    return status;
  }

  private async log(command: readonly string[], options: RunOptions): Promise<ExitStatus> {
    const { cwd, env = {}, timeout, log } = options;
    const { root, result } = this.places;
    const { options: settings, name, config } = this.parts;
    const output = log === undefined ? path.join(result, 'build.log') : path.join(result, path.basename(log));
    this.last = path.basename(command[0] ?? '');
    const words = [...(await limitWords(settings, name)), ...withoutRights(), ...command];
    this.parts.task.logger.info(command.join(' '));
    return runProgram(words, output, {
      cwd: cwd === undefined ? root : path.join(root, cwd),
      env: {
        ...{ HOME: root, TMPDIR: path.join(root, 'tmp') },
        ...settingsBelow(config.extra, 'rpm.env.'),
        ...env,
      },
      endsAll: true,
      ...(timeout === undefined ? {} : { timeout }),
    });
  }
}
