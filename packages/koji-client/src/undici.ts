import { createRequire } from 'node:module';
import type * as Undici from 'undici';

const require = createRequire(import.meta.url);

/** The parts of undici that every request needs. */
interface Parts {
  readonly Pool: typeof Undici.Pool;
  /** `pool.request(options)`, as a function of its own. */
  readonly request: (
    this: Undici.Dispatcher,
    options: Undici.Dispatcher.RequestOptions,
  ) => Promise<Undici.Dispatcher.ResponseData>;
}

let parts: Parts | undefined;

/** Returns the parts that every request needs, loaded by the first one. */
export function undiciParts(): Parts {
  return (parts ??= loadParts());
}

/** Loads these alone: the rest of undici takes a quarter of a command's start. */
function loadParts(): Parts {
  try {
    return {
      Pool: require('undici/lib/dispatcher/pool.js') as Parts['Pool'],
      request: require('undici/lib/api/api-request.js') as Parts['request'],
    };
  } catch {
    // A later undici may have them elsewhere.
    return {
      Pool: wholeUndici().Pool,
      request(options) {
        return this.request(options);
      },
    };
  }
}

/** Everything, for downloads, which few commands make. */
export function wholeUndici(): typeof Undici {
  return require('undici') as typeof Undici;
}
