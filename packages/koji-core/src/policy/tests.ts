import { GenericError } from '../faults.js';
import { matchesAny } from './glob.js';
import type { PolicyData, PolicyTest } from './rules.js';

/** Makes a test that is true when a field of the data fits one of the patterns; absent or null fits none. */
export function matchField(name: string, field: string): PolicyTest<unknown> {
  return { name, run: (patterns, data) => fieldMatches(data, field, patterns) };
}

function fieldMatches(data: PolicyData, field: string, patterns: readonly string[]): boolean {
  return itemMatches(fieldOf(data, field), patterns);
}

/** A field's value; undefined when the data do not have it, whatever objects have by themselves. */
function fieldOf(data: PolicyData, field: string): unknown {
  return Object.hasOwn(data, field) ? data[field] : undefined;
}

function itemMatches(value: unknown, patterns: readonly string[]): boolean {
  return value !== undefined && value !== null && matchesAny(textOf(value), patterns);
}

// Python's names of the truth values: rules were written for them.
function textOf(value: unknown): string {
  if (typeof value === 'boolean') return value ? 'True' : 'False';
  return String(value);
}

const needsField = (args: readonly string[]): string | null =>
  args.length > 0 ? null : 'a field must follow';

const comparisons: Readonly<Record<string, (a: number, b: number) => boolean>> = {
  '<': (a, b) => a < b,
  '>': (a, b) => a > b,
  '<=': (a, b) => a <= b,
  '>=': (a, b) => a >= b,
  '=': (a, b) => a === b,
  '!=': (a, b) => a !== b,
};

function checkComparison(args: readonly string[]): string | null {
  const [, operator = '', value = ''] = args;
  if (args.length !== 3) return 'FIELD OPERATOR NUMBER must follow';
  if (!Object.hasOwn(comparisons, operator)) return 'Invalid comparison in test.';
  return /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(value) ? null : `'${value}' is no number`;
}

const always = (name: string, value: boolean): PolicyTest<unknown> => ({ name, run: () => value });

/** The tests that need nothing but the data; every hub has them. */
export const libraryTests: readonly PolicyTest<unknown>[] = [
  always('true', true),
  always('all', true),
  always('false', false),
  always('none', false),
  { name: 'has', check: needsField, run: ([field = ''], data) => Object.hasOwn(data, field) },
  { name: 'bool', check: needsField, run: ([field = ''], data) => isTrue(fieldOf(data, field)) },
  {
    name: 'match',
    check: needsField,
    run: ([field = '', ...patterns], data) => fieldMatches(data, field, patterns),
  },
  matchField('target', 'target'),
  {
    name: 'match_all',
    check: needsField,
    run: ([field = '', ...patterns], data) => {
      const items: unknown = fieldOf(data, field);
      return Array.isArray(items) && items.length > 0 && items.every((item) => itemMatches(item, patterns));
    },
  },
  {
    name: 'match_any',
    check: needsField,
    run: ([field = '', ...patterns], data) => {
      const items: unknown = fieldOf(data, field);
      return Array.isArray(items) && items.some((item) => itemMatches(item, patterns));
    },
  },
  {
    name: 'compare',
    check: checkComparison,
    run: ([field = '', operator = '', value], data) => {
      const compare = comparisons[operator];
      const own = fieldOf(data, field) ?? null;
      return own !== null && compare !== undefined && compare(Number(own), Number(value));
    },
  },
  {
    name: 'policy',
    check: (args) => (args.length === 1 ? null : 'the name of one policy must follow'),
    run: async ([name = ''], _data, { apply }) => {
      const action = (await apply(name))?.toLowerCase();
      return action === 'yes' || action === 'true' || action === 'allow';
    },
  },
];

// What Python takes for true: clients send empty lists and zeros for no.
function isTrue(value: unknown): boolean {
  if (Array.isArray(value)) return value.length > 0;
  if (typeof value !== 'object' || value === null) return Boolean(value);
  const plain: unknown = value.valueOf();
  return typeof plain === 'object' ? Object.keys(value).length > 0 : Boolean(plain);
}

/** The tests of a list by name; later ones replace earlier ones, as a plugin's does a built-in one. */
export function testsByName<C>(
  ...lists: readonly (readonly PolicyTest<C>[])[]
): ReadonlyMap<string, PolicyTest<C>> {
  const all = lists.flat();
  if (all.some((test) => test.name === '')) throw new GenericError('a policy test needs a name');
  return new Map(all.map((test) => [test.name, test]));
}
