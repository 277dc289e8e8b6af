/** Finds the plugin that a file, a stack or a function belongs to. */
import inspector from 'node:inspector';
import path from 'node:path';
import { types } from 'node:util';
import { fileURLToPath } from 'node:url';
import type { LoadedPlugin } from '@koji/plugin-sdk/host';

/** Where a plugin's code is. */
export interface PluginPlace {
  readonly name: string;
  readonly file: string;
  /** The folder of its code; null for one that is a file among others. */
  readonly folder: string | null;
}

/** The places of plugins that are files. */
export function placesOf(plugins: readonly LoadedPlugin[]): PluginPlace[] {
  return plugins
    .filter(({ file }) => path.isAbsolute(file))
    .map(({ name, file, version }) => ({ name, file, folder: version === null ? null : path.dirname(file) }));
}

/** The plugin that a file belongs to; null for none. */
export function pluginAt(places: readonly PluginPlace[], file: string): string | null {
  const own = places.find((place) => place.file === file);
  const around = places.find(({ folder }) => folder !== null && file.startsWith(folder + path.sep));
  return (own ?? around)?.name ?? null;
}

/** The path of a script by its URL, without what a loader added. */
export function scriptFile(url: string): string {
  return url.startsWith('file:') ? fileURLToPath(url.replace(/[?#].*$/, '')) : url;
}

/** The innermost line of an error's stack that belongs to a plugin. */
export function pluginInStack(
  places: readonly PluginPlace[],
  error: unknown,
): { readonly plugin: string; readonly line: string } | null {
  const stack = types.isNativeError(error) ? (error.stack ?? '') : '';
  for (const [, place = '', line = ''] of stack.matchAll(/\(?((?:file:|\/)[^\s()]+?):(\d+):\d+\)?$/gm)) {
    const file = scriptFile(place);
    const plugin = pluginAt(places, file);
    if (plugin !== null) return { plugin, line: `${file}:${line}` };
  }
  return null;
}

const held = Symbol.for('koji.watchdog.function');

/** Where a function was written, as the debugger knows it; null for functions of Node.js. */
export function placeOfFunction(fn: unknown): { readonly file: string; readonly line: number } | null {
  if (typeof fn !== 'function') return null;
  const session = new inspector.Session();
  const holder = globalThis as { [held]?: unknown };
  const files = new Map<string, string>();
  let found: { file: string; line: number } | null = null;
  session.connect();
  try {
    holder[held] = fn;
    session.on('Debugger.scriptParsed', ({ params }) => files.set(params.scriptId, params.url));
    session.post('Debugger.enable');
    const expression = `globalThis[Symbol.for('koji.watchdog.function')]`;
    session.post('Runtime.evaluate', { expression }, (_, { result: { objectId = '' } }) =>
      session.post('Runtime.getProperties', { objectId }, (_error, { internalProperties = [] }) => {
        const place: unknown = internalProperties.find(({ name }) => name === '[[FunctionLocation]]')?.value
          ?.value;
        const { scriptId, lineNumber } = (place ?? {}) as { scriptId?: string; lineNumber?: number };
        const url = files.get(scriptId ?? '');
        if (url !== undefined) found = { file: scriptFile(url), line: (lineNumber ?? 0) + 1 };
      }),
    );
    return found;
  } finally {
    holder[held] = undefined;
    session.disconnect();
  }
}
