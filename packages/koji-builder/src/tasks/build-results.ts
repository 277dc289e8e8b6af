import { BuildError } from '@koji/core';

/** The result of a `buildArch` task; paths are below the hub's work folder. */
export interface ArchResult {
  readonly rpms: readonly string[];
  /** The source package, when the task was to keep it. */
  readonly srpms: readonly string[];
  readonly logs: readonly string[];
  /** The buildroot's id. */
  readonly brootid: number;
  /** A note for users of the packages, such as that their buildroot was not a clean one. */
  readonly warning?: string;
}

/** The files of all architectures, as the hub imports them. */
export interface BuiltFiles {
  readonly srpm: string;
  readonly rpms: string[];
  /** The buildroot of each package, by its path. */
  readonly brmap: Record<string, number>;
  /** The logs by architecture. */
  readonly logs: Record<string, string[]>;
}

/**
 * Puts the results of all architectures together.
 *
 * @param task the id of the build's task, for messages
 * @throws BuildError unless exactly one of them has the source package
 */
export function gatherResults(
  task: number,
  results: readonly (readonly [arch: string, result: ArchResult])[],
): BuiltFiles {
  const rpms: string[] = [];
  const brmap: Record<string, number> = {};
  const logs: Record<string, string[]> = {};
  const srpms: string[] = [];
  for (const [arch, result] of results) {
    const [srpm] = result.srpms;
    if (srpm !== undefined) srpms.push(srpm);
    rpms.push(...result.rpms);
    for (const file of [...result.rpms, ...(srpm === undefined ? [] : [srpm])]) brmap[file] = result.brootid;
    if (result.logs.length > 0) logs[arch] = [...result.logs];
  }
  const [srpm, ...more] = srpms;
  if (more.length > 0) throw new BuildError(`multiple builds returned a srpm.  task ${task}`);
  if (srpm === undefined) throw new BuildError('could not find a built srpm');
  return { srpm, rpms, brmap, logs };
}
