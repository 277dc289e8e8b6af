import { BuildError } from '@koji/core';
import { RpmHeader, type RpmTagName } from '@koji/core/rpm';
import type { BaseTaskHandler } from '@koji/plugin-sdk';
import type { SourceArches } from './arches.js';

/** Fields of a source package's header. */
export interface SourcePackage extends SourceArches {
  readonly name: string;
  readonly version: string;
  readonly release: string;
  readonly epoch: number | null;
}

/**
 * Reads the header of an uploaded source package.
 *
 * @param srpm its path below the hub's work folder
 * @throws BuildError when it is a binary package
 */
export async function readSourcePackage(task: BaseTaskHandler, srpm: string): Promise<SourcePackage> {
  const header = await RpmHeader.read(await task.localPath(`work/${srpm}`));
  const { name, version, release, epoch, sourcepackage } = header.info();
  if (!sourcepackage) throw new BuildError(`${srpm} is not a source package`);
  return {
    name,
    version,
    release,
    epoch,
    buildArchs: textsOf(header, 'BUILDARCHS'),
    exclusiveArch: textsOf(header, 'EXCLUSIVEARCH'),
    excludeArch: textsOf(header, 'EXCLUDEARCH'),
  };
}

function textsOf(header: RpmHeader, tag: RpmTagName): string[] {
  const value = header.get(tag);
  return Array.isArray(value) ? value.map(String) : [];
}
