import type { FileHandle } from 'node:fs/promises';
import { RpmHeader } from '@koji/core/rpm';

/** Requirements of a source package. */
export interface Requirements {
  readonly packages: string[];
  /** Whether it finds out more while it is built (`%generate_buildrequires`). */
  readonly dynamic: boolean;
}

const less = 2;
const greater = 4;
const equal = 8;

/**
 * Reads what must be installed to build a source package, in dnf's syntax: `gcc >= 12`, `(a or b)`. Required features of rpm
 * itself are not packages and omitted.
 *
 * @throws RpmError if the file is not a package
 */
export async function buildRequirements(srpm: FileHandle): Promise<Requirements> {
  const header = await RpmHeader.read(srpm);
  const names = listOf(header.get('REQUIRENAME')).map(String);
  const versions = listOf(header.get('REQUIREVERSION')).map(String);
  const flags = listOf(header.get('REQUIREFLAGS')).map(Number);
  const all = names.map((name, n) => {
    const sense = flags[n] ?? 0;
    const sign = `${sense & less ? '<' : ''}${sense & greater ? '>' : ''}${sense & equal ? '=' : ''}`;
    const version = versions[n] ?? '';
    return sign === '' || version === '' ? name : `${name} ${sign} ${version}`;
  });
  return {
    packages: [...new Set(all)].filter((one) => !one.startsWith('rpmlib(')),
    dynamic: names.includes('rpmlib(DynamicBuildRequires)'),
  };
}

function listOf(value: unknown): readonly unknown[] {
  if (value === null || value === undefined) return [];
  return Array.isArray(value) ? value : [value];
}
