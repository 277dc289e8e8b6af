import { execFileSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { machine } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const script = fileURLToPath(new URL('../../../../scripts/make-distribution.mjs', import.meta.url));

/** Makes a small distribution out of this machine's packages; with `compiler`, one that builds C. */
export function makeDistribution(folder: string, { compiler = false } = {}): void {
  const words = compiler ? ['--compiler', folder] : [folder];
  execFileSync(process.execPath, [script, ...words], { stdio: 'pipe' });
}

/** The url by which the hub has the distribution as an external repo. */
export const urlOf = (distribution: string): string => `file://${distribution}/$arch/`;

/** Makes the metadata of a repo whose packages come from a distribution, as the hub's external repo. */
export function fillRepo(distribution: string, repo: string): void {
  const run = (program: string, ...args: string[]): void =>
    void execFileSync(program, args, { cwd: repo, stdio: 'pipe' });
  mkdirSync(path.join(repo, 'own'), { recursive: true });
  run('createrepo_c', '-q', 'own');
  const repos = [`file://${repo}/own/`, urlOf(distribution).replace('$arch', machine())];
  const groups = ['-g', path.join(distribution, 'comps.xml')];
  const from = repos.flatMap((url) => ['-r', url]);
  run('mergerepo_c', '--koji', '-a', machine(), ...groups, '-o', path.join(repo, machine()), ...from);
}
