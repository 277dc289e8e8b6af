import { randomInt } from 'node:crypto';
import { BuildError, canonArch } from '@koji/core';

/** The architectures that a source package is for; each list is empty when its spec file has no such line. */
export interface SourceArches {
  readonly buildArchs: readonly string[];
  readonly exclusiveArch: readonly string[];
  readonly excludeArch: readonly string[];
}

/** Everything that decides for which architectures a package is built. */
export interface ArchPlan {
  /** The build tag. */
  readonly tag: TagArches;
  /** Further architectures of the package in its destination tag, separated by spaces. */
  readonly extraArches: string | null;
  /** The source package. */
  readonly source: SourceArches;
  /** The architectures of a scratch build that names its own, separated by spaces; null or empty for none. */
  readonly override: string | null;
}

/** The fields of a build tag that concern architectures. */
export interface TagArches {
  readonly id: number;
  readonly name: string;
  /** Separated by spaces. */
  readonly arches: string | null;
}

const words = (text: string): string[] => text.split(/\s+/).filter(Boolean);

/** Returns the canonical architectures of a tag or a host, each once. */
export function canonArches(arches: string | null): string[] {
  return [...new Set(words(arches ?? '').map(canonArch))];
}

/**
 * Returns the architectures that a package is built for, each once: the first one keeps the source package.
 *
 * @throws BuildError if there are none
 */
export function planBuildArches({ tag, extraArches, source, override }: ArchPlan): string[] {
  const ofTag = canonArches(tag.arches);
  if (ofTag.length === 0) throw new BuildError(`No arches for tag ${tag.name} [${tag.id}]`);
  const given = override ? words(override) : archesOfSource(source, `${tag.arches} ${extraArches ?? ''}`);
  const known = given.filter((arch) => arch === 'noarch' || ofTag.includes(canonArch(arch)));
  if (known.length === 0) throw new BuildError('No matching arches were found');
  return [...new Set(known)];
}

function archesOfSource(
  { buildArchs, exclusiveArch, excludeArch }: SourceArches,
  arches: string,
): readonly string[] {
  const wanted = (buildArchs.length > 0 ? buildArchs : words(arches))
    .filter((arch) => exclusiveArch.length === 0 || exclusiveArch.includes(arch))
    .filter((arch) => !excludeArch.includes(arch));
  const asNoarch = buildArchs.includes('noarch') || exclusiveArch.includes('noarch');
  return asNoarch && !excludeArch.includes('noarch') ? [...wanted, 'noarch'] : wanted;
}

/** Everything that decides where a noarch task may run. */
export interface NoarchPlan {
  /** The architectures of the build tag, separated by spaces. */
  readonly tagArches: string;
  /** The tag's extra data `noarch_arches`, separated by spaces. */
  readonly noarchArches: string | null;
  /** The source package; null if there is none yet. */
  readonly source: SourceArches | null;
}

/**
 * Returns the architectures of hosts that can run a noarch task of a tag; null if any host is suitable.
 *
 * @throws BuildError if there are none
 */
export function planNoarchTask({ tagArches, noarchArches, source }: NoarchPlan): string[] | null {
  const exclusive = (source?.exclusiveArch ?? []).map(canonArch);
  const excluded = (source?.excludeArch ?? []).map(canonArch);
  if (exclusive.length === 0 && excluded.length === 0 && !noarchArches) return null;
  const ofTag = canonArches(tagArches);
  const choices = (noarchArches ? canonArches(noarchArches) : ofTag)
    .filter((arch) => ofTag.includes(arch))
    .filter((arch) => exclusive.length === 0 || exclusive.includes(arch))
    .filter((arch) => !excluded.includes(arch));
  if (choices.length === 0)
    throw new BuildError(
      `No valid arches were found. tag ${shown(ofTag)}, extra ${noarchArches ? `'${noarchArches}'` : 'None'},` +
        `exclusive ${shown(exclusive)}, exclude ${shown(excluded)}`,
    );
  return choices.length === ofTag.length ? null : choices;
}

function shown(arches: readonly string[]): string {
  return `[${arches.map((arch) => `'${arch}'`).join(', ')}]`;
}

/** A host or a tag with its architectures. */
export interface Named {
  readonly name: string;
  readonly arches: string | null;
}

/**
 * Returns the architectures that the buildroot of a noarch task can have on a host.
 *
 * @throws BuildError if there are none
 */
export function planNoarchRoot(host: Named, tag: Named): string[] {
  const [ofHost, ofTag] = [canonArches(host.arches), canonArches(tag.arches)];
  if (ofHost.length === 0) throw new BuildError(`No arch list for this host: ${host.name}`);
  if (ofTag.length === 0) throw new BuildError(`No arch list for tag: ${tag.name}`);
  const common = ofHost.filter((arch) => ofTag.includes(arch));
  if (common.length > 0) return common;
  const listed = (arches: string[]): string => arches.sort().join(', ');
  throw new BuildError(
    `host ${host.name} (${listed(ofHost)}) does not support any arches of tag ${tag.name} (${listed(ofTag)})`,
  );
}

/** Returns one of several things at random, so that builders share the work. */
export function anyOneOf(choices: readonly string[]): string {
  const chosen = choices[randomInt(choices.length)];
  if (chosen === undefined) throw new Error('there is nothing to choose from');
  return chosen;
}

/** Architectures that can run programs of a 32-bit one besides their own. */
const multilib: ReadonlySet<string> = new Set(['x86_64', 'sparc64v', 'sparc64', 'ppc64', 's390x']);

/** Whether programs of another architecture run on this one too. */
export function isMultilibArch(arch: string): boolean {
  return multilib.has(arch);
}

const compatible: Readonly<Record<string, readonly string[]>> = {
  i386: ['athlon', 'i686', 'i586', 'i486', 'i386'],
  x86_64: ['amd64', 'ia32e', 'x86_64'],
  ppc64: ['ppc64p7', 'ppc64pseries', 'ppc64iseries', 'ppc64'],
  sparc: ['sparcv9v', 'sparcv9', 'sparcv8', 'sparc'],
  sparc64: ['sparc64v', 'sparc64'],
  alpha: ['alphaev6', 'alphaev56', 'alphaev5', 'alpha'],
  arm: ['arm', 'armv4l', 'armv4tl', 'armv5tel', 'armv5tejl', 'armv6l', 'armv7l'],
  armhfp: ['armv7hl', 'armv7hnl'],
};

/** Returns the architectures of the packages in a repo of one architecture, `noarch` among them; for `src` only itself. */
export function archesInRepo(arch: string): readonly string[] {
  return arch === 'src' ? ['src'] : [...(compatible[arch] ?? [arch]), 'noarch'];
}
