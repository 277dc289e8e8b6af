/** Koji's formats of builds, tasks, times, changelogs and values for people. */
export { formatChangelog } from './changelog.js';
export type { ChangelogEntry } from './changelog.js';
export { pprint, pythonFloat, pythonJson, pythonRepr, pythonStr } from './python-text.js';
export { buildLabel, taskLabel } from './task-label.js';
export type { LabelledTask } from './task-label.js';
export { spokenTime } from './spoken-times.js';
export { asctime, asctimeUtc, logTime, longTime, parseTime, shortTime } from './times.js';
export { WaitingReasons, waitingReason } from './waiting-reason.js';
export type {
  HostData,
  HostRefusal,
  WaitingFacts,
  WaitingQuestions,
  WaitingReason,
  WaitingTask,
} from './waiting-reason.js';
