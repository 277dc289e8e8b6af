// The reference of what plugins and scripts import, read from its source by the TypeScript compiler: every name that a door
// exports and every type that their signatures name, with the doc comments. What has no doc comment is a problem.
import path from 'node:path';
import ts from 'typescript';
import { callbackTable } from '@koji/plugin-sdk/host';
import { root } from './setup.mjs';

const packageFolder = (name) => path.join(root, 'packages', `koji-${name}`);
const core = packageFolder('core');
const parts = ['plugin-sdk', 'client', 'builder'];

/** The doors, each with its page; a type is on the page of the first door that leads to it. */
const doors = [
  {
    page: 'sdk.md',
    name: '@koji/plugin-sdk',
    file: 'koji-plugin-sdk/src/index.ts',
    intro: 'What plugins import.',
  },
  {
    page: 'sdk-testing.md',
    name: '@koji/plugin-sdk/testing',
    file: 'koji-plugin-sdk/src/testing/index.ts',
    intro: 'What tests of plugins import; [Testing a plugin](../plugins/testing.md) shows it at work.',
  },
  {
    page: 'sdk-messages.md',
    name: '@koji/plugin-sdk/messages',
    file: 'koji-plugin-sdk/src/messages.ts',
    intro:
      'For plugins that tell the outside what happens; [Messages to the outside](../plugins/messages.md) shows it at work.',
  },
  {
    page: 'sdk-web.md',
    name: '@koji/plugin-sdk/web',
    file: 'koji-plugin-sdk/src/web.ts',
    intro: 'For pages and panels of the web page; [Web page](../plugins/web.md) shows it at work.',
  },
  {
    page: 'client.md',
    name: '@koji/client',
    file: 'koji-client/src/index.ts',
    intro: 'The client library, for scripts; [the methods of the hub](methods.md) are what it calls.',
  },
  {
    page: 'builder-buildroot.md',
    name: '@koji/builder/buildroot',
    file: 'koji-builder/src/buildroot/index.ts',
    intro: 'Buildroots for tasks of plugins; [Buildroots](../plugins/buildroots.md) shows them at work.',
  },
  {
    page: 'builder-scm.md',
    name: '@koji/builder/scm',
    file: 'koji-builder/src/scm/index.ts',
    intro: 'Sources for tasks of plugins; [Sources](../plugins/sources.md) shows them at work.',
  },
  {
    page: 'builder-image.md',
    name: '@koji/builder/image',
    file: 'koji-builder/src/image/index.ts',
    intro: 'What the image tasks of plugins have in common.',
  },
  {
    page: 'builder-testing.md',
    name: '@koji/builder/testing',
    file: 'koji-builder/src/testing/index.ts',
    intro: 'What tests of tasks import that need a buildroot.',
  },
];
const coreDoor = {
  page: 'sdk-core.md',
  name: '@koji/plugin-sdk/koji',
  file: 'koji-plugin-sdk/src/koji.ts',
  intro:
    'What plugins know of Koji: faults, constants, paths, RPMs; and the types that [the SDK](sdk.md) takes from `@koji/core`.',
};

/** Errors that plugins throw or are thrown. */
const thrown = new Set([
  'GenericError',
  'ParameterError',
  'ActionNotAllowed',
  'BuildError',
  'BuildrootError',
  'PluginError',
  'CallbackError',
  'ConfigError',
]);

/** Types and tables that another page describes better than a list of their members could. */
const elsewhere = new Map([
  ['Api', 'methods.md'],
  ['OwnApi', 'methods.md'],
  ['hubOptions', 'hub-conf.md'],
  ['kojidOptions', 'kojid-conf.md'],
  ['clientOptions', 'koji-conf.md'],
]);

/** Types whose own text only the compiler needs to follow. */
const opaque = new Set(['ClientApi', 'Api', 'CallArgs', 'TaskArgs', 'FaultName']);

const words = {
  [ts.SyntaxKind.ClassDeclaration]: 'class',
  [ts.SyntaxKind.InterfaceDeclaration]: 'interface',
  [ts.SyntaxKind.TypeAliasDeclaration]: 'type',
  [ts.SyntaxKind.FunctionDeclaration]: 'function',
  [ts.SyntaxKind.VariableDeclaration]: 'const',
};

/** One program of all doors, in which packages find the source of each other and not what was built of it. */
function openProgram() {
  const folder = packageFolder(parts[0]);
  const { config } = ts.readConfigFile(path.join(folder, 'tsconfig.json'), (file) => ts.sys.readFile(file));
  const { options } = ts.parseJsonConfigFileContent(config, ts.sys, folder);
  const paths = Object.fromEntries(
    parts.flatMap((name) => {
      const source = path.join(packageFolder(name), 'src');
      return [
        [`@koji/${name}`, [path.join(source, 'index.ts')]],
        [`@koji/${name}/*`, [path.join(source, '*', 'index.ts'), path.join(source, '*.ts')]],
      ];
    }),
  );
  return ts.createProgram(
    [...doors, coreDoor].map(({ file }) => path.join(root, 'packages', file)),
    { ...options, paths, noEmit: true, composite: false, incremental: false },
  );
}

const within = (folder, node) => node.getSourceFile().fileName.startsWith(`${folder}/`);
const isOurs = (node) => ['core', ...parts].some((name) => within(packageFolder(name), node));

/** Every documented thing by its symbol: where it is declared, what it is called and on which page it is. */
function collect(checker, program) {
  const entries = new Map();
  const resolve = (symbol) =>
    symbol.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol;
  const add = (symbol, page, exported) => {
    const declarations = (symbol.declarations ?? []).filter((one) => words[one.kind] && isOurs(one));
    const [first] = declarations;
    if (!first || entries.has(symbol)) return;
    const ownPage = within(core, first) ? coreDoor.page : page;
    entries.set(symbol, {
      name: symbol.name,
      kind: words[first.kind],
      page: ownPage,
      exported,
      declarations,
      symbol,
    });
  };
  const exportsOf = (file) =>
    checker.getExportsOfModule(checker.getSymbolAtLocation(program.getSourceFile(file))).map(resolve);
  for (const { file, page } of doors)
    for (const symbol of exportsOf(path.join(root, 'packages', file))) add(symbol, page, true);
  for (const symbol of exportsOf(path.join(root, 'packages', coreDoor.file)))
    add(symbol, coreDoor.page, true);
  // The loop over a map also visits entries added during the loop: the types that the types name.
  for (const { name, page, declarations } of entries.values()) {
    if (opaque.has(name) || thrown.has(name)) continue;
    for (const declaration of declarations)
      visitTypes(declaration, (typeName) => {
        const symbol = checker.getSymbolAtLocation(typeName);
        if (symbol) add(resolve(symbol), page, false);
      });
  }
  return entries;
}

/** Calls back with the name in every place of a declaration's public signature that names a type. */
function visitTypes(node, found) {
  if (isHidden(node)) return;
  if (ts.isTypeReferenceNode(node)) found(node.typeName);
  else if (ts.isExpressionWithTypeArguments(node)) found(node.expression);
  else if (ts.isTypeQueryNode(node)) found(node.exprName);
  ts.forEachChild(node, (child) => {
    if (!ts.isBlock(child) && !isValue(node, child)) visitTypes(child, found);
  });
}

/** Whether a child is a default value or an initial one: none of the signature. */
const isValue = (node, child) => 'initializer' in node && node.initializer === child;

const isHidden = (node) =>
  ts.canHaveModifiers(node) &&
  (ts.getModifiers(node) ?? []).some(({ kind }) => kind === ts.SyntaxKind.PrivateKeyword);

const has = (node, kind) =>
  ts.canHaveModifiers(node) && (ts.getModifiers(node) ?? []).some((one) => one.kind === kind);

/** Text of a doc comment; a name in `{@link}` becomes a link. */
function proseOf(comment, link) {
  if (comment === undefined) return '';
  const parts = typeof comment === 'string' ? [{ text: comment }] : comment;
  return parts
    .map((part) => {
      if (part.kind === undefined || part.kind === ts.SyntaxKind.JSDocText) return part.text;
      return link(part.name?.getText() ?? '', part.text.trim());
    })
    .join('')
    .replace(/(?<!\n)\n(?![\n-])/g, ' ')
    .trim();
}

/** The doc comment of a declaration: prose, tags and examples; of the first overload that has one. */
function docOf(declarations, link) {
  for (const declaration of declarations) {
    const holder = ts.isVariableDeclaration(declaration) ? declaration.parent.parent : declaration;
    const docs = ts.getJSDocCommentsAndTags(holder).filter(ts.isJSDoc);
    const doc = docs.at(-1);
    const tags = doc?.tags ?? [];
    const text = proseOf(doc?.comment, link);
    if (text === '' && tags.length === 0) continue;
    const lines = tags.flatMap((tag) => {
      const prose = proseOf(tag.comment, link);
      switch (tag.tagName.text) {
        case 'param':
          return [`\`${tag.name.getText()}\`: ${prose}`];
        case 'returns':
          return [`answers ${prose}`];
        case 'throws':
          return [`throws ${prose.replace(/^\w+(?=Error|Task|Allowed)\w+/, (name) => link(name, ''))}`];
        case 'see':
          return [`see ${tag.name ? link(tag.name.getText(), '') : ''} ${prose}`];
        default:
          return [];
      }
    });
    const examples = tags
      .filter((tag) => tag.tagName.text === 'example')
      .map((tag) => ts.getTextOfJSDocComment(tag.comment) ?? '');
    return { text, lines, examples };
  }
  return null;
}

const printer = ts.createPrinter({ removeComments: true, omitTrailingSemicolon: true });

/** A node's type on one line, without body, default values of fields and uninformative modifiers. */
function signatureOf(node) {
  const bare = ts.transform(node, [
    (context) => {
      const visit = (one) => {
        if (ts.isBlock(one)) return undefined;
        if (one.kind === ts.SyntaxKind.ExportKeyword || one.kind === ts.SyntaxKind.DeclareKeyword)
          return undefined;
        if (one.kind === ts.SyntaxKind.AsyncKeyword || one.kind === ts.SyntaxKind.OverrideKeyword)
          return undefined;
        if (one.kind === ts.SyntaxKind.PublicKeyword) return undefined;
        if (ts.isParameter(one.parent ?? one) && ts.isModifier(one)) return undefined;
        if (ts.isPropertyDeclaration(one))
          return ts.visitEachChild(withoutInitializer(context, one), visit, context);
        return ts.visitEachChild(one, visit, context);
      };
      return (top) => ts.visitNode(top, visit);
    },
  ]);
  const text = printer.printNode(ts.EmitHint.Unspecified, bare.transformed[0], node.getSourceFile());
  return text
    .replace(/\s+/g, ' ')
    .replaceAll('[ ', '[')
    .replaceAll(' ]', ']')
    .replace(/^function /, '')
    .trim();
}

const withoutInitializer = ({ factory }, one) =>
  factory.updatePropertyDeclaration(one, one.modifiers, one.name, one.questionToken, one.type, undefined);

/** A page of entries. */
class Page {
  problems = [];

  constructor(door, entries, checker) {
    this.door = door;
    this.checker = checker;
    this.entries = [...entries.values()].filter(({ page }) => page === door.page);
    this.byName = new Map();
    for (const entry of entries.values())
      this.byName.set(entry.name, [...(this.byName.get(entry.name) ?? []), entry]);
  }

  /** Where a name is described. */
  target(name) {
    if (elsewhere.has(name)) return elsewhere.get(name);
    const entry = this.byName.get(name)?.[0];
    if (!entry) return null;
    const anchor = `#${entry.kind}-${entry.name.toLowerCase()}`;
    return entry.page === this.door.page ? anchor : `${entry.page}${anchor}`;
  }

  link = (name, text) => {
    const target = this.target(name.split('.')[0]);
    const shown = `\`${text === '' ? name : text}\``;
    return target === null ? shown : `[${shown}](${target})`;
  };

  /** Code in which every known name is a link. */
  code(text, self) {
    const pieces = quoted(text).split(/(?<![\w.'"`])([A-Za-z_]\w*)(?![\w'"`:?])/);
    let plain = '';
    let made = '';
    const flush = () => {
      const inner = plain.trim();
      if (inner === '') made += plain;
      else made += `${/^\s/.test(plain) ? ' ' : ''}${fenced(inner)}${/\s$/.test(plain) ? ' ' : ''}`;
      plain = '';
    };
    pieces.forEach((piece, i) => {
      if (i % 2 === 0 || piece === self || this.target(piece) === null) plain += piece;
      else {
        flush();
        made += this.link(piece, '');
      }
    });
    flush();
    return made.trim();
  }

  problem(declaration, name) {
    // The core's records have members that Koji named, and that their names describe.
    if (within(core, declaration) && name.includes('.')) return;
    const file = declaration.getSourceFile();
    const { line } = file.getLineAndCharacterOfPosition(declaration.getStart());
    this.problems.push(`${path.relative(root, file.fileName)}:${line + 1}: ${name} has no doc comment`);
  }

  docLines(doc) {
    const lines = doc.text === '' ? [] : [doc.text];
    if (doc.lines.length > 0) lines.push(doc.lines.map((line) => `- ${line}`).join('\n'));
    return [...lines, ...doc.examples.map((example) => `\`\`\`ts\n${example.trim()}\n\`\`\``)];
  }

  render(entry) {
    const { name, kind, declarations } = entry;
    const doc = docOf(declarations, this.link);
    if (!doc?.text) this.problem(declarations[0], name);
    const parts = [`## ${kind} ${name}`, ...this.signatures(entry)];
    if (doc) parts.push(...this.docLines(doc));
    if (elsewhere.has(name)) parts.push(`[All of them](${elsewhere.get(name)}).`);
    if (!opaque.has(name) && !thrown.has(name)) parts.push(...this.members(entry));
    return parts.join('\n\n');
  }

  signatures({ name, kind, declarations, symbol }) {
    const [first] = declarations;
    if (kind === 'function') {
      const shown = declarations.length > 1 ? declarations.filter((one) => !one.body) : declarations;
      return [shown.map((one) => `- ${this.code(signatureOf(one), name)}`).join('\n')];
    }
    if (kind === 'const') {
      if (elsewhere.has(name)) return [];
      if (first.type) return [this.code(`${name}: ${first.type.getText()}`, name)];
      if (isTable(first)) return [];
      return [fenced(`${name}: ${this.checker.typeToString(this.checker.getTypeOfSymbol(symbol))}`)];
    }
    if (kind === 'type') {
      this.checkLiterals(name, first);
      const text = ts.createPrinter().printNode(ts.EmitHint.Unspecified, first, first.getSourceFile());
      const bare = text.replace(/^\s*\/\*\*[^]*?\*\/\s*/, '').replace(/^(export |declare )+/, '');
      if (!/\/\*\*/.test(bare) && bare.length < 200)
        return [this.code(bare.replace(/\s+/g, ' ').replace(/;$/, ''), name)];
      const named = new Set();
      visitTypes(first, (one) => named.add(one.getText()));
      const links = [...named]
        .filter((one) => one !== name && this.target(one))
        .map((one) => this.link(one, ''));
      const about = links.length > 0 ? [`Names in it: ${links.join(', ')}.`] : [];
      return [`\`\`\`ts\n${bare}\n\`\`\``, ...about];
    }
    const heritage = (first.heritageClauses ?? []).map((clause) => clause.getText()).join(' ');
    const generic = (first.typeParameters ?? []).map((one) => one.getText()).join(', ');
    const head = `${has(first, ts.SyntaxKind.AbstractKeyword) ? 'abstract ' : ''}${kind} ${name}${generic && `<${generic}>`} ${heritage}`;
    return heritage || generic || head.startsWith('abstract') ? [this.code(head, name)] : [];
  }

  /** Methods of a type are shown in its text with their comments. */
  checkLiterals(owner, node) {
    if (ts.isMethodSignature(node) && ts.getJSDocCommentsAndTags(node).length === 0)
      this.problem(node, `${owner}.${node.name.getText()}`);
    ts.forEachChild(node, (child) => this.checkLiterals(owner, child));
  }

  members({ name, kind, declarations }) {
    const own =
      kind === 'const'
        ? tableOf(declarations[0]).map((one) => this.tableMember(name, one))
        : declarations.filter((one) => one.members).flatMap((one) => this.ownMembers(name, one));
    return own.length === 0 ? [] : [own.join('\n')];
  }

  tableMember(owner, property) {
    const symbol = this.checker.getShorthandAssignmentValueSymbol(property);
    const target = symbol.flags & ts.SymbolFlags.Alias ? this.checker.getAliasedSymbol(symbol) : symbol;
    const declarations = target.declarations ?? [];
    const overloads = declarations.length > 1 ? declarations.filter((one) => !one.body) : declarations;
    const shown = overloads.map(signatureOf);
    return this.item({ owner, name: property.name.text, declarations, shown });
  }

  ownMembers(owner, declaration) {
    const groups = new Map();
    for (const member of declaration.members) {
      if (isHidden(member) || ts.isSemicolonClassElement(member)) continue;
      const name = member.name ?? member;
      if (member.name && (ts.isComputedPropertyName(name) || ts.isPrivateIdentifier(name))) continue;
      if (has(member, ts.SyntaxKind.OverrideKeyword)) continue;
      if (ts.getJSDocTags(member).some(({ tagName }) => tagName.text === 'internal')) continue;
      const key = member.name?.getText() ?? nameless[member.kind];
      groups.set(key, [...(groups.get(key) ?? []), member]);
    }
    return [...groups].map(([name, all]) => {
      const overloads = all.some((one) => one.body) && all.length > 1 ? all.filter((one) => !one.body) : all;
      return this.item({ owner, name, declarations: all, shown: overloads.map(signatureOf) });
    });
  }

  item({ owner, name, declarations, shown }) {
    const doc = this.memberDoc(owner, name, declarations);
    if (!doc?.text) this.problem(declarations[0], `${owner}.${name}`);
    const lines = [
      ...shown.map((text, i) => `${i === 0 ? '- ' : '  '}${this.code(text.replace(/;$/, ''), owner)}`),
    ].join('  \n');
    const about = (doc ? this.docLines(doc) : []).map((text) => `\n\n${text.replace(/^(?=.)/gm, '  ')}`);
    return `${lines}${about.join('')}\n`;
  }

  memberDoc(owner, name, declarations) {
    if (owner !== 'CallbackPayloads') return docOf(declarations, this.link);
    const { on, transaction, when } = callbackTable[name];
    const where = { inside: ', inside the transaction', after: ', after the commit', none: '' }[transaction];
    const text = `${when[0].toUpperCase()}${when.slice(1)}; ${on}${where}. [Its payload](../plugins/events.md#${name.toLowerCase()}).`;
    return { text, lines: [], examples: [] };
  }

  /** A table of names, each with the first sentence about it. */
  index(entries) {
    const rows = entries.map(({ name, kind, declarations }) => {
      const [sentence = ''] = /^.*?[.:](?=\s|$)/s.exec(docOf(declarations, this.link)?.text ?? '') ?? [];
      const cell = sentence.replace(/[.:]$/, '').replaceAll('|', String.raw`\|`);
      return `| [\`${name}\`](#${kind}-${name.toLowerCase()}) | ${cell} |`;
    });
    return `|  |  |\n|---|---|\n${rows.join('\n')}`;
  }

  text() {
    const list = (entries) =>
      entries.map(({ name, kind }) => `[\`${name}\`](#${kind}-${name.toLowerCase()})`).join(', ');
    const exported = this.entries.filter((one) => one.exported);
    const others = this.entries.filter((one) => !one.exported);
    const parts = [`# ${this.door.name}`, this.door.intro];
    if (exported.length > 0) parts.push(this.index(exported));
    if (others.length > 0) parts.push(`Types that signatures name: ${list(others)}.`);
    for (const entry of [...exported, ...others]) parts.push(this.render(entry));
    return `${parts.join('\n\n')}\n`;
  }
}

/** Names of unnamed members in messages. */
const nameless = {
  [ts.SyntaxKind.Constructor]: 'constructor',
  [ts.SyntaxKind.ConstructSignature]: 'new',
  [ts.SyntaxKind.CallSignature]: '()',
  [ts.SyntaxKind.IndexSignature]: '[]',
};

/** Single quotes around strings, as in the sources: TypeScript 6 writes double ones where it infers a type. */
const quoted = (text) => text.replace(/"([^'"\n]*)"/g, "'$1'");

const fenced = (text) => (text.includes('`') ? `\`\` ${text} \`\`` : `\`${text}\``);

/** An object of functions by their names, as a constant. */
const isTable = (declaration) =>
  declaration.initializer !== undefined &&
  ts.isObjectLiteralExpression(declaration.initializer) &&
  declaration.initializer.properties.every(ts.isShorthandPropertyAssignment);
const tableOf = (declaration) => (isTable(declaration) ? [...declaration.initializer.properties] : []);

/** The pages by their names, and what has no doc comment. */
export function sdkReference() {
  const program = openProgram();
  const checker = program.getTypeChecker();
  const entries = collect(checker, program);
  const pages = [...doors, coreDoor].map((door) => new Page(door, entries, checker));
  return {
    pages: Object.fromEntries(pages.map((page) => [page.door.page, page.text()])),
    problems: [...new Set(pages.flatMap((page) => page.problems))],
  };
}
