import { BuildError, GenericError } from '@koji/core';
import { truthy } from '@koji/core/api';
import { named } from '@koji/core/wire';
import { BaseTaskHandler } from '@koji/plugin-sdk';
import { isScmUrl } from '../scm/url.js';
import type { BuildOptions } from './build-place.js';

/** Builds groups of packages one after another, each when a repo has the builds of the one before. */
export class ChainBuildTask extends BaseTaskHandler {
  static override readonly Methods = ['chainbuild'];
  static override readonly _taskWeight = 0.1;

  /** @param srcs for each group SCM URLs to build, and builds to wait for as `NAME-VERSION-RELEASE` */
  async handler(
    srcs: readonly (readonly string[])[],
    target: string | number,
    opts: BuildOptions | null = null,
  ): Promise<null> {
    const { session } = this;
    if (truthy(opts?.scratch)) throw new BuildError('--scratch is not allowed with chain-builds');
    const info = await session.getBuildTarget(target);
    if (!info) throw new GenericError(`unknown build target: ${target}`);
    let nvrs: string[] = [];
    for (const [level, sources] of srcs.entries()) {
      if (nvrs.length > 0) {
        const args = [info.build_tag_name, null, nvrs] as const;
        const waiting = await this.subtask('waitrepo', args, { label: `wait ${level}` });
        await this.wait(waiting, { failAny: true });
      }
      const builds: number[] = [];
      for (const [i, src] of sources.entries())
        if (isScmUrl(src)) {
          const label = `build ${level},${i}`;
          builds.push(await this.subtask('build', [src, target, opts], { label }));
        }
      if (builds.length > 0) await this.wait(builds, { failAny: true });
      nvrs = [...sources.filter((src) => !isScmUrl(src)), ...(await this.builtBy(builds))];
    }
    return null;
  }

  private async builtBy(tasks: readonly number[]): Promise<string[]> {
    const nvrs: string[] = [];
    for (const task of tasks) {
      const [build] = await this.session.listBuilds(named({ taskID: task }));
      if (build) nvrs.push(build.nvr);
    }
    return nvrs;
  }
}
