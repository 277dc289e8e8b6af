import { BuildError } from '@koji/core';

/** The files of a checkout that may be its spec file. */
export interface SpecPlaces {
  /** The folder of the sources. */
  readonly folder: string;
  /** The names in it. */
  readonly names: readonly string[];
  /** The names in its folder SPECS; empty if there is none, or it does not count. */
  readonly specs: readonly string[];
}

/**
 * Returns the spec file of a checkout: the only one, or the one named as the folder.
 *
 * @throws BuildError if there is none
 */
export function chooseSpec({ folder, names, specs }: SpecPlaces): string {
  const isSpec = (name: string): boolean => name.endsWith('.spec') && !name.startsWith('.');
  const above = names.filter(isSpec).map((name) => `${folder}/${name}`);
  const found = above.length > 0 ? above : specs.filter(isSpec).map((name) => `${folder}/SPECS/${name}`);
  const [first] = found;
  if (first === undefined) throw new BuildError('No spec file found');
  if (found.length === 1) return first;
  const own = folder.slice(folder.lastIndexOf('/') + 1);
  const named = found.find((file) => file.endsWith(`/${own}.spec`));
  if (named !== undefined) return named;
  throw new BuildError(
    'Multiple spec files found but none is matching SCM checkout dir name: ' +
      `[${found.map((file) => `'${file}'`).join(', ')}]`,
  );
}

/**
 * Checks that a spec file leaves to the builder what the builder sets. As in Koji only its first line is looked at: there are
 * packages that set them further below.
 *
 * @throws BuildError naming what it sets
 */
export function checkSpec(text: string): void {
  for (const tag of ['Packager', 'Distribution', 'Vendor'])
    if (text.startsWith(`${tag}:`)) throw new BuildError(`${tag} is not allowed to be set in spec file`);
  for (const macro of ['packager', 'distribution', 'vendor'])
    if (new RegExp(`^%define\\s+${macro}\\s+`).test(text))
      throw new BuildError(`${macro} is not allowed to be defined in spec file`);
}
