import type { FC } from 'hono/jsx';

/** One column of a chart: parts from the bottom to the top. */
export interface ColumnOfParts {
  readonly label: string;
  readonly parts: readonly number[];
}

interface Props {
  /** Description of the chart. */
  readonly label: string;
  readonly columns: readonly ColumnOfParts[];
  /** The tones of the parts, such as `good` and `bad`. */
  readonly tones: readonly string[];
  /** The value of a full column; the largest one unless given. */
  readonly of?: number;
}

const round = (value: number): string => String(Math.round(value * 100) / 100);
const height = 100;
const step = 10;

/** Columns of stacked parts over time. A table next to it has the figures, for users who can't see the chart. */
export const Columns: FC<Props> = ({ label, columns, tones, of }) => {
  const sums = columns.map(({ parts }) => parts.reduce((sum, part) => sum + part, 0));
  const most = of ?? Math.max(...sums, 1);
  return (
    <svg
      class="columns-chart"
      role="img"
      aria-label={label}
      viewBox={`0 0 ${Math.max(columns.length, 1) * step} ${height}`}
      preserveAspectRatio="none"
    >
      {columns.map((column, i) => {
        let top = height;
        return (
          <g>
            <title>{column.label}</title>
            <rect class="rest" x={String(i * step)} y="0" width={String(step)} height={String(height)} />
            {column.parts.map((part, k) => {
              const own = Math.min((part / most) * height, top);
              top -= own;
              return own <= 0 ? null : (
                <rect
                  class={`part ${tones[k] ?? 'plain'}`}
                  x={String(i * step + 1)}
                  y={round(top)}
                  width={String(step - 2)}
                  height={round(own)}
                />
              );
            })}
          </g>
        );
      })}
    </svg>
  );
};
