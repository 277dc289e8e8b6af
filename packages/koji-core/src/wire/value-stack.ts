import type { DecodeLimits } from './document.js';
import type { WireError } from './errors.js';
import { Double } from './values.js';

/** Creates an error at the position of the decoder. */
export type Fail = (message: string, kind?: 'unsupported') => WireError;

/** Number of keys and values above which a struct is created in pieces; even. */
const manyMembers = 8192;

/** The values read so far. An array or struct pops its own from the end and is pushed in their place. */
export class ValueStack {
  private readonly values: unknown[] = [];
  /** Number of valid entries; those after them are stale. */
  size = 0;

  constructor(
    private readonly limits: DecodeLimits,
    private readonly fail: Fail,
  ) {}

  push(value: unknown): void {
    if (this.size >= this.limits.values)
      throw this.fail(`there are more than ${this.limits.values} values`, 'unsupported');
    this.values[this.size++] = value;
  }

  /** Replaces the last value. */
  mapLast(map: (value: unknown) => unknown): void {
    this.values[this.size - 1] = map(this.values[this.size - 1]);
  }

  /** Returns the values after a mark. */
  since(mark: number): unknown[] {
    return this.values.slice(mark, this.size);
  }

  /** Creates an array of the values after a mark. */
  endArray(mark: number): void {
    this.replaceFrom(mark, this.since(mark));
  }

  /** Creates a struct of the keys and values after a mark; returns the remaining work if there are many. */
  endStruct(mark: number): Generator<void, void, void> | undefined {
    const { size } = this;
    if ((size - mark) % 2 !== 0) throw this.fail('a member of a struct lacks its name or value');
    if ((size - mark) / 2 > this.limits.keys)
      throw this.fail(`a struct has more than ${this.limits.keys} members`, 'unsupported');
    if (size - mark > manyMembers) return this.structSteps(mark);
    this.replaceFrom(mark, this.structOf({}, mark, size));
    return undefined;
  }

  private *structSteps(mark: number): Generator<void, void, void> {
    const { size } = this;
    const struct = {};
    for (let from = mark; from < size; from += manyMembers) {
      this.structOf(struct, from, Math.min(from + manyMembers, size));
      yield;
    }
    this.replaceFrom(mark, struct);
  }

  private replaceFrom(mark: number, value: unknown): void {
    this.size = mark;
    this.push(value);
  }

  /** Adds members to a struct, from alternating keys and values. */
  private structOf(struct: Record<string, unknown>, from: number, to: number): Record<string, unknown> {
    const { values } = this;
    for (let i = from; i < to; i += 2) {
      const key = values[i];
      if (typeof key !== 'string') throw this.badKey(key);
      if (key === '__proto__') {
        Object.defineProperty(struct, key, {
          value: values[i + 1],
          enumerable: true,
          configurable: true,
          writable: true,
        });
      } else struct[key] = values[i + 1];
    }
    return struct;
  }

  private badKey(key: unknown): WireError {
    const hashable = typeof key !== 'object' || key === null || key instanceof Double;
    return this.fail('a key of a struct is not a text', hashable ? 'unsupported' : undefined);
  }
}
