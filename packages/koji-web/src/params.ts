import { PageError } from './errors.js';

/** The kind of a page's parameter. */
export interface Kind<T = unknown> {
  /** Description of a value, for the documentation. */
  readonly name: string;
  /** The page needs it. */
  readonly required: boolean;
  readonly default: T;
  /** Reads the text of the address; a string is the problem with it. */
  readonly read: (text: string) => { readonly value: T } | string;
  /** May be repeated; the value is then a list. */
  readonly many?: boolean;
}

/** The parameters of a page by name. */
export type Params = Readonly<Record<string, Kind>>;

/** The values of a page's parameters. */
export type Values<P extends Params> = { readonly [K in keyof P]: P[K] extends Kind<infer T> ? T : never };

/** Values that a link may give for parameters. */
export type Given<P extends Params> = {
  readonly [K in keyof P]?: string | number | null | undefined | readonly (string | number)[];
};

const largestId = 2_147_483_647;

function readId(text: string): { value: number } | string {
  const number = Number(text);
  return /^\d{1,10}$/.test(text) && number <= largestId ? { value: number } : 'is not a number of a thing';
}

function readRef(text: string): { value: string | number } | string {
  if (text === '') return 'is empty: a name or number is needed';
  return /^\d+$/.test(text) ? readId(text) : { value: text };
}

/** A required id. */
export const id: Kind<number> = { name: 'number', required: true, default: 0, read: readId };
/** An optional id. */
export const optionalId: Kind<number | null> = {
  name: 'number',
  required: false,
  default: null,
  read: (text) => (text === '' ? { value: null } : readId(text)),
};
/** Ids; the parameter may be repeated. */
export const ids: Kind<readonly number[]> = {
  name: 'number, repeatable',
  required: true,
  default: [],
  many: true,
  read: (text) => {
    const one = readId(text);
    return typeof one === 'string' ? one : { value: [one.value] };
  },
};
/** A required id (digits) or name. */
export const ref: Kind<string | number> = {
  name: 'number or name',
  required: true,
  default: 0,
  read: readRef,
};
/** Like {@link ref}, but optional. */
export const optionalRef: Kind<string | number | null> = {
  name: 'number or name',
  required: false,
  default: null,
  read: (text) => (text === '' ? { value: null } : readRef(text)),
};
/** Any text. */
export const text = (fallback = ''): Kind<string> => ({
  name: 'text',
  required: false,
  default: fallback,
  read: (value) => ({ value }),
});
/** Required text. */
export const neededText: Kind<string> = {
  name: 'text',
  required: true,
  default: '',
  read: (value) => (value === '' ? 'is empty' : { value }),
};
/** A whole number, negative ones included. */
export const whole = (fallback: number): Kind<number> => ({
  name: 'whole number',
  required: false,
  default: fallback,
  read: (given) => {
    const value = Number(given);
    return /^-?\d{1,15}$/.test(given) ? { value } : 'is not a whole number';
  },
});
/** Yes or no, as 1 or 0. */
export const flag = (fallback: boolean): Kind<boolean> => ({
  name: '0 or 1',
  required: false,
  default: fallback,
  read: (given) => {
    if (/^(1|true|yes|on)$/i.test(given)) return { value: true };
    return /^(0|false|no|off|)$/i.test(given) ? { value: false } : 'is neither 0 nor 1';
  },
});
/** One of a few words. */
export const choice = <const T extends string>(fallback: T, others: readonly T[]): Kind<T> => ({
  name: [fallback, ...others].join(', '),
  required: false,
  default: fallback,
  read: (given) => {
    const value = [fallback, ...others].find((one) => one === given);
    return value === undefined ? `is none of ${[fallback, ...others].join(', ')}` : { value };
  },
});
/** A state by its number or lower-case name; null for `all` or no value. */
export const state = (states: Readonly<Record<string, number>>): Kind<number | null> => ({
  name: 'number, name of the state, or all',
  required: false,
  default: null,
  read: (given) => {
    const name = given.toUpperCase();
    if (name === 'ALL' || name === '') return { value: null };
    const value = /^\d+$/.test(given) ? Number(given) : states[name];
    const isKnown = value !== undefined && Object.values(states).includes(value);
    return isKnown ? { value } : `is no state: ${Object.keys(states).join(', ').toLowerCase()}, or all`;
  },
});
/** Number of rows to skip; negative numbers count as 0. */
export const start: Kind<number> = {
  ...whole(0),
  read: (given) => {
    const value = Number(given);
    if (given === '') return { value: 0 };
    return /^-?\d{1,9}$/.test(given) ? { value: Math.max(value, 0) } : 'is not a whole number';
  },
};
/** A column to sort by, with `-` before it for the reverse. */
export const order = <const T extends string>(
  fallback: T | `-${T}`,
  columns: readonly T[],
): Kind<T | `-${T}`> => ({
  name: `${columns.join(', ')}; - reverses`,
  required: false,
  default: fallback,
  read: (given) => {
    const value = columns.find((one) => given === one || given === `-${one}`);
    if (given === '') return { value: fallback };
    return value === undefined
      ? `is no column to sort by: ${columns.join(', ')}`
      : { value: given as T | `-${T}` };
  },
});
/** The first character of names: a digit or letter; others count as none. */
export const prefix: Kind<string | null> = {
  name: 'one of 0–9 a–z',
  required: false,
  default: null,
  read: (given) => ({ value: /^[0-9a-z]/i.test(given) ? given.slice(0, 1).toLowerCase() : null }),
};

/**
 * Reads the parameters of an address; unknown ones are ignored, like Koji.
 *
 * @throws PageError 400 with all problems
 */
export function readParams<P extends Params>(page: string, params: P, query: URLSearchParams): Values<P> {
  const problems: string[] = [];
  const entries = Object.entries(params).map(([name, kind]) => {
    const given = query.getAll(name);
    if (given.length === 0) {
      if (kind.required) problems.push(`${page} needs the parameter ${name} (${kind.name}).`);
      return [name, kind.default];
    }
    const read = (kind.many ? given : given.slice(-1)).map((value) => {
      const one = kind.read(value);
      if (typeof one !== 'string') return one.value;
      problems.push(`${name} = '${shortened(value)}' ${one}.`);
      return kind.default;
    });
    return [name, kind.many ? read.flat() : read[0]];
  });
  if (problems.length > 0) throw new PageError(400, problems.join('\n'));
  return Object.fromEntries(entries) as Values<P>;
}

function shortened(value: string): string {
  return value.length > 60 ? `${value.slice(0, 60)}…` : value;
}
