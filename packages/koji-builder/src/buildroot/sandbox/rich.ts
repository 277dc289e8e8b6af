import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';

/** The package that stands for requirements while dnf installs them; it is in no list of packages. */
export const richName = 'koji-build-requirements';

/** Where the folder of {@link writeRichSpec} is for rpmbuild in a root: below a /tmp that no other command has. */
export const richPlace = '/tmp/requirements';

/** Whether a requirement is a condition, such as `(a if b)`. dnf takes it for one name and installs the wrong packages. */
export const isRich = (requirement: string): boolean => requirement.startsWith('(');

/**
 * Writes the spec file of a package that requires conditions, which lets dnf solve them.
 *
 * @param folder a folder of the host, for the spec file and the package
 * @returns the command that makes the package, in a root where the folder is {@link richPlace}
 */
export async function writeRichSpec(folder: string, requirements: readonly string[]): Promise<string[]> {
  await mkdir(folder, { recursive: true });
  // rpmbuild runs as root: a package must not bring it macros or lines of its own.
  const lines = requirements.map((one) => `Requires: ${one.replaceAll('%', '%%').replace(/\s+/g, ' ')}`);
  const head = [
    'Name: %{name_}',
    'Version: 1',
    'Release: 1',
    'Summary: Requirements',
    'License: none',
    'BuildArch: noarch',
  ];
  const text = [...head, ...lines, '%description', 'Requirements of a build.', '%files', ''].join('\n');
  await writeFile(path.join(folder, 'requirements.spec'), text);
  const define = (name: string, value: string): string[] => ['--define', `${name} ${value}`];
  return [
    ...['rpmbuild', '-bb', ...define('name_', richName), ...define('_topdir', richPlace)],
    ...[...define('_rpmdir', richPlace), ...define('_rpmfilename', `${richName}.rpm`)],
    `${richPlace}/requirements.spec`,
  ];
}
