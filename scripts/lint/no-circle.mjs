// A rule of ESLint: no file of a package imports itself by way of others, including imports of types. The plugin's own rule
// follows the imports again from each file, which took a quarter of the linter's time; here all files of a package are read
// once.
import { readFileSync, readdirSync } from 'node:fs';
import path from 'node:path';

/** Static imports and exports of other files of the package, as prettier writes them. */
const statement = /^(?:import|export)\s(?:[\w$*,{}\s]*?\sfrom\s)?'(\.[^']+)'/gm;

/** Places of packages whose imports are known, with the circle that each file is in. */
const known = new Map();

export const noCircle = {
  meta: { type: 'problem', schema: [], messages: { circle: 'a circle of imports: {{way}}' } },
  create(context) {
    const folder = /^.*\/packages\/[^/]+\/src\//.exec(context.filename)?.[0];
    if (folder === undefined) return {};
    if (!known.has(folder)) known.set(folder, circlesOf(importsBelow(folder)));
    const circle = known.get(folder).get(withoutEnding(context.filename));
    if (circle === undefined) return {};
    const check = ({ source }) => {
      if (!source?.value?.startsWith('.')) return;
      const to = withoutEnding(path.resolve(path.dirname(context.filename), source.value));
      const way = circle.map((file) => path.relative(folder, file)).join(', ');
      if (circle.includes(to)) context.report({ node: source, messageId: 'circle', data: { way } });
    };
    return { ImportDeclaration: check, ExportNamedDeclaration: check, ExportAllDeclaration: check };
  },
};

const withoutEnding = (file) => file.replace(/\.[jt]sx?$/, '');

/** The files that each file imports, all without endings. */
function importsBelow(folder) {
  const files = readdirSync(folder, { recursive: true }).filter((name) => /\.tsx?$/.test(name));
  return new Map(
    files.map((name) => {
      const file = path.join(folder, name);
      const found = readFileSync(file, 'utf8').matchAll(statement);
      const targets = [...found].map(([, to]) => withoutEnding(path.resolve(path.dirname(file), to)));
      return [withoutEnding(file), targets];
    }),
  );
}

/**
 * Finds circles (Tarjan's strongly connected components).
 *
 * @param imports the names that each name leads to; others are ignored
 * @returns the circle of each name that is in one
 */
export function circlesOf(imports) {
  const index = new Map();
  const low = new Map();
  const stack = [];
  const circles = new Map();
  const visit = (name) => {
    index.set(name, index.size);
    low.set(name, index.get(name));
    stack.push(name);
    for (const other of imports.get(name)) {
      if (!imports.has(other)) continue;
      if (!index.has(other)) visit(other);
      if (stack.includes(other)) low.set(name, Math.min(low.get(name), low.get(other)));
    }
    if (low.get(name) !== index.get(name)) return;
    const circle = stack.splice(stack.indexOf(name));
    if (circle.length > 1 || imports.get(name).includes(name))
      for (const one of circle) circles.set(one, circle);
  };
  for (const name of imports.keys()) if (!index.has(name)) visit(name);
  return circles;
}
