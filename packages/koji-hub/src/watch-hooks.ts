// Runs beside the hub, as Node's loader hooks do: gives what a plugin's module imports from its own files the same mark.
import type { ResolveHook } from 'node:module';

const mark = 'koji-load';

/** Resolves an import; a relative one from a marked module is marked, too, so that it is loaded anew with it. */
export const resolve: ResolveHook = async (specifier, context, next) => {
  const found = await next(specifier, context);
  const load = context.parentURL?.startsWith('file:')
    ? new URL(context.parentURL).searchParams.get(mark)
    : null;
  if (load === null || !/^\.\.?\//.test(specifier) || !found.url.startsWith('file:')) return found;
  const url = new URL(found.url);
  url.searchParams.set(mark, load);
  return { ...found, url: url.href };
};
