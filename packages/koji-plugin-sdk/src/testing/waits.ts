import { types } from 'node:util';
import { GenericError } from '@koji/core';
import { runningPrograms } from '../program.js';

/** Seconds after which something that runs in a test is given up, unless the test says otherwise. */
const usualLimit = 60;

/** What code of a plugin waits for at the moment. */
export class Waits {
  private readonly open = new Set<{ readonly what: string }>();
  private isOver = false;

  /** Notes that something is waited for while it lasts. */
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

  /** Throws once the test has given up what runs. */
  check(what: string): void {
    if (this.isOver)
      throw new GenericError(`nobody waits for ${what} any more: the time of the test is over`);
  }

  /** Refuses what comes later. */
  end(): void {
    this.isOver = true;
  }

  /** Describes it; what code waits for that asked nobody for anything is its own affair. */
  describe(): string {
    const all = [...this.open]
      .map(({ what }) => what)
      .concat(runningPrograms().map((name) => `the program ${name}`));
    return all.length > 0 ? all.join(' and ') : 'a promise of its own that nothing settles';
  }
}

/** How long something may take, and what it waits for. */
export interface Limit {
  /** Who is named in the error: `runTask: the task build`. */
  readonly who: string;
  /** Default: `KOJI_TEST_LIMIT` of the environment, else 60. */
  readonly seconds: number | undefined;
  readonly waits: Waits;
  /** What is known better than {@link Waits} knows it; null when nothing is. */
  readonly reason?: () => Promise<string | null>;
}

/**
 * Runs something that must end within a time.
 *
 * @throws GenericError that says what it waits for when it does not
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
      // Whoever awaits a session must not get one that can be waited for.
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
