import { types } from 'node:util';
import { GenericError } from '@koji/core';
import { runningPrograms } from '../program.js';

/** Seconds after which a test gives up waiting, unless the test sets another limit. */
const usualLimit = 60;

/** Records what code of a plugin is waiting for. */
export class Waits {
  private readonly open = new Set<{ readonly what: string }>();
  private isOver = false;

  /** Records a wait while it lasts. */
  async during<T>(what: string, work: () => Promise<T>): Promise<T> {
    this.check(what);
    const one = { what };
    this.open.add(one);
    try {
      return await work();
    } finally {
      this.open.delete(one);
    }
  }

  /** Throws if the test has given up. */
  check(what: string): void {
    if (this.isOver)
      throw new GenericError(`nobody waits for ${what} any more: the time of the test is over`);
  }

  /** Rejects later waits. */
  end(): void {
    this.isOver = true;
  }

  /** Describes the current waits. Waits that involve no call are unknown. */
  describe(): string {
    const all = [...this.open]
      .map(({ what }) => what)
      .concat(runningPrograms().map((name) => `the program ${name}`));
    return all.length > 0 ? all.join(' and ') : 'a promise of its own that nothing settles';
  }
}

/** A time limit, with a description of the wait. */
export interface Limit {
  /** The name in the error: `runTask: the task build`. */
  readonly who: string;
  /** Default: `KOJI_TEST_LIMIT` of the environment, else 60. */
  readonly seconds: number | undefined;
  readonly waits: Waits;
  /** Returns a better description of the wait, if any; null otherwise. */
  readonly reason?: () => Promise<string | null>;
}

/**
 * Runs a function that must end within a time limit.
 *
 * @throws GenericError that says what it waits for, after the time limit
 */
export async function inTime<T>({ who, waits, reason, ...limit }: Limit, run: () => Promise<T>): Promise<T> {
  const seconds = limit.seconds ?? (Number(process.env['KOJI_TEST_LIMIT']) || usualLimit);
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      const open = waits.describe();
      const told = reason?.().catch(() => null) ?? Promise.resolve(null);
      void told.then((better) => {
        waits.end();
        reject(new GenericError(`${who} did not end within ${seconds} s: it waits for ${better ?? open}`));
      });
    }, seconds * 1000);
  });
  try {
    return await Promise.race([run(), late]);
  } finally {
    clearTimeout(timer);
  }
}

/** Returns a session whose calls are noted while they last. */
export function tracked<T extends object>(session: T, waits: Waits, prefix = ''): T {
  return new Proxy(session, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name, target);
      const isOther = (typeof value !== 'object' && typeof value !== 'function') || value === null;
      // A session must not be thenable, or awaiting it would call it.
      if (isOther || typeof name === 'symbol' || name === 'then') return value;
      const at = prefix === '' ? name : `${prefix}.${name}`;
      return typeof value === 'function'
        ? trackedMethod(target, value, { at, waits })
        : tracked(value, waits, at);
    },
  });
}

function trackedMethod(
  owner: object,
  method: object,
  { at, waits }: { readonly at: string; readonly waits: Waits },
): unknown {
  return new Proxy(method, {
    get: (target, name) => Reflect.get(tracked(target, waits, at), name) as unknown,
    apply(target, _self, args: readonly unknown[]) {
      const what = `the answer of ${at === 'call' ? String(args[0]) : at}`;
      waits.check(what);
      const result: unknown = Reflect.apply(target as (...given: unknown[]) => unknown, owner, [...args]);
      return types.isPromise(result) ? waits.during(what, () => result) : result;
    },
  });
}
