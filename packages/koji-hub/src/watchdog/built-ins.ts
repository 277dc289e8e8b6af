/** Notices built-in functions that code of a plugin replaces after it was loaded. */
import type { Logger } from '@koji/core';
import { watchBuiltIns } from '@koji/plugin-sdk/host';
import { placeOfFunction, pluginAt } from './whose.js';
import type { PluginPlace } from './whose.js';

/** Milliseconds between two looks, each of which takes a tenth of one. */
const interval = 1000;

/**
 * Looks from time to time whether built-in functions are what they were, names the plugin that replaced one, and puts it back. What
 * the hub's own code or a library replaced stays. The result ends that.
 */
export function guardBuiltIns(places: readonly PluginPlace[], log: Logger): () => void {
  let changes = watchBuiltIns();
  const look = (): void => {
    const found = changes();
    for (const { name, value, putBack } of found) {
      const place = placeOfFunction(value);
      const plugin = place && pluginAt(places, place.file);
      const where = place ? ` by ${place.file}:${place.line}` : '';
      if (plugin === null) log.warn(`${name} was replaced${where}`);
      else
        log.error(
          `plugin ${plugin} replaced ${name}${where}, which all code of the process uses${putBack() ? '; it is put back' : ''}`,
        );
    }
    if (found.length > 0) changes = watchBuiltIns();
  };
  const timer = setInterval(look, interval).unref();
  return () => clearInterval(timer);
}
