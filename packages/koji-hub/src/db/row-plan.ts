/** Changes of each row as it is read. They are data, so that another thread can apply them. */
export interface RowPlan {
  /** Keeps rows whose `column` has one of some ids (null for any), and of each id only the first `most`. */
  readonly keep?: {
    readonly column: string;
    readonly among: ReadonlySet<number> | null;
    readonly most: number;
  };
  /** Columns that get the name of the id in another column; an unknown id has an empty name. */
  readonly names?: readonly {
    readonly column: string;
    readonly of: string;
    readonly names: ReadonlyMap<number, string>;
  }[];
  /** Columns that get the texts of other columns with hyphens between them. */
  readonly joined?: readonly { readonly column: string; readonly of: readonly string[] }[];
}

type Place = string | number;

/**
 * Returns what does to rows, one after the other, what a plan tells. It returns whether to keep the row.
 *
 * @param placeOf where a column is in a row
 */
export function follow(
  { keep, names = [], joined = [] }: RowPlan,
  placeOf: (column: string) => Place,
): (row: Record<Place, unknown>) => boolean {
  const counts = new Map<unknown, number>();
  const keepAt = keep ? placeOf(keep.column) : '';
  const named = names.map((one) => ({ at: placeOf(one.column), of: placeOf(one.of), names: one.names }));
  const texts = joined.map(({ column, of }) => ({ at: placeOf(column), of: of.map(placeOf) }));
  const isKept = (id: unknown): boolean => {
    if (!keep) return true;
    if (keep.among !== null && !keep.among.has(id as number)) return false;
    if (keep.most === Infinity) return true;
    const count = counts.get(id) ?? 0;
    counts.set(id, count + 1);
    return count < keep.most;
  };
  return (row) => {
    if (!isKept(row[keepAt])) return false;
    for (const { at, of, names: known } of named) row[at] = known.get(row[of] as number) ?? '';
    for (const { at, of } of texts) row[at] = of.map((place) => row[place]).join('-');
    return true;
  };
}
