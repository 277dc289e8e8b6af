import { createRequire } from 'node:module';
import type * as Undici from 'undici';

const require = createRequire(import.meta.url);

/** Loads undici. Only downloads use it, because it takes longer to load than a command to run. */
export function wholeUndici(): typeof Undici {
  return require('undici') as typeof Undici;
}
