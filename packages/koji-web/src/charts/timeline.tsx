import type { FC } from 'hono/jsx';
import type { TaskInfo } from '@koji/core/api';
import { TASK_STATES } from '@koji/core';
import { numberOf } from '../parts/values.js';

const round = (value: number): string => String(Math.round(value * 10) / 10);

/** The span of time that a timeline shows, in epoch seconds. */
export interface Span {
  readonly from: number;
  readonly to: number;
}

/** The span from the first to the last moment of tasks. */
export function spanOf(tasks: readonly TaskInfo[], now: number): Span {
  const from = Math.min(...tasks.map((task) => numberOf(task.create_ts) ?? now));
  const to = Math.max(...tasks.map((task) => numberOf(task.completion_ts) ?? now));
  return { from, to: Math.max(to, from + 1) };
}

/** When a task waited and ran, as a bar within the span of its tree. */
export const TimeBar: FC<{ task: TaskInfo; span: Span; now: number }> = ({ task, span, now }) => {
  const at = (seconds: number): number => ((seconds - span.from) / (span.to - span.from)) * 1000;
  const created = numberOf(task.create_ts) ?? now;
  const ended = numberOf(task.completion_ts) ?? now;
  const started = numberOf(task.start_ts) ?? ended;
  const width = (from: number, to: number): string => round(Math.max(at(to) - at(from), 2));
  const tone =
    task.state === TASK_STATES.FAILED ? 'bad' : task.state === TASK_STATES.CLOSED ? 'good' : 'busy';
  return (
    <svg class={`time ${tone}`} viewBox="0 0 1000 12" preserveAspectRatio="none" aria-hidden="true">
      <rect class="wait" x={round(at(created))} y="4" height="4" width={width(created, started)} />
      {task.start_ts === null ? null : (
        <rect class="run" x={round(at(started))} y="1" height="10" width={width(started, ended)} />
      )}
    </svg>
  );
};
