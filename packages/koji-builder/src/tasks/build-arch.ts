import { BuildError, writeIndentedJson } from '@koji/core';
import { truthy } from '@koji/core/api';
import { RpmHeader } from '@koji/core/rpm';
import { named } from '@koji/core/wire';
import type { BuildRoot } from '../buildroot/index.js';
import type { ArchResult } from './build-results.js';
import { noarchHash } from './noarch-hash.js';
import { RootedTask, checkStep, readResult, warningOf, type RootedOptions } from './rooted.js';

/** The weight of a short build, and how much a long one adds at most. */
const baseWeight = 1.5;
const mostAdded = 4.5;
/** Seconds of an average build that add 1 to the weight. */
const secondsPerWeight = 4800;

/** Builds a source package in a buildroot, for one architecture. */
export class BuildArchTask extends RootedTask {
  static override readonly Methods = ['buildArch'];
  static override readonly _taskWeight = baseWeight;

  /**
   * @param pkg the source package, by its path below the hub's work folder
   * @param root the build tag
   * @param keep_srpm whether the source package that was built with the others is uploaded too
   */
  // eslint-disable-next-line max-params -- the order of a task's arguments is Koji's
  async handler(
    pkg: string,
    root: string | number,
    arch: string,
    keep_srpm: unknown,
    opts: RootedOptions | null = null,
  ): Promise<ArchResult> {
    const repo = await this.requestedRepo(opts ?? {});
    const file = await this.sourceFile(pkg);
    const { name, sourcepackage } = (await RpmHeader.read(file)).info();
    if (!sourcepackage) throw new BuildError('not a source package');
    await this.raiseWeight(name);
    const own = arch === 'noarch' ? (await this.taskInfo()).arch : null;
    const rootArch = arch === 'noarch' ? await this.noarchRoot(root, repo, own) : arch;
    return this.inRoot({ tag: root, arch: rootArch, repoId: repo.id }, async (buildroot) => {
      await buildroot.startBuilding();
      const status = await buildroot.build(file, { arch });
      await buildroot.updateList();
      checkStep(buildroot, status, `error building package (arch ${arch})`);
      return this.handIn(buildroot, truthy(keep_srpm));
    });
  }

  private async sourceFile(pkg: string): Promise<string> {
    return this.localPath(`work/${pkg}`).catch((error: unknown) => {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT')
        throw new BuildError(`SRPM file missing: work/${pkg}`, { cause: error });
      throw error;
    });
  }

  /** A package that takes long is more load. */
  private async raiseWeight(name: string): Promise<void> {
    const seconds = Number(await this.session.getAverageBuildDuration(name, named({ age: 6 })));
    if (seconds > 0) await this.setWeight(baseWeight + Math.min(mostAdded, seconds / secondsPerWeight));
  }

  private async handIn(root: BuildRoot, keepsSource: boolean): Promise<ArchResult> {
    const results = await root.results();
    const srpms = results.filter((name) => name.endsWith('.src.rpm'));
    const rpms = results.filter((name) => name.endsWith('.rpm') && !srpms.includes(name));
    const hashes = await this.uploadHashes(root, rpms);
    for (const name of rpms) await this.uploadResult(root, name);
    if (keepsSource) await this.uploadResult(root, await this.checkedSource(root, srpms));
    return {
      rpms: this.uploaded(rpms),
      srpms: keepsSource ? this.uploaded(srpms) : [],
      logs: this.uploaded([...root.logs, ...hashes]),
      brootid: root.id,
      ...warningOf(root),
    };
  }

  /** Lets the hub compare noarch packages of several architectures without reading them. */
  private async uploadHashes(root: BuildRoot, rpms: readonly string[]): Promise<string[]> {
    const hashes: Record<string, string> = {};
    for (const name of rpms.filter((rpm) => rpm.endsWith('.noarch.rpm')).sort())
      hashes[name] = noarchHash(await readResult(root, name));
    if (Object.keys(hashes).length === 0) return [];
    const log = 'noarch_rpmdiff.json';
    await this.uploadText(log, writeIndentedJson({ [this.id]: hashes }));
    return [log];
  }

  private async checkedSource(root: BuildRoot, srpms: readonly string[]): Promise<string> {
    const [srpm, ...more] = srpms;
    if (srpm === undefined) throw new BuildError(`no srpm files found for task ${this.id}`);
    if (more.length > 0)
      throw new BuildError(
        `multiple srpm files found for task ${this.id}: [${srpms.map((name) => `'${name}'`).join(', ')}]`,
      );
    const header = await readResult(root, srpm);
    for (const tag of ['PACKAGER', 'VENDOR', 'DISTRIBUTION'] as const)
      if (!header.get(tag))
        throw new BuildError(`The build system failed to set the ${tag.toLowerCase()} tag`);
    return srpm;
  }
}
