/** Any value that can be sent: the output of the decoder and the input of the encoder. */
export type WireValue =
  | null
  | boolean
  | number
  | bigint
  | string
  | Double
  | DateTime
  | Uint8Array
  | readonly WireValue[]
  | WireStruct;

/** A struct: string keys, any values. */
export interface WireStruct {
  readonly [key: string]: WireValue;
}

const doubleBrand = Symbol.for('koji.Double');
const dateTimeBrand = Symbol.for('koji.DateTime');

// instanceof must also work for values created by a second copy of this package, such as a plugin's.
function has(value: unknown, brand: symbol): boolean {
  return typeof value === 'object' && value !== null && brand in value;
}

/**
 * A floating point number that must stay one on the wire even if its value is whole: `new Double(2)` is sent as
 * `<double>2.0</double>`, the plain number 2 as `<int>2</int>`.
 */
export class Double {
  constructor(readonly value: number) {}

  get [doubleBrand](): true {
    return true;
  }

  static [Symbol.hasInstance](value: unknown): boolean {
    return has(value, doubleBrand);
  }

  valueOf(): number {
    return this.value;
  }

  toJSON(): number {
    return this.value;
  }

  toString(): string {
    return String(this.value);
  }
}

/** A number that is sent as `<double>` whatever its value; only whole numbers (and inf, nan) need the wrapper. */
export function double(value: number): number | Double {
  return Number.isInteger(value) || !Number.isFinite(value) ? new Double(value) : value;
}

/**
 * A `dateTime.iso8601` value, kept as the text that was sent (`20240229T23:59:59`), because the wire has no time zone. Koji
 * itself sends times as strings, so this only comes from other clients.
 */
export class DateTime {
  constructor(readonly value: string) {}

  get [dateTimeBrand](): true {
    return true;
  }

  static [Symbol.hasInstance](value: unknown): boolean {
    return has(value, dateTimeBrand);
  }

  /** The time, with the text read as UTC; null if it is invalid. */
  toDate(): Date | null {
    const m = /^(\d{4})-?(\d\d)-?(\d\d)T(\d\d):(\d\d):(\d\d)Z?$/.exec(this.value);
    if (!m) return null;
    const date = new Date(`${m[1]}-${m[2]}-${m[3]}T${m[4]}:${m[5]}:${m[6]}Z`);
    return Number.isNaN(date.getTime()) ? null : date;
  }

  toString(): string {
    return this.value;
  }
}
