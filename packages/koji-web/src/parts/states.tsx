import type { FC } from 'hono/jsx';
import { BR_STATES, BUILD_STATES, REPO_STATES, TASK_STATES } from '@koji/core';

/** The kinds of states, each of its own colour and shape. */
type Tone = 'good' | 'bad' | 'busy' | 'waiting' | 'off';

interface Shown {
  readonly word: string;
  readonly tone: Tone;
}

// Shapes distinguish the states for users who can't see the colours.
const shapes: Readonly<Record<Tone, string>> = {
  good: 'M3.5 8.5l3 3 6-7',
  bad: 'M4 4l8 8M12 4l-8 8',
  busy: 'M8 2a6 6 0 1 1-6 6',
  waiting: 'M8 2a6 6 0 1 0 .01 0M8 5v3.5l2 1.5',
  off: 'M8 2a6 6 0 1 0 .01 0M4 12l8-8',
};

const buildStates: Readonly<Record<number, Shown>> = {
  [BUILD_STATES.BUILDING]: { word: 'building', tone: 'busy' },
  [BUILD_STATES.COMPLETE]: { word: 'complete', tone: 'good' },
  [BUILD_STATES.DELETED]: { word: 'deleted', tone: 'off' },
  [BUILD_STATES.FAILED]: { word: 'failed', tone: 'bad' },
  [BUILD_STATES.CANCELED]: { word: 'canceled', tone: 'off' },
};
const taskStates: Readonly<Record<number, Shown>> = {
  [TASK_STATES.FREE]: { word: 'free', tone: 'waiting' },
  [TASK_STATES.OPEN]: { word: 'open', tone: 'busy' },
  [TASK_STATES.CLOSED]: { word: 'closed', tone: 'good' },
  [TASK_STATES.CANCELED]: { word: 'canceled', tone: 'off' },
  [TASK_STATES.ASSIGNED]: { word: 'assigned', tone: 'waiting' },
  [TASK_STATES.FAILED]: { word: 'failed', tone: 'bad' },
};
const repoStates: Readonly<Record<number, Shown>> = {
  [REPO_STATES.INIT]: { word: 'init', tone: 'busy' },
  [REPO_STATES.READY]: { word: 'ready', tone: 'good' },
  [REPO_STATES.EXPIRED]: { word: 'expired', tone: 'waiting' },
  [REPO_STATES.DELETED]: { word: 'deleted', tone: 'off' },
  [REPO_STATES.PROBLEM]: { word: 'problem', tone: 'bad' },
};
const buildrootStates: Readonly<Record<number, Shown>> = {
  [BR_STATES.INIT]: { word: 'init', tone: 'busy' },
  [BR_STATES.WAITING]: { word: 'waiting', tone: 'waiting' },
  [BR_STATES.BUILDING]: { word: 'building', tone: 'busy' },
  [BR_STATES.EXPIRED]: { word: 'expired', tone: 'off' },
};

/** A state by colour, shape and word. */
const State: FC<{ shown: Shown | undefined; state: number }> = ({ shown, state }) => {
  const { word, tone } = shown ?? { word: `state ${state}`, tone: 'off' };
  return <Chip tone={tone} word={word} />;
};

/** A word with the colour and shape of a kind of state. */
export const Chip: FC<{ tone: Tone; word: string }> = ({ tone, word }) => (
  <span class={`state ${tone}`}>
    <svg viewBox="0 0 16 16" aria-hidden="true">
      <path d={shapes[tone]} />
    </svg>
    {word}
  </span>
);

export const BuildStateChip: FC<{ state: number }> = ({ state }) => (
  <State shown={buildStates[state]} state={state} />
);
export const TaskStateChip: FC<{ state: number }> = ({ state }) => (
  <State shown={taskStates[state]} state={state} />
);
export const RepoStateChip: FC<{ state: number }> = ({ state }) => (
  <State shown={repoStates[state]} state={state} />
);
export const BuildrootStateChip: FC<{ state: number }> = ({ state }) => (
  <State shown={buildrootStates[state]} state={state} />
);

/** The word of a build's state. */
export function buildStateWord(state: number): string {
  return buildStates[state]?.word ?? `state ${state}`;
}

/** Whether a task in this state is unfinished. */
export function isActive(state: number): boolean {
  return state === TASK_STATES.FREE || state === TASK_STATES.OPEN || state === TASK_STATES.ASSIGNED;
}
