import { spawnSync } from 'node:child_process';
import { readdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';

/** Builds one small noarch package and its source package for each name; answers the files by name, the source first. */
export function buildRpms(folder: string, names: readonly string[]): Map<string, string[]> {
  const built = new Map<string, string[]>();
  for (const name of names) {
    const spec = path.join(folder, `${name}.spec`);
    writeFileSync(
      spec,
      `Name: ${name}\nVersion: 1\nRelease: 1\nSummary: For a test\nLicense: Apache-2.0\nBuildArch: noarch\n%description\nFor a test.\n%files\n`,
    );
    const out = path.join(folder, name);
    const defines = [
      `_topdir ${out}`,
      '_build_name_fmt %%{NAME}-%%{VERSION}-%%{RELEASE}.%%{ARCH}.rpm',
      `_rpmdir ${out}`,
      `_srcrpmdir ${out}`,
    ];
    const done = spawnSync('rpmbuild', ['-ba', ...defines.flatMap((define) => ['--define', define]), spec], {
      encoding: 'utf8',
    });
    if (done.status !== 0)
      throw new Error(`rpmbuild (apt-get install rpm): ${done.stderr || String(done.error)}`);
    const files = readdirSync(out).filter((file) => file.endsWith('.rpm'));
    built.set(
      name,
      files.sort((a) => (a.endsWith('.src.rpm') ? -1 : 1)).map((file) => path.join(out, file)),
    );
  }
  return built;
}
