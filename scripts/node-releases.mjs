// Releases of Node.js other than the one that runs: the package `node` of npm has their programs.
import { execFileSync } from 'node:child_process';
import { tmpdir } from 'node:os';

/** Returns the program of a release, which npm keeps. */
export function programOf(version) {
  const words = [
    'exec',
    '--yes',
    '--ignore-scripts=false',
    '--package',
    `node@${version}`,
    '--',
    'node',
    '-p',
    'process.execPath',
  ];
  return execFileSync('npm', words, { encoding: 'utf8', cwd: tmpdir() }).trim();
}
