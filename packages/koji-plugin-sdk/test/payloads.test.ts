import { fileURLToPath } from 'node:url';
import ts from 'typescript';
import { payloadVersion } from '../src/index.js';

const source = fileURLToPath(new URL('../src/callbacks.ts', import.meta.url));

/** Every field of every payload with its type, a line each. */
function describePayloads(): string[] {
  const options = {
    strict: true,
    module: ts.ModuleKind.NodeNext,
    target: ts.ScriptTarget.ES2023,
    noEmit: true,
  };
  const program = ts.createProgram([source], options);
  const checker = program.getTypeChecker();
  const file = program.getSourceFile(source);
  const declared = file?.statements.find(
    (one) => ts.isInterfaceDeclaration(one) && one.name.text === 'CallbackPayloads',
  );
  if (!declared) throw new Error('CallbackPayloads is not in callbacks.ts');
  const lines: string[] = [];
  const add = (path: string, type: ts.Type, depth: number): void => {
    const variants = type.isUnion() ? type.types : [type];
    const inner = variants.filter((one) => isStruct(checker, one));
    lines.push(`${path}: ${checker.typeToString(type, undefined, ts.TypeFormatFlags.NoTruncation)}`);
    if (depth > 4) throw new Error(`${path} is too deep`);
    inner.forEach((one, i) => {
      const mark = inner.length > 1 ? `|${i}` : '';
      for (const field of checker.getPropertiesOfType(one)) {
        const optional = field.flags & ts.SymbolFlags.Optional ? '?' : '';
        add(`${path}${mark}.${field.name}${optional}`, checker.getTypeOfSymbol(field), depth + 1);
      }
    });
  };
  for (const event of checker.getPropertiesOfType(checker.getTypeAtLocation(declared)))
    add(event.name, checker.getTypeOfSymbol(event), 0);
  return lines;
}

/** An object with fields of its own, not a list, a function or one with any fields. */
function isStruct(checker: ts.TypeChecker, type: ts.Type): boolean {
  if (!(type.flags & (ts.TypeFlags.Object | ts.TypeFlags.Intersection))) return false;
  if (checker.isArrayType(type) || checker.isTupleType(type)) return false;
  const names = [type.symbol as ts.Symbol | undefined, type.aliasSymbol].map((symbol) => symbol?.name ?? '');
  if (names.some((name) => ['Double', 'HubSession', 'Date', 'DateTime'].includes(name))) return false;
  return checker.getPropertiesOfType(type).length > 0;
}

// A change of a payload is a new version: raise it in callbacks.ts, say so in CHANGELOG.md, and let jest write its record.
test(`payloads of version ${payloadVersion}`, () => {
  expect(describePayloads().join('\n')).toMatchSnapshot();
});
