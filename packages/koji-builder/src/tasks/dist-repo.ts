import { GenericError, PathInfo, canonArch } from '@koji/core';
import { truthy } from '@koji/core/api';
import type { TaskArgs } from '@koji/core/api';
import { named } from '@koji/core/wire';
import { BaseTaskHandler } from '@koji/plugin-sdk';
import { isMultilibArch } from './arches.js';

/** Options of a repo for distribution, as the hub hands them on. */
export interface DistRepoOptions {
  /** Empty for those of the tag. */
  readonly arch: readonly string[];
  /** The event whose content the repo has. */
  readonly event: number | null;
  /** A configuration file of multilib, below the hub's work folder. */
  readonly multilib?: unknown;
  /** Whether builds of the tag's parents are in it. */
  readonly inherit?: boolean;
  /** Whether only the latest builds are in it, or how many of each package. */
  readonly latest?: boolean | number;
  /** Rpms without a wanted signature are left out. */
  readonly skip_missing_signatures?: unknown;
  /** Rpms without a wanted signature are in it unsigned. */
  readonly allow_missing_signatures?: unknown;
  /** Signed copies that are missing are written first. */
  readonly write_signed_rpms?: unknown;
  /** Debugging information has a repo of its own. */
  readonly split_debuginfo?: unknown;
  /** Repos for distribution to make deltas from. */
  readonly delta?: readonly number[] | null;
  /** Metadata are also compressed by zchunk. */
  readonly zck?: unknown;
  /** A folder of the builder with dictionaries of zchunk. */
  readonly zck_dict_dir?: string | null;
  /** Whether older metadata of an unchanged file name are right. Default: the builder's `distrepo_skip_stat`. */
  readonly createrepo_skip_stat?: boolean | null;
}

/** Makes a repo of signed rpms to distribute: each arch in a subtask of its own. */
export class DistRepoTask extends BaseTaskHandler {
  static override readonly Methods = ['distRepo'];
  static override readonly _taskWeight = 0.1;

  /** @returns a text with the repo's id */
  async handler(
    tag: string | number,
    repo_id: number,
    keys: readonly string[],
    task_opts: DistRepoOptions,
  ): Promise<string> {
    const about = named({ strict: true, event: task_opts.event });
    const info = await this.session.getTag(tag, about);
    const arch =
      task_opts.arch.length > 0 ? task_opts.arch : (info.arches ?? '').split(/\s+/).filter(Boolean);
    if (arch.length === 0) throw new GenericError('No arches specified nor for the tag!');
    const options = { ...task_opts, arch };
    const all = [...new Set(arch.map(canonArch))];
    // Those that others take packages from come first.
    const first = all.filter((one) => !isMultilibArch(one));
    const made = await this.start(first, [tag, repo_id, keys, options]);
    const withOthers = truthy(options.multilib);
    if (withOthers && made.size > 0) {
      await this.wait([...made.values()], { failAny: true });
      await this.move(repo_id, made);
    }
    const later = await this.start(all.filter(isMultilibArch), [tag, repo_id, keys, options]);
    await this.wait([...made.values(), ...later.values()], { failAny: true });
    if (!withOthers) await this.move(repo_id, made);
    await this.move(repo_id, later);
    await this.session.host.repoDone(repo_id, {});
    return `Dist repository #${repo_id} successfully generated`;
  }

  private async start(
    arches: readonly string[],
    [tag, repoId, keys, options]: TaskArgs<'distRepo'>,
  ): Promise<Map<string, number>> {
    const subtasks = new Map<string, number>();
    for (const label of arches) {
      const args = [tag, repoId, label, keys, options] as const;
      subtasks.set(label, await this.subtask('createdistrepo', args, { label, arch: 'noarch' }));
    }
    return subtasks;
  }

  private async move(repoId: number, subtasks: ReadonlyMap<string, number>): Promise<void> {
    const paths = new PathInfo();
    for (const [arch, task] of subtasks)
      await this.session.host.distRepoMove(repoId, paths.taskrelpath(task), arch);
  }
}
