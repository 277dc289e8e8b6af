import type { Run } from './command.js';

/** The fields of a build target that commands use. */
export interface BuildTarget {
  readonly name: string;
  readonly build_tag: number;
  readonly build_tag_name: string;
  readonly dest_tag: number;
  readonly dest_tag_name: string;
}

interface DestinationTag {
  readonly id: number;
  readonly name: string;
  readonly locked: boolean;
}

/** Checks that a target and its destination tag exist and that the tag is open for builds. */
export async function checkTarget(
  { session, usageError }: Run,
  name: string,
  { scratch }: { scratch: boolean | undefined },
): Promise<{ target: BuildTarget; tag: DestinationTag }> {
  const target = await session.getBuildTarget(name);
  if (!target) return usageError(`No such build target: ${name}`);
  const tag = await session.getTag(target.dest_tag);
  if (!tag) return usageError(`No such destination tag: ${target.dest_tag_name}`);
  if (tag.locked && !scratch) return usageError(`Destination tag ${tag.name} is locked`);
  return { target, tag };
}

/** The options that were given, under the names that the hub uses. */
export function givenOptions<T extends object, K extends keyof T>(
  options: T,
  names: readonly K[],
): { [N in K]?: Exclude<T[N], undefined> } {
  return Object.fromEntries(
    names.filter((name) => options[name] !== undefined).map((name) => [name, options[name]]),
  ) as { [N in K]?: Exclude<T[N], undefined> };
}
