import { TASK_STATES } from '@koji/core';

const names = new Map<number, string>(Object.entries(TASK_STATES).map(([name, state]) => [state, name]));

/** The name of a task state, as callbacks and fault texts have it. */
export function stateName(state: number): string {
  return names.get(state) ?? String(state);
}

/** Whether a task in this state is over: closed, canceled or failed. */
export function isFinished(state: number): boolean {
  return state === TASK_STATES.CLOSED || state === TASK_STATES.CANCELED || state === TASK_STATES.FAILED;
}
