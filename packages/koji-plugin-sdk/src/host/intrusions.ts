/** Detects global changes that a plugin makes in its process while it loads, and reverts them. */

/** Objects that all code of a process shares, by their names. */
const everybodys: Readonly<Record<string, object>> = {
  Object,
  Array,
  Promise,
  JSON,
  Math,
  Reflect,
  Date,
  Number,
  String,
  RegExp,
  Buffer,
  ...Object.fromEntries(
    [Object, Array, Promise, Date, Number, String, RegExp, Function, Map, Set, Error, Buffer, Uint8Array].map(
      ({ name, prototype }) => [`${name}.prototype`, prototype as object],
    ),
  ),
};

/** Functions of the global object that programs replace. */
const globals = ['fetch', 'setTimeout', 'setInterval', 'setImmediate', 'queueMicrotask', 'structuredClone'];

/** Events of the process that are its own. */
const events = ['SIGTERM', 'SIGINT', 'SIGHUP', 'uncaughtException', 'unhandledRejection'];

interface Kept {
  readonly name: string;
  readonly owner: object;
  readonly key: PropertyKey;
  readonly descriptor: PropertyDescriptor;
}

/** A built-in that was replaced. */
export interface ReplacedBuiltIn {
  /** Such as `Array.prototype.map`. */
  readonly name: string;
  /** The current value. */
  readonly value: unknown;
  /** Puts the original back, and returns whether that was possible. */
  readonly putBack: () => boolean;
}

/** Notes what is everybody's; the result names what was changed since. */
export function watchBuiltIns(): () => readonly ReplacedBuiltIn[] {
  const kept = Object.entries(everybodys).flatMap(([name, owner]) =>
    Reflect.ownKeys(owner).map((key) => keep(`${name}.${String(key)}`, owner, key)),
  );
  for (const key of globals) kept.push(keep(key, globalThis, key));
  return () => replacedOf(kept);
}

/** Notes what is everybody's; the result names what was changed since, and has put it back. */
export function watchIntrusions(): () => readonly string[] {
  const replaced = watchBuiltIns();
  const listeners = new Map(events.map((event) => [event, process.rawListeners(event)]));
  return () => [...replaced().map(putRight), ...removeListeners(listeners)];
}

function keep(name: string, owner: object, key: PropertyKey): Kept {
  return { name, owner, key, descriptor: Reflect.getOwnPropertyDescriptor(owner, key) ?? {} };
}

function replacedOf(kept: readonly Kept[]): ReplacedBuiltIn[] {
  return kept.flatMap(({ name, owner, key, descriptor }) => {
    const now = Reflect.getOwnPropertyDescriptor(owner, key);
    const isSame =
      Object.is(now?.value, descriptor.value) && now?.get === descriptor.get && now?.set === descriptor.set;
    const value: unknown = now?.value ?? now?.get;
    const putBack = (): boolean => Reflect.defineProperty(owner, key, descriptor);
    return isSame ? [] : [{ name, value, putBack }];
  });
}

function putRight({ name, putBack }: ReplacedBuiltIn): string {
  return `replaces ${name}, which all code of the process uses${putBack() ? '; it is put back' : ''}`;
}

function removeListeners(before: ReadonlyMap<string, readonly unknown[]>): string[] {
  return [...before].flatMap(([event, known]) => {
    const added = process.rawListeners(event).filter((listener) => !known.includes(listener));
    for (const listener of added) process.removeListener(event, listener as () => void);
    return added.length === 0
      ? []
      : [`listens to the process's ${event}, which is not a plugin's; it no longer does`];
  });
}
