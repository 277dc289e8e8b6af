/**
 * Whether one JSON text contains another as PostgreSQL's `@>` has it: each key of an object with a contained value, each
 * item of an array somewhere, equal scalars. Null when one of them is null, as SQL wants it.
 */
export function textContains(outer: unknown, inner: unknown): number | null {
  if (typeof outer !== 'string' || typeof inner !== 'string') return null;
  const [whole, part] = [JSON.parse(outer), JSON.parse(inner)] as unknown[];
  // PostgreSQL lets an array contain a bare scalar, at the top only.
  if (Array.isArray(whole) && !isObject(part) && !Array.isArray(part)) return Number(whole.includes(part));
  return Number(contains(whole, part));
}

function contains(whole: unknown, part: unknown): boolean {
  if (Array.isArray(part))
    return Array.isArray(whole) && part.every((item) => whole.some((one) => contains(one, item)));
  if (!isObject(part)) return whole === part;
  if (!isObject(whole)) return false;
  return Object.entries(part).every(
    ([key, value]) => Object.hasOwn(whole, key) && contains(whole[key], value),
  );
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
