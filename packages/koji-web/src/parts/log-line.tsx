import type { FC } from 'hono/jsx';
import { coloured } from '../logs/windows.js';

interface Props {
  readonly number: number;
  readonly line: string;
  readonly isMarked: boolean;
  /** The page that has the whole log; this one unless given. */
  readonly href?: string;
}

/** A line of a log with its number, which is a link to it. */
export const LogLine: FC<Props> = ({ number, line, isMarked, href = '' }) => (
  <span class={isMarked ? 'line found' : 'line'} id={`L${number}`}>
    <a href={`${href}#L${number}`}>{number}</a>
    {coloured(line).map(({ text, tone }) =>
      tone === null ? text : <span class={`tone-${tone}`}>{text}</span>,
    )}
    {'\n'}
  </span>
);
