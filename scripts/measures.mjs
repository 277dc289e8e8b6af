// npm run measures: the size and shape of the code, as a table in docs/architecture.md; with --write it is written there.
import { existsSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { format, resolveConfig } from 'prettier';
import ts from 'typescript';
import { circlesOf } from './lint/no-circle.mjs';
import { root } from './setup.mjs';
import { testSecondsFile } from './test-seconds.mjs';

const page = path.join(root, 'docs/architecture.md');
const marks = ['<!-- measures: npm run measures -- --write -->', '<!-- end of measures -->'];

/**
 * Measures the sources of all packages.
 *
 * @returns for each package and each folder with files of its own: the number of `files`; `lines` of a file and of a function
 *   (`functions`) as [median, 90th percentile, maximum]; `comments`, the share of characters in comments. For packages also
 *   `circles`, files that import each other in a circle, types counted, and `doors` with the number of names in each.
 */
export function measure() {
  const packages = readdirSync(path.join(root, 'packages'))
    .filter((name) => existsSync(path.join(root, 'packages', name, 'src')))
    .map((name) => path.join('packages', name));
  const doors = doorsOf(packages);
  return packages.flatMap((place) => {
    const files = sourcesBelow(path.join(place, 'src')).map(readSource);
    const own = { name: place, ...figures(files), circles: circlesIn(files), doors: doors.get(place) };
    const inner = [...byFolder(files)]
      .filter(([folder, inside]) => folder !== path.join(place, 'src') && inside.length > 3)
      .map(([folder, inside]) => ({ name: folder, ...figures(inside) }));
    return [own, ...inner];
  });
}

function byFolder(files) {
  const folders = new Map();
  for (const one of files) {
    const folder = path.dirname(one.file);
    folders.set(folder, [...(folders.get(folder) ?? []), one]);
  }
  return folders;
}

function sourcesBelow(folder) {
  return readdirSync(path.join(root, folder), { withFileTypes: true }).flatMap((entry) => {
    const name = path.join(folder, entry.name);
    if (entry.isDirectory()) return sourcesBelow(name);
    return /\.tsx?$/.test(entry.name) ? [name] : [];
  });
}

function readSource(file) {
  const text = readFileSync(path.join(root, file), 'utf8');
  const source = ts.createSourceFile(file, text, ts.ScriptTarget.Latest, true);
  const functions = [];
  const imports = [];
  const visit = (node) => {
    if (ts.isFunctionLike(node) && 'body' in node && node.body)
      functions.push(lineOf(source, node.getEnd()) - lineOf(source, node.getStart(source)) + 1);
    const from = (ts.isImportDeclaration(node) || ts.isExportDeclaration(node)) && node.moduleSpecifier;
    if (from && from.text.startsWith('.'))
      imports.push(path.join(path.dirname(file), from.text.replace(/\.js$/, '')));
    ts.forEachChild(node, visit);
  };
  visit(source);
  return {
    file,
    lines: text.split('\n').length - 1,
    size: text.length,
    comments: commentsIn(text),
    functions,
    imports,
  };
}

const lineOf = (source, position) => source.getLineAndCharacterOfPosition(position).line;

/** Characters in comments. */
function commentsIn(text) {
  const scanner = ts.createScanner(ts.ScriptTarget.Latest, false, ts.LanguageVariant.Standard, text);
  let count = 0;
  for (let kind = scanner.scan(); kind !== ts.SyntaxKind.EndOfFileToken; kind = scanner.scan())
    if (kind === ts.SyntaxKind.SingleLineCommentTrivia || kind === ts.SyntaxKind.MultiLineCommentTrivia)
      count += scanner.getTokenText().length;
  return count;
}

function figures(files) {
  const sum = (of) => files.reduce((total, file) => total + of(file), 0);
  return {
    files: files.length,
    lines: spread(files.map(({ lines }) => lines)),
    functions: spread(files.flatMap(({ functions }) => functions)),
    comments: sum(({ comments }) => comments) / sum(({ size }) => size),
  };
}

function spread(numbers) {
  const sorted = numbers.toSorted((a, b) => a - b);
  const at = (share) => sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? 0;
  return [at(0.5), at(0.9), sorted.at(-1) ?? 0];
}

/** The number of files that are part of a circle of imports. */
function circlesIn(files) {
  return circlesOf(new Map(files.map(({ file, imports }) => [file.replace(/\.tsx?$/, ''), imports]))).size;
}

/** The names in each door of each package, by the compiled declarations. */
function doorsOf(packages) {
  const wanted = packages.map((place) => {
    const { exports = {} } = JSON.parse(readFileSync(path.join(root, place, 'package.json'), 'utf8'));
    const doors = Object.entries(exports).filter(([, door]) => door.types);
    return [place, doors.map(([door, { types }]) => [door, path.join(root, place, types)])];
  });
  const program = ts.createProgram(
    wanted.flatMap(([, doors]) => doors.map(([, file]) => file)),
    {
      module: ts.ModuleKind.NodeNext,
      moduleResolution: ts.ModuleResolutionKind.NodeNext,
      noEmit: true,
      types: [],
    },
  );
  const checker = program.getTypeChecker();
  const namesIn = (file) => {
    const module = checker.getSymbolAtLocation(program.getSourceFile(file));
    return module ? checker.getExportsOfModule(module).length : 0;
  };
  return new Map(wanted.map(([place, doors]) => [place, doors.map(([door, file]) => [door, namesIn(file)])]));
}

/** The table of docs/architecture.md. */
function tableOf(measured) {
  const seconds = testSeconds();
  const row = (cells) => `| ${cells.join(' | ')} |`;
  const rows = measured.map(({ name, files, lines, functions, comments, circles, doors }) =>
    row([
      doors ? `**${name.replace('packages/', '')}**` : name.replace(/^packages\/[^/]+\//, ''),
      files,
      lines.join(' · '),
      functions.join(' · '),
      `${Math.round(comments * 100)} %`,
      doors ? circles : '',
      doors ? doors.map(([door, names]) => `\`${door}\` ${names}`).join(', ') : '',
      doors ? (seconds[name] ?? '') : '',
    ]),
  );
  const head = [
    '',
    'files',
    'lines a file',
    'lines a function',
    'comments',
    'in circles',
    'names by door',
    'tests, s',
  ];
  return [row(head), row(head.map(() => '---')), ...rows].join('\n');
}

/** Seconds that the test files of each package took in the last whole run here; what the page says if there was none. */
function testSeconds() {
  if (!existsSync(testSecondsFile)) {
    const rows = readFileSync(page, 'utf8').matchAll(/^\| \*\*(\S+)\*\* .*\| (\d+) *\|$/gm);
    return Object.fromEntries([...rows].map(([, name, seconds]) => [`packages/${name}`, Number(seconds)]));
  }
  const sums = {};
  for (const [file, seconds] of Object.entries(JSON.parse(readFileSync(testSecondsFile, 'utf8')))) {
    const place = file.split('/').slice(0, 2).join('/');
    sums[place] = (sums[place] ?? 0) + seconds;
  }
  return Object.fromEntries(Object.entries(sums).map(([place, sum]) => [place, Math.round(sum)]));
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { values } = parseArgs({
    options: { write: { type: 'boolean', default: false }, json: { type: 'boolean' } },
  });
  const measured = measure();
  if (values.json) console.log(JSON.stringify(measured));
  else console.log(tableOf(measured));
  if (values.write) {
    const text = readFileSync(page, 'utf8');
    const [before, rest] = text.split(marks[0]);
    const [, after] = rest.split(marks[1]);
    const written = `${before}${marks[0]}\n\n${tableOf(measured)}\n\n${marks[1]}${after}`;
    writeFileSync(page, await format(written, { ...(await resolveConfig(page)), filepath: page }));
  }
}
