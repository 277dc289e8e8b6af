import { PathInfo } from '@koji/core';
import type { KojidOptions } from '@koji/core/config';

/** How a buildroot is to be made. */
export interface BuildRootRequest {
  /** The build tag, by name or id. */
  readonly tag: string | number;
  /** An arch of the tag; its canonical one is the repo's. */
  readonly arch: string;
  /** The repo that its packages come from, one of the tag's. */
  readonly repoId: number;
  /** The group of packages to begin with; default `build`. */
  readonly installGroup?: string;
  /** Whether programs inside may use the network. */
  readonly setupDns?: boolean;
  /** Folders of the host to mount, by where they go: `{ dirs: { '/dev': '/dev' } }`. */
  readonly bindOptions?: Readonly<Record<string, Readonly<Record<string, string>>>> | null;
  /** Whether mock makes `/dev` itself. */
  readonly internalDevSetup?: boolean | null;
}

/** Where a repo is: at each topurl, else among the mounted files. */
export function repoUrls(
  { topurl, topdir }: KojidOptions,
  { repoId, tagName, arch }: { readonly repoId: number; readonly tagName: string; readonly arch: string },
): string[] {
  const given = topurl?.split(/\s+/).filter(Boolean) ?? [];
  const urls = given.length > 0 ? given : [`file://${topdir}`];
  return urls.map((top) => `${new PathInfo(top).repo(repoId, tagName)}/${arch}`);
}
