import type { FC } from 'hono/jsx';

const height = 20;
const step = 4;

/** Shares over time as one small area, from 0 to 1; the label describes it. */
export const Sparkline: FC<{ label: string; shares: readonly number[] }> = ({ label, shares }) => {
  const points = shares.map((share, i) => {
    const top = Math.round((1 - Math.min(share, 1)) * height * 10) / 10;
    return `H${i * step}V${top}H${(i + 1) * step}`;
  });
  const width = Math.max(shares.length, 1) * step;
  return (
    <svg
      class="sparkline"
      role="img"
      aria-label={label}
      viewBox={`0 0 ${width} ${height}`}
      preserveAspectRatio="none"
    >
      <title>{label}</title>
      <rect class="rest" width={String(width)} height={String(height)} />
      <path class="part" d={`M0 ${height}${points.join('')}V${height}Z`} />
    </svg>
  );
};
