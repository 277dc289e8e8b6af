// Checks packed packages as publint and attw do, in one process: node check.mjs FILE...
// Prints JSON: what is wrong with each file, and nothing for one that is fine.
import { readFile } from 'node:fs/promises';
import { checkPackage, createPackageFromTarballData } from '@arethetypeswrong/core';
import { publint } from 'publint';
import { formatMessage } from 'publint/utils';

const wrong = {};
for (const file of process.argv.slice(2)) {
  const data = await readFile(file);
  wrong[file] = [...(await lint(data)), ...(await checkTypes(data))];
}
process.stdout.write(JSON.stringify(wrong));

/** What `publint --strict` fails for. */
async function lint({ buffer, byteOffset, byteLength }) {
  const tarball = buffer.slice(byteOffset, byteOffset + byteLength);
  const { messages, pkg } = await publint({ strict: true, level: 'suggestion', pack: { tarball } });
  return messages
    .filter(({ type }) => type === 'error')
    .map((message) => `publint: ${formatMessage(message, pkg, { color: false })}`);
}

/** What `attw --profile esm-only` fails for. There are ES modules only: docs/releasing.md. */
async function checkTypes(data) {
  const { problems = [] } = await checkPackage(createPackageFromTarballData(new Uint8Array(data)));
  return problems
    .filter(({ resolutionKind }) => !['node10', 'node16-cjs'].includes(resolutionKind))
    .map((problem) => `attw: ${JSON.stringify(problem)}`);
}
