// Checks that the release workflow runs before it publishes: release-gate.mjs TAG URL-OF-THE-REPOSITORY
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { root } from './setup.mjs';

const [tag, url] = process.argv.slice(2);
if (!url) {
  console.error('usage: node scripts/release-gate.mjs v0.2.0 https://HOST/OWNER/NAME');
  process.exit(2);
}
const readJson = (...names) => JSON.parse(readFileSync(path.join(root, ...names), 'utf8'));
const { version } = readJson('lerna.json');
const problems = [];
if (tag !== `v${version}`) problems.push(`the tag is ${tag}, and lerna.json says ${version}`);
if (!readFileSync(path.join(root, 'CHANGELOG.md'), 'utf8').includes(`\n## ${version}\n`))
  problems.push(`CHANGELOG.md has no section ${version}`);
for (const name of readdirSync(path.join(root, 'packages'))) {
  if (!existsSync(path.join(root, 'packages', name, 'package.json'))) continue;
  const manifest = readJson('packages', name, 'package.json');
  if (manifest.private) continue;
  const { repository } = manifest;
  if (manifest.version !== version) problems.push(`${manifest.name} has version ${manifest.version}`);
  // npm refuses provenance from another repository than the one a package names.
  if (repository?.url !== `git+${url}.git` || repository.directory !== `packages/${name}`)
    problems.push(`${manifest.name} does not name its repository, git+${url}.git and packages/${name}`);
}
for (const problem of problems) console.error(problem);
if (problems.length > 0) console.error('see docs/releasing.md');
process.exit(problems.length > 0 ? 1 : 0);
