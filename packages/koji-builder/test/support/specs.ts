import { spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';

/** Parts of a spec file besides those that all of them need. */
export interface SpecParts {
  /** Further lines of the preamble. */
  readonly head?: readonly string[];
  /** Lines of `%install`. */
  readonly install?: readonly string[];
  /** Lines of `%files`, and subpackages. */
  readonly files?: readonly string[];
}

/** Returns the text of a spec file of version 1.0-1 with the tag's `dist`. */
export function specOf(name: string, { head = [], install = ['true'], files = [] }: SpecParts = {}): string {
  return [
    ...[`Name: ${name}`, 'Version: 1.0', 'Release: 1%{?dist}', 'Summary: For a test', 'License: Apache-2.0'],
    ...head,
    ...['%description', 'For a test.', '%install', ...install, '%files', ...files, ''],
  ].join('\n');
}

/** Makes the source package of a spec file; returns where it is. */
export function makeSrpm(folder: string, name: string, spec: string): string {
  const top = path.join(folder, `srpm-${name}`);
  mkdirSync(top, { recursive: true });
  writeFileSync(path.join(top, `${name}.spec`), spec);
  const args = ['--define', `_topdir ${top}`, '-bs', '--nodeps', path.join(top, `${name}.spec`)];
  const done = spawnSync('rpmbuild', args, { encoding: 'utf8' });
  if (done.status !== 0) throw new Error(`rpmbuild: ${done.stderr || String(done.error)}`);
  const [file = ''] = readdirSync(path.join(top, 'SRPMS'));
  return path.join(top, 'SRPMS', file);
}

/** Makes a package without files and its source package; `line` is what rpm says about it, with commas between the fields. */
export function rpmIn(
  folder: string,
  name: string,
): { readonly files: readonly string[]; readonly line: string } {
  const top = path.join(folder, `rpm-${name}`);
  mkdirSync(top, { recursive: true });
  writeFileSync(path.join(top, `${name}.spec`), specOf(name, { head: ['BuildArch: noarch'] }));
  const run = (program: string, args: readonly string[]): string => {
    const done = spawnSync(program, args, { encoding: 'utf8' });
    if (done.status !== 0) throw new Error(`${program}: ${done.stderr || String(done.error)}`);
    return done.stdout;
  };
  run('rpmbuild', ['--define', `_topdir ${top}`, '-ba', '--nodeps', path.join(top, `${name}.spec`)]);
  const files = ['SRPMS', 'RPMS/noarch'].flatMap((place) =>
    readdirSync(path.join(top, place)).map((file) => path.join(top, place, file)),
  );
  const format = '%{NAME},%{VERSION},%{RELEASE},%{ARCH},%{EPOCH},%{SIZE},%{SIGMD5},%{BUILDTIME}';
  return { files, line: run('rpm', ['-qp', '--qf', format, files.at(-1) ?? '']) };
}
