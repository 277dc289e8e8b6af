import { truthy } from '../api/method.js';
import { GenericError } from '../faults.js';
import { parseFloating, parseInteger } from '../python-numbers.js';
import { plain } from '../repr.js';
import { Double } from '../wire/values.js';
import { matchesAny } from './glob.js';
import type { PolicyData, PolicyTest } from './rules.js';

/** Returns a test that is true if a field of the data matches one of the patterns; absent or null matches none. */
export function matchField(name: string, field: string): PolicyTest<unknown> {
  return { name, run: (patterns, data) => fieldMatches(data, field, patterns) };
}

function fieldMatches(data: PolicyData, field: string, patterns: readonly string[]): boolean {
  return itemMatches(fieldOf(data, field), patterns);
}

/** Returns a field's own value; undefined if the data lacks it. */
function fieldOf(data: PolicyData, field: string): unknown {
  return Object.hasOwn(data, field) ? data[field] : undefined;
}

function itemMatches(value: unknown, patterns: readonly string[]): boolean {
  return value !== undefined && value !== null && matchesAny(plain(value), patterns);
}

const needsField = (args: readonly string[]): string | null =>
  args.length > 0 ? null : 'a field must follow';

type Comparable = number | bigint;

const comparisons: Readonly<Record<string, (a: Comparable, b: Comparable) => boolean>> = {
  '<': (a, b) => a < b,
  '>': (a, b) => a > b,
  '<=': (a, b) => a <= b,
  '>=': (a, b) => a >= b,
  '=': isEqual,
  '!=': (a, b) => !isEqual(a, b),
};

// A bigint and a number of the same value are equal.
function isEqual(a: Comparable, b: Comparable): boolean {
  return a <= b && a >= b;
}

/**
 * Converts a value to a number for comparisons: true and false are 1 and 0 in Python. Null for anything else, including
 * strings.
 */
function numberOf(value: unknown): Comparable | null {
  if (typeof value === 'number' || typeof value === 'bigint') return value;
  if (typeof value === 'boolean') return value ? 1 : 0;
  return value instanceof Double ? value.value : null;
}

const readNumber = (text: string): Comparable | null => parseInteger(text) ?? parseFloating(text);

/** As in Python: a value that is not a number equals none, differs from all, and has no order with them. */
function compareField(value: unknown, operator: string, text: string): boolean {
  const own = numberOf(value);
  const other = readNumber(text);
  if (own === null || other === null) return operator === '!=';
  return comparisons[operator]?.(own, other) ?? false;
}

function checkComparison(args: readonly string[]): string | null {
  const [, operator = '', value = ''] = args;
  if (args.length !== 3) return 'FIELD OPERATOR NUMBER must follow';
  if (!Object.hasOwn(comparisons, operator)) return 'Invalid comparison in test.';
  return readNumber(value) === null ? `'${value}' is no number` : null;
}

const always = (name: string, value: boolean): PolicyTest<unknown> => ({ name, run: () => value });

/** The tests that need only the data; every hub has them. */
export const libraryTests: readonly PolicyTest<unknown>[] = [
  always('true', true),
  always('all', true),
  always('false', false),
  always('none', false),
  { name: 'has', check: needsField, run: ([field = ''], data) => Object.hasOwn(data, field) },
  { name: 'bool', check: needsField, run: ([field = ''], data) => truthy(fieldOf(data, field)) },
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
    run: ([field = '', operator = '', value = ''], data) =>
      Object.hasOwn(data, field) && compareField(data[field], operator, value),
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

/** Returns the tests of a list by name; later ones replace earlier ones, so that a plugin can replace a built-in test. */
export function testsByName<C>(
  ...lists: readonly (readonly PolicyTest<C>[])[]
): ReadonlyMap<string, PolicyTest<C>> {
  const all = lists.flat();
  if (all.some((test) => test.name === '')) throw new GenericError('a policy test needs a name');
  return new Map(all.map((test) => [test.name, test]));
}
