import { readFileSync } from 'node:fs';
import nodeModule, { createRequire } from 'node:module';
import { hooks } from './module-hooks.js';
import { stripTypes, typeScriptExtensions } from './typescript.js';

interface NewerNode {
  /** From Node.js 22.15 on. */
  readonly registerHooks?: (hooks: object) => void;
}

interface CompilingModule {
  _compile(source: string, file: string): void;
}

let installed = false;

/**
 * Installs the {@link hooks} of the module loader in this process, once. Programs do so only when they need them: on Node.js 20
 * the loader runs on a thread of its own then.
 */
export function installModuleHooks(): void {
  if (installed) return;
  installed = true;
  const { registerHooks } = nodeModule as NewerNode;
  if (registerHooks) registerHooks(hooks);
  else installOlderHooks();
  // For code that is more than its source without the types.
  process.setSourceMapsEnabled(true);
}

/** Node.js 20 has hooks for what is imported, and a table of extensions for what is required. */
function installOlderHooks(): void {
  nodeModule.register(new URL('module-hooks.js', import.meta.url));
  const { extensions } = createRequire(import.meta.url) as unknown as {
    readonly extensions: Record<string, (module: CompilingModule, file: string) => void>;
  };
  for (const extension of typeScriptExtensions)
    extensions[extension] = (module, file) =>
      module._compile(stripTypes(readFileSync(file, 'utf8'), file, { elide: false }), file);
}
