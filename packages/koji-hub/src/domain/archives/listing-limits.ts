import { GenericError } from '@koji/core';

/** How much the list of an archive's files may hold, and take to make. */
export interface ListingLimits {
  readonly entries: number;
  /** Characters of all names together. */
  readonly text: number;
  /** Seconds in which an archive is unpacked and passed over. */
  readonly seconds: number;
}

/** Far more than archives of builds have. */
export const listingLimits: ListingLimits = { entries: 500_000, text: 64 * 1024 * 1024, seconds: 600 };

/** The remainder of the limits while a list grows. */
export class Room {
  private entries = 0;
  private text = 0;

  constructor(private readonly limits: ListingLimits) {}

  /** @throws GenericError when one more entry with these texts is too much */
  take(...texts: readonly string[]): void {
    this.entries += 1;
    for (const { length } of texts) this.text += length;
    if (this.entries > this.limits.entries)
      throw new GenericError(`cannot list an archive with more than ${this.limits.entries} files`);
    if (this.text > this.limits.text)
      throw new GenericError(
        `cannot list an archive whose names have more than ${this.limits.text} characters`,
      );
  }
}
