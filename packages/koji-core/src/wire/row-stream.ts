/**
 * Rows that come in portions, so that to hand on hundreds of rows costs what handing on one would. Reads row by row as any
 * async iterable; `encodeResponseStream` takes the portions and writes one array of all rows. To be read once.
 */
export class RowStream<T> implements AsyncIterable<T> {
  constructor(readonly portions: AsyncIterable<readonly T[]>) {}

  /** What `change` makes of each row; those of which it makes undefined are left out. */
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
