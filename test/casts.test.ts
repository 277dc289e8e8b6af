import { existsSync, readFileSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';

const root = fileURLToPath(new URL('..', import.meta.url));

/** Folders of plugins: ours, the examples, and what a new one begins with. */
const folders = [
  ...readdirSync(path.join(root, 'packages'))
    .filter((name) => name.startsWith('koji-plugin-') && name !== 'koji-plugin-sdk')
    .map((name) => `packages/${name}/src`),
  ...readdirSync(path.join(root, 'examples'))
    .filter((name) => name.startsWith('koji-plugin-'))
    .map((name) => `examples/${name}/src`),
  'packages/koji-create-plugin/templates',
];

/** Where a file says that it knows a type better than the compiler; `as const` says no such thing. */
function castsIn(file: string): string[] {
  const text = readFileSync(path.join(root, file), 'utf8');
  const source = ts.createSourceFile(file, text, ts.ScriptTarget.Latest, true);
  const found: string[] = [];
  const look = (node: ts.Node): void => {
    const isCast =
      ts.isTypeAssertionExpression(node) ||
      ts.isNonNullExpression(node) ||
      node.kind === ts.SyntaxKind.AnyKeyword ||
      (ts.isAsExpression(node) && node.type.getText() !== 'const');
    if (isCast)
      found.push(
        `${file}:${source.getLineAndCharacterOfPosition(node.getStart()).line + 1} ${node.getText()}`,
      );
    ts.forEachChild(node, look);
  };
  look(source);
  return found;
}

test('plugins get along without casts: the types of the SDK say all that they need', () => {
  const files = folders
    .filter((folder) => existsSync(path.join(root, folder)))
    .flatMap((folder) =>
      readdirSync(path.join(root, folder), { recursive: true, encoding: 'utf8' })
        .filter((name) => /\.tsx?$/.test(name))
        .map((name) => `${folder}/${name}`),
    );
  expect(files.length).toBeGreaterThan(50);
  expect(files.flatMap(castsIn)).toEqual([]);
});
