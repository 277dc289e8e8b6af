import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';
import type { transformSync } from '@swc/wasm-typescript';

/** Extensions of TypeScript files that load as they are. */
export const typeScriptExtensions: readonly string[] = ['.ts', '.mts', '.cts'];

/** Returns whether a file is TypeScript with code in it, not only declarations. */
export function isTypeScript(file: string): boolean {
  return /\.[cm]?ts$/.test(file) && !/\.d\.[cm]?ts$/.test(file);
}

interface CompilerProblem {
  readonly code: 'UnsupportedSyntax' | 'InvalidSyntax';
  readonly message: string;
  readonly snippet?: string;
  readonly startLine?: number;
}

let compiler: typeof transformSync | null = null;

/**
 * Returns TypeScript as JavaScript. Types become blanks, so that lines and columns stay; code that takes more than that, such
 * as an `enum`, comes with a source map.
 *
 * @param options.elide leaves imports out that only types use, as a compiler does
 * @throws SyntaxError with the place, as the loader's own
 */
export function stripTypes(source: string, file: string, { elide }: { readonly elide: boolean }): string {
  compiler ??= (
    createRequire(import.meta.url)('@swc/wasm-typescript') as { transformSync: typeof transformSync }
  ).transformSync;
  try {
    if (!elide) return compiler(source, { mode: 'strip-only', filename: file }).code;
  } catch (error) {
    if ((error as CompilerProblem).code !== 'UnsupportedSyntax') throw syntaxError(error, file);
  }
  try {
    return transformed(compiler, source, file, { elide });
  } catch (error) {
    throw syntaxError(error, file);
  }
}

// In two parts, or what reads source maps would take this file's own line for one.
const mapMark = ['source', 'MappingURL'].join('');

function transformed(
  compile: typeof transformSync,
  source: string,
  file: string,
  { elide }: { readonly elide: boolean },
): string {
  const { code, map = '' } = compile(source, {
    mode: 'transform',
    sourceMap: true,
    filename: pathToFileURL(file).href,
    transform: { verbatimModuleSyntax: !elide, nativeClassProperties: true },
  });
  return `${code}\n//# ${mapMark}=data:application/json;base64,${Buffer.from(map).toString('base64')}\n`;
}

function syntaxError(problem: unknown, file: string): Error {
  const { message, snippet = '', startLine = 1 } = problem as CompilerProblem;
  const error = new SyntaxError(message);
  error.stack = `${file}:${startLine}\n${snippet}\nSyntaxError: ${message}`;
  return error;
}
