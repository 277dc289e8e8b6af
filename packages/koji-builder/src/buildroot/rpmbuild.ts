import { constants } from 'node:fs';
import { copyFile, mkdir, rename } from 'node:fs/promises';
import path from 'node:path';
import { BuildError, filesBelow, listBelow, openFileBelow, pathOfOpen } from '@koji/core';
import type { ExitStatus } from '@koji/plugin-sdk';
import type { SrpmSources } from './backend.js';
import { buildRequirements, type Requirements } from './requirements.js';

/** Exit code of rpmbuild if the packages that it requested are not installed. */
const wantsMore = 11;
/** How often a package may ask for more. */
const mostRounds = 20;

/** How a step ended. */
export interface Step {
  readonly program: string;
  readonly status: ExitStatus;
}

/** Where rpmbuild works. */
export interface RpmbuildPlace {
  /** The folder that is `/` for rpmbuild, as the host has it. */
  readonly root: string;
  /** rpmbuild's folders, as rpmbuild sees them. */
  readonly topdir: string;
  /** Logs and results. */
  readonly result: string;
  /**
   * Runs a command as the builder, into `build.log`.
   *
   * @param srpm a file of the host for it, which it finds at {@link sourceAt}
   */
  run(command: readonly string[], srpm?: string): Promise<ExitStatus>;
  sourceAt(srpm: string): string;
  /** Installs requirements, one at least; null where nothing can be installed. */
  readonly install: ((requirements: readonly string[]) => Promise<Step>) | null;
  /** Words for rpmbuild that the place needs. */
  readonly extra: readonly string[];
}

/** The steps from sources to packages, each of which may end the work. */
export class Rpmbuild {
  constructor(private readonly place: RpmbuildPlace) {}

  /** From a spec file and a folder of sources, by their paths inside, to a source package. */
  async pack({ spec, sources }: SrpmSources): Promise<Step> {
    const folders = ['--define', `_sourcedir ${sources}`];
    const step = await this.rpmbuild(['-bs', '--nodeps', '--target', 'noarch', ...folders, spec]);
    if (step.status.success) await this.collect('SRPMS');
    return step;
  }

  /** From a source package to the same with the macros of this place. */
  async repack(srpm: string): Promise<Step> {
    const unpacked = await this.unpack(srpm);
    if (!unpacked.status.success) return unpacked;
    const step = await this.rpmbuild(['-bs', '--nodeps', await this.spec()]);
    if (step.status.success) await this.collect('SRPMS');
    return step;
  }

  /** From a source package to packages. */
  async build(srpm: string, arch: string): Promise<Step> {
    const unpacked = await this.unpack(srpm);
    if (!unpacked.status.success) return unpacked;
    const spec = await this.spec();
    const target = ['--target', arch];
    const packed = await this.rpmbuild(['-bs', '--nodeps', ...target, spec]);
    if (!packed.status.success) return packed;
    const { install } = this.place;
    if (install === null) return this.finish(['-bb', '--nodeps', ...target, spec]);
    const source = (await this.files('SRPMS')).find((file) => file.endsWith('.src.rpm'));
    if (source === undefined) throw new BuildError(`No srpms found in ${this.place.topdir}/SRPMS`);
    const wanted = await this.requirementsOf(source);
    const installed = wanted.packages.length > 0 ? await install(wanted.packages) : null;
    if (installed && !installed.status.success) return installed;
    if (!wanted.dynamic) return this.finish(['-bb', ...target, spec]);
    const prepared = await this.installGenerated([...target, spec], install);
    return prepared ?? this.finish(['-bb', '--noprep', ...target, spec]);
  }

  /**
   * Installs what the package requests during its build until it requests nothing more. Returns the step that failed, or null.
   */
  private async installGenerated(
    words: readonly string[],
    install: (requirements: readonly string[]) => Promise<Step>,
  ): Promise<Step | null> {
    let step = await this.rpmbuild(['-br', ...words]);
    for (let round = 0; round < mostRounds; round++) {
      if (step.status.success) return null;
      if (step.status.code !== wantsMore) return step;
      const asked = (await this.files('SRPMS')).find((file) => file.endsWith('.buildreqs.nosrc.rpm'));
      if (asked === undefined) return step;
      const { packages } = await this.requirementsOf(asked);
      const installed = packages.length > 0 ? await install(packages) : null;
      if (installed && !installed.status.success) return installed;
      step = await this.rpmbuild(['-br', '--noprep', ...words]);
    }
    return step;
  }

  private async finish(words: readonly string[]): Promise<Step> {
    const step = await this.rpmbuild(words);
    if (!step.status.success) return step;
    await this.collect('SRPMS');
    await this.collect('RPMS');
    return step;
  }

  private async unpack(srpm: string): Promise<Step> {
    const { topdir } = this.place;
    const at = this.place.sourceAt(srpm);
    const define = ['--define', `_topdir ${topdir}`, ...this.place.extra];
    const command = ['rpm', ...define, '-U', '-v', '-h', '--nodeps', '--nosignature', at];
    return { program: 'rpm', status: await this.place.run(command, srpm) };
  }

  private async rpmbuild(words: readonly string[]): Promise<Step> {
    const { topdir, extra } = this.place;
    const status = await this.place.run(['rpmbuild', '--define', `_topdir ${topdir}`, ...extra, ...words]);
    return { program: 'rpmbuild', status };
  }

  private async spec(): Promise<string> {
    const { root, topdir } = this.place;
    const names = (await listBelow(root, this.below('SPECS'))).map(({ name }) => name);
    return path.posix.join(topdir, 'SPECS', onlySpec(names));
  }

  private below(name: string): string {
    const { root, topdir } = this.place;
    return path.join(topdir.startsWith(`${root}/`) ? path.relative(root, topdir) : topdir, name);
  }

  private async requirementsOf(file: string): Promise<Requirements> {
    const handle = await openFileBelow(this.place.root, file);
    try {
      return await buildRequirements(handle);
    } finally {
      await handle.close();
    }
  }

  private async files(folder: string): Promise<string[]> {
    const found: string[] = [];
    for await (const { below, isFile } of filesBelow(this.place.root, this.below(folder)))
      if (isFile && below.endsWith('.rpm')) found.push(below);
    return found.sort();
  }

  /** Packages become results; no link is followed. */
  private async collect(folder: string): Promise<void> {
    for (const file of await this.files(folder))
      if (!file.endsWith('.buildreqs.nosrc.rpm')) await takeResult(this.place, file);
  }
}

/** Copies a file that programs made in a root to the results. */
export async function takeResult(
  { root, result }: Pick<RpmbuildPlace, 'root' | 'result'>,
  file: string,
): Promise<void> {
  await mkdir(result, { recursive: true });
  const handle = await openFileBelow(root, file);
  try {
    const part = path.join(result, `.${path.basename(file)}.part`);
    await copyFile(pathOfOpen(handle, path.join(root, file)), part, constants.COPYFILE_FICLONE);
    await rename(part, path.join(result, path.basename(file)));
  } finally {
    await handle.close();
  }
}

/**
 * The one spec file among some names.
 *
 * @throws BuildError if there is none or more than one
 */
export function onlySpec(names: readonly string[]): string {
  const specs = names.filter((name) => name.endsWith('.spec'));
  const [spec] = specs;
  if (spec === undefined) throw new BuildError('No spec file found');
  if (specs.length > 1)
    throw new BuildError(`Multiple spec files found: [${specs.map((name) => `'${name}'`).join(', ')}]`);
  return spec;
}
