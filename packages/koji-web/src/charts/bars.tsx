import type { FC } from 'hono/jsx';

const round = (value: number): string => String(Math.round(value * 100) / 100);

/** A horizontal bar, as a share of the largest one. */
export const Bar: FC<{ value: number; of: number; tone?: string }> = ({ value, of, tone = 'plain' }) => (
  <svg class={`bar ${tone}`} viewBox="0 0 100 10" preserveAspectRatio="none" aria-hidden="true">
    <rect class="rest" width="100" height="10" />
    <rect class="part" width={round(of > 0 ? Math.min((value / of) * 100, 100) : 0)} height="10" />
  </svg>
);

/** A bar with its figures as text. */
export const Gauge: FC<{ value: number; of: number; label: string }> = ({ value, of, label }) => (
  <span class="gauge">
    <Bar value={value} of={of} tone={of > 0 && value / of > 0.9 ? 'full' : 'plain'} />
    <span>
      <b>{round(value)}</b> of {round(of)} {label}
    </span>
  </span>
);
