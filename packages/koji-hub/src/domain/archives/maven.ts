/** Additional files of Maven repositories: checksums next to the other files. */
import { readdir, stat } from 'node:fs/promises';
import type { MavenPath } from '@koji/core';
import type { Call } from '../../call.js';
import { Checksums } from '../values/digests.js';
import { stageWrite } from '../files/files.js';

/** Coordinates in one text. */
export function mavenLabel({ group_id, artifact_id, version }: MavenPath): string {
  return `${group_id}-${artifact_id}-${version}`;
}

/** Writes the checksum files that a folder of a Maven repository lacks; one file may be on its way to it. */
export async function addMavenSums(call: Call, directory: string): Promise<void> {
  const names: string[] = await readdir(directory);
  for (const name of names) {
    if (/\.(md5|sha1)$/.test(name) || name.startsWith('.')) continue;
    const file = `${directory}/${name}`;
    const missing = (['md5', 'sha1'] as const).filter((type) => !names.includes(`${name}.${type}`));
    if (missing.length === 0 || !(await stat(file).catch(() => null))?.isFile()) continue;
    const checksums = new Checksums(missing);
    await checksums.of(file);
    for (const [type, sum] of checksums.sums()) await stageWrite(call, `${file}.${type}`, Buffer.from(sum));
  }
}
