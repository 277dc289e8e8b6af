import path from 'node:path';
import { filesBelow, openFileBelow } from '@koji/core';
import type { BuildrootRpmRef } from '@koji/core/api';
import { RpmHeader } from '@koji/core/rpm';
import type { BuildRoot, InstalledRpm } from '../buildroot/index.js';

/**
 * The rpm files anywhere below a folder of a buildroot, each once, in the format for the hub; none if the folder does not
 * exist.
 *
 * @param within the folder as programs inside see it
 * @throws RpmError for a file that is not an rpm; BuildError for one that is from nowhere
 */
export async function rpmsIn(root: BuildRoot, within: string): Promise<BuildrootRpmRef[]> {
  const { rootDir } = root;
  const folder = path.relative(rootDir, await root.hostPath(within));
  const byName = new Map<string, string>();
  for await (const { below, isFile } of filesBelow(rootDir, folder))
    if (isFile && below.endsWith('.rpm')) byName.set(path.basename(below), below);
  const rpms: InstalledRpm[] = [];
  for (const below of byName.values()) rpms.push(await describe(rootDir, below));
  return rpms.length === 0 ? [] : root.origins(rpms);
}

async function describe(rootDir: string, below: string): Promise<InstalledRpm> {
  const handle = await openFileBelow(rootDir, below);
  try {
    const rpm = await RpmHeader.read(handle);
    const { name, version, release, epoch, arch, buildtime, payloadhash } = rpm.info();
    const { size } = await handle.stat();
    return { name, version, release, epoch, arch, buildtime: buildtime ?? 0, size, payloadhash };
  } finally {
    await handle.close();
  }
}
