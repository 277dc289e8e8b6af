import type { Child, FC } from 'hono/jsx';
import type { Difference, Differences } from '../differences.js';
import { Chip } from './states.js';
import { Empty, Rows, Section } from './table.js';

interface Props {
  readonly title: string;
  readonly id: string;
  /** The compared objects, in the plural: `packages`. */
  readonly things: string;
  readonly differences: Differences;
  /** The names of the two sides. */
  readonly sides: readonly [string, string];
  /** Shows a value; as it is unless given. */
  readonly shown?: (value: string) => Child;
}

const kinds = {
  added: <Chip tone="good" word="added" />,
  removed: <Chip tone="bad" word="removed" />,
  changed: <Chip tone="busy" word="changed" />,
};

const kindOf = ({ from, to }: Difference): keyof typeof kinds =>
  from === null ? 'added' : to === null ? 'removed' : 'changed';

/** The differences of two sides as a table. */
export const DifferenceList: FC<Props> = ({ title, id, things, differences, sides, shown }) => {
  const { rows, added, removed, changed, same } = differences;
  const cell = (value: string | null): Child =>
    value === null ? <span class="none">–</span> : shown ? shown(value) : <bdi>{value}</bdi>;
  const all = added + removed + changed;
  return (
    <Section
      title={title}
      id={id}
      note={`${added} added, ${removed} removed, ${changed} changed, ${same} the same`}
    >
      {all === 0 ? (
        <Empty>{same === 0 ? `Neither side has ${things}.` : `All ${same} ${things} are the same.`}</Empty>
      ) : (
        <Rows
          label={`different ${things}`}
          rows={rows}
          columns={[
            { title: 'Name', cell: ({ name }) => <bdi>{name}</bdi> },
            { title: sides[0], cell: ({ from }) => cell(from) },
            { title: sides[1], cell: ({ to }) => cell(to) },
            { title: 'Difference', wide: true, cell: (one) => kinds[kindOf(one)] },
          ]}
        />
      )}
      {rows.length < all ? (
        <p class="note">
          The first {rows.length} of {all} are shown.
        </p>
      ) : null}
    </Section>
  );
};
