/** Rows that are written already: the items of an array, as {@link RowEncoder} gives them. */
export class EncodedRows {
  constructor(
    readonly bytes: Uint8Array,
    readonly count: number,
  ) {}
}

/**
 * Rows that arrive in portions, so that passing on hundreds of rows costs as much as passing on one. Can be iterated row by row
 * like any async iterable; `encodeResponseStream` takes the portions and writes one array of all rows. Can be read only once.
 */
export class RowStream<T> implements AsyncIterable<T> {
  constructor(
    readonly portions: AsyncIterable<readonly T[]>,
    /** The same portions for XML-RPC, where they may come written; a portion that can't be written comes as it is. */
    readonly encoded: AsyncIterable<readonly T[] | EncodedRows> = portions,
  ) {}

  /** The results of `change` for each row; rows for which it returns undefined are dropped. */
  map<U extends object>(change: (row: T) => U | undefined): RowStream<U> {
    return new RowStream(changed(this.portions, change));
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<T, void, void> {
    for await (const portion of this.portions) for (const row of portion) yield row;
  }
}

async function* changed<T, U>(
  portions: AsyncIterable<readonly T[]>,
  change: (row: T) => U | undefined,
): AsyncGenerator<U[], void, void> {
  for await (const portion of portions) {
    const made: U[] = [];
    for (const row of portion) {
      const one = change(row);
      if (one !== undefined) made.push(one);
    }
    yield made;
  }
}
