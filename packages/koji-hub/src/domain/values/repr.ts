import { plain as plainText, repr as reprText } from '@koji/core';

export { typeName } from '@koji/core';

/** More than any text that a fault has reason to quote. */
const longestQuoted = 1 << 16;

/** A value as Koji's fault texts write it; of a very long text inside of it only the beginning. */
export function repr(value: unknown): string {
  return reprText(value, longestQuoted);
}

/** Formats a value inside a text: like {@link repr}, but a string itself is complete and without quotes. */
export function plain(value: unknown): string {
  return plainText(value, longestQuoted);
}
