import { existsSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import path from 'node:path';
import { entriesBelow } from '@koji/core';
import type { BuildrootRpmRef } from '@koji/core/api';
import { RpmHeader } from '@koji/core/rpm';
import type { BuildRoot, InstalledRpm } from '../buildroot/index.js';

/**
 * The rpm files anywhere below a folder of a buildroot, each once, as the hub wants an image's rpms told; none when there is
 * no such folder.
 *
 * @param within the folder as programs inside see it
 * @throws RpmError for a file that is none; BuildError for one that is from nowhere
 */
export async function rpmsIn(root: BuildRoot, within: string): Promise<BuildrootRpmRef[]> {
  const folder = await root.hostPath(within);
  if (!existsSync(folder)) return [];
  const byName = new Map<string, string>();
  for await (const entry of entriesBelow(folder))
    if (entry.isFile() && entry.name.endsWith('.rpm'))
      byName.set(entry.name, path.join(entry.parentPath, entry.name));
  const rpms: InstalledRpm[] = [];
  for (const file of byName.values()) rpms.push(await describe(file));
  return rpms.length === 0 ? [] : root.origins(rpms);
}

async function describe(file: string): Promise<InstalledRpm> {
  const { name, version, release, epoch, arch, buildtime, sigmd5 } = (await RpmHeader.read(file)).info();
  const { size } = await stat(file);
  return { name, version, release, epoch, arch, buildtime: buildtime ?? 0, size, payloadhash: sigmd5 ?? '' };
}
