import path from 'node:path';
import { BuildError } from '@koji/core';
import { diffRpms } from '@koji/core/rpm';
import type { Call } from '../../call.js';
import { readHeader } from './files.js';
import { uploadedFile } from '../files/uploaded.js';

/**
 * Each architecture of a build also makes its noarch rpms; the first of each name is taken.
 *
 * @param rpms paths below the upload folder
 * @returns the rpms without the repeated ones
 * @throws BuildError when one of them differs from the first of its name
 */
export async function withoutRepeatedNoarch(call: Call, rpms: readonly string[]): Promise<string[]> {
  const firsts = new Map<string, string>();
  const kept: string[] = [];
  for (const rpm of rpms) {
    const name = path.basename(rpm);
    const first = firsts.get(name);
    if (!rpm.endsWith('.noarch.rpm') || first === undefined) kept.push(rpm);
    else await compare(call, first, rpm);
    if (rpm.endsWith('.noarch.rpm') && first === undefined) firsts.set(name, rpm);
  }
  return kept;
}

async function compare(call: Call, first: string, other: string): Promise<void> {
  const [before, after] = [
    await readHeader(uploadedFile(call, first)),
    await readHeader(uploadedFile(call, other)),
  ];
  const lines = diffRpms(before, after);
  if (lines.length > 0)
    throw new BuildError(
      `The following noarch package built differently on different architectures: ${path.basename(first)}\n` +
        `rpmdiff output was:\n${lines.join('\n')}`,
    );
}
