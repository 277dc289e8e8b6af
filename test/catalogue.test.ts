import { existsSync, readFileSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { root } from './support/system.js';

interface Manifest {
  readonly name: string;
  readonly description: string;
  readonly keywords?: readonly string[];
  readonly koji?: Readonly<Record<string, string>>;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly peerDependencies?: Readonly<Record<string, string>>;
}

const manifests = ['packages', 'examples'].flatMap((folder) =>
  readdirSync(path.join(root, folder))
    .map((name) => ({ place: path.join(folder, name), file: path.join(root, folder, name, 'package.json') }))
    .filter(({ file }) => existsSync(file))
    .map(({ place, file }) => ({ place, ...(JSON.parse(readFileSync(file, 'utf8')) as Manifest) })),
);
const official = manifests.filter(({ place, koji }) => koji && place.startsWith('packages'));

test('the catalogue lists every official plugin with what it is for, and nothing else', () => {
  const page = readFileSync(path.join(root, 'docs/plugins/catalogue.md'), 'utf8');
  const rows = [...page.matchAll(/^\| \[(\S+)\]\((\S+)\) +\| (.*?) +\| (.*?) +\|$/gm)];
  expect(rows.map(([, name, link, parts, description]) => ({ name, link, parts, description }))).toEqual(
    official.map(({ name, place, koji, description }) => ({
      name,
      link: `../../${place}/README.md`,
      parts: Object.keys(koji ?? {}).join(', '),
      description,
    })),
  );
});

test('what has the keyword of plugins is a plugin, and the other way round', () => {
  const has = manifests.filter(({ keywords }) => keywords?.includes('koji-plugin')).map(({ name }) => name);
  expect(has).toEqual(manifests.filter(({ koji }) => koji).map(({ name }) => name));
});

test('no plugin brings packages of Koji along: they are its peers', () => {
  const brings = manifests
    .filter(({ koji }) => koji)
    .flatMap(({ name, dependencies = {} }) =>
      Object.keys(dependencies)
        .filter((one) => /^@koji\/(core|plugin-sdk|hub|client|builder)$/.test(one))
        .map((one) => `${name}: ${one}`),
    );
  expect(brings).toEqual([]);
});
