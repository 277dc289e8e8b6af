import type { DecodeLimits } from './document.js';
import type { WireError } from './errors.js';
import { Double } from './values.js';

/** Makes the error of the place where the decoder is. */
export type Fail = (message: string, kind?: 'unsupported') => WireError;

/** Keys and values of a struct from which on it is made in pieces; even. */
const manyMembers = 8192;

/** The values that are read, in a row: an array or struct takes its own from the end, and comes in their place. */
export class ValueStack {
  private readonly values: unknown[] = [];
  /** How many there are; what is behind them is left over. */
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

  /** Puts another value in the place of the last one. */
  mapLast(map: (value: unknown) => unknown): void {
    this.values[this.size - 1] = map(this.values[this.size - 1]);
  }

  /** Returns the values from a mark on. */
  since(mark: number): unknown[] {
    return this.values.slice(mark, this.size);
  }

  /** Makes an array of the values from a mark on. */
  endArray(mark: number): void {
    this.replaceFrom(mark, this.since(mark));
  }

  /** Makes a struct of the keys and values from a mark on; returns what is left to do if they are many. */
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

  /** Adds members to a struct, from keys and values that follow each other. */
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
