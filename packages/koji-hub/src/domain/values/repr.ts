import { plain as plainText, repr as reprText } from '@koji/core';

export { typeName } from '@koji/core';

/** More than any text that a fault has reason to quote. */
const longestQuoted = 1 << 16;

/** A value as Koji's fault texts write it; of a very long text inside of it only the beginning. */
export function repr(value: unknown): string {
  return reprText(value, longestQuoted);
}

/** A value as it stands inside a text: as {@link repr}, but a value that is a string itself without quotes, and whole. */
export function plain(value: unknown): string {
  return plainText(value, longestQuoted);
}
