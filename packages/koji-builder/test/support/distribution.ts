import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, symlinkSync } from 'node:fs';
import { machine, tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const script = fileURLToPath(new URL('../../../../scripts/make-distribution.mjs', import.meta.url));

/** Links a small distribution out of this machine's packages to `folder`; with `compiler`, one that builds C. */
export function makeDistribution(folder: string, { compiler = false } = {}): void {
  symlinkSync(sharedDistribution(compiler), folder);
}

/** Returns the folder of a distribution that all test files read; made again when the machine's packages change. */
function sharedDistribution(compiler: boolean): string {
  const hash = createHash('sha256');
  for (const file of [script, '/var/lib/dpkg/status']) hash.update(readFileSync(file));
  const kind = compiler ? 'compiler' : 'tiny';
  const shared = path.join(tmpdir(), `koji-distribution-${kind}-${hash.digest('hex').slice(0, 12)}`);
  if (existsSync(shared)) return shared;
  const made = mkdtempSync(path.join(tmpdir(), 'koji-distribution-'));
  const place = path.join(made, 'new');
  execFileSync(process.execPath, [script, ...(compiler ? ['--compiler'] : []), place], { stdio: 'pipe' });
  try {
    renameSync(place, shared);
  } catch (error) {
    // Another test file was faster.
    if (!existsSync(shared)) throw error;
  }
  rmSync(made, { recursive: true, force: true });
  return shared;
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
