// npm run bump -- 0.2.0: gives every package a new version, and all that names the old one; it commits nothing.
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { root, run } from './setup.mjs';

const [version = ''] = process.argv.slice(2);
const [, major, minor] = /^(\d+)\.(\d+)\.\d+(?:-[\w.]+)?$/.exec(version) ?? [];
if (major === undefined) {
  console.error('usage: npm run bump -- 0.2.0');
  process.exit(1);
}
// Plugins want the first of these minor versions, so that a newer patch level breaks nobody.
const range = version.includes('-') ? `^${version}` : `^${major}.${minor}.0`;

/** Rewrites a file when that changes it. */
function edit(file, change) {
  const before = readFileSync(file, 'utf8');
  const after = change(before);
  if (after !== before) writeFileSync(file, after);
}

const tracked = (...patterns) =>
  execFileSync('git', ['ls-files', '--', ...patterns], { cwd: root, encoding: 'utf8' })
    .split('\n')
    .filter((file) => file !== '')
    .map((file) => path.join(root, file));
const manifests = tracked('packages/*package.json', 'examples/*package.json');
const pages = tracked('docs/*.md');

// Lerna leaves peer dependencies and what is outside of its packages as they are, and npm then finds no version that fits.
for (const file of [...manifests, ...pages])
  edit(file, (text) =>
    text
      .replace(/("@koji\/[\w-]+": ")\^\d[^"]*"/g, `$1${range}"`)
      .replace(/("@koji\/[\w-]+": ")\d[^"]*"/g, `$1${version}"`),
  );
edit(path.join(root, 'CHANGELOG.md'), (text) =>
  text.replace('## Pending\n', `## Pending\n\n## ${version}\n`),
);

const node = (script, ...args) => run(process.execPath, [path.join(root, 'node_modules', script), ...args]);
const lerna = [
  'version',
  version,
  '--yes',
  '--exact',
  '--force-publish',
  '--no-git-tag-version',
  '--no-push',
];
const done =
  node('lerna/dist/cli.js', ...lerna) &&
  node('prettier/bin/prettier.cjs', '--write', '--log-level', 'warn', 'lerna.json', ...manifests);
process.exit(done ? 0 : 1);
