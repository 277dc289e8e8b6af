import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { hubOptions, parseIni, readKojidConfig, readOptions } from '@koji/core/config';
import { describeProblem, loadPlugins } from '@koji/plugin-sdk/host';
import ts from 'typescript';
import { blocksOfPage, checkBlocks, examplesOf, filesBelow } from './support/code.js';
import type { CodeBlock } from './support/code.js';
import { root } from './support/system.js';

// The check of generated pages covers those.
const isMade = (page: string): boolean => /^docs\/reference\/(?!differences)/.test(page);
const pages = [
  'README.md',
  'CONTRIBUTING.md',
  ...filesBelow('docs', '.md').filter((page) => !isMade(page)),
  ...filesBelow('packages', 'README.md'),
  ...filesBelow('examples', 'README.md'),
];
const blocks = pages.flatMap(blocksOfPage);
const ofKind = (kind: string): CodeBlock[] => blocks.filter((block) => block.kind === kind);
const at = ({ page, line }: CodeBlock): string => `${page}:${line}`;

test('every block says in which language it is, and only ones that are looked at', () => {
  const known = [
    'sh',
    'console',
    'text',
    'ts',
    'js',
    'json',
    'ini',
    'python',
    'mermaid',
    'nginx',
    'apache',
    'sql',
  ];
  expect(blocks.filter(({ kind }) => !known.includes(kind)).map(at)).toEqual([]);
});

test('every file and every box that a picture names is there', () => {
  const pictures = ofKind('mermaid');
  expect(pictures.length).toBeGreaterThan(0);
  for (const picture of pictures) {
    const { text } = picture;
    const files = [...text.matchAll(/\b[a-z-]+\/[a-z-]+\.ts\b/g)].map(([file]) => file);
    const missing = files.filter((file) => !existsSync(path.join(root, 'packages/koji-hub/src', file)));
    const boxes = new Set([...text.matchAll(/\b([a-z]+)(?=\(\[|\[|\{)/g)].map(([, box]) => box));
    const ends = [...text.matchAll(/(?:-->|-- [^>]*-->) ([a-z]+)/g)].map(([, box]) => box);
    expect({ at: at(picture), missing, lost: ends.filter((box) => !boxes.has(box)) }).toEqual({
      at: at(picture),
      missing: [],
      lost: [],
    });
  }
});

test('every block of TypeScript compiles', () => {
  const own = ofKind('ts').filter(({ from }) => from === undefined);
  expect(own.length).toBeGreaterThan(5);
  expect(checkBlocks(own)).toEqual([]);
});

test('every block of JavaScript fits the types', () => {
  const own = ofKind('js').filter(({ from }) => from === undefined);
  expect(own.length).toBeGreaterThan(3);
  expect(checkBlocks(own)).toEqual([]);
});

test('a block that is shown from a file has its lines, in their order', () => {
  const shown = blocks.filter(({ from }) => from !== undefined);
  const strange = shown.flatMap((block) => {
    const left = readFileSync(path.join(root, block.from ?? ''), 'utf8').split('\n');
    const lines = block.text.split('\n').filter((line) => line.trim() !== '');
    return lines.flatMap((line) => {
      const found = left.indexOf(line);
      left.splice(0, found + 1);
      return found === -1 ? [`${at(block)}: ${block.from} has no more line '${line}'`] : [];
    });
  });
  expect(strange).toEqual([]);
});

test('every example of a doc comment compiles, with the names of the doors at hand', () => {
  const examples = ['koji-core', 'koji-plugin-sdk', 'koji-client', 'koji-builder']
    .flatMap((name) => filesBelow(`packages/${name}/src`, '.ts'))
    .flatMap(examplesOf);
  expect(examples.length).toBeGreaterThan(8);
  expect(checkBlocks(examples, new Map(examples.map((one) => [one, importsFor(one.text)])))).toEqual([]);
});

const doors = [
  '@koji/plugin-sdk',
  '@koji/plugin-sdk/testing',
  '@koji/plugin-sdk/messages',
  '@koji/plugin-sdk/web',
  '@koji/core',
  '@koji/core/api',
  '@koji/client',
  '@koji/builder/buildroot',
  '@koji/builder/scm',
  '@koji/builder/testing',
];

/** Imports of the names that an example uses and does not declare. */
function importsFor(text: string): string {
  const used = new Set(text.match(/\b[A-Za-z_]\w*\b/g));
  const declared = new Set([...text.matchAll(/\b(?:const|class|function) (\w+)/g)].map(([, name]) => name));
  const lines = doors.map((door) => {
    const names = exportsOf(door).filter((name) => used.has(name) && !declared.has(name));
    for (const name of names) used.delete(name);
    return names.length === 0 ? '' : `import { ${names.join(', ')} } from '${door}';\n`;
  });
  return lines.join('');
}

const known = new Map<string, string[]>();

/** The exports of a package's declarations under a door. */
function exportsOf(door: string): string[] {
  const names = known.get(door) ?? readExports(door);
  known.set(door, names);
  return names;
}

function readExports(door: string): string[] {
  const [, name = '', below] = /^(@koji\/[^/]+)(?:\/(.*))?$/.exec(door) ?? [];
  const folder = path.join(root, 'node_modules', name);
  const { exports } = JSON.parse(readFileSync(path.join(folder, 'package.json'), 'utf8')) as {
    exports: Record<string, { types: string }>;
  };
  const file = path.join(folder, exports[below === undefined ? '.' : `./${below}`]?.types ?? '');
  const source = ts.createSourceFile(file, readFileSync(file, 'utf8'), ts.ScriptTarget.Latest, true);
  return source.statements.flatMap((statement) => {
    if (ts.isExportDeclaration(statement)) {
      const { exportClause } = statement;
      return exportClause && ts.isNamedExports(exportClause)
        ? exportClause.elements.map((one) => one.name.text)
        : [];
    }
    const isNamed =
      ts.isFunctionDeclaration(statement) ||
      ts.isClassDeclaration(statement) ||
      ts.isInterfaceDeclaration(statement) ||
      ts.isTypeAliasDeclaration(statement);
    if (isNamed) return statement.name ? [statement.name.text] : [];
    return ts.isVariableStatement(statement)
      ? statement.declarationList.declarations.map((one) => one.name.getText())
      : [];
  });
}

test('every block of JSON is JSON', () => {
  for (const block of ofKind('json')) expect(() => JSON.parse(block.text) as unknown).not.toThrow();
});

describe('configuration', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(path.join(tmpdir(), 'koji-docs-code-'));
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  const sections = (block: CodeBlock) => parseIni([{ file: at(block), text: block.text }]);
  test('of a hub has only options that there are, with values that they take', () => {
    const own = ofKind('ini').flatMap((block) => ({ block, given: sections(block).get('hub') }));
    expect(own.some(({ given }) => given)).toBe(true);
    for (const { block, given } of own)
      if (given) readOptions(hubOptions, given, { file: at(block), section: 'hub', unknown: 'fatal' });
  });

  test('of a builder can be read by it', () => {
    const own = ofKind('ini').filter((block) => sections(block).get('kojid'));
    expect(own.length).toBeGreaterThan(0);
    for (const block of own) {
      const file = path.join(folder, 'kojid.conf');
      writeFileSync(file, block.text);
      readKojidConfig({ file });
    }
  });

  test('of policies is nothing that a hub objects to', () => {
    const own = ofKind('ini').filter((block) => sections(block).get('policy'));
    expect(own.length).toBeGreaterThan(1);
    const file = path.join(folder, 'hub.conf');
    const said = own.map((block) => {
      const plugins = hubPluginOf(block.page).map((name) => `Plugins = ${name}\n`);
      writeFileSync(file, `[hub]\nDatabase = sqlite:koji.db\nKojiDir = .\n${plugins.join('')}${block.text}`);
      return hub(file, 'migrate') + hub(file, 'check');
    });
    for (const text of said) expect(text).toContain('nothing is wrong');
  });

  /** The plugin of the hub that a page is about, if it is about one. */
  function hubPluginOf(page: string): string[] {
    const file = path.join(root, path.dirname(page), 'package.json');
    if (!page.startsWith('packages/koji-plugin-')) return [];
    const { name, koji } = JSON.parse(readFileSync(file, 'utf8')) as { name: string; koji: { hub?: string } };
    return koji.hub === undefined ? [] : [name];
  }

  /** The output of the hub's program, run where plugins are found. */
  function hub(file: string, command: string): string {
    symlinkSync(path.join(root, 'node_modules'), path.join(folder, 'node_modules'));
    const program = path.join(root, 'packages/koji-hub/bin/koji-hub.js');
    const { stdout, stderr } = spawnSync(process.execPath, [program, '--config', file, command], {
      encoding: 'utf8',
    });
    rmSync(path.join(folder, 'node_modules'));
    return stdout + stderr;
  }

  test('of plugins has only settings that they read, with values that they take', async () => {
    const own = ofKind('ini').filter(
      (block) => block.page.startsWith('packages/koji-plugin-') && !sections(block).get('policy'),
    );
    expect(own.length).toBeGreaterThan(3);
    for (const block of own) {
      const plugin = path.basename(path.dirname(block.page)).replace('koji-plugin-', '');
      writeFileSync(path.join(folder, `${plugin}.conf`), block.text);
      const part = plugin === 'runroot' ? 'builder' : 'hub';
      const names = [`@koji/plugin-${plugin}`];
      const { plugins, problems } = await loadPlugins({
        part,
        names,
        folders: [],
        from: root,
        configFolder: folder,
      });
      expect(problems.map(describeProblem)).toEqual([]);
      expect(plugins.flatMap(({ configs }) => configs.flatMap((one) => one.report().unknown))).toEqual([]);
    }
  });
});
