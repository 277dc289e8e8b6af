import type { TypedMarker } from './decorate.js';
import { marker } from './decorate.js';

/** Decides a line of a policy: the data that the policy is asked about, and the words after the test's name. */
export type PolicyTest = (
  data: Readonly<Record<string, unknown>>,
  ...words: string[]
) => boolean | Promise<boolean>;

/**
 * Adds a test to the hub's policies: `is_small 10 :: allow` asks the function marked `policyTest('is_small')`.
 *
 * @example
 * export const isSmall = policyTest('is_small')((data, most) => Number(data.size) <= Number(most));
 */
export function policyTest(name: string): TypedMarker<PolicyTest> {
  return marker<PolicyTest>('policyTest', { policyTest: name });
}
