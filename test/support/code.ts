import { readFileSync, readdirSync } from 'node:fs';
import path from 'node:path';
import ts from 'typescript';
import { root } from './system.js';

/** A fenced block of a page, or an example of a doc comment. */
export interface CodeBlock {
  /** Relative to the repository. */
  readonly page: string;
  /** The line of the page on which the block's text begins. */
  readonly line: number;
  readonly kind: string;
  readonly text: string;
  /** `<!-- file: src/hub.ts -->` before it: what its page's other blocks import it as. */
  readonly file?: string;
  /** `<!-- from: examples/… -->` before it: the file whose lines it shows. */
  readonly from?: string;
}

/** The files of the repository below a folder, without those that are installed or built. */
export function filesBelow(folder: string, ending: string): string[] {
  return readdirSync(path.join(root, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith(ending))
    .map((entry) => path.relative(root, path.join(entry.parentPath, entry.name)))
    .filter((file) => !/(^|\/)(node_modules|dist|fixtures|templates)\//.test(file))
    .sort();
}

/** The fenced blocks of a page. */
export function blocksOfPage(page: string): CodeBlock[] {
  const text = readFileSync(path.join(root, page), 'utf8');
  const fences = text.matchAll(/(?:^<!-- (file|from): (\S+) -->\n+)?^( *)```(\S*)[^\n]*\n([^]*?)^\3```$/gm);
  return [...fences].map((fence) => {
    const [whole, mark, value, , kind = '', body = ''] = fence;
    const start = fence.index + whole.indexOf('```');
    const line = text.slice(0, start).split('\n').length + 1;
    return { page, line, kind, text: body, ...(mark === undefined ? {} : { [mark]: value }) };
  });
}

/** The examples in the doc comments of a source file. */
export function examplesOf(page: string): CodeBlock[] {
  const source = ts.createSourceFile(
    page,
    readFileSync(path.join(root, page), 'utf8'),
    ts.ScriptTarget.Latest,
    true,
  );
  const found: CodeBlock[] = [];
  const visit = (node: ts.Node): void => {
    for (const tag of ts.getJSDocTags(node).filter((one) => one.parent.parent === node)) {
      if (tag.tagName.text !== 'example') continue;
      const text = ts.getTextOfJSDocComment(tag.comment) ?? '';
      const { line } = source.getLineAndCharacterOfPosition(tag.getStart());
      const begins = source.text.slice(tag.getStart()).startsWith('@example\n') ? line + 2 : line + 1;
      found.push({ page, line: begins, kind: 'ts', text: `${text}\n` });
    }
    ts.forEachChild(node, visit);
  };
  visit(source);
  return found;
}

/**
 * Type-checks blocks, each as a module of its own below its page, so that `file` names what another imports.
 *
 * @param preludes code before a block that it does not show, by block
 * @returns a line for each error: page, line and message
 */
export function checkBlocks(
  blocks: readonly CodeBlock[],
  preludes: ReadonlyMap<CodeBlock, string> = new Map(),
): string[] {
  const placed = new Map<
    string,
    { readonly block: CodeBlock; readonly text: string; readonly before: number }
  >();
  for (const block of blocks) {
    const name = block.file ?? `line-${block.line}.${block.kind}`;
    const prelude = preludes.get(block) ?? '';
    placed.set(path.join(root, 'test', 'pages', block.page, name), {
      block,
      text: `${prelude}${block.text}\nexport {};\n`,
      before: prelude.split('\n').length - 1,
    });
  }
  const program = open(new Map([...placed].map(([file, { text }]) => [file, text])));
  return [...placed].flatMap(([file, { block, before }]) => {
    const source = program.getSourceFile(file);
    if (!source) throw new Error(`${file} is not in the program`);
    const wrong = [...program.getSyntacticDiagnostics(source), ...program.getSemanticDiagnostics(source)];
    return wrong.map(({ start = 0, messageText }) => {
      const line = source.getLineAndCharacterOfPosition(start).line - before + block.line;
      return `${block.page}:${line}: ${ts.flattenDiagnosticMessageText(messageText, ' ')}`;
    });
  });
}

/** A program of files that are not on the disk, strict as an author's, and lenient with types that JavaScript leaves out. */
function open(files: ReadonlyMap<string, string>): ts.Program {
  const isScript = [...files.keys()].every((file) => file.endsWith('js'));
  const options: ts.CompilerOptions = {
    target: ts.ScriptTarget.ES2023,
    lib: ['lib.es2023.d.ts'],
    module: ts.ModuleKind.NodeNext,
    moduleResolution: ts.ModuleResolutionKind.NodeNext,
    types: ['node'],
    strict: true,
    noImplicitAny: !isScript,
    allowJs: isScript,
    checkJs: isScript,
    noEmit: true,
    skipLibCheck: true,
  };
  const host = ts.createCompilerHost(options);
  const folders = new Set([...files.keys()].map((file) => path.dirname(file)));
  host.readFile = (file) => files.get(file) ?? ts.sys.readFile(file);
  host.fileExists = (file) => files.has(file) || ts.sys.fileExists(file);
  host.directoryExists = (folder) => folders.has(folder) || ts.sys.directoryExists(folder);
  return ts.createProgram([...files.keys()], options, host);
}
