import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import path from 'node:path';

/** Builds the source and the binary rpm of a noarch package; `install` is what its %install does. */
export function buildRpm(
  folder: string,
  name: string,
  { install, files }: { install: string; files: string },
): string[] {
  const spec = path.join(folder, `${name}.spec`);
  const head = `Name: ${name}\nVersion: 1.0\nRelease: 1\nSummary: For a test\nLicense: Apache-2.0\nBuildArch: noarch`;
  writeFileSync(spec, `${head}\n%description\nFor a test.\n%install\n${install}\n%files\n${files}\n`);
  const defines = [
    `_topdir ${folder}`,
    `_rpmdir ${folder}`,
    `_srcrpmdir ${folder}`,
    '_build_name_fmt %%{NAME}-%%{VERSION}-%%{RELEASE}.%%{ARCH}.rpm',
    // Nothing may read the jars, which are fake.
    '__os_install_post %{nil}',
  ];
  const args = ['-ba', ...defines.flatMap((define) => ['--define', define]), spec];
  const done = spawnSync('rpmbuild', args, { encoding: 'utf8' });
  if (done.status !== 0)
    throw new Error(`rpmbuild (apt-get install rpm): ${done.stderr || String(done.error)}`);
  return ['src', 'noarch'].map((arch) => path.join(folder, `${name}-1.0-1.${arch}.rpm`));
}
